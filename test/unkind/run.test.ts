import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as forward, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import type { IDataObject } from 'n8n-workflow';

import { KEY } from '../support';
import {
	answer,
	body,
	MAY_BE_CHARGED,
	PNG,
	RETRY_ON_FAIL,
	runAgainst,
	startServer,
	type RawResponse,
} from './server';

const A = 'HOST/a.png';
const image = (url = A) => body(JSON.stringify({ data: [{ url }] }));
const refused: RawResponse = {
	status: 400,
	body: ['{"error":{"code":"InvalidParameter","message":"no foxes"}}'],
};
const items = (count: number) => Array.from({ length: count }, (_, n) => ({ json: { n } }));

async function listen(server: Server): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return (server.address() as AddressInfo).port;
}

/** A proxy that takes every host to one server, and notes what it is asked for. */
async function startProxy(target: string) {
	const seen: string[] = [];
	const { port: targetPort } = new URL(target);
	const server = createServer((incoming, response) => {
		seen.push(
			`${incoming.method} ${incoming.url} ${incoming.headers.authorization ? 'with' : 'without'} key`,
		);
		const { pathname, search } = new URL(incoming.url ?? '');
		const { method, headers } = incoming;
		const onward = forward(
			{ port: targetPort, host: '127.0.0.1', path: pathname + search, method, headers },
			(reply) => {
				response.writeHead(reply.statusCode ?? 500, reply.headers);
				reply.pipe(response);
			},
		);
		incoming.pipe(onward);
	});
	server.on('connect', (incoming, socket) => {
		seen.push(`CONNECT ${incoming.url}`);
		const onward = connect(Number(targetPort), '127.0.0.1', () => {
			socket.write('HTTP/1.1 200 OK\r\n\r\n');
			onward.pipe(socket);
			socket.pipe(onward);
		});
		onward.on('error', () => socket.destroy());
		socket.on('error', () => onward.destroy());
	});
	const port = await listen(server);
	return { url: `http://127.0.0.1:${port}`, seen, close: () => void server.close() };
}

describe('Request Options count for downloads as they do for the request', () => {
	it('Proxy: images and references', async () => {
		const server = await startServer([image('http://images.invalid/a.png')]);
		const proxy = await startProxy(server.url);
		const run = await runAgainst(server, {
			operation: 'imageToImage',
			values: {
				referenceImages: { image: [{ source: 'url', url: 'http://references.invalid/r.png' }] },
			},
			options: { additionalBodyFields: '{}' },
			requestOptions: { proxy: proxy.url },
			run: { credentials: { baseUrl: 'http://gateway.invalid/v1', apiKey: KEY, gateway: 'unode' } },
		});
		proxy.close();
		server.close();
		expect({
			message: run.message,
			description: run.description,
			images: run.images,
			files: run.files,
		}).toEqual({
			message: '',
			description: '',
			images: ['http://images.invalid/a.png'],
			files: true,
		});
		expect(proxy.seen).toEqual([
			'GET http://references.invalid/r.png without key',
			'POST http://gateway.invalid/v1/images/generations with key',
			'GET http://images.invalid/a.png without key',
		]);
	});

	describe('Ignore SSL Issues', () => {
		const folder = mkdtempSync(join(tmpdir(), 'seedream-tls-'));
		const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
		let url = '';
		let server: Server;
		const posts: string[] = [];
		beforeAll(async () => {
			const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert];
			execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], {
				stdio: 'ignore',
			});
			const listener: RequestListener = (incoming, response) => {
				if (incoming.method === 'POST') posts.push(incoming.url ?? '');
				response.end(incoming.method === 'POST' ? `{"data":[{"url":"${url}/a.png"}]}` : PNG);
			};
			server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, listener);
			url = `https://127.0.0.1:${await listen(server)}`;
		});
		afterAll(() => {
			server.close();
			rmSync(folder, { recursive: true });
		});

		it.each([true, false])(
			'set to %s: images and references',
			async (allowUnauthorizedCerts) => {
				posts.length = 0;
				const plain = await startServer([body(`{"data":[{"url":"${url}/a.png"}]}`)]);
				const own = await runAgainst(plain, { requestOptions: { allowUnauthorizedCerts } });
				const references = await runAgainst(plain, {
					operation: 'imageToImage',
					values: { referenceImages: { image: [{ source: 'url', url: `${url}/r.png` }] } },
					requestOptions: { allowUnauthorizedCerts },
					run: { credentials: { baseUrl: `${plain.url}/v1`, apiKey: KEY, gateway: 'unode' } },
				});
				const whole = await runAgainst(plain, {
					requestOptions: { allowUnauthorizedCerts },
					run: { credentials: { baseUrl: `${url}/v1`, apiKey: KEY, gateway: 'other' } },
				});
				plain.close();
				expect([own.files, references.images.length, whole.images.length, posts.length]).toEqual(
					allowUnauthorizedCerts ? [true, 1, 1, 1] : [false, 0, 0, 0],
				);
				if (allowUnauthorizedCerts) return;
				expect(own.images).toEqual([`${url}/a.png`]);
				expect(references.message).toMatch(
					/^Reference Images: image 1 .* could not be downloaded \[item 0\]$/,
				);
				expect(whole.message).toBe(
					'The request could not be sent: self-signed certificate [item 0]',
				);
				expect(whole.description).not.toContain(MAY_BE_CHARGED);
			},
			20_000,
		);
	});
});

