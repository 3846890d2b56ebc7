import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createGzip } from 'node:zlib';
import type { INodeParameters } from 'n8n-workflow';

import { runNode } from './engine';
import { startGateway, type Fault, type Gateway } from './gateway';
import { bytesOf, IDS, KEY, parameters, useGateway } from './support';

const bench = useGateway();

type DownloadFault = Omit<Extract<Fault, { on: 'download' }>, 'on'>;

const image = (more: INodeParameters = {}) => parameters('textToImage', IDS['4.0'], more);

/** An image as anyone with its URL gets it. */
async function original({ ledger }: Gateway): Promise<Buffer> {
	const [{ url = '' }] = ledger.images;
	return Buffer.from(await (await fetch(url)).arrayBuffer());
}

/** Runs the node against a gateway of its own, so that cases can wait side by side. */
async function runWith(fault: DownloadFault) {
	const gateway = await startGateway({ key: KEY });
	gateway.inject({ on: 'download', ...fault });
	const { items, error } = await runNode({
		credentials: { baseUrl: `${gateway.profileUrl('volcengine')}/api/v3`, apiKey: KEY },
		parameters: image({ requestOptions: { timeout: 1_500 } }),
	});
	const { downloads, images } = gateway.ledger;
	const [count, url] = [downloads.length, images[0].url];
	const bytes = await original(gateway);
	await gateway.close();
	return { items, error, downloads: count, url, bytes };
}

describe('a download that fails once is retried', () => {
	it.concurrent.each<[string, DownloadFault]>([
		['403', { status: 403 }],
		['404', { status: 404 }],
		['500', { status: 500 }],
		['a web page', { html: true, status: 200 }],
		['no bytes', { body: '' }],
		['a reset', { reset: 'before' }],
		['a cut before the first byte', { cut: 0 }],
		['a cut within the header', { cut: 20 }],
		['a cut near the end', { cut: 200 }],
		['a body that stalls', { stall: 100 }],
		['a body that stalls before it begins', { stall: 0 }],
		['no answer in time', { delay: 4_000 }],
		['a body without end', { endless: true }],
	])('%s', async (_, fault) => {
		const { items, error, downloads, bytes } = await runWith(fault);
		expect([error, items.length, downloads]).toEqual([undefined, 1, 2]);
		expect(items[0].json.downloadError).toBeUndefined();
		expect(bytesOf(items[0])).toEqual(bytes);
	});
});

describe('a download that always fails keeps the URL', () => {
	it.concurrent.each<[string, DownloadFault, RegExp]>([
		['403', { status: 403 }, /HTTP status 403/],
		['404', { status: 404 }, /HTTP status 404/],
		['500', { status: 500 }, /HTTP status 500/],
		['a web page', { html: true, status: 200 }, /shows no image/],
		['a reset', { reset: 'before' }, /./],
		['a cut', { cut: 200 }, /cut/],
		['a body that stalls', { stall: 100 }, /nothing arrived for 1.5 s|cut/],
		['another kind of address', { redirect: 'file:///etc/hostname' }, /./],
	])('%s', async (_, fault, reason) => {
		const { items, error, downloads, url } = await runWith({ times: 3, ...fault });
		expect([error, items.length, downloads]).toEqual([undefined, 1, 3]);
		const [{ json, binary }] = items;
		expect([binary, json.url]).toEqual([undefined, url]);
		expect(json.downloadError).toMatch(
			/^The image was generated, but could not be downloaded: .*24 hours/,
		);
		expect(json.downloadError).toMatch(reason);
	});
});

it('a set is returned although one image cannot be downloaded', async () => {
	bench.gateway.inject({ on: 'download', times: 3, status: 500, match: { imageIndex: 2 } });
	const items = await bench.items(parameters('imageSet', IDS['4.0'], { maxImages: 4 }));
	expect(items.map(({ binary }) => !!binary)).toEqual([true, true, false, true]);
	expect(items.map(({ json }) => json.url)).toEqual(
		bench.gateway.ledger.images.map(({ url }) => url),
	);
});

