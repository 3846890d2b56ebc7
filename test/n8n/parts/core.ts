import assert from 'node:assert/strict';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import sharp from 'sharp';

import type { WorkflowFile } from '../client';
import type { Check } from '../check';
import { credentialData, onStage, type Product, type Stage } from '../stage';
import { SEEDREAM, SEEDREAM_TOOL } from '../workflow';

const EXAMPLES = path.resolve(__dirname, '../../../examples');

/** Result of the credential's Test. */
export interface TestResult {
	status: string;
	message: string;
}

const NOT_ACCEPTED: TestResult = {
	status: 'Error',
	message: 'The gateway rejected this API key. Check the key and the base URL.',
};

/**
 * The package as a user gets it: installed, known to the editor, its examples run.
 * @param wrongKey result of Test with a wrong key
 */
export async function core(
	product: Product,
	check: Check,
	wrongKey: TestResult = NOT_ACCEPTED,
): Promise<void> {
	await onStage(product, 'core', async (stage) => {
		await installed(product, stage, check);
		await known(stage, check);
		await credential(stage, check, wrongKey);
		for (const file of ['text-to-image-to-disk', 'product-photo-edit', 'image-set']) {
			await check(`example ${file}`, () => runExample(stage, `${file}.json`));
		}
		await check('a wrong parameter stops before anything is sent', () => refuseEmptyPrompt(stage));
		await check('a wrong key stops the run with a message of ours', () => refuseWrongKey(stage));
		// Older n8n has no such setting for the credentials of other nodes.
		if (wrongKey === NOT_ACCEPTED) {
			await check('a domain that the credential does not allow gets no request', () =>
				refuseOtherDomain(stage),
			);
		}
	});
}

async function installed(
	{ installation }: Product,
	{ packageFolder }: Stage,
	check: Check,
): Promise<void> {
	await check('is installed without dependencies of its own', async () => {
		const manifest = JSON.parse(
			await readFile(path.join(packageFolder, 'package.json'), 'utf8'),
		) as object;
		for (const field of ['dependencies', 'devDependencies', 'peerDependencies']) {
			assert.ok(!(field in manifest), field);
		}
		assert.deepEqual((await readdir(packageFolder)).sort(), [
			'LICENSE.md',
			'README.md',
			'dist',
			'package.json',
		]);
	});

	await check('finds every module it needs in n8n alone', async () => {
		const n8nModules = await realpath(path.resolve(installation.n8n, '../../..'));
		const n8nRequire = createRequire(installation.n8n);
		const dist = path.join(packageFolder, 'dist');
		const scripts = (await readdir(dist, { recursive: true })).filter((f) => f.endsWith('.js'));
		const needed = new Set<string>();
		for (const script of scripts) {
			const code = await readFile(path.join(dist, script), 'utf8');
			for (const [, name] of code.matchAll(/require\("([^."][^"]*)"\)/g)) needed.add(name);
		}
		for (const name of needed) {
			const file = n8nRequire.resolve(name);
			assert.ok(file.startsWith(n8nModules), `${name}: ${file}`);
		}
	});
}

async function known({ client, gateway }: Stage, check: Check): Promise<void> {
	interface NodeType {
		name: string;
		iconUrl?: { light: string; dark: string };
	}
	await check('the editor knows the node, its tool and its icons', async () => {
		const types = (await (await client.send('GET', '/types/nodes.json')).json()) as NodeType[];
		for (const name of [SEEDREAM, SEEDREAM_TOOL]) {
			const type = types.find((candidate) => candidate.name === name);
			assert.ok(type, name);
			for (const theme of ['light', 'dark'] as const) {
				const icon = await client.send('GET', `/${type.iconUrl?.[theme]}`);
				assert.match(icon.headers.get('content-type') ?? '', /^image\/svg/);
			}
		}
	});

	await check('the model list has what the gateway lists', async () => {
		const id = await client.saveCredential({
			name: 'Seedream account',
			type: 'seedreamApi',
			data: credentialData({ gateway }),
		});
		const { results } = await client.request<{ results: Array<{ value: string }> }>(
			'POST',
			'/dynamic-node-parameters/resource-locator-results',
			{
				path: 'parameters.model',
				methodName: 'searchModels',
				nodeTypeAndVersion: { name: SEEDREAM, version: 1 },
				currentNodeParameters: { operation: 'textToImage' },
				credentials: { seedreamApi: { id, name: 'Seedream account' } },
			},
		);
		assert.equal(results[0].value, 'automatic');
		assert.ok(results.some(({ value }) => value === 'doubao-seedream-5-5-261028'));
		assert.ok(gateway.ledger.requests.some(({ path: asked }) => asked.endsWith('/models')));
	});
}

