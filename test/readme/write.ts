import { readFileSync, writeFileSync } from 'node:fs';

import { TABLES, withTables } from './tables';

for (const page of Object.keys(TABLES)) {
	writeFileSync(page, withTables(page, readFileSync(page, 'utf8')));
}
