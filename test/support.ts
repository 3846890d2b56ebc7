import { inspect } from 'node:util';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';
import sharp from 'sharp';

import { queues } from '../nodes/Seedream/run/queues';
import { itemWith, runNode, type CredentialValues, type NodeResult, type NodeRun } from './engine';
import { GATEWAYS } from './facts/gateways';
import { FAMILIES, MODELS, type Family, type Operation } from './facts/models';
import { startGateway, type Gateway, type ProfileName } from './gateway';

export { FAMILIES, type Family } from './facts/models';

/** The right key. Long and unmistakable, so that it is found wherever it leaks. */
export const KEY = 'sk-right-key-0123456789';

/** The first id of each family, as Volcengine spells it. */
export const IDS = Object.fromEntries(
	FAMILIES.map((family) => [family, MODELS[family].ids[0].id]),
) as Record<Family, string>;

/** A prompt for which the embedded gateway draws tiny images, so that many requests are fast. */
export const TINY = 'a red bicycle [pixels:16x16]';

/** Model field, By ID. */
export function byId(model: string): INodeParameters {
	return { __rl: true, mode: 'id', value: model };
}

/** Parameters of a run; those left out are as a user finds them. */
export function parameters(
	operation: Operation,
	model: string,
	more: INodeParameters = {},
): INodeParameters {
	return { operation, model: byId(model), prompt: TINY, ...more };
}

/** Reference Images with one binary field, `data`. */
export const DATA_FIELD: INodeParameters = {
	image: [{ source: 'binary', binaryPropertyName: 'data' }],
};

/** Reference Images with URLs or data URIs only. */
export function urls(...list: string[]): INodeParameters {
	return { image: list.map((url) => ({ source: 'url', url })) };
}

/** A plain picture in any format sharp writes. */
export async function picture(
	width = 32,
	height = 32,
	format: 'png' | 'jpeg' | 'webp' | 'gif' | 'tiff' | 'avif' = 'png',
): Promise<Buffer> {
	const background = { r: width % 256, g: height % 256, b: 99 };
	return await sharp({ create: { width, height, channels: 3, background } })
		.toFormat(format)
		.toBuffer();
}

/** A small PNG, half transparent. */
export async function transparentPicture(): Promise<Buffer> {
	const background = { r: 9, g: 9, b: 9, alpha: 0.5 };
	return await sharp({ create: { width: 32, height: 32, channels: 4, background } })
		.png()
		.toBuffer();
}

export function dataUri(format: string, bytes: Buffer): string {
	return `data:image/${format};base64,${bytes.toString('base64')}`;
}

/** An item with one file in the field that Reference Images reads by default. */
export function dataItem(bytes: Buffer, json = {}): INodeExecutionData {
	return itemWith({ data: { bytes, mimeType: 'image/x-unknown' } }, json);
}

/** Bytes of a binary field as n8n keeps them in memory. */
export function bytesOf(item: INodeExecutionData | undefined, field = 'data'): Buffer {
	const binary = item?.binary?.[field];
	if (!binary) throw new Error(`The item has no binary field ${field}`);
	return Buffer.from(binary.data, 'base64');
}

