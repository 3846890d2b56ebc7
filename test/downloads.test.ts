import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createGzip } from 'node:zlib';

import type { Fault } from './gateway';
import { bytesOf, hurry, IDS, parameters, useGateway } from './support';

const bench = useGateway();

type DownloadFault = Omit<Extract<Fault, { on: 'download' }>, 'on'>;

const image = (timeout?: number) =>
	parameters('textToImage', IDS['4.0'], {
		...(timeout !== undefined && { requestOptions: { timeout } }),
	});

/** The image as anyone with its URL gets it. */
async function original(): Promise<Buffer> {
	const [{ url = '' }] = bench.gateway.ledger.images;
	return Buffer.from(await (await fetch(url)).arrayBuffer());
}

/** Runs the node with a fault of its downloads. The node's own timers run 50 times as fast, HTTP's do not. */
async function runWith(fault: DownloadFault) {
	hurry();
	bench.gateway.inject({ on: 'download', ...fault });
	const [item, ...others] = await bench.items(image(20_000));
	expect(others).toEqual([]);
	return { item, downloads: bench.gateway.ledger.downloads.length };
}

it.each<[string, DownloadFault]>([
	['of status 403', { status: 403 }],
	['of status 404', { status: 404 }],
	['of status 500', { status: 500 }],
	['with a web page', { html: true, status: 200 }],
	['without bytes', { body: '' }],
	['that is reset', { reset: 'before' }],
	['that is cut before the first byte', { cut: 0 }],
	['that is cut within the header', { cut: 20 }],
	['that is cut near the end', { cut: 200 }],
	['that stalls', { stall: 100 }],
	['that stalls before it begins', { stall: 0 }],
	['without end', { endless: true }],
])('a download %s is retried', async (_, fault) => {
	const { item, downloads } = await runWith(fault);
	expect([item.json.downloadError, downloads]).toEqual([undefined, 2]);
	expect(bytesOf(item)).toEqual(await original());
});

it('a download that does not begin in time is retried', async () => {
	bench.gateway.inject({ on: 'download', delay: 3_000 });
	const [item] = await bench.items(image(400));
	expect(bytesOf(item)).toEqual(await original());
});

it.each<[string, DownloadFault, RegExp]>([
	['of status 404', { status: 404 }, /HTTP status 404/],
	['with a web page', { html: true, status: 200 }, /the URL shows no image/],
	['that is reset', { reset: 'before' }, /ECONNRESET|the connection was cut/],
	['that is cut', { cut: 200 }, /the connection was cut/],
	['that stalls', { stall: 100 }, /nothing arrived for 20 s/],
	['that is redirected to a file', { redirect: 'file:///etc/hostname' }, /protocol "?file:/],
])('after three downloads %s the item has the URL', async (_, fault, reason) => {
	const { item, downloads } = await runWith({ times: 3, ...fault });
	expect([item.binary, downloads]).toEqual([undefined, 3]);
	const [{ url }] = bench.gateway.ledger.images;
	expect(item.json).toMatchObject({ url, size: '16x16', width: 16, height: 16 });
	expect(item.json.downloadError).toMatch(
		/^The image was generated, but could not be downloaded: .* Its URL expires after 24 hours\.$/,
	);
	expect(item.json.downloadError).toMatch(reason);
});

it('a set is returned although one image cannot be downloaded', async () => {
	hurry();
	bench.gateway.inject({ on: 'download', times: 3, status: 500, match: { imageIndex: 2 } });
	const items = await bench.items(parameters('imageSet', IDS['4.0'], { maxImages: 4 }));
	expect(items.map(({ binary }) => !!binary)).toEqual([true, true, false, true]);
	expect(items.map(({ json }) => json.url)).toEqual(
		bench.gateway.ledger.images.map(({ url }) => url),
	);
});

it('a slow download may continue while data arrives', async () => {
	// The stand-in sends a chunk at a time; together they come at a real rate.
	bench.gateway.inject({ on: 'download', slow: 400 });
	const [item] = await bench.items(image(2_000));
	expect(bytesOf(item)).toEqual(await original());
	expect(bench.gateway.ledger.downloads).toHaveLength(2);
});

it('a download follows redirects without sending the key', async () => {
	const elsewhere = bench.gateway.url.replace('127.0.0.1', 'localhost');
	bench.gateway.inject({ on: 'download', redirect: `${elsewhere}{path}` });
	const [item] = await bench.items(image());
	expect(bytesOf(item)).toEqual(await original());
	const keys = bench.gateway.ledger.downloads.map(({ authorization }) => authorization);
	expect(keys).toEqual([false, false, false]);
});

it.each(['file:///etc/hostname', 'ftp://host/image.png', '/files/image.png'])(
	'%s is not downloaded',
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

describe('a gateway', () => {
	let server: Server;
	let url: string;

	beforeEach(async () => {
		server = createServer();
		server.listen(0, '127.0.0.1');
		await once(server, 'listening');
		url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	afterEach(() => {
		server.closeAllConnections();
		server.close();
	});

	const run = async (timeout: number) =>
		await bench.run(image(timeout), {
			credentials: bench.credentials('volcengine', { baseUrl: url, provider: 'other' }),
		});

	it('gets neither the request nor the key through a redirect', async () => {
		const calls: unknown[] = [];
		server.on('request', ({ headers }, response) => {
			calls.push(headers.authorization);
			response.end('{}');
		});
		for (const status of [301, 302, 303, 307, 308]) {
			bench.gateway.inject({ on: 'request', status, redirect: `${url}/images` });
			const { error } = await bench.run(image());
			expect(error?.message).toContain(`redirects to ${url}/images`);
		}
		expect(calls).toEqual([]);
	});

	it('may compress its response and then stall', async () => {
		server.on('request', (_, response) => {
			response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip' });
			const zip = createGzip();
			zip.pipe(response);
			zip.write('{"data":[');
			zip.flush();
		});
		const { error } = await run(500);
		expect(error?.message).toContain('nothing arrived for 0.5 s');
		expect(error?.description).toContain('may have been generated and charged');
	});

	it('is disconnected when it stalls', async () => {
		const closed = new Promise<void>((resolve) => {
			server.on('request', (request, response) => {
				request.socket.once('close', () => resolve());
				response.writeHead(200, { 'Content-Type': 'application/json' });
				response.write('{"data":[');
			});
		});
		await run(300);
		await closed;
	});
});

describe('the timeout', () => {
	it.each([
		['is not set', undefined],
		['is 0', 0],
	])('is long where it %s', async (_, timeout) => {
		bench.gateway.inject({ on: 'request', delay: 600 });
		bench.gateway.inject({ on: 'download', delay: 600 });
		const [item] = await bench.items(image(timeout));
		expect(bytesOf(item)).toEqual(await original());
	});

	it('is the one that the user sets', async () => {
		bench.gateway.inject({ on: 'request', delay: 2_000 });
		const { error } = await bench.run(image(500));
		expect(error?.message).toBe('No response within 0.5 s [item 0]');
	});
});
