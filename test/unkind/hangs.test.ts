import { getEventListeners } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { wait } from '../../nodes/Seedream/http/wait';
import {
	A,
	answer,
	B,
	BASE64,
	body,
	COMPLETED,
	event,
	json,
	MAY_BE_CHARGED,
	PNG,
	setOf,
	stream,
	type RawResponse,
	type Setting,
} from './server';

const imageA = event({ url: A });
const imageB = event({ url: B });
const ping = event({ type: 'ping' });
const list = JSON.stringify({ data: [{ url: A }, { url: B }] });

const quick: Setting = { ...setOf(2), requestOptions: { timeout: 300 } };

const open = { end: 'stays open' } as const;
const forever = (part: string, every = 10) => ({ forever: { part, every } });
const cutShort = (reason: string) =>
	`The response was cut short (${reason}). More images may have been generated and charged; check the provider’s usage page.`;

describe('a response that makes no progress ends at the timeout', () => {
	it.concurrent.each<[string, RawResponse]>([
		['comments', stream([], forever(': PING\n\n'))],
		['heartbeats in JSON', stream([], forever(ping))],
		['heartbeats in JSON, as fast as they can', stream([], forever(ping, 0))],
		['empty events', stream([], forever('data:\n\n'))],
		['events of progress', stream([], forever(event({ type: 'progress', percent: 1 })))],
		['lines of JSON', stream([], forever('{"type":"ping"}\n'))],
		['blanks', stream([], forever(' '))],
		['blanks in JSON', stream(['{"data":['], forever('\n'))],
		['base64 that drips', stream(['{"data":[{"b64_json":"'], forever('iVBOR'))],
		['base64 that drips in an event', stream(['data: {"b64_json":"'], forever('iVBOR'))],
		['text that drips', stream(['<html>'], forever('<br>'))],
		['byte order marks', stream([], forever('\ufeff'))],
		['nothing', stream([], open)],
		['half a document', stream(['{"data":'], open)],
	])('%s', async (_, raw) => {
		const { images, message, description, posts, took } = await answer(raw, quick);
		expect({ images, posts }).toEqual({ images: [], posts: 1 });
		expect(message).toMatch(
			/^The response was cut short \(HTTP 200\): (nothing arrived for 0.3 s|it was not complete after 0.9 s) \[item 0\]$/,
		);
		expect(description).toContain(MAY_BE_CHARGED);
		expect(took).toBeLessThan(1_500);
	});

	it.concurrent('and keeps the images that came before', async () => {
		const { images, warnings, message } = await answer(
			stream([imageA], forever(': PING\n\n')),
			quick,
		);
		expect({ images, message, warnings }).toEqual({
			images: [A],
			message: '',
			warnings: [cutShort('nothing arrived for 0.3 s')],
		});
	});

	it.concurrent.each([
		['blanks', ' '],
		['text', 'x'],
	])('%s without end, as fast as they can, end long before', async (_, part) => {
		const raw = stream([imageA], forever(part.repeat(65_536), 0));
		const { images, warnings, took } = await answer(raw, setOf(2));
		expect([images, warnings]).toEqual([[A], [cutShort('a part of it has no end')]]);
		expect(took).toBeLessThan(10_000);
	});

	it.concurrent('no response at all', async () => {
		const { message, description, posts } = await answer({ body: [2_000] }, quick);
		expect(message).toMatch(/0\.3 s \[item 0\]$/);
		expect([description, posts]).toEqual([expect.stringContaining(MAY_BE_CHARGED), 1]);
	});
});

