import '../n8n/nodeVersion';
import '../setup';

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { INodeParameters } from 'n8n-workflow';

import { runNode } from '../engine';
import { startGateway, type Fault, type Gateway, type ProfileName } from '../gateway';
import { inspect } from '../gateway/testing';
import { checkFor, type Check } from '../n8n/check';
import { fetchBytes, generatedBy } from '../n8n/images';
import { download } from '../n8n/install';
import { freePort, untilListening } from '../n8n/process';
import { LIFELINE } from '../n8n/server';
import { bytesOf, IDS, KEY, parameters, picture, TINY, urls } from '../support';

const START_LIMIT_MS = 20_000;

/** Installs the clients that this folder's lockfile names; returns at once when that is already done. */
async function installClients(): Promise<void> {
	const lockfile = path.join(__dirname, 'package-lock.json');
	const stamp = path.join(__dirname, 'node_modules/.complete');
	const installed = await readFile(stamp, 'utf8').catch(() => '');
	if (installed === (await readFile(lockfile, 'utf8'))) return;
	console.log('Installing the clients (100 MB, 10 to 30 seconds, once) …');
	await download('The clients', __dirname, ['ci']);
	await copyFile(lockfile, stamp);
}

/** A server in a process of its own. */
interface Server {
	url: string;
	stop(): Promise<void>;
}

/**
 * Starts a script that takes `--port` and waits until it listens on 127.0.0.1.
 * @param script relative to this folder
 * @throws Error with what it printed when it ends or does not listen within 20 s
 */
async function startServer(
	script: string,
	args: string[],
	env: Record<string, string> = {},
): Promise<Server> {
	const port = await freePort();
	const child = spawn(
		process.execPath,
		['--import', LIFELINE, path.join(__dirname, script), `--port=${port}`, ...args],
		{ stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env } },
	);
	let output = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
	}
	const closed = once(child, 'exit');
	const stop = async () => {
		child.kill();
		await closed;
	};
	await untilListening(child, port, {
		name: script,
		limitMs: START_LIMIT_MS,
		output: async () => await Promise.resolve(output),
	});
	return { url: `http://127.0.0.1:${port}`, stop };
}

/** Pixels and format of a file, and nothing else. */
async function pictureIn(file: Buffer): Promise<string> {
	const { format, width, height } = await inspect(file);
	return `${format} ${width}x${height}`;
}

/** The openai SDK and the AI SDK against the stand-in gateway: is it what it pretends to be? */
async function sdks(gateway: Gateway, check: Check): Promise<void> {
	const call = async (client: 'openai' | 'vercel', base: string, model: string) => {
		gateway.reset();
		const args = [path.join(__dirname, 'sdks.mjs'), client, base, gateway.key, model];
		const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 });
		return JSON.parse(stdout) as unknown;
	};
	const delivered = () => gateway.ledger.images.map((image) => image.delivered);
	const profiles: Array<[name: ProfileName, apiPath: string, model: string]> = [
		['volcengine', '/api/v3', 'doubao-seedream-4-5-251128'],
		['byteplus', '/api/v3', 'seedream-4-5-251128'],
		['new-api', '/v1', 'doubao-seedream-4-5-251128'],
	];
	for (const [name, apiPath, model] of profiles) {
		const base = gateway.profileUrl(name) + apiPath;
		await check(`openai gets an image from ${name}`, async () => {
			const [url, ...more] = (await call('openai', base, model)) as string[];
			assert.deepEqual(more, []);
			assert.equal(await pictureIn(await fetchBytes(url)), 'jpeg 2048x2048');
			assert.deepEqual(delivered(), [1]);
		});
		await check(`ai and @ai-sdk/bytedance get two edited images from ${name}`, async () => {
			const { images, warnings } = (await call('vercel', base, model)) as {
				images: Array<{ base64: string; mediaType: string }>;
				warnings: unknown[];
			};
			assert.deepEqual(delivered(), [1, 1]);
			assert.deepEqual(
				images.map(({ mediaType }) => mediaType),
				['image/jpeg', 'image/jpeg'],
			);
			for (const { base64 } of images) {
				assert.equal(await pictureIn(Buffer.from(base64, 'base64')), 'jpeg 2304x1728');
			}
			assert.deepEqual(warnings, []);
		});
	}
}

