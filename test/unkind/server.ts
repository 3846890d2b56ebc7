import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { runNode, type NodeResult, type NodeRun } from '../engine';
import { secretsIn, urlsIn } from '../faults/secrets';
import { pngOf } from '../imageFiles';
import { IDS, KEY, parameters } from '../support';

/** The beginning of a PNG: every file of these servers. */
export const PNG = pngOf(64, 64);
export const BASE64 = PNG.toString('base64');

/** URLs of images, as responses name them and outcomes do. */
export const A = 'HOST/a.png';
export const B = 'HOST/b.png';
export const C = 'HOST/c.png';

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
	/** What happens after the body. */
	end?: 'ends' | 'stays open' | 'is cut';
	/** Milliseconds between copies of a part that is sent until the client disconnects. */
	forever?: { part: string; every: number };
}

/** A response under a Content-Type, in one piece. */
export function body(text: string | Buffer, type = 'application/json', status = 200): RawResponse {
	return { status, headers: { 'content-type': type }, body: [text] };
}

export function json(value: unknown, status = 200, headers = {}): RawResponse {
	const raw = body(JSON.stringify(value), 'application/json', status);
	return { ...raw, headers: { ...raw.headers, ...headers } };
}

export function text(words: string, status = 200, headers = {}): RawResponse {
	return { status, headers: { 'content-type': 'text/plain', ...headers }, body: [words] };
}

/** One server-sent event. */
export function event(value: unknown): string {
	return `data: ${JSON.stringify(value)}\n\n`;
}

/** Server-sent events, written one by one. */
export function stream(parts: RawResponse['body'], more: Partial<RawResponse> = {}): RawResponse {
	return { headers: { 'content-type': 'text/event-stream' }, body: parts, ...more };
}

export const COMPLETED = event({ type: 'image_generation.completed', usage: {} });
export const IMAGE = json({ data: [{ url: A }] });

/** What a server sends: one response, one after the other (the last for all further requests), or by request. */
type Responses = RawResponse | RawResponse[] | ((request: RawRequest) => RawResponse);

export interface RawRequest {
	method: string;
	url: string;
	headers: IncomingHttpHeaders;
	body: string;
}

/** A server that sends what it is told to when it gets a POST; to a GET an image, or 404 below `/none`. */
export interface RawServer {
	url: string;
	requests: RawRequest[];
	/** Requests to generate images. */
	posts(): number;
	close(): void;
}

function inPieces(bytes: Buffer, size: number): Buffer[] {
	if (bytes.length <= size) return [bytes];
	return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
		bytes.subarray(i * size, (i + 1) * size),
	);
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
	// What was written arrives before the end of the connection, which is not the end of the response.
	if (raw.end === 'is cut') response.socket?.end();
	else if (raw.end !== 'stays open') response.end();
}

/** @param files by path, those that are no image */
export async function startServer(
	responses: Responses,
	files: Record<string, RawResponse> = {},
): Promise<RawServer> {
	const requests: RawRequest[] = [];
	const posts = () => requests.filter(({ method }) => method === 'POST').length;
	let url = '';
	const responseTo = (request: RawRequest): RawResponse => {
		const { method, url: path } = request;
		if (method === 'GET') {
			const missing = path.startsWith('/none') ? text('gone', 404) : undefined;
			return files[path] ?? missing ?? body(PNG, 'image/png');
		}
		if (typeof responses === 'function') return responses(request);
		const list = [responses].flat();
		return list[Math.min(posts(), list.length) - 1];
	};
	const server = createServer((incoming, response) => {
		response.socket?.setNoDelay(true);
		const chunks: Buffer[] = [];
		incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
		incoming.on('end', () => {
			const { method = '', url: path = '', headers } = incoming;
			const request = { method, url: path, headers, body: Buffer.concat(chunks).toString() };
			requests.push(request);
			const key = (headers.authorization ?? '').replace(/^Bearer /, '');
			const fill = (words: string) => words.replaceAll('HOST', url).replaceAll('KEY', key);
			void play(responseTo(request), response, fill);
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
	requests: RawRequest[];
	/** Milliseconds. */
	took: number;
	result: NodeResult;
}

export interface Setting {
	operation?: 'textToImage' | 'imageToImage' | 'imageSet';
	/** Values of the fields. */
	values?: INodeParameters;
	options?: INodeParameters;
	advanced?: INodeParameters;
	requestOptions?: INodeParameters;
	run?: Partial<NodeRun>;
	key?: string;
	/** Whether long words or a short key may be shown. */
	isOpen?: true;
}

/** A streamed set of images. */
export function setOf(maxImages: number): Setting {
	return { operation: 'imageSet', values: { maxImages }, advanced: { stream: 'on' } };
}

function imagesOf({ json: item, binary }: INodeExecutionData) {
	const list = (item.images ?? (item.error ? [] : [item])) as Array<{ url?: string }>;
	const files = Object.values(binary ?? {});
	return list.map(({ url }, i) => ({
		url: url ?? 'bytes',
		isFile: files[i]?.data === BASE64 || !!files[i]?.id,
	}));
}

/** Runs the node against a server. Fails the test where the key or image data shows. */
export async function runAgainst(server: RawServer, setting: Setting = {}): Promise<Outcome> {
	const { operation = 'textToImage', values, options, advanced, requestOptions } = setting;
	const { key = KEY } = setting;
	const start = Date.now();
	const result = await runNode({
		credentials: { baseUrl: `${server.url}/v1`, apiKey: key, provider: 'other' },
		...setting.run,
		parameters: parameters(operation, IDS['4.0'], {
			options: options ?? {},
			advanced: advanced ?? {},
			requestOptions: { timeout: 20_000, ...requestOptions },
			...values,
		}),
	});
	const took = Date.now() - start;
	const shown = [result.error?.message, result.error?.description, result.items];
	const secrets = secretsIn([result.error, result.items], key, urlsIn(shown));
	if (!setting.isOpen) expect(secrets).toEqual([]);
	const [first] = result.items.filter((item) => item.json.error !== undefined);
	const home = (words: unknown) =>
		String(words ?? '')
			.replaceAll(server.url, 'HOST')
			.replaceAll(' <br>\n', '\n')
			.replace(/<a href="[^"]*" target="_blank">([^<]*)<\/a>/g, '$1');
	const images = result.items.flatMap(imagesOf);
	return {
		images: images.map(({ url }) => home(url)),
		files: images.every(({ isFile }) => isFile),
		warnings: result.items
			.flatMap((item) => (item.json.warnings as string[] | undefined) ?? [])
			.map(home)
			.filter((warning) => !warning.startsWith('The image is 64x64 pixels')),
		message: home(result.error?.message ?? first?.json.error),
		description: home(result.error?.description ?? first?.json.message),
		posts: server.posts(),
		requests: server.requests,
		took,
		result,
	};
}

/** Starts a server, runs the node against it, and ends it. @param files by path, those that are no image */
export async function answer(
	responses: Responses,
	setting: Setting = {},
	files: Record<string, RawResponse> = {},
): Promise<Outcome> {
	const server = await startServer(responses, files);
	try {
		return await runAgainst(server, setting);
	} finally {
		server.close();
	}
}

/** n8n's own Retry On Fail. */
export const RETRY_ON_FAIL = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };

export const MAY_BE_CHARGED =
	'The image may have been generated and charged, so the request was not retried. Check the provider’s usage page before running again.';
