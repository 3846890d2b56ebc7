import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, realpath } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import sharp from 'sharp';

import type { Check } from '../check';
import { assertSameFiles, bodiesSent, fetchBytes, storedIn, writtenBy } from '../images';
import { credentialData, execute, onStage, readExample, type Product, type Stage } from '../stage';
import { SEEDREAM, SEEDREAM_TOOL } from '../workflow';

const FIRST_EXAMPLE = 'text-to-image-to-disk';

/**
 * The package as a user gets it: installed, known to the editor, its examples run.
 * @param isCurrent whether n8n is not older than the one that the package is developed with
 */
export async function core(product: Product, check: Check, isCurrent = true): Promise<void> {
	const proxy = await startProxy();
	const env = { HTTPS_PROXY: proxy.url, NO_PROXY: '127.0.0.1' };
	const play = async (stage: Stage) => {
		await installed(product, stage, check);
		await known(stage, check);
		await credential(stage, proxy, check);
		for (const name of [FIRST_EXAMPLE, 'product-photo-edit', 'image-set']) {
			await check(`example ${name}`, () => runExample(stage, name));
		}
		await check('a wrong parameter stops before anything is sent', () => refuseEmptyPrompt(stage));
		await check('a wrong key stops the run with a message of ours', () => refuseWrongKey(stage));
		// Older n8n has no such setting for the credentials of other nodes.
		if (isCurrent) {
			await check('a domain that the credential does not allow gets no request', () =>
				refuseOtherDomain(stage),
			);
		}
	};
	await onStage(product, 'core', play, env).finally(proxy.stop);
}

interface Proxy {
	url: string;
	/** Hosts that n8n wanted to be connected with; it never is. */
	seen: string[];
	stop: () => void;
}

/** Stands between n8n and the internet, so that no test gets there. */
async function startProxy(): Promise<Proxy> {
	const seen: string[] = [];
	const server = createServer().listen(0, '127.0.0.1');
	server.on('connect', ({ url }, socket) => {
		seen.push(String(url));
		socket.end('HTTP/1.1 503 Service Unavailable\r\n\r\n');
	});
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	return { url: `http://127.0.0.1:${port}`, seen, stop: () => server.close() };
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

/** The credential's Test: what is sent, and what n8n shows. */
async function credential(
	{ client, gateway, server }: Stage,
	proxy: Proxy,
	check: Check,
): Promise<void> {
	const good = credentialData({ gateway });
	const test = async (data: object) => {
		const content = { name: 'Seedream account', type: 'seedreamApi' };
		const id = await client.saveCredential({ ...content, data: good });
		return await client.request<{ status: string; message: string }>('POST', '/credentials/test', {
			credentials: { ...content, id, data: { ...good, ...data } },
		});
	};
	const other = { baseUrl: `${gateway.profileUrl('gateway001')}/v1`, provider: 'other' };
	const OK = /^Connection successful!$/;
	const cases: Array<[name: string, data: object, message: RegExp]> = [
		['passes the right key', {}, OK],
		['passes a gateway that has no list of models', other, OK],
		[
			'rejects a wrong key',
			{ apiKey: 'sk-wrong' },
			/^The provider rejected the API key\. Check the key, and that it belongs to this Base URL/,
		],
		[
			"rejects a web page, here n8n's own",
			{ baseUrl: server.url },
			/^Unexpected response \(HTTP 200\) from \S+: a web page instead of JSON \(“n8n.*”\)\. Check/,
		],
		[
			'rejects a path without a list of models where there must be one',
			{ baseUrl: `${gateway.url}/api/v33`, provider: 'byteplus' },
			/^\S+\/api\/v33 is not a URL of BytePlus ModelArk \(HTTP 404\)\. Check the Base URL/,
		],
		[
			'names a host that cannot be reached',
			{ baseUrl: 'http://ark.invalid/api/v3' },
			/^The host ark\.invalid cannot be reached\. Nothing was sent\. Check the Base URL/,
		],
		[
			'asks for a missing Base URL',
			{ baseUrl: '' },
			/^The credential has no Base URL\. Open the credential and choose your Provider, or enter/,
		],
	];
	for (const [name, data, message] of cases) {
		await check(`Test ${name}`, async () => {
			const result = await test(data);
			assert.match(result.message, message);
			assert.equal(result.status, message === OK ? 'OK' : 'Error');
		});
	}
	await check('Test does not follow a redirect', async () => {
		gateway.inject({ on: 'models', nth: 'every', redirect: `${server.url}/v1/models` });
		const { status, message } = await test({});
		gateway.reset();
		assert.equal(status, 'Error');
		assert.match(
			message,
			/^http:\S+ redirects to http:\S+\/v1\/models\. The redirect was not foll/,
		);
	});
	await check("a provider's own host is called when Base URL is empty", async () => {
		await test({ provider: 'byteplus', baseUrl: '' });
		assert.deepEqual(
			proxy.seen.filter((host) => !host.endsWith('.n8n.io:443')),
			['ark.ap-southeast.bytepluses.com:443'],
		);
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
