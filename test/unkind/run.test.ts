import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import type { IDataObject } from 'n8n-workflow';

import { hurry, KEY, urls } from '../support';
import {
	A,
	answer,
	B,
	event,
	IMAGE,
	json,
	MAY_BE_CHARGED,
	PNG,
	runAgainst,
	setOf,
	startServer,
	stream,
} from './server';

async function listen(server: Server): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return (server.address() as AddressInfo).port;
}

describe('Request Options apply to the request, to images and to references', () => {
	it('Proxy', async () => {
		const server = await startServer(json({ data: [{ url: 'http://images.invalid/a.png' }] }));
		const seen: string[] = [];
		const proxy = createServer((incoming, response) => {
			const { method, url = '', headers } = incoming;
			seen.push(`${method} ${url} ${headers.authorization ? 'with' : 'without'} key`);
			const onward = forward(server.url + new URL(url).pathname, { method, headers }, (reply) => {
				response.writeHead(reply.statusCode ?? 500, reply.headers);
				reply.pipe(response);
			});
			incoming.pipe(onward);
		});
		const port = await listen(proxy);
		const { message, images, files } = await runAgainst(server, {
			operation: 'imageToImage',
			values: { referenceImages: urls('http://references.invalid/r.png') },
			requestOptions: { proxy: `http://127.0.0.1:${port}` },
			run: {
				credentials: { baseUrl: 'http://gateway.invalid/v1', apiKey: KEY, provider: 'unode' },
			},
		});
		proxy.close();
		server.close();
		expect({ message, images, files }).toEqual({
			message: '',
			images: ['http://images.invalid/a.png'],
			files: true,
		});
		expect(seen).toEqual([
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
		let posts = 0;
		beforeAll(async () => {
			const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert];
			const options = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject];
			execFileSync('openssl', options, { stdio: 'ignore' });
			const files = { key: readFileSync(key), cert: readFileSync(cert) };
			server = createTlsServer(files, ({ method }, response) => {
				if (method === 'POST') posts += 1;
				response.end(method === 'POST' ? `{"data":[{"url":"${url}/a.png"}]}` : PNG);
			});
			url = `https://127.0.0.1:${await listen(server)}`;
		});
		beforeEach(() => (posts = 0));
		afterAll(() => {
			server.close();
			rmSync(folder, { recursive: true });
		});

		/** Runs with an image, a reference, and a gateway at a host whose certificate nobody signed. */
		async function runs(allowUnauthorizedCerts: boolean) {
			hurry();
			const requestOptions = { allowUnauthorizedCerts };
			const raw = json({ data: [{ url: `${url}/a.png` }] });
			const gateway = (baseUrl: string, id: string) => ({
				run: { credentials: { baseUrl, apiKey: KEY, provider: id } },
			});
			const plain = await startServer(raw);
			const image = await runAgainst(plain, { requestOptions });
			const reference = await runAgainst(plain, {
				operation: 'imageToImage',
				values: { referenceImages: urls(`${url}/r.png`) },
				requestOptions,
				...gateway(`${plain.url}/v1`, 'unode'),
			});
			plain.close();
			const request = await answer(raw, { requestOptions, ...gateway(`${url}/v1`, 'other') });
			return { image, reference, request };
		}

		it('on', async () => {
			const { image, reference, request } = await runs(true);
			expect([image.files, reference.files, request.files, posts]).toEqual([true, true, true, 1]);
			expect([image.message, reference.message, request.message]).toEqual(['', '', '']);
		});

		it('off', async () => {
			const { image, reference, request } = await runs(false);
			expect([image.images, image.files, posts]).toEqual([[`${url}/a.png`], false, 0]);
			expect(reference.message).toMatch(
				/^Reference Images: image 1 .* could not be downloaded \[item 0\]$/,
			);
			expect(request.message).toBe(
				'The request could not be sent: self-signed certificate [item 0]',
			);
			expect(request.description).not.toContain(MAY_BE_CHARGED);
		});
	});
});

