import type { IN8nHttpFullResponse } from 'n8n-workflow';
import { PassThrough, Readable } from 'node:stream';

import { GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { OPERATIONS } from '../nodes/Seedream/catalog/operations';
import { LimitedStream, type ByteStream } from '../nodes/Seedream/http/limitedStream';
import type { ImageRequest } from '../nodes/Seedream/request';
import { readRecords } from '../nodes/Seedream/response/records';

// What responses look like, and what becomes of them, is in unkind/; here is how they are read in pieces.

const request: ImageRequest = {
	model: 'doubao-seedream-4-5-251128',
	operation: OPERATIONS[0],
	gateway: GATEWAYS[0],
	body: {},
	references: [],
	referenceForm: 'auto',
	expectedImages: 4,
	requests: 1,
	part: 0,
	name: '',
	pairedItem: { item: 0 },
	warnings: [],
};

function read(body: Readable, statusCode = 200, headers = {}) {
	const response = { statusCode, headers } as unknown as IN8nHttpFullResponse;
	const limits = { idle: 10_000, total: 10_000, bytes: Infinity };
	const bytes = new LimitedStream(body as unknown as ByteStream, limits, () => {});
	return readRecords(response, bytes, request);
}

/** The records of a response; bytes, which hold only until the next record, as text. */
async function records(body: Readable): Promise<object[]> {
	const all: object[] = [];
	for await (const record of read(body)) {
		const bytes = 'bytes' in record && record.bytes ? record.bytes.toString('latin1') : undefined;
		all.push({ ...record, bytes });
	}
	return all;
}

/** The text in pieces of a size, which splits it at every place some time. */
function pieces(text: string, size: number): Readable {
	const bytes = Buffer.from(text);
	const count = Math.ceil(bytes.length / size);
	return Readable.from(
		Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size)),
	);
}

describe('a JSON response', () => {
	const first = 'one\u0000\u00ff'.repeat(50);
	// Long enough to be decoded as it arrives.
	const second = 'two{"}],[\\'.repeat(6_000);
	const base64 = Buffer.from(first, 'latin1').toString('base64');
	const escaped = Buffer.from(second)
		.toString('base64')
		.replace(/\//g, '\\/')
		.replace(/=/g, '\\u003d');
	const text = JSON.stringify({
		model: 'm',
		created: 7,
		data: [
			{ b64_json: base64, size: '1x2', note: 'a "quoted", {nested: [brackets]} and \\ é 图' },
			{ error: { code: 'Moderated', message: 'no' } },
			{ size: '3x4', b64_json: 'ESCAPED', revised_prompt: 'better' },
			{ url: 'https://host/a?b=1&c=%2F', b64_json: null },
			{ url: '', b64_json: `data:image/png;base64,${base64}` },
		],
		usage: { generated_images: 3, data: [{ b64_json: 'not an image' }] },
	}).replace('ESCAPED', escaped);

	it.each([1, 2, 3, 7, 61, 1000, 1_000_000])('is read in pieces of %i bytes', async (size) => {
		const all = await records(pieces(text, size));
		expect(all).toEqual([
			{ type: 'image', index: 0, bytes: first, size: '1x2' },
			{ type: 'failed', index: 1, code: 'Moderated', message: 'no' },
			{ type: 'image', index: 2, bytes: second, size: '3x4', revisedPrompt: 'better' },
			{ type: 'image', index: 3, url: 'https://host/a?b=1&c=%2F' },
			{ type: 'image', index: 4, bytes: first },
			{
				type: 'summary',
				created: 7,
				usage: { generated_images: 3, data: [{ b64_json: 'not an image' }] },
				warnings: [],
				raw: expect.objectContaining({ model: 'm', created: 7 }) as object,
			},
		]);
		expect(JSON.stringify(all.at(-1))).not.toContain(base64.slice(0, 40));
	});

	it('returns an image before the next one has arrived', async () => {
		const body = new PassThrough();
		const reading = read(body);
		body.write(`{"data":[{"b64_json":"${base64}"},{"b64_json":"${'A'.repeat(20)}`);
		const bytes = Buffer.from(first, 'latin1');
		expect((await reading.next()).value).toMatchObject({ type: 'image', index: 0, bytes });
		body.end('"}]}');
		expect((await reading.next()).value).toMatchObject({ type: 'image', index: 1 });
	});

	it('is given up, and not held in memory, when an image has no end', async () => {
		let megabytes = 0;
		const chunk = Buffer.alloc(1024 * 1024, '%');
		const endless = async function* () {
			yield Buffer.from('{"data":[{"b64_json":"');
			for (; megabytes < 400; megabytes += 1) yield chunk;
		};
		await expect(records(Readable.from(endless()))).rejects.toThrow('a part of it has no end');
		expect(megabytes).toBeLessThan(300);
	});
});

it.each([1, 3, 17, 100_000])('server-sent events are read in pieces of %i bytes', async (size) => {
	const image = (index: number) => ({
		type: 'image_generation.partial_succeeded',
		created: 5,
		image_index: index,
		url: `https://host/${index}`,
		size: '1x1',
	});
	const failed = {
		type: 'image_generation.partial_failed',
		image_index: 1,
		error: { code: 'OutputImageSensitiveContentDetected', message: 'refused' },
	};
	const text = [
		': a comment\n\n',
		`event: image_generation.partial_succeeded\nid: 1\ndata: ${JSON.stringify(image(0))}\n\n`,
		`event: image_generation.partial_failed\r\ndata: ${JSON.stringify(failed)}\r\n\r\n`,
		`data: ${JSON.stringify(image(2), null, 1).replace(/\n/g, '\ndata: ')}\n\n`,
		'data: {"type":"image_generation.completed","usage":{"generated_images":2}}\n\n',
		'data: [DONE]\n\n',
	].join('');
	expect(await records(pieces(text, size))).toEqual([
		{ type: 'image', index: 0, url: 'https://host/0', size: '1x1' },
		{ type: 'failed', index: 1, ...failed.error },
		{ type: 'image', index: 2, url: 'https://host/2', size: '1x1' },
		{
			type: 'summary',
			created: 5,
			usage: { generated_images: 2 },
			warnings: [],
			raw: expect.any(Array) as unknown[],
		},
	]);
});

it('of a flood of heartbeats a thousand are kept', async () => {
	const beats = 'data: {"type":"ping"}\n\n'.repeat(5_000);
	const body = Readable.from([Buffer.from(`${beats}{"data":[{"url":"https://a/b"}]}`)]);
	const [image, summary] = await records(body);
	expect(image).toMatchObject({ type: 'image', url: 'https://a/b' });
	expect((summary as { raw: unknown[] }).raw).toHaveLength(1_000);
});

it.each<[object, number | undefined]>([
	[{ 'retry-after': '2' }, 2_000],
	[{ 'retry-after': '0.8' }, 800],
	[{ 'retry-after': 'Tue, 24 Nov 2026 12:00:30 GMT' }, 30_000],
	[{ 'retry-after': 'Tue, 24 Nov 2026 11:00:00 GMT' }, 0],
	[{ 'retry-after': 'soon' }, undefined],
	[{ 'retry-after-ms': '1500', 'retry-after': '9' }, 1_500],
	[{}, undefined],
])('the next attempt may be as late as %j says: %p ms', async (headers, retryAfter) => {
	jest.spyOn(Date, 'now').mockReturnValue(Date.UTC(2026, 10, 24, 12));
	const reading = read(Readable.from([Buffer.from('{"error":{"message":"busy"}}')]), 429, headers);
	await expect(reading.next()).rejects.toMatchObject({ failure: { status: 429, retryAfter } });
});