it('a slow download may continue while data arrives', async () => {
	// The stand-in sends a chunk at a time; together they come at a real rate.
	bench.gateway.inject({ on: 'download', slow: 200 });
	const [item] = await bench.items(image({ requestOptions: { timeout: 3_000 } }));
	expect(bytesOf(item)).toEqual(await original(bench.gateway));
	expect(bench.gateway.ledger.downloads).toHaveLength(2);
});

it('follows redirects without sending the key', async () => {
	const elsewhere = bench.gateway.url.replace('127.0.0.1', 'localhost');
	bench.gateway.inject({ on: 'download', redirect: `${elsewhere}{path}` });
	const [item] = await bench.items(image());
	expect(item.binary).toBeDefined();
	const { downloads } = bench.gateway.ledger;
	expect(downloads.map(({ authorization }) => authorization)).toEqual([false, false]);
});

it.each(['file:///etc/hostname', 'ftp://host/image.png', '/files/image.png'])(
	'does not fetch %s',
	async (url) => {
		bench.gateway.inject({ on: 'request', body: JSON.stringify({ data: [{ url }] }) });
		const [item] = await bench.items(image());
		expect(item.binary).toBeUndefined();
		expect(item.json).toMatchObject({
			url,
			downloadError: 'The image was generated, but its URL is not one to download from',
		});
	},
);

describe('an unusual server', () => {
	let server: Server;
	let url: string;
	let keys: number;

	beforeEach(async () => {
		keys = 0;
		server = createServer();
		server.on('request', ({ headers }) => {
			if (headers.authorization) keys += 1;
		});
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	afterEach(() => {
		server.closeAllConnections();
		server.close();
	});

	it('does not receive the request or the key through a redirect', async () => {
		let calls = 0;
		server.on('request', (_, response) => {
			calls += 1;
			response.end('{}');
		});
		for (const status of [301, 302, 303, 307, 308]) {
			bench.gateway.inject({ on: 'request', status, redirect: `${url}/images` });
			const { error } = await bench.run(image());
			expect(error?.message).toContain(`redirects to ${url}/images`);
		}
		expect([calls, keys]).toEqual([0, 0]);
	});

	it('may compress its response and then stall', async () => {
		server.on('request', (_, response) => {
			response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
			const zip = createGzip();
			zip.pipe(response);
			zip.write('{"data":[');
			zip.flush();
		});
		const { error } = await bench.run(image({ requestOptions: { timeout: 1_000 } }), {
			credentials: { ...bench.credentials('volcengine'), baseUrl: url, gateway: 'other' },
		});
		expect(error?.message).toContain('nothing arrived for 1 s');
		expect(error?.description).toContain('may have been generated and charged');
		expect(keys).toBe(1);
	});

	it('is disconnected when it stalls', async () => {
		const closed = new Promise<void>((resolve) => {
			server.on('request', (request, response) => {
				request.socket.once('close', () => resolve());
				response.writeHead(200, { 'Content-Type': 'application/json' });
				response.write('{"data":[');
			});
		});
		await bench.run(image({ requestOptions: { timeout: 500 } }), {
			credentials: { ...bench.credentials('volcengine'), baseUrl: url, gateway: 'other' },
		});
		await closed;
	});
});

describe('the timeout of a response', () => {
	it.each([
		['no Timeout of the user', {}],
		['a Timeout of 0', { timeout: 0 }],
	])('is long with %s', async (_, requestOptions) => {
		bench.gateway.inject({ on: 'request', delay: 1_200 });
		bench.gateway.inject({ on: 'download', delay: 600 });
		const [item] = await bench.items(image({ requestOptions }));
		expect(item.binary).toBeDefined();
	});

	it('is the one that the user sets', async () => {
		bench.gateway.inject({ on: 'request', delay: 3_000 });
		const { error } = await bench.run(image({ requestOptions: { timeout: 700 } }));
		expect(error?.message).toBe('No response within 0.7 s [item 0]');
		expect(JSON.stringify(error?.description)).not.toContain(KEY);
	});
});