it.each(['read ECONNRESET', 'connect ETIMEDOUT 1.2.3.4:443', 'ENOTFOUND', 'ECONNREFUSED'])(
	'n8n does not replace the gateway’s words: %s',
	async (words) => {
		for (const settings of [{}, { onError: 'continueRegularOutput' }] as const) {
			const { description } = await answer(json({ error: { message: words } }, 400), {
				run: { settings },
			});
			expect(description.split('\n')[1]).toBe(`Provider: ${words}`);
		}
	},
);

it('cancelling logs the URLs of images that were generated, without the key', async () => {
	const warned: string[] = [];
	jest.spyOn(Container.get(Logger), 'warn').mockImplementation((text) => void warned.push(text));
	const server = await startServer(({ body: sent }) =>
		sent.includes('scene 0')
			? IMAGE
			: stream([event({ url: `${B}?key=KEY` })], { end: 'stays open' }),
	);
	let cancel = () => {};
	const running = runAgainst(server, {
		...setOf(2),
		values: { prompt: '=scene {{ $json.n }}', maxImages: 2 },
		run: {
			items: [{ json: { n: 0 } }, { json: { n: 1 } }],
			onStart: (stop) => void (cancel = stop),
		},
	});
	const pause = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms));
	while (server.requests.filter(({ method }) => method === 'GET').length < 2) await pause(5);
	// The first item has its image before.
	await pause(100);
	cancel();
	await running;
	for (let i = 0; i < 200 && !warned.join().includes('b.png'); i += 1) await pause(5);
	server.close();
	const told = warned.filter((text) => text.includes('generated')).join(' ');
	const logged = told.replaceAll(server.url, 'HOST').match(/HOST\/\S+/g);
	expect([...new Set(logged)].sort()).toEqual([A, `${B}?key=***`]);
	expect(told).not.toContain(KEY);
	expect(server.posts()).toBe(2);
});

it.each<[string, unknown[]]>([
	['the same', [0, 0, 0]],
	['texts', ['0', '1', '1']],
	['negative', [-1, -1, 0]],
	['huge', [1e300, 1e12, 999]],
	['no numbers', [null, true, 'x']],
	['fractions', [0.5, 0.5, 0]],
	['absent for some', [undefined, 0, undefined]],
	['backwards', [2, 1, 0]],
])('file names of one response differ where image_index is %s', async (_, indexes) => {
	const raw = json({ data: indexes.map((image_index) => ({ url: A, image_index })) });
	for (const fileName of ['{index}', 'fox', `${'x'.repeat(300)}{index}`]) {
		const { result } = await answer(raw, { ...setOf(3), options: { fileName }, isOpen: true });
		const names = result.items.map(({ json: { fileName: name } }) => name);
		expect([names.length, new Set(names).size]).toEqual([3, 3]);
	}
});

it('options that are expressions are read before anything is sent, and not again', async () => {
	const values = {
		fileName: 'fox',
		simplify: true,
		downloadImages: true,
		output: 'itemPerImage',
		binaryPropertyOutput: 'file',
		failedImages: 'keep',
	};
	const server = await startServer(stream([event({ url: A }), event({ url: B })]));
	const reads: Array<[string, number]> = [];
	const item: IDataObject = {};
	for (const [name, value] of Object.entries(values)) {
		const get = () => {
			reads.push([name, server.posts()]);
			return value;
		};
		Object.defineProperty(item, name, { get, enumerable: true });
	}
	const names = Object.keys(values);
	const { simplify, ...options } = Object.fromEntries(
		names.map((name) => [name, `={{ $json.${name} }}`]),
	);
	const { images, result } = await runAgainst(server, {
		...setOf(2),
		options,
		advanced: { stream: 'on', simplify },
		run: { items: [{ json: item }] },
	});
	server.close();
	expect(images).toEqual([A, B]);
	expect([...new Set(reads.map(([name]) => name))].sort()).toEqual(names.sort());
	expect(reads.filter(([, posts]) => posts > 0)).toEqual([]);
	expect(Object.keys(result.items[0].binary ?? {})).toEqual(['file']);
});