describe('a complete response on an open connection ends at once, without a warning', () => {
	it.concurrent.each<[string, RawResponse]>([
		['JSON', { ...body(list), ...open }],
		['JSON in pieces', { ...body(list), pieces: 7, ...open }],
		['JSON, then blanks for ever', { ...body(list), ...forever(' ') }],
		['JSON, then comments for ever', { ...body(list), ...forever(': PING\n\n') }],
		['a completed event', stream([imageA, imageB, COMPLETED], open)],
		['a completed event, then heartbeats', stream([imageA, imageB, COMPLETED], forever(ping))],
		[
			'completed events with an image each',
			stream(
				[A, B].map((url) => event({ type: 'image_generation.completed', url })),
				open,
			),
		],
		['[DONE]', stream([imageA, imageB, 'data: [DONE]\n\n'], open)],
		['[DONE] without a blank line', stream([imageA, imageB, 'data: [DONE]\n'], open)],
		['JSON in an event that has no end', stream([`data: ${list}\n`, 'data: [DONE]\n'], open)],
	])('%s', async (_, raw) => {
		const { images, warnings, message, took } = await answer(raw, setOf(2));
		expect({ images, warnings, message }).toEqual({ images: [A, B], warnings: [], message: '' });
		expect(took).toBeLessThan(2_500);
	});

	const error = { code: 'x', message: 'no foxes' };
	it.concurrent.each<[string, RawResponse]>([
		['in JSON', { ...json({ error }), ...open }],
		['in an event', stream([`event: error\n${event(error)}`], open)],
		['with status 400', { ...json({ error }, 400), ...open }],
	])('an error %s', async (_, raw) => {
		const { description, took } = await answer(raw, setOf(2));
		expect(description.split('\n')[1]).toBe('Provider: no foxes');
		expect(took).toBeLessThan(2_500);
	});

	it.concurrent.each<[string, string, string[]]>([
		['a line of JSON that is an image by itself', `{"url":"${A}"}\n`, [A, B]],
		['the failure of one image', event({ image_index: 0, error: { code: 'x' } }), [B]],
	])('but %s is not the end', async (_, part, expected) => {
		const { images } = await answer(stream([part, 700, imageB]), setOf(2));
		expect(images).toEqual(expected);
	});
});

it.concurrent.each<[string, RawResponse]>([
	['stalls', { body: [PNG.subarray(0, 40)], ...open }],
	['drips', { body: [PNG.subarray(0, 40)], ...forever('x', 20) }],
	['never begins', { body: [], ...open }],
])('a download that %s is given up, and its URL kept', async (_, file) => {
	const { images, result, took } = await answer(
		json({ data: [{ url: 'HOST/slow.png' }] }),
		{ requestOptions: { timeout: 300 } },
		{ '/slow.png': file },
	);
	expect(images).toEqual(['HOST/slow.png']);
	expect(result.items[0].json.downloadError).toBe(
		'The image was generated, but could not be downloaded: nothing arrived for 0.3 s. Its URL expires after 24 hours.',
	);
	expect(took).toBeLessThan(8_000);
});

describe('a long response is read quickly', () => {
	const start = BASE64.slice(0, 100);
	const line = 'A'.repeat(76);
	const odd = 'data: {"a":[1]}\ndata: ,\n';
	it.each<[string, () => string, string]>([
		[
			'20 MB in a data URI without a comma',
			() => `{"data":[{"b64_json":"data:${start}${'A'.repeat(20e6)}"}]}`,
			'bytes',
		],
		[
			'20 MB of base64 with line ends',
			() => `{"data":[{"b64_json":"${start}${`${line}\\n`.repeat(260_000)}"}]}`,
			'bytes',
		],
		[
			'10 MB in lines of an event',
			() => `data: {"b64_json":"${start}\ndata: ${`${line}\ndata: `.repeat(130_000)}"}\n\n`,
			'bytes',
		],
		[
			'an event of 20,000 lines that each may be its end',
			() => `data: {"url":"${A}","x":[\n${odd.repeat(10_000)}data: 1]}\n\n`,
			A,
		],
		['a text of 5 MB', () => `${'x <http '.repeat(600_000)}\n{"data":[{"url":"${A}"}]}`, A],
	])('%s', async (_, content, expected) => {
		const delays = monitorEventLoopDelay({ resolution: 10 });
		delays.enable();
		const { images, took } = await answer(body(content()), setOf(2));
		delays.disable();
		expect(images).toEqual([expected]);
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