async function credential(stage: Stage, check: Check, wrongKey: TestResult): Promise<void> {
	const test = async (apiKey?: string) => {
		const credentials = {
			name: 'Seedream account',
			type: 'seedreamApi',
			data: credentialData(stage, apiKey),
		};
		const id = await stage.client.saveCredential({ ...credentials, data: credentialData(stage) });
		return await stage.client.request<TestResult>('POST', '/credentials/test', {
			credentials: { ...credentials, id },
		});
	};
	await check('Test says yes to the right key', async () => {
		assert.equal((await test()).status, 'OK');
	});
	await check(`Test says to a wrong key: ${wrongKey.message}`, async () => {
		assert.deepEqual(await test('sk-wrong'), wrongKey);
	});
}

/** Every image that the gateway billed is an item, with the same bytes in n8n and on the disk. */
async function runExample({ client, gateway, folder }: Stage, name: string): Promise<void> {
	gateway.reset();
	const example = JSON.parse(await readFile(path.join(EXAMPLES, name), 'utf8')) as WorkflowFile;
	const id = await client.saveWorkflow(example);
	const { status, error, items } = await client.execute(id);
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);

	const made = example.nodes
		.filter(({ type }) => type === SEEDREAM)
		.flatMap((node) => items(node.name));
	const { images } = gateway.ledger;
	assert.equal(made.length, images.filter(({ billed }) => billed).length);
	assert.deepEqual(
		made.map(({ json }) => json.url),
		images.map(({ url }) => url),
	);

	const written = items('Save to Disk');
	assert.notEqual(written.length, 0);
	for (const { json, binary } of written) {
		const { id, data } = binary?.data ?? {};
		// n8n 1 keeps files in memory unless it is told otherwise.
		const stored = id ? await client.binary(id) : Buffer.from(String(data), 'base64');
		assert.ok(stored.equals(await readFile(path.join(folder, String(json.fileName)))));
		const source = made.find(
			(item) => item.binary?.data.id === id && item.binary?.data.data === data,
		)?.json;
		const answer = await fetch(String(source?.url));
		assert.ok(stored.equals(Buffer.from(await answer.arrayBuffer())));
		const { format, width, height } = await sharp(stored).metadata();
		assert.deepEqual(
			{ mimeType: `image/${format}`, width, height },
			{
				mimeType: source?.mimeType,
				width: source?.width,
				height: source?.height,
			},
		);
		assert.equal(binary?.data.mimeType, source?.mimeType);
	}
}

/** Requests for images; a model list may have been asked for, which is free. */
function posts({ ledger }: Stage['gateway']) {
	return ledger.requests.filter(({ method }) => method === 'POST');
}

async function refuseEmptyPrompt({ client, gateway }: Stage): Promise<void> {
	gateway.reset();
	const file = path.join(EXAMPLES, 'text-to-image-to-disk.json');
	const workflow = JSON.parse(await readFile(file, 'utf8')) as WorkflowFile;
	workflow.name = 'Empty prompt';
	for (const node of workflow.nodes) if (node.type === SEEDREAM) node.parameters.prompt = '=';
	const { status, error } = await client.execute(await client.saveWorkflow(workflow));
	assert.equal(status, 'error');
	assert.match(String(error?.message), /prompt/i);
	assert.deepEqual(posts(gateway), []);
}

async function refuseOtherDomain(stage: Stage): Promise<void> {
	const { client, gateway } = stage;
	gateway.reset();
	const name = 'Another domain';
	const limits = { allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com' };
	const data = { ...credentialData(stage), ...limits };
	await client.saveCredential({ name, type: 'seedreamApi', data });
	const { error } = await runWith(stage, name);
	assert.match(String(error?.message), /Domain not allowed/);
	assert.deepEqual(gateway.ledger.requests, []);
}

/** Runs the first example with another credential. */
async function runWith({ client }: Stage, name: string) {
	const file = path.join(EXAMPLES, 'text-to-image-to-disk.json');
	const workflow = JSON.parse(await readFile(file, 'utf8')) as WorkflowFile;
	workflow.name = name;
	for (const node of workflow.nodes) {
		if (node.type === SEEDREAM) node.credentials = { seedreamApi: { id: null, name } };
	}
	const { status, error } = await client.execute(await client.saveWorkflow(workflow));
	assert.equal(status, 'error');
	return { error };
}

async function refuseWrongKey(stage: Stage): Promise<void> {
	const { client, gateway } = stage;
	gateway.reset();
	const name = 'Wrong key';
	const data = credentialData(stage, 'sk-wrong');
	await client.saveCredential({ name, type: 'seedreamApi', data });
	const { error } = await runWith(stage, name);
	assert.match(`${error?.message} ${error?.description}`, /API key/);
	assert.doesNotMatch(JSON.stringify(error), /sk-wrong/);
	assert.equal(gateway.ledger.images.length, 0);
}