describe('Retry On Fail and On Error', () => {
	it.concurrent(
		'ten items of which one is refused: each is sent once, and all images are told',
		async () => {
			const server = await startServer(({ body: sent }) =>
				sent.includes('scene 6')
					? refused
					: image(`HOST/${/scene \d/.exec(sent)?.[0].replace(' ', '-')}.png`),
			);
			const run = await runAgainst(server, {
				values: { prompt: '=scene {{ $json.n }}' },
				run: { items: items(10), settings: RETRY_ON_FAIL },
			});
			server.close();
			const perScene = Array.from(
				{ length: 10 },
				(_, n) => server.requests.filter((each) => each.body.includes(`scene ${n}`)).length,
			);
			expect(Math.max(...perScene.filter((_, n) => n !== 6))).toBe(1);
			const generated = perScene.flatMap((count, n) =>
				count > 0 && n !== 6 ? [`HOST/scene-${n}.png`] : [],
			);
			expect(run.message).toBe('no foxes [item 6]');
			expect(run.description.match(/HOST\/scene-\d\.png/g)?.sort()).toEqual(generated.sort());
		},
	);

	it.concurrent.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'%s: nine images and an error item',
		async (onError) => {
			const server = await startServer(({ body: sent }) =>
				sent.includes('scene 6') ? refused : image(),
			);
			const run = await runAgainst(server, {
				values: { prompt: '=scene {{ $json.n }}' },
				run: { items: items(10), settings: { onError, ...RETRY_ON_FAIL } },
			});
			server.close();
			expect([run.images.length, run.files, run.message]).toEqual([9, true, 'no foxes [item 6]']);
			expect(server.posts()).toBe(10);
		},
	);

	it.concurrent.each([{}, { onError: 'continueRegularOutput' }] as const)(
		'a response that is cut behind one image is kept, and sent once (%o)',
		async (settings) => {
			const raw: RawResponse = { ...body(`{"data":[{"url":"${A}"},{"url":"HOST/b`), end: 'is cut' };
			const run = await answer(raw, {
				operation: 'imageSet',
				values: { maxImages: 3 },
				run: { settings: { ...settings, ...RETRY_ON_FAIL } },
			});
			expect({ images: run.images, posts: run.posts, message: run.message }).toEqual({
				images: [A],
				posts: 1,
				message: '',
			});
			expect(run.warnings[0]).toMatch(/^The response was cut short \(the connection was cut\)\./);
			expect(run.warnings[1]).toBe(
				'A part of the response could not be read and may hold another image: HOST/b.',
			);
		},
	);

	it.concurrent.each([
		'read ECONNRESET',
		'connect ETIMEDOUT 1.2.3.4:443',
		'ENOTFOUND',
		'ECONNREFUSED',
	])('n8n does not replace the gateway’s words: %s', async (words) => {
		for (const settings of [{}, { onError: 'continueRegularOutput' }] as const) {
			const raw = { status: 400, body: [JSON.stringify({ error: { message: words } })] };
			const { message } = await answer(raw, { run: { settings } });
			expect(message).toBe(`${words} [item 0]`);
		}
	});
});

describe('Batching', () => {
	const batching = { batch: { batchSize: 1, batchInterval: 20 } };
	it.concurrent('Max Images per Run counts all batches before the first is sent', async () => {
		const server = await startServer([image()]);
		const run = await runAgainst(server, {
			operation: 'imageSet',
			values: { maxImages: '={{ [1, 1, 10][$json.n] }}' },
			options: { maxImagesPerRun: 6, stream: 'off' },
			requestOptions: { batching },
			run: { items: items(3) },
		});
		server.close();
		expect([run.message, server.posts()]).toEqual([
			'This run would generate up to 12 images, more than the 6 of Max Images per Run [item 0]',
			0,
		]);
	});

	it.concurrent('bad input of a later batch is found before the first is sent', async () => {
		const server = await startServer([image()]);
		const run = await runAgainst(server, {
			values: { prompt: '={{ $json.n === 2 ? "" : "fox" }}' },
			requestOptions: { batching },
			run: { items: items(3) },
		});
		server.close();
		expect([run.message, server.posts()]).toEqual(['The Prompt is empty [item 2]', 0]);
	});
});

