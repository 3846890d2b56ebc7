import { getEventListeners } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { wait } from '../../nodes/Seedream/http/wait';
import {
	answer,
	BASE64,
	body,
	MAY_BE_CHARGED,
	PNG,
	type RawResponse,
	type Setting,
} from './server';

const A = 'HOST/a.png';
const B = 'HOST/b.png';
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const completed = event({ type: 'image_generation.completed', usage: {} });
const list = JSON.stringify({ data: [{ url: A }, { url: B }] });

const SET: Setting = {
	operation: 'imageSet',
	values: { maxImages: 2 },
	options: { stream: 'on', maxTries: 1 },
};
const timeout = 300;
const quick: Setting = { ...SET, requestOptions: { timeout } };

const stream = (parts: RawResponse['body'], more: Partial<RawResponse> = {}): RawResponse => ({
	headers: { 'content-type': 'text/event-stream' },
	body: parts,
	...more,
});
const forever = (part: string, every = 10) => ({ forever: { part, every } });

describe('a response that makes no progress ends at the timeout', () => {
	it.concurrent.each<[string, RawResponse]>([
		['comments', stream([], forever(': PING\n\n'))],
		['heartbeats in JSON', stream([], forever(event({ type: 'ping' })))],
		['heartbeats in JSON, many a second', stream([], forever(event({ type: 'ping' }), 0))],
		['empty events', stream([], forever('data:\n\n'))],
		['events of progress', stream([], forever(event({ type: 'progress', percent: 1 })))],
		['lines of JSON', stream([], forever('{"type":"ping"}\n'))],
		['blanks', stream([], forever(' '))],
		['blanks in JSON', stream(['{"data":['], forever('\n'))],
		['base64 that drips', stream(['{"data":[{"b64_json":"'], forever('iVBOR'))],
		['base64 that drips in an event', stream(['data: {"b64_json":"'], forever('iVBOR'))],
		['text that drips', stream(['<html>'], forever('<br>'))],
		['byte order marks', stream([], forever('\ufeff'))],
		['nothing', stream([], { end: 'stays open' })],
		['half a document', stream(['{"data":'], { end: 'stays open' })],
	])('%s', async (_, raw) => {
		const { images, message, description, posts, took } = await answer(raw, quick);
		expect({ images, posts }).toEqual({ images: [], posts: 1 });
		expect(message).toMatch(
			/^The response was cut short \(HTTP 200\): (nothing arrived for 0.3 s|it was not complete after 0.9 s) \[item 0\]$/,
		);
		expect(description).toContain(MAY_BE_CHARGED);
		expect(took).toBeLessThan(1_500);
	});

	it.concurrent.each<[string, string]>([
		['blanks', ' '.repeat(65_536)],
		['text', 'x'.repeat(65_536)],
	])('%s that never end, as fast as they can, end long before', async (_, part) => {
		const raw = stream([event({ url: A })], forever(part, 0));
		const { images, warnings, took } = await answer(raw, {
			...SET,
			requestOptions: { timeout: 20_000 },
		});
		expect([images, warnings]).toEqual([
			[A],
			[
				'The response was cut short (a part of it has no end). More images may have been generated and charged; check the provider’s usage page.',
			],
		]);
		expect(took).toBeLessThan(10_000);
	});

	it.concurrent('no response at all', async () => {
		const { message, description, posts } = await answer(
			{ body: [2_000] },
			{ ...quick, values: { maxImages: 2 } },
		);
		expect({ message, posts, isSaid: description.includes(MAY_BE_CHARGED) }).toEqual({
			message: expect.stringMatching(/0\.3 s \[item 0\]$/) as string,
			posts: 1,
			isSaid: true,
		});
	});

	it.concurrent('and keeps the images that came before', async () => {
		const { images, warnings, message } = await answer(
			stream([event({ url: A })], forever(': PING\n\n')),
			quick,
		);
		expect({ images, message, warnings }).toEqual({
			images: [A],
			message: '',
			warnings: [
				'The response was cut short (nothing arrived for 0.3 s). More images may have been generated and charged; check the provider’s usage page.',
			],
		});
	});
});

