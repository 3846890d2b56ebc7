import type { IN8nHttpFullResponse } from 'n8n-workflow';
import { PassThrough, Readable } from 'node:stream';

import { GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { OPERATIONS } from '../nodes/Seedream/catalog/operations';
import { RequestFailure } from '../nodes/Seedream/errors';
import { LimitedStream, type ByteStream } from '../nodes/Seedream/http/limitedStream';
import type { ImageRequest } from '../nodes/Seedream/request';
import { picture } from './support';
import { readRecords, type ResponseRecord } from '../nodes/Seedream/response/records';

const request: ImageRequest = {
	model: 'doubao-seedream-4-5-251128',
	operation: OPERATIONS[0],
	gateway: GATEWAYS[0],
	body: {},
	references: [],
	referenceForm: 'auto',
	expectedImages: 4,
	warnings: [],
};

/** Reads a body as the response of a service, under a Content-Type that the reader must not go by. */
function read(body: Readable, contentType = 'text/plain', statusCode = 200) {
	const response = {
		statusCode,
		headers: { 'content-type': contentType },
	} as unknown as IN8nHttpFullResponse;
	const limits = { idle: 10_000, total: 10_000, bytes: Infinity };
	const bytes = new LimitedStream(body as unknown as ByteStream, limits, () => {});
	return readRecords(response, bytes, request);
}

/** The text in pieces of a size, which splits it at every place some time. */
function pieces(text: string, size: number): Readable {
	const bytes = Buffer.from(text);
	const chunks: Buffer[] = [];
	for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
	return Readable.from(chunks);
}

async function records(body: Readable, contentType?: string): Promise<ResponseRecord[]> {
	const all: ResponseRecord[] = [];
	for await (const record of read(body, contentType)) all.push(record);
	return all;
}

const image = (text: string) => Buffer.from(text.repeat(50));

describe('a JSON response', () => {
	const first = image('one\u0000\u00ff');
	const second = image('two{"}],[\\');
	const slashes = second.toString('base64').replace(/\//g, '\\/').replace(/=/g, '\\u003d');
	const text = JSON.stringify({
		model: 'm',
		created: 7,
		data: [
			{ b64_json: 'FIRST', size: '1x2', note: 'a "quoted", {nested: [brackets]} and \\ é 图' },
			{ error: { code: 'Moderated', message: 'no' } },
			{ size: '3x4', b64_json: 'SECOND', revised_prompt: 'better' },
			{ url: 'https://host/a?b=1&c=%2F', b64_json: null },
			{ url: '', b64_json: `data:image/png;base64,${first.toString('base64')}` },
		],
		usage: { generated_images: 3, data: [{ b64_json: 'not an image' }] },
	})
		.replace('FIRST', first.toString('base64'))
		.replace('SECOND', slashes);

	it.each([1, 2, 3, 5, 7, 16, 61, 1000, 1_000_000])('in pieces of %i bytes', async (size) => {
		const all = await records(pieces(text, size), 'application/json');
		expect(all.slice(0, -1)).toEqual([
			{ type: 'image', index: 0, bytes: first, size: '1x2', revisedPrompt: undefined },
			{ type: 'failed', index: 1, code: 'Moderated', message: 'no' },
			{ type: 'image', index: 2, bytes: second, size: '3x4', revisedPrompt: 'better' },
			{
				type: 'image',
				index: 3,
				url: 'https://host/a?b=1&c=%2F',
				size: undefined,
				revisedPrompt: undefined,
			},
			{ type: 'image', index: 4, bytes: first, size: undefined, revisedPrompt: undefined },
		]);
		expect(all.at(-1)).toMatchObject({
			type: 'summary',
			created: 7,
			usage: { generated_images: 3, data: [{ b64_json: 'not an image' }] },
			warnings: [],
		});
		expect(JSON.stringify(all.at(-1))).not.toContain(first.toString('base64').slice(0, 40));
	});

	it('with line breaks in its base64, as in MIME', async () => {
		const lines = (first.toString('base64').match(/.{1,76}/g) ?? []).join('\\r\\n');
		const [record] = await records(pieces(`{"data":[{"b64_json":"${lines}"}]}`, 11));
		expect(record).toMatchObject({ type: 'image', bytes: first });
	});

	it('that is cut short keeps the images before', async () => {
		const cut = text.slice(0, text.indexOf('"revised_prompt"'));
		const all = await records(pieces(cut, 100), 'application/json');
		expect(all.map(({ type }) => type)).toEqual(['image', 'failed', 'summary']);
		expect(all[2]).toMatchObject({ warnings: [expect.stringContaining('cut short')] });
	});

	it('whose connection is lost keeps the images before', async () => {
		const body = new PassThrough();
		body.write(text.slice(0, text.indexOf('"revised_prompt"')));
		setImmediate(() => body.destroy(new Error('aborted')));
		const all = await records(body, 'application/json');
		expect(all.map(({ type }) => type)).toEqual(['image', 'failed', 'summary']);
	});

	it('returns an image before the next one has arrived', async () => {
		const body = new PassThrough();
		const reading = read(body);
		body.write(
			`{"data":[{"b64_json":"${first.toString('base64')}"},{"b64_json":"AAAAAAAAAAAAAAAAAAAA`,
		);
		expect((await reading.next()).value).toMatchObject({ type: 'image', bytes: first });
		body.end('"}]}');
		expect((await reading.next()).value).toMatchObject({ type: 'image', index: 1 });
	});
});

it('an image without end is not held in memory', async () => {
	let sent = 0;
	const endless = async function* () {
		yield Buffer.from('{"data":[{"b64_json":"');
		for (; sent < 400; sent += 1) yield Buffer.alloc(1024 * 1024, 'A');
	};
	const reading = records(Readable.from(endless()), 'application/json');
	await expect(reading).rejects.toThrow('a part of it has no end');
	expect(sent).toBeLessThan(300);
});

describe('server-sent events', () => {
	const event = (value: object, head = '') => `${head}data: ${JSON.stringify(value)}\n\n`;
	const made = (index: number) => ({
		type: 'image_generation.partial_succeeded',
		created: 5,
		image_index: index,
		url: `https://host/${index}`,
		size: '1x1',
	});
	const record = (index: number) => ({
		type: 'image',
		index,
		url: `https://host/${index}`,
		size: '1x1',
		revisedPrompt: undefined,
	});
	const completed = { type: 'image_generation.completed', usage: { generated_images: 2 } };
	const stream = async (text: string, size = 10) =>
		await records(pieces(text, size), 'text/event-stream; charset=utf-8');

	it.each([1, 3, 17, 100_000])("Ark's, in pieces of %i bytes", async (size) => {
		const failed = {
			type: 'image_generation.partial_failed',
			image_index: 1,
			error: { code: 'OutputImageSensitiveContentDetected', message: 'refused' },
		};
		const text = [
			': a comment\n\n',
			event(made(0), 'event: image_generation.partial_succeeded\nid: 1\n'),
			event(failed, 'event: image_generation.partial_failed\r\n').replace(/\n/g, '\r\n'),
			`data: ${JSON.stringify(made(2), null, 1).replace(/\n/g, '\ndata: ')}\n\n`,
			event(completed),
			'data: [DONE]\n\n',
		].join('');
		expect(await stream(text, size)).toEqual([
			record(0),
			{
				type: 'failed',
				index: 1,
				code: 'OutputImageSensitiveContentDetected',
				message: 'refused',
			},
			record(2),
			expect.objectContaining({ type: 'summary', created: 5, usage: { generated_images: 2 } }),
		]);
	});

	it("new-api's, with the image in each completed event", async () => {
		const one = image('x');
		const text = [
			event({ type: 'image_generation.completed', b64_json: one.toString('base64') }),
			event({ type: 'image_generation.completed', url: 'https://host/b', usage: { n: 1 } }),
			'data: [DONE]\n\n',
		].join('');
		const all = await stream(text);
		expect(all.slice(0, 2)).toMatchObject([
			{ type: 'image', index: 0, bytes: one },
			{ type: 'image', index: 1, url: 'https://host/b' },
		]);
		expect(all).toHaveLength(3);
	});

	it('without a completed event and without [DONE]', async () => {
		const all = await stream(event(made(0)) + event(made(1)));
		expect(all).toEqual([record(0), record(1), expect.objectContaining({ type: 'summary' })]);
		expect(all[2]).toMatchObject({ warnings: [] });
	});

	it.each(['data:\n\n', 'data: "ping"\n\n', 'data: null\n\n', 'data\n\n'])(
		'with %j among them continue after it',
		async (odd) => {
			const all = await stream(event(made(0)) + odd + event(made(1)));
			expect(all).toEqual([record(0), record(1), expect.objectContaining({ type: 'summary' })]);
			expect(all[2]).toMatchObject({ warnings: [] });
		},
	);

	it('of which one is not JSON continue after it, with a warning', async () => {
		const all = await stream(`${event(made(0))}data: {"type"\n\n${event(made(1))}data: [DONE]\n\n`);
		expect(all).toEqual([
			record(0),
			record(1),
			expect.objectContaining({ warnings: [expect.stringContaining('could not be read')] }),
		]);
	});

	it('cut short in an event keep the images before', async () => {
		const all = await stream(event(made(0)) + event(made(1)).slice(0, 50));
		expect(all).toEqual([
			record(0),
			expect.objectContaining({ warnings: [expect.stringContaining('cut short')] }),
		]);
	});

	it('with an error event and no image fail with its message', async () => {
		const failure = { type: 'error', error: { code: 'InternalServiceError', message: 'down' } };
		await expect(stream(event(failure))).rejects.toMatchObject({
			failure: { code: 'InternalServiceError', message: 'down', mayBeCharged: false },
		});
		await expect(stream(event(failure))).rejects.toBeInstanceOf(RequestFailure);
	});

	it('that are cut short after an error event fail with its message', async () => {
		const refusal = { type: 'error', error: { code: 'InputTextRisk', message: 'not this one' } };
		const body = Readable.from(
			(async function* () {
				yield Buffer.from(event(refusal));
				throw new Error('aborted');
			})(),
		);
		const reading = records(body, 'text/event-stream');
		await expect(reading).rejects.toMatchObject({
			failure: { message: 'not this one', code: 'InputTextRisk', mayBeCharged: false },
		});
	});

	it('with an irrelevant message have no warning', async () => {
		const body = { data: [{ url: 'https://host/a' }], message: 'Image generated', error: {} };
		const all = await records(pieces(JSON.stringify(body), 9), 'application/json');
		expect(all[1]).toMatchObject({ type: 'summary', warnings: [] });
	});

	it('with an error event after an image keep the image and say why', async () => {
		const failure = { error: { code: 'InternalServiceError', message: 'down' } };
		expect(await stream(event(made(0)) + event(failure))).toEqual([
			record(0),
			expect.objectContaining({
				warnings: ['The service stopped early: InternalServiceError: down.'],
			}),
		]);
	});
});

it('a body that is an image itself is that image', async () => {
	const png = await picture(20, 10);
	const body = Readable.from([png.subarray(0, 40), png.subarray(40)]);
	const [record, summary] = await records(body, 'image/png');
	expect(record).toMatchObject({ type: 'image', index: 0, bytes: png });
	expect(summary).toMatchObject({ type: 'summary', warnings: [] });
});

it('a flood of heartbeats is not kept', async () => {
	const beat = 'data: {"type":"ping"}\n\n'.repeat(5_000);
	const all = await records(
		Readable.from([Buffer.from(`${beat}{"data":[{"url":"https://a/b"}]}`)]),
	);
	expect(all[0]).toMatchObject({ type: 'image', url: 'https://a/b' });
	expect((all[1] as { raw: unknown[] }).raw).toHaveLength(1_000);
});
