import './nodeVersion';

import { mkdir, mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

import { startGateway } from '../gateway';
import { N8nClient, OWNER, type WorkflowFile } from './client';
import { installPackage, packPackage } from './community';
import { installN8n } from './install';
import { isPortInUse } from './process';
import { writeSamples } from './samples';
import { startServer } from './server';

const REPOSITORY = path.resolve(__dirname, '../..');
const EXAMPLES = path.join(REPOSITORY, 'examples');
const FIRST_EXAMPLE = 'text-to-image-to-disk.json';

/** Credential that the examples name. */
const CREDENTIAL = 'Seedream account';

/** Port of the stand-in gateway, the same at every start, so that credentials for it stay right. */
const GATEWAY_PORT = 8790;

/** What was started, in the order of starting. */
const running: Array<() => Promise<unknown>> = [];
let stopping: Promise<void> | undefined;
let editorIsOpen = false;

/** Stops what was started, last first; repeated calls wait for the same stop. */
function stopAll(): Promise<void> {
	return (stopping ??= (async () => {
		for (const stop of running.reverse()) await stop();
	})());
}

/** Shows the product: a real n8n with this package, a gateway, the examples, and the images of one. */
async function start({ once, inspect }: { once: boolean; inspect: boolean }): Promise<void> {
	const port = once ? undefined : await editorPort();
	const { baseUrl, apiKey } = await gateway(once);
	const installation = await installN8n();
	let { userFolder } = installation;
	if (once) {
		// Must not disturb an editor that may be open.
		userFolder = await mkdtemp(path.join(path.dirname(userFolder), 'once-'));
		running.push(() => rm(userFolder, { recursive: true }));
	}

	console.log('Building, packing and installing n8n-nodes-seedream (10 to 20 seconds) …');
	await mkdir(userFolder, { recursive: true });
	const tarball = await packPackage(userFolder);
	await installPackage(tarball, userFolder);
	await rm(tarball);

	console.log(`Using the gateway at ${baseUrl}`);

	console.log('Starting n8n (5 to 20 seconds) …');
	const filesFolder = path.join(await realpath(REPOSITORY), 'output');
	await writeSamples(filesFolder);
	const server = await startServer({
		installation,
		nodeOptions: inspect ? ['--inspect'] : [],
		userFolder,
		port,
		workingFolder: REPOSITORY,
		filesFolder,
	});
	running.push(server.stop);
	const client = new N8nClient(server.url);
	await client.signIn();
	await client.saveCredential({
		name: CREDENTIAL,
		type: 'seedreamApi',
		data: { baseUrl, apiKey, provider: 'byBaseUrl' },
	});
	const workflows = await importExamples(client);

	console.log(`Running ${FIRST_EXAMPLE} …`);
	try {
		for (const file of await runExample(client, workflows.get(FIRST_EXAMPLE) ?? '')) {
			const { format, width, height } = await sharp(path.join(REPOSITORY, file)).metadata();
			console.log(`  ${file}  ${format?.toUpperCase()}, ${width} × ${height} pixels`);
		}
	} catch (error) {
		// In an editor of one's own, the example may have been changed to one that fails.
		if (once) throw error;
		console.log(`  ${(error as Error).message}`);
	}
	if (once) return await stopAll();

	editorIsOpen = true;
	console.log(`
The editor is open at  ${server.url}
E-mail                 ${OWNER.email}
Password               ${OWNER.password}
Base URL               ${baseUrl}
API key                ${process.env.SEEDREAM_API_KEY ? 'yours' : apiKey}
${inspect ? 'Debugger               127.0.0.1:9229\n' : ''}
Open an example and press Execute workflow. Images go to output/. Ctrl-C stops everything.
The examples use the credential "${CREDENTIAL}", which each start resets to the Base URL and key above.
To create another: Create credential, Seedream API, Provider "By Base URL", then that Base URL and key.`);
}

/** @throws Error when the port is in use */
async function editorPort(): Promise<number> {
	const wanted = Number(process.env.N8N_PORT ?? 5678);
	if (await isPortInUse(wanted)) {
		throw new Error(
			`Port ${wanted} is in use, perhaps by another n8n. Stop that program, or choose another port: N8N_PORT=5680 npm start`,
		);
	}
	return wanted;
}

/**
 * The gateway of the environment variables, otherwise the stand-in, started here.
 * @param once whether any port will do
 */
async function gateway(once: boolean): Promise<{ baseUrl: string; apiKey: string }> {
	const { SEEDREAM_BASE_URL: baseUrl, SEEDREAM_API_KEY: apiKey } = process.env;
	if (baseUrl && apiKey) return { baseUrl, apiKey };
	if (baseUrl || apiKey) {
		throw new Error(
			'Set both SEEDREAM_BASE_URL and SEEDREAM_API_KEY to use a real gateway, or neither to use the stand-in gateway.',
		);
	}
	const isTaken = !once && (await isPortInUse(GATEWAY_PORT));
	if (isTaken) {
		console.log(`Port ${GATEWAY_PORT} is in use, so the stand-in gateway gets another one.`);
	}
	const port = once || isTaken ? 0 : GATEWAY_PORT;
	const standIn = await startGateway({ profile: 'volcengine', port });
	running.push(() => standIn.close());
	return { baseUrl: `${standIn.url}/api/v3`, apiKey: standIn.key };
}

/** @returns workflow ids by the name of the example's file */
async function importExamples(client: N8nClient): Promise<Map<string, string>> {
	const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.json'));
	console.log(`Importing the credential and ${files.length} examples …`);
	const ids = new Map<string, string>();
	for (const name of files) {
		const file = path.join(EXAMPLES, name);
		// The examples write to the folder that n8n allows by default; here to one that is easier to find.
		const content = (await readFile(file, 'utf8')).replaceAll('.n8n-files/', 'output/');
		const { mtime } = await stat(file);
		ids.set(name, await client.saveWorkflow(JSON.parse(content) as WorkflowFile, mtime));
	}
	return ids;
}

/**
 * Runs an example.
 * @returns the files it wrote, relative to the repository
 * @throws Error with n8n's message when it fails
 */
async function runExample(client: N8nClient, workflowId: string): Promise<string[]> {
	const { status, error, items } = await client.execute(workflowId);
	if (status !== 'success') {
		throw new Error(
			// The description is HTML, for n8n's editor.
			`The example ended with "${status}": ${[error?.message, error?.description]
				.filter(Boolean)
				.join('\n')
				.replace(/ ?<[^>]+>/g, '')}`,
		);
	}
	return items('Save to Disk').map(({ json }) => String(json.fileName));
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
	process.on(signal, () => {
		console.log('\nStopping n8n and the gateway …');
		void stopAll().then(() => process.exit(editorIsOpen ? 0 : 1));
	});
}

start({
	once: process.argv.includes('--once'),
	inspect: process.argv.includes('--inspect'),
}).catch(async (error: Error) => {
	if (stopping) return;
	console.error(`\n${error.message}`);
	await stopAll();
	process.exit(1);
});