describe('cancelling', () => {
	it('logs the URLs of images that were generated, without the key', async () => {
		const warned: string[] = [];
		jest.spyOn(Container.get(Logger), 'warn').mockImplementation((text) => void warned.push(text));
		const event = (name: string) => `data: {"url":"HOST/${name}.png?key=KEY"}\n\n`;
		const server = await startServer(({ body: sent }) =>
			sent.includes('scene 0')
				? image('HOST/first.png')
				: { body: [event('second')], end: 'stays open' },
		);
		let cancel = () => {};
		const running = runAgainst(server, {
			operation: 'imageSet',
			values: { prompt: '=scene {{ $json.n }}', maxImages: 2 },
			options: { stream: 'on' },
			requestOptions: { timeout: 20_000 },
			run: { items: items(2), onStart: (stop) => void (cancel = stop) },
		});
		const downloads = () => server.requests.filter(({ method }) => method === 'GET').length;
		while (downloads() < 2) await new Promise((resolve) => setTimeout(resolve, 10));
		await new Promise((resolve) => setTimeout(resolve, 100));
		cancel();
		await running;
		await new Promise((resolve) => setTimeout(resolve, 50));
		server.close();
		const told = warned
			.filter((text) => text.includes('generated'))
			.join(' ')
			.replaceAll(server.url, 'HOST');
		expect([...new Set(told.match(/HOST\/\S+/g))].sort()).toEqual([
			'HOST/first.png',
			'HOST/second.png?key=***',
		]);
		expect(told).not.toContain(KEY);
		expect(server.posts()).toBe(2);
	});
});

describe('as a tool of an AI Agent', () => {
	it.concurrent('an image, and a failure that may have been charged', async () => {
		const good = await answer(image(), { run: { toolCall: {} } });
		expect([good.images, good.posts]).toEqual([[A], 1]);
		const bad = await answer(
			{ status: 504, body: [''] },
			{ run: { toolCall: {}, settings: RETRY_ON_FAIL } },
		);
		expect([bad.posts, bad.message]).toEqual([
			1,
			'Unexpected response (HTTP 504): no content [item 0]',
		]);
		expect(bad.description).toContain(MAY_BE_CHARGED);
	});
});

describe('file names', () => {
	it.concurrent.each<[string, unknown[]]>([
		['the same', [0, 0, 0]],
		['texts', ['0', '1', '1']],
		['negative', [-1, -1, 0]],
		['huge', [1e300, 1e12, 999]],
		['no numbers', [null, true, 'x']],
		['fractions', [0.5, 0.5, 0]],
		['absent for some', [undefined, 0, undefined]],
		['backwards', [2, 1, 0]],
	])('of one response differ where image_index is %s', async (_, indexes) => {
		const data = indexes.map((image_index) => ({ url: A, image_index }));
		for (const fileName of ['{index}', 'fox', 'x'.repeat(300) + '{index}']) {
			const { result } = await answer(body(JSON.stringify({ data })), {
				operation: 'imageSet',
				values: { maxImages: 3 },
				options: { fileName, stream: 'off' },
				isOpen: true,
			});
			const names = result.items.map(({ json }) => json.fileName);
			expect([names.length, new Set(names).size]).toEqual([3, 3]);
		}
	});
});

it.concurrent(
	'options that are expressions are read before anything is sent, and not again',
	async () => {
		const server = await startServer([
			body(`data: {"url":"${A}"}\n\ndata: {"url":"HOST/b.png"}\n\n`),
		]);
		const names = [
			'fileName',
			'simplify',
			'downloadImages',
			'output',
			'binaryPropertyOutput',
			'failedImages',
		];
		const values = {
			fileName: 'fox',
			simplify: true,
			downloadImages: true,
			output: 'itemPerImage',
			binaryPropertyOutput: 'file',
			failedImages: 'keep',
		};
		const reads: Array<[string, number]> = [];
		const json: IDataObject = {};
		for (const [name, value] of Object.entries(values)) {
			const get = () => {
				reads.push([name, server.posts()]);
				return value;
			};
			Object.defineProperty(json, name, { get, enumerable: true });
		}
		const options = Object.fromEntries(names.map((name) => [name, `={{ $json.${name} }}`]));
		const run = await runAgainst(server, {
			operation: 'imageSet',
			values: { maxImages: 2 },
			options: { ...options, stream: 'on' },
			run: { items: [{ json }] },
		});
		server.close();
		expect(run.images).toEqual([A, 'HOST/b.png']);
		expect([...new Set(reads.map(([name]) => name))].sort()).toEqual(names.sort());
		expect(reads.filter(([, posts]) => posts > 0)).toEqual([]);
		expect(Object.keys(run.result.items[0].binary ?? {})).toEqual(['file']);
	},
);