/** Nothing that a user, a log or an item shows may hold the key or an image's base64. */
function expectNoSecrets({ error, items }: NodeResult): void {
	expect(inspect(error, { depth: 12, maxStringLength: null })).not.toContain(KEY);
	// In combined binary mode n8n itself keeps files among the JSON.
	const json = items.map((item) => ({ ...item.json, _files: undefined }));
	const texts = [error?.message, error?.description, ...json];
	for (const text of texts.map((each) => JSON.stringify(each) ?? '')) {
		expect(text).not.toContain(KEY);
		expect(text.replace(/https?:\/\/[^\s"”]+/g, '')).not.toMatch(/[A-Za-z0-9+/]{40}/);
	}
}

/** Words that n8n's guidelines forbid in error messages. */
const UNHELPFUL = /\b(error|problem|failure|mistake)s?\b|undefined|NaN|\[object/i;

export interface Refused {
	message: string;
	description: string;
}

/** A gateway for a whole test file, and runs of the node against it. */
export interface Bench {
	readonly gateway: Gateway;
	credentials(id?: ProfileName, more?: Partial<CredentialValues>): CredentialValues;
	/** Runs the node; by default at Volcengine. Fails the test where a secret shows. */
	run(values: INodeParameters, options?: Partial<NodeRun>): Promise<NodeResult>;
	/** Runs the node and expects it to succeed. */
	items(values: INodeParameters, options?: Partial<NodeRun>): Promise<INodeExecutionData[]>;
	/** Bodies of the generation requests so far, in the order they came. */
	bodies(): Array<Record<string, unknown>>;
	/** Runs the node on one item and gives the one body it sent. */
	body(values: INodeParameters, options?: Partial<NodeRun>): Promise<Record<string, unknown>>;
	/** Expects the run to be rejected with a helpful message before anything is sent. */
	refusal(values: INodeParameters, options?: Partial<NodeRun>): Promise<Refused>;
}

/** Lets time pass 50 times as fast for the rest of a test, for node and gateways alike. @returns the waits from then on, in milliseconds */
export function hurry(): number[] {
	const waits: number[] = [];
	const { now } = Date;
	const start = now();
	jest.spyOn(Date, 'now').mockImplementation(() => start + (now() - start) * 50);
	const { setTimeout: later } = globalThis;
	jest.spyOn(globalThis, 'setTimeout').mockImplementation(((step: () => void, wait = 0) => {
		waits.push(wait);
		return later(step, wait / 50);
	}) as typeof setTimeout);
	const { timeout } = AbortSignal;
	jest.spyOn(AbortSignal, 'timeout').mockImplementation((wait) => {
		waits.push(wait);
		return timeout.call(AbortSignal, Math.ceil(wait / 50));
	});
	return waits;
}

const realNow = Date.now.bind(Date);

/** Lets it be another day for the rest of a test. @param day ISO date */
export function onDay(day: string): void {
	const offset = Date.parse(`${day}T12:00:00Z`) - realNow();
	jest.spyOn(Date, 'now').mockImplementation(() => realNow() + offset);
}

/** Starts the embedded gateway for the tests of a file; each test finds its ledger empty. */
export function useGateway(options: { day?: string } = {}): Bench {
	let server: Gateway | undefined;
	beforeAll(async () => {
		server = await startGateway({ key: KEY, ...options });
	});
	beforeEach(() => {
		server?.reset();
		// What one test learned of the gateway's limits is not true for the next.
		queues.clear();
	});
	afterAll(async () => await server?.close());

	const bench: Bench = {
		get gateway() {
			if (!server) throw new Error('The gateway has not started');
			return server;
		},
		credentials(id = 'volcengine', more = {}) {
			const provider = id === 'new-api' ? 'other' : id;
			const baseUrl = bench.gateway.profileUrl(id) + GATEWAYS[provider].apiPath;
			return { baseUrl, apiKey: KEY, provider, ...more };
		},
		async run(values, options = {}) {
			const result = await runNode({
				credentials: bench.credentials(),
				...options,
				parameters: values,
			});
			expectNoSecrets(result);
			return result;
		},
		async items(values, options) {
			const { items, error } = await bench.run(values, options);
			expect(error && `${error.message}\n${error.description}`).toBeUndefined();
			return items;
		},
		bodies() {
			return bench.gateway.ledger.requests
				.filter(({ method }) => method === 'POST')
				.map(({ body }) => body as Record<string, unknown>);
		},
		async body(values, options) {
			bench.gateway.reset();
			await bench.items(values, options);
			const bodies = bench.bodies();
			expect(bodies).toHaveLength(1);
			return bodies[0];
		},
		async refusal(values, options) {
			bench.gateway.reset();
			const { error, items } = await bench.run(values, options);
			expect(items).toEqual([]);
			expect(bench.gateway.ledger.requests).toEqual([]);
			expect(bench.gateway.ledger.images).toEqual([]);
			const { message = '', description } = error ?? {};
			expect(message).toMatch(/ \[item \d+\]$/);
			expect(description).toMatch(/\w.*\.$/s);
			// What is quoted is the user's own.
			const own = `${message} ${description}`.replace(/“[^”]*”/g, '');
			expect(own).not.toMatch(UNHELPFUL);
			return { message, description: description ?? '' };
		},
	};
	return bench;
}