/** Adds the headers that tell Portkey's gateway which API to use, and where. */
async function startHeaderProxy(target: string, headers: Record<string, string>): Promise<Server> {
	const proxy = createServer((incoming, outgoing) => {
		const { method, url = '' } = incoming;
		const options = { agent: false, method, headers: { ...incoming.headers, ...headers } };
		const forwarded = request(target + url, options, (response) => {
			outgoing.writeHead(response.statusCode ?? 502, response.headers);
			response.pipe(outgoing);
		});
		forwarded.on('error', () => outgoing.destroy());
		incoming.pipe(forwarded);
	});
	await once(proxy.listen(0, '127.0.0.1'), 'listening');
	return {
		url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
		async stop() {
			proxy.close();
			proxy.closeAllConnections();
			await once(proxy, 'close');
		},
	};
}

/** The node through Portkey's gateway to the stand-in: what somebody else's gateway does to both. */
async function portkey(gateway: Gateway, check: Check): Promise<void> {
	const server = await startServer('portkey.mjs', ['--headless']);
	const proxy = await startHeaderProxy(server.url, {
		'x-portkey-provider': 'openai',
		'x-portkey-custom-host': `${gateway.profileUrl('volcengine')}/api/v3`,
	});
	const model = IDS['5.0-pro'];
	const body = { model, prompt: TINY, size: '2K', response_format: 'url' };
	const run = async (values: INodeParameters, fault?: Fault, apiKey = KEY) => {
		gateway.reset();
		if (fault) gateway.inject(fault);
		const credentials = { baseUrl: `${proxy.url}/v1`, apiKey, provider: 'other' };
		return await runNode({ credentials, parameters: values });
	};
	const textToImage = parameters('textToImage', model);
	const requests = () => gateway.ledger.requests.map((each) => [each.status, each.body]);

	try {
		await check('text-to-image: the generated image is returned as a file', async () => {
			const { error, items } = await run(textToImage);
			assert.equal(error, undefined);
			assert.deepEqual(requests(), [[200, body]]);
			assert.deepEqual(
				items.map((item) => bytesOf(item)),
				await generatedBy(gateway),
			);
			assert.equal(items[0].json.warnings, undefined);
		});
		await check('a 429 is retried after Retry-After', async () => {
			const busy: Fault = { on: 'request', status: 429, retryAfter: 2 };
			const { error, items } = await run(textToImage, busy);
			assert.equal(error, undefined);
			assert.equal(items.length, 1);
			assert.deepEqual(requests(), [
				[429, body],
				[200, body],
			]);
			// Without Retry-After, the second attempt comes after 1.25 s at the latest.
			const [first, second] = gateway.ledger.requests;
			assert.ok(second.at - first.at >= 2000, `${second.at - first.at} ms`);
		});
		await check('a 400 fails the item with the words of the service', async () => {
			const message = 'The parameter `size` is not valid.';
			const rejection: Fault = { on: 'request', status: 400, code: 'InvalidParameter', message };
			const { error, items } = await run(textToImage, rejection);
			assert.deepEqual(items, []);
			assert.deepEqual(requests(), [[400, body]]);
			const [{ id }] = gateway.ledger.requests;
			assert.equal(error?.message, 'The provider rejected a parameter [item 0]');
			const description = error?.description ?? '';
			assert.ok(description.includes(`Provider: openai error: ${message} <br>`), description);
			assert.ok(
				description.endsWith(`Code: InvalidParameter, HTTP status: 400, Request ID: ${id}`),
				description,
			);
		});
		await check('a wrong API key is reported as one', async () => {
			const { error, items } = await run(textToImage, undefined, 'sk-wrong');
			assert.deepEqual(items, []);
			assert.deepEqual(requests(), [[401, body]]);
			assert.match(error?.description ?? '', /Check the API key.*HTTP status: 401/s);
		});
		await check('image-to-image: a warning says that the references were ignored', async () => {
			const sample = `${gateway.url}/samples/90x60.png`;
			const { error, items } = await run(
				parameters('imageToImage', model, { referenceImages: urls(sample, sample) }),
			);
			assert.equal(error, undefined);
			assert.deepEqual(requests(), [[200, body]]);
			assert.deepEqual(
				items.map(({ json }) => json.warnings),
				[['The gateway ignored 2 reference images: 2 sent, 0 used (usage.input_images).']],
			);
		});
	} finally {
		await proxy.stop();
		await server.stop();
	}
}

