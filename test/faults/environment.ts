import { tmpdir } from 'node:os';
import { join } from 'node:path';

// n8n-core reads these when it is first imported: everything it has to say is to be heard.
process.env.N8N_LOG_LEVEL = 'debug';
process.env.N8N_LOG_OUTPUT = 'console';
process.env.N8N_USER_FOLDER ??= join(tmpdir(), 'seedream-faults');
