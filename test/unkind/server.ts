import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { runNode, type NodeResult, type NodeRun } from '../engine';
import { addressesIn } from '../faults/account';
import { secretsIn } from '../faults/secrets';
import { pngOf } from '../imageFiles';
import { IDS, KEY, parameters } from '../support';

/** The beginning of a PNG: what every file of these servers is. */
export const PNG = pngOf(64, 64);
export const BASE64 = PNG.toString('base64');

/**
 * A response, byte for byte. In texts, headers too, `HOST` stands for the server's own URL, `KEY` for the
 * key that it was sent.
 */
export interface RawResponse {
	status?: number;
	headers?: Record<string, string>;
	/** Parts of the body, each written by itself; a number is a pause in milliseconds. */
	body: Array<string | Buffer | number>;
	/** Bytes in which texts are written; whole when absent. */
	pieces?: number;
	/** What happens behind the body. */
	end?: 'ends' | 'stays open' | 'is cut';
	/** Milliseconds between copies of a part that is sent until the client goes. */
	forever?: { part: string; every: number };
}

export interface RawRequest {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	body: string;
}

/** A server that sends what it is told to, in answer to POST; to GET an image, or 404 below `/none`. */
export interface RawServer {
	url: string;
	requests: RawRequest[];
	/** Requests to generate images. */
	posts(): number;
	close(): void;
}

async function play(raw: RawResponse, response: ServerResponse, fill: (text: string) => string) {
	const { status = 200, headers = { 'content-type': 'application/json' } } = raw;
	const filled = Object.entries(headers).map(([name, value]) => [name, fill(value)]);
	response.writeHead(status, Object.fromEntries(filled) as Record<string, string>);
	response.flushHeaders();
	for (const part of raw.body) {
		if (response.destroyed) return;
		if (typeof part === 'number') await sleep(part);
		else {
			const bytes = typeof part === 'string' ? Buffer.from(fill(part)) : part;
			for (const piece of inPieces(bytes, raw.pieces ?? Infinity)) {
				response.write(piece);
				if (raw.pieces) await sleep(0);
			}
		}
	}
	while (raw.forever && !response.destroyed) {
		response.write(fill(raw.forever.part));
		await sleep(raw.forever.every);
	}
	if (raw.end === 'is cut') {
		// What was written has to arrive before.
		await sleep(30);
		response.destroy();
	} else if (raw.end !== 'stays open') response.end();
}

/**
 * @param responses by number of the POST, the last for all further ones; or one for each request
 * @param files by path, those that are no image
 */
