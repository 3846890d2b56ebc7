import assert from 'node:assert/strict';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import sharp from 'sharp';

import type { Check } from '../check';
import { assertSameFiles, bodiesSent, fetchBytes, storedIn, writtenBy } from '../images';
import { credentialData, execute, onStage, readExample, type Product, type Stage } from '../stage';
import { SEEDREAM, SEEDREAM_TOOL } from '../workflow';

const FIRST_EXAMPLE = 'text-to-image-to-disk';

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
		for (const name of [FIRST_EXAMPLE, 'product-photo-edit', 'image-set']) {
			await check(`example ${name}`, () => runExample(stage, name));
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
async function runExample(stage: Stage, name: string): Promise<void> {
	const { client, gateway, folder } = stage;
	const example = await readExample(name);
	const { items } = await execute(stage, example);
	const images = example.nodes
		.filter(({ type }) => type === SEEDREAM)
		.flatMap((node) => items(node.name));
	assert.deepEqual(
		images.map(({ json }) => json.url),
		gateway.ledger.images.map(({ url }) => url),
	);
	for (const item of images.filter(({ binary }) => binary)) {
		const { mimeType, width, height, url } = item.json;
		const [stored] = await storedIn(client, [item]);
		assert.ok(stored.equals(await fetchBytes(url)));
		const file = await sharp(stored).metadata();
		assert.deepEqual([`image/${file.format}`, file.width, file.height], [mimeType, width, height]);
		assert.equal(item.binary?.data.mimeType, mimeType);
	}
	const saved = items('Save to Disk');
	assertSameFiles(await writtenBy(folder, saved), await storedIn(client, saved));
}

async function refuseEmptyPrompt({ client, gateway }: Stage): Promise<void> {
	gateway.reset();
	const workflow = { ...(await readExample(FIRST_EXAMPLE)), name: 'Empty prompt' };
	for (const node of workflow.nodes) if (node.type === SEEDREAM) node.parameters.prompt = '=';
	const { status, error } = await client.execute(await client.saveWorkflow(workflow));
	assert.equal(status, 'error');
	assert.match(String(error?.message), /prompt/i);
	assert.deepEqual(bodiesSent(gateway), []);
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
	const workflow = { ...(await readExample(FIRST_EXAMPLE)), name };
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
