import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startGateway, type Fault, type Gateway } from '../gateway';
import { N8nClient, type Execution, type WorkflowFile } from './client';
import { installPackage } from './community';
import type { N8nInstallation } from './install';
import { startServer, type N8nServer } from './server';

/** Where parts leave logs and screenshots. */
export const REPORTS = path.resolve(__dirname, '../../output/test-n8n');
/** Workflows to import. */
export const EXAMPLES = path.resolve(__dirname, '../../examples');

/** What parts share: n8n and our package, both as a user has them. */
export interface Product {
	installation: N8nInstallation;
	/** The packed package. */
	tarball: string;
}

/** A fresh server with our package, the embedded gateway, and an owner who is signed in. */
export interface Stage {
	gateway: Gateway;
	server: N8nServer;
	client: N8nClient;
	/** What relative paths in workflows start from; `.n8n-files` in it may be written. */
	folder: string;
	/** n8n's community folder of our package. */
	packageFolder: string;
}

/** The credential's data for the gateway of a stage. */
export function credentialData({ gateway }: Pick<Stage, 'gateway'>, apiKey = gateway.key) {
	return { baseUrl: `${gateway.url}/api/v3`, apiKey, provider: 'byBaseUrl' };
}

/**
 * Runs a workflow to its end, with an empty ledger.
 * @throws AssertionError with n8n's message when it fails
 */
export async function execute(
	{ client, gateway }: Pick<Stage, 'client' | 'gateway'>,
	workflow: WorkflowFile,
): Promise<Execution> {
	const id = await client.saveWorkflow(workflow);
	gateway.ledger.clear();
	const execution = await client.execute(id);
	const { status, error } = execution;
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);
	return execution;
}

/** Moderation, which rejects every request with `prompt` in its prompt. */
export function moderated(prompt: string): Fault {
	return {
		on: 'request',
		nth: 'every',
		match: { prompt },
		status: 400,
		code: 'InputTextSensitiveContentDetected',
		message: 'The request failed because the input text may contain sensitive information.',
	};
}

/** An example of this repository. @param name without `.json` */
export async function readExample(name: string): Promise<WorkflowFile> {
	return JSON.parse(await readFile(path.join(EXAMPLES, `${name}.json`), 'utf8')) as WorkflowFile;
}

/**
 * Sets a stage up, plays on it, and clears it away; the server's log stays in the reports.
 * The owner has a credential for the gateway, `Seedream account`.
 * @param name of the log file
 * @param env of the server
 */
export async function onStage(
	{ installation, tarball }: Product,
	name: string,
	play: (stage: Stage) => Promise<void>,
	env: Record<string, string> = {},
): Promise<void> {
	// Outside this repository, so that Node's search for modules cannot end in our devDependencies.
	const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'seedream-n8n-'));
	const filesFolder = path.join(folder, '.n8n-files');
	await mkdir(filesFolder);
	await installPackage(tarball, folder);
	const gateway = await startGateway({ profile: 'volcengine' });
	try {
		const server = await startServer({
			installation,
			userFolder: folder,
			workingFolder: folder,
			filesFolder,
			env,
		});
		try {
			const client = new N8nClient(server.url);
			await client.signIn();
			await client.saveCredential({
				name: 'Seedream account',
				type: 'seedreamApi',
				data: credentialData({ gateway }),
			});
			const packageFolder = path.join(folder, '.n8n/nodes/node_modules/n8n-nodes-seedream');
			await play({ gateway, server, client, folder, packageFolder });
		} finally {
			await server.stop();
			await mkdir(REPORTS, { recursive: true });
			await copyFile(server.logFile, path.join(REPORTS, `${name}.log`));
		}
	} finally {
		await gateway.close();
		await rm(folder, { recursive: true, force: true });
	}
}
