import type { IExecuteSingleFunctions, IN8nHttpFullResponse } from 'n8n-workflow';
import { Readable } from 'node:stream';

import { GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { OPERATIONS } from '../nodes/Seedream/catalog/operations';
import { RequestFailure, toNodeError } from '../nodes/Seedream/errors';
import { LimitedStream, type ByteStream } from '../nodes/Seedream/http/limitedStream';
import type { ImageRequest } from '../nodes/Seedream/request';
import { readRecords } from '../nodes/Seedream/response/records';
import { KEY } from './support';
import { answer, type RawResponse } from './unkind/server';

/** Seeds of the cases; a failure names its own, which can then be run alone. */
const SEEDS = Array.from({ length: 2_000 }, (_, i) => i + 1);
const ENGINE_SEEDS = Array.from({ length: 60 }, (_, i) => 100_000 + i);

/** Makes up responses. */
class Chance {
	/** URLs that stand in fields that carry images. */
	readonly urls: string[] = [];

	private state: number;

	constructor(
		readonly seed: number,
		private readonly host: string,
	) {
		this.state = seed;
	}

	/** A number from 0 to 1 that the seed decides (mulberry32). */
	private next(): number {
		this.state = (this.state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	}

	below(limit: number): number {
		return Math.floor(this.next() * limit);
	}

	pick<T>(...list: T[]): T {
		return list[this.below(list.length)];
	}

	url(): string {
		const url = `${this.host}/${this.seed}-${this.urls.length}.png?a=1&b=${this.below(9)}`;
		this.urls.push(url);
		return url;
	}

	/** An image with odd things beside it. */
	image(): unknown {
		const url = this.url();
		const blank = this.pick('', ' ', '\n');
		const image = this.pick<unknown>(
			{ url: blank + url + blank },
			{ image_url: url },
			{ image_url: { url } },
			{ url, b64_json: this.pick<unknown>(null, '', 'None', 'null') },
			{ b64_json: url, url: this.pick<unknown>(null, '', 'none') },
			{ url: [url] },
			{ image: { url } },
			url,
		);
		return typeof image === 'string' ? image : { ...(image as object), ...this.junk() };
	}

	junk(): object {
		return this.pick<object>(
			{},
			{ size: this.pick<unknown>('1x1', 7, null, KEY) },
			{ image_index: this.pick<unknown>(0, '1', -1, 1e300, null, true, [], {}) },
			{ revised_prompt: this.pick<unknown>('a\u0000b', KEY, 3, '图'.repeat(40)) },
			{ error: this.pick<unknown>(null, {}, '', false, { code: 0 }, 'none') },
			{ nested: { a: [[{ b: KEY }], null], 'x.y': [1], '': [] } },
			{ message: this.pick('', 'fine', `Bearer ${KEY}`) },
			{ __proto__x: 1, constructor: 2, length: -1, toString: null },
		);
	}

	wrapped(images: unknown[]): unknown {
		const one = images.length === 1 ? [images[0]] : [];
		const value = this.pick<unknown>(
			{ data: images },
			{ images },
			{ data: { data: images } },
			{ result: { images } },
			{ output: images },
			{ data: [images] },
			images,
			...one.map((image) => ({ data: image })),
		);
		if (Array.isArray(value)) return value;
		const around = this.pick<object>(
			{},
			{ code: this.pick<unknown>(0, 1, 200, '200', 'success', 'A00', 'COMPLETED', 20000) },
			{ message: this.pick('ok', '操作成功', KEY, 'hello') },
			{ success: this.pick<unknown>(true, 'true', 1) },
			{ usage: { [KEY]: KEY } },
			{ created: this.pick<unknown>(1, 'x', null) },
			{ error: this.pick<unknown>(null, {}, '', { code: 0, message: '' }) },
		);
		const isFirst = this.next() < 0.5;
		return isFirst
			? { ...around, ...this.junk(), ...(value as object) }
			: { ...(value as object), ...around };
	}

	text(): string {
		const images = Array.from({ length: this.below(4) }, () => this.image());
		const end = this.pick('\n', '\r\n', '\r');
		const space = this.pick<number | undefined>(undefined, undefined, 2);
		const noise = () =>
			this.pick(
				'',
				'',
				`: PING${end}${end}`,
				`data: {"type":"ping"}${end}${end}`,
				`{"type":"ping"}${end}`,
				'\ufeff',
				end,
				`data: alive${end}${end}`,
				`event: x${end}`,
			);
		const json = (value: unknown) => {
			const whole = JSON.stringify(value, null, space);
			return this.pick(
				whole,
				whole,
				whole.replaceAll('/', '\\/'),
				whole.replaceAll('&', '\\u0026'),
			);
		};
		const event = (value: unknown) =>
			`${this.pick('', `event: image${end}`)}${json(value)
				.split('\n')
				.map((line) => `data:${this.pick('', ' ')}${line}${end}`)
				.join('')}${end}`;
		const typed = (value: unknown) =>
			typeof value === 'object' ? { type: 'image_generation.partial_succeeded', ...value } : value;
		const last = this.pick(
			'',
			`data: [DONE]${end}${end}`,
			event({ type: 'image_generation.completed', usage: {} }),
		);
		switch (this.below(4)) {
			case 0:
				return noise() + json(this.wrapped(images)) + end;
			case 1:
				return images.map((image) => noise() + event(typed(image))).join('') + noise() + last;
			case 2:
				return noise() + event(this.wrapped(images)) + last;
			default:
				return (
					images
						.map(
							(image) =>
								noise() + (this.below(2) ? event(image) : json(this.wrapped([image])) + end),
						)
						.join('') + last
				);
		}
	}

	/** Breaks a text here and there. */
	body(): { bytes: Buffer; isWhole: boolean } {
		const bytes = Buffer.from(this.text());
		switch (this.below(6)) {
			case 0:
				return { bytes: bytes.subarray(0, this.below(bytes.length + 1)), isWhole: false };
			case 1: {
				const broken = Buffer.from(bytes);
				for (let i = 0; i < 3 && broken.length > 0; i += 1)
					broken[this.below(broken.length)] = this.pick(0x22, 0x7b, 0x5d, 0x0a, 0x5c, 0xef, 0);
				return { bytes: broken, isWhole: false };
			}
			default:
				return { bytes, isWhole: true };
		}
	}

	pieces(bytes: Buffer): Buffer[] {
		const pieces: Buffer[] = [];
		for (let at = 0; at < bytes.length; ) {
			const length = this.pick(1, 2, 3, 7, 50, 1_000);
			pieces.push(bytes.subarray(at, at + length));
			at += length;
		}
		return pieces;
	}
}

const request: ImageRequest = {
	model: 'm',
	operation: OPERATIONS[0],
	gateway: GATEWAYS[GATEWAYS.length - 1],
	body: {},
	references: [],
	referenceForm: 'auto',
	expectedImages: 3,
	requests: 1,
	part: 0,
	name: '',
	pairedItem: { item: 0 },
	warnings: [],
};

const context = {
	getItemIndex: () => 0,
	getNode: () => ({ name: 'Seedream', type: 'seedream', parameters: {} }),
} as unknown as IExecuteSingleFunctions;

/** Everything that a user would get to see of a response: items, warnings, or the error. */
async function shown(body: Buffer[], breaks: boolean, statusCode: number): Promise<string> {
	const source = async function* () {
		yield* body;
		if (breaks) throw new Error('aborted');
	};
	const limits = { idle: 2_000, total: 2_000, bytes: Infinity };
	const bytes = new LimitedStream(
		Readable.from(source()) as unknown as ByteStream,
		limits,
		() => {},
	);
	const response = { statusCode, headers: {} } as unknown as IN8nHttpFullResponse;
	const seen: unknown[] = [];
	try {
		for await (const record of readRecords(response, bytes, request)) {
			seen.push(record.type === 'summary' ? record.warnings : record);
		}
	} catch (error) {
		if (!(error instanceof RequestFailure)) throw error;
		const { message, description } = toNodeError(context, error, KEY);
		expect(`${message}${description}`).not.toContain(KEY);
		if (statusCode < 400 && !error.failure.mayBeCharged) seen.push('refused');
		seen.push(message, description);
	}
	return JSON.stringify(seen);
}

const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => {
	process.off('unhandledRejection', note);
	expect(unhandled).toEqual([]);
});

it('no response below 400, however odd, loses the URL of an image or counts as refused', async () => {
	const failures: string[] = [];
	for (const seed of SEEDS) {
		const chance = new Chance(seed, 'https://images.example');
		const { bytes, isWhole } = chance.body();
		const breaks = chance.below(8) === 0;
		const text = await shown(
			chance.pieces(bytes),
			breaks,
			chance.pick(200, 200, 201, 206, 299),
		).catch((error: Error) => `threw ${error.stack}`);
		const lost = isWhole ? chance.urls.filter((url) => !text.includes(url)) : [];
		if (lost.length > 0 || /^threw|"refused"/.test(text)) {
			failures.push(`seed ${seed}: lost ${lost.join(' ')}\n${bytes.toString()}\n${text}`);
		}
	}
	expect(failures.slice(0, 3)).toEqual([]);
}, 60_000);

it('no error of 400 or above, however odd, counts as an image or shows the key', async () => {
	for (const seed of SEEDS.slice(0, 500)) {
		const chance = new Chance(seed, 'https://images.example');
		const words = chance.pick<object>(
			{ message: KEY },
			{ error: { message: KEY, code: KEY } },
			{ detail: [{ msg: KEY }] },
			{ url: '/v1', message: 'no' },
			{ url: 'https://docs.example', code: 'x' },
			{ input: 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAYAAACqaXHe' },
		);
		const body = Buffer.from(JSON.stringify({ ...words, ...chance.junk() }));
		const text = await shown(
			chance.pieces(body),
			chance.below(8) === 0,
			chance.pick(400, 401, 403, 404, 422, 429, 500, 503),
		);
		expect(`seed ${seed}: ${text}`).not.toMatch(/"type":"image"/);
	}
});

/** Plays one response in n8n's engine. @returns what went wrong */
async function play(seed: number): Promise<string[]> {
	const chance = new Chance(seed, 'HOST');
	const { bytes, isWhole } = chance.body();
	const raw: RawResponse = {
		status: chance.pick(200, 200, 201, 206),
		headers: {
			'content-type': chance.pick('application/json', 'text/event-stream', 'text/html', 'x'),
		},
		body: [bytes.toString()],
		pieces: chance.pick(undefined, 1_000, 37),
		end: chance.pick('ends', 'ends', 'stays open', 'is cut'),
	};
	const { result, warnings, images, message, description, posts, took } = await answer(raw, {
		operation: 'imageSet',
		values: { maxImages: 3 },
		advanced: { stream: 'on', simplify: chance.pick(true, false) },
		requestOptions: { timeout: 600 },
		run: {
			settings: {
				retryOnFail: true,
				maxTries: 2,
				waitBetweenTries: 1,
				...chance.pick({}, { onError: 'continueRegularOutput' as const }),
			},
		},
	});
	const text = [message, description, ...warnings, ...images].join('\n');
	const lost = isWhole ? chance.urls.filter((url) => !text.includes(url)) : [];
	return [
		...lost.map((url) => `seed ${seed}: lost ${url}`),
		...(posts === 1 ? [] : [`seed ${seed}: sent ${posts} times`]),
		...(took > 10_000 ? [`seed ${seed}: took ${took} ms`] : []),
		...(JSON.stringify(result.items).includes(KEY) ? [`seed ${seed}: the key`] : []),
	];
}

// Not beside the cases above, which leave no time for timeouts.
it('nor does one through n8n’s engine, which is sent once and never hangs', async () => {
	const wrong: string[] = [];
	for (let at = 0; at < ENGINE_SEEDS.length; at += 10) {
		wrong.push(...(await Promise.all(ENGINE_SEEDS.slice(at, at + 10).map(play))).flat());
	}
	expect(wrong).toEqual([]);
}, 60_000);