/** The node against a server of foreign make, which plays OpenAI and BytePlus. */
async function aimock(check: Check): Promise<void> {
	const image = await picture(64, 48);
	const folder = await mkdtemp(path.join(tmpdir(), 'seedream-clients-'));
	const fixtures = path.join(folder, 'fixtures.json');
	const fixture = {
		match: { endpoint: 'image', userMessage: TINY },
		response: { image: { b64Json: image.toString('base64') } },
	};
	await writeFile(fixtures, JSON.stringify({ fixtures: [fixture] }));
	const script = 'node_modules/@copilotkit/aimock/dist/cli.js';
	const server = await startServer(script, [`--fixtures=${fixtures}`], {
		AIMOCK_API_KEYS: KEY,
	}).finally(() => rm(folder, { recursive: true }));
	const run = async (apiPath: string, id: string, apiKey = KEY) =>
		await runNode({
			credentials: { baseUrl: server.url + apiPath, apiKey, provider: id },
			parameters: parameters('textToImage', IDS['5.0-pro']),
		});

	try {
		for (const [apiPath, id, name] of [
			['/v1', 'other', "OpenAI's images API"],
			['/api/v3', 'byteplus', "BytePlus's images API"],
		]) {
			await check(`the image of ${name} comes out as a file`, async () => {
				const { error, items } = await run(apiPath, id);
				assert.equal(error, undefined);
				assert.equal(items.length, 1);
				assert.deepEqual(bytesOf(items[0]), image);
				const { mimeType, width, height } = items[0].json;
				assert.deepEqual([mimeType, width, height], ['image/png', 64, 48]);
			});
		}
		await check('a wrong API key is reported as one', async () => {
			const { error, items } = await run('/v1', 'other', 'sk-wrong');
			assert.deepEqual(items, []);
			assert.equal(error?.message, 'The provider rejected the API key [item 0]');
			assert.match(
				error?.description ?? '',
				/Check the API key.*Provider: Invalid API key.*HTTP status: 401/s,
			);
		});
	} finally {
		await server.stop();
	}
}

/** Installs and runs everything. @returns how many cases failed */
async function runClients(): Promise<number> {
	await installClients();
	const count = { passed: 0, failed: 0 };
	const check = checkFor(count);
	const gateway = await startGateway({ key: KEY });
	try {
		console.log('SDKs against the stand-in gateway');
		await sdks(gateway, check);
		console.log("the node through Portkey's gateway");
		await check('the gateway starts and stops', async () => await portkey(gateway, check));
		console.log('the node against aimock');
		await check('the server starts and stops', async () => await aimock(check));
	} finally {
		await gateway.close();
	}
	console.log(`${count.passed} passed, ${count.failed} failed`);
	return count.failed;
}

runClients().then(
	(failed) => process.exit(failed === 0 ? 0 : 1),
	(error: Error) => {
		console.error(error.message);
		process.exit(1);
	},
);