describe('a complete response on a connection that stays open ends at once, without a warning', () => {
	const open = { end: 'stays open' } as const;
	it.concurrent.each<[string, RawResponse]>([
		['JSON', { ...body(list), ...open }],
		['JSON in pieces', { ...body(list), pieces: 7, ...open }],
		['JSON, then blanks for ever', { ...body(list), ...forever(' ') }],
		['JSON, then comments for ever', { ...body(list), ...forever(': PING\n\n') }],
		['a completed event', stream([event({ url: A }), event({ url: B }), completed], open)],
		[
			'a completed event, then heartbeats for ever',
			stream([event({ url: A }), event({ url: B }), completed], forever(event({ type: 'ping' }))),
		],
		[
			'completed events with an image each',
			stream(
				[A, B].map((url) => event({ type: 'image_generation.completed', url })),
				open,
			),
		],
		['[DONE]', stream([event({ url: A }), event({ url: B }), 'data: [DONE]\n\n'], open)],
		[
			'[DONE] without a blank line',
			stream([event({ url: A }), event({ url: B }), 'data: [DONE]\n'], open),
		],
		['JSON in an event that has no end', stream([`data: ${list}\n`, 'data: [DONE]\n'], open)],
	])('%s', async (_, raw) => {
		const { images, warnings, message, took } = await answer(raw, {
			...SET,
			requestOptions: { timeout: 20_000 },
		});
		expect({ images, warnings, message }).toEqual({ images: [A, B], warnings: [], message: '' });
		expect(took).toBeLessThan(2_500);
	});

	it.concurrent.each<[string, RawResponse]>([
		['in JSON', { ...body('{"error":{"code":"x","message":"no foxes"}}'), ...open }],
		['in an event', stream(['event: error\ndata: {"code":"x","message":"no foxes"}\n\n'], open)],
		[
			'with status 400',
			{ ...body('{"error":{"code":"x","message":"no foxes"}}'), status: 400, ...open },
		],
	])('an error %s', async (_, raw) => {
		const { message, took } = await answer(raw, { ...SET, requestOptions: { timeout: 20_000 } });
		expect(message).toBe('no foxes [item 0]');
		expect(took).toBeLessThan(2_500);
	});

	it.concurrent('but a line of JSON that is an image by itself is not the end', async () => {
		const lines = [A, 900, B].map((part) =>
			typeof part === 'number' ? part : `{"url":"${part}"}\n`,
		);
		const { images } = await answer(body(''), SET).then(
			async () => await answer(stream(lines), { ...SET, requestOptions: { timeout: 3_000 } }),
		);
		expect(images).toEqual([A, B]);
	});

	it.concurrent('nor is the failure of one image', async () => {
		const parts = [
			event({ image_index: 0, error: { code: 'x', message: 'no' } }),
			900,
			event({ url: B }),
		];
		const { images } = await answer(stream(parts), { ...SET, requestOptions: { timeout: 3_000 } });
		expect(images).toEqual([B]);
	});
});

describe('a download that makes no progress', () => {
	it.concurrent.each<[string, RawResponse, string]>([
		['stalls', { body: [PNG.subarray(0, 40)], end: 'stays open' }, 'nothing arrived for 0.3 s'],
		['drips', { body: [PNG.subarray(0, 40)], ...forever('x', 20) }, 'nothing arrived for 0.3 s'],
		['never begins', { body: [], end: 'stays open' }, 'nothing arrived for 0.3 s'],
	])('%s is given up, and its URL kept', async (_, file, reason) => {
		const raw = body(JSON.stringify({ data: [{ url: 'HOST/slow.png' }] }));
		const { images, result, took } = await answer(
			raw,
			{ requestOptions: { timeout: 300 } },
			{ '/slow.png': file },
		);
		expect(images).toEqual(['HOST/slow.png']);
		expect(result.items[0].json.downloadError).toBe(
			`The image was generated, but could not be downloaded: ${reason}. Its URL expires after 24 hours.`,
		);
		expect(took).toBeLessThan(8_000);
	});
});

describe('what is long takes no long time', () => {
	const mega = 'A'.repeat(1_000_000);
	it.each<[string, () => RawResponse, string[]]>([
		[
			'20 MB in a data URI without a comma',
			() => body(`{"data":[{"b64_json":"data:${BASE64.slice(0, 100)}${mega.repeat(20)}"}]}`),
			['bytes'],
		],
		[
			'20 MB of base64 with blanks',
			() =>
				body(
					`{"data":[{"b64_json":"${BASE64.slice(0, 100)}${`${'A'.repeat(76)}\\n`.repeat(260_000)}"}]}`,
				),
			['bytes'],
		],
		[
			'10 MB in lines of an event',
			() =>
				body(
					`data: {"b64_json":"${BASE64.slice(0, 100)}\ndata: ${`${'A'.repeat(76)}\ndata: `.repeat(130_000)}"}\n\n`,
				),
			['bytes'],
		],
		[
			'an event of 20 000 lines that each may be its end',
			() =>
				body(
					`data: {"url":"${A}","x":[\n${'data: {"a":[1]}\ndata: ,\n'.repeat(10_000)}data: 1]}\n\n`,
				),
			[A],
		],
		['a text of 5 MB', () => body(`${'x <http '.repeat(600_000)}\n{"data":[{"url":"${A}"}]}`), [A]],
	])('%s', async (_, raw, expected) => {
		const delays = monitorEventLoopDelay({ resolution: 10 });
		delays.enable();
		const { images, took } = await answer(raw(), { requestOptions: { timeout: 20_000 } });
		delays.disable();
		expect(images).toEqual(expected);
		expect(took).toBeLessThan(6_000);
		expect(delays.max / 1e6).toBeLessThan(2_000);
	});
});

it.concurrent('waits leave no listeners behind', async () => {
	const [whole, ended] = [new AbortController(), new AbortController()];
	const waits = [5, 10_000].map(async (time) => await wait(time, whole.signal, ended.signal));
	await waits[0];
	expect(getEventListeners(whole.signal, 'abort')).toEqual([]);
	ended.abort();
	await waits[1];
	expect(getEventListeners(whole.signal, 'abort')).toEqual([]);
});