export async function startServer(
	responses: RawResponse[] | ((request: RawRequest, nth: number) => RawResponse),
	files: Record<string, RawResponse> = {},
): Promise<RawServer> {
	const requests: RawRequest[] = [];
	const posts = () => requests.filter(({ method }) => method === 'POST').length;
	let url = '';
	const server = createServer((incoming, response) => {
		response.socket?.setNoDelay(true);
		const chunks: Buffer[] = [];
		incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
		incoming.on('end', () => {
			const request = {
				method: incoming.method ?? '',
				url: incoming.url ?? '',
				headers: incoming.headers,
				body: Buffer.concat(chunks).toString(),
			};
			requests.push(request);
			const key = (incoming.headers.authorization ?? '').replace(/^Bearer /, '');
			const fill = (text: string) => text.replaceAll('HOST', url).replaceAll('KEY', key);
			if (request.method === 'GET') {
				const file = files[request.url];
				if (file) return void play(file, response, fill);
				const isThere = !request.url.startsWith('/none');
				response.writeHead(isThere ? 200 : 404).end(isThere ? PNG : 'gone');
				return undefined;
			}
			const nth = posts() - 1;
			const raw =
				typeof responses === 'function'
					? responses(request, nth)
					: responses[Math.min(nth, responses.length - 1)];
			return void play(raw, response, fill);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	return {
		url,
		requests,
		posts,
		close() {
			server.close();
			server.closeAllConnections();
		},
	};
}

/** What a run against such a server came to; the server's URL is `HOST` in it. */
export interface Outcome {
	/** URLs of the images in the items, in order; `bytes` where one came without. */
	images: string[];
	/** Whether each image of the items has its file. */
	files: boolean;
	warnings: string[];
	/** Message of the node's error or of the first error item. */
	message: string;
	description: string;
	posts: number;
	/** Milliseconds. */
	took: number;
	result: NodeResult;
}

export interface Setting {
	operation?: 'textToImage' | 'imageToImage' | 'imageSet';
	/** Values of the fields. */
	values?: INodeParameters;
	options?: INodeParameters;
	requestOptions?: INodeParameters;
	run?: Partial<NodeRun>;
	key?: string;
	/** Whether long words or a short key may be shown. */
	isOpen?: true;
}

function imagesOf({ json, binary }: INodeExecutionData): Array<{ url: string; isFile: boolean }> {
	const list = (json.images ?? (json.error ? [] : [json])) as Array<{ url?: string }>;
	const files = Object.values(binary ?? {});
	return list.map(({ url }, i) => ({
		url: url ?? 'bytes',
		isFile: files[i]?.data === BASE64 || !!files[i]?.id,
	}));
}

/** Runs the node against a server. Fails the test where the key or image data shows. */
export async function runAgainst(server: RawServer, setting: Setting = {}): Promise<Outcome> {
	const {
		operation = 'textToImage',
		values,
		options,
		requestOptions,
		run,
		key = KEY,
		isOpen,
	} = setting;
	const start = Date.now();
	const result = await runNode({
		credentials: { baseUrl: `${server.url}/v1`, apiKey: key, gateway: 'other' },
		...run,
		parameters: parameters(operation, IDS['4.0'], {
			options: { maxTries: 2, ...options },
			requestOptions: { timeout: 1_000, ...requestOptions },
			...values,
		}),
	});
	const took = Date.now() - start;
	const shown = [result.error?.message, result.error?.description, result.items];
	const secrets = secretsIn([result.error, result.items], key, addressesIn(shown));
	if (!isOpen) expect(secrets).toEqual([]);
	const [first] = result.items.filter(({ json }) => json.error !== undefined);
	const home = (text: unknown) =>
		String(text ?? '')
			.replaceAll(server.url, 'HOST')
			.replaceAll(' <br>\n', '\n');
	const images = result.items.flatMap(imagesOf);
	return {
		images: images.map(({ url }) => home(url)),
		files: images.every(({ isFile }) => isFile),
		warnings: result.items
			.flatMap(({ json }) => (json.warnings as string[] | undefined) ?? [])
			.map(home)
			.filter((warning) => !warning.startsWith('The image is 64x64 pixels')),
		message: home(result.error?.message ?? first?.json.error),
		description: home(result.error?.description ?? first?.json.message),
		posts: server.posts(),
		took,
		result,
	};
}

/** Starts a server, runs the node against it, and ends it. */
export async function answer(
	raw: RawResponse | RawResponse[],
	setting: Setting = {},
	files: Record<string, RawResponse> = {},
): Promise<Outcome> {
	const server = await startServer([raw].flat(), files);
	try {
		return await runAgainst(server, setting);
	} finally {
		server.close();
	}
}

/** A response of status 200 under a Content-Type, in one piece. */
export function body(text: string | Buffer, contentType = 'application/json'): RawResponse {
	return { headers: { 'content-type': contentType }, body: [text] };
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
	if (bytes.length <= size) return [bytes];
	return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
		bytes.subarray(i * size, (i + 1) * size),
	);
}

/** n8n's own Retry On Fail. */
export const RETRY_ON_FAIL = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };

export const MAY_BE_CHARGED =
	'The image may have been generated and charged, so the request was not retried. Check the provider’s usage page before running again.';
