import {
	answer,
	body,
	MAY_BE_CHARGED,
	RETRY_ON_FAIL,
	type RawResponse,
	type Setting,
} from './server';

const A = 'HOST/a.png';
const json = (value: unknown, status = 200, headers = {}): RawResponse => ({
	status,
	headers: { 'content-type': 'application/json', ...headers },
	body: [JSON.stringify(value)],
});
const asEvents = (raw: RawResponse): RawResponse => ({
	...raw,
	headers: { ...raw.headers, 'content-type': 'text/event-stream' },
});
const text = (words: string, status: number, headers = {}): RawResponse => ({
	status,
	headers: { 'content-type': 'text/plain', ...headers },
	body: [words],
});
const image = json({ data: [{ url: A }] });
const envoy = (reason: string) =>
	`upstream connect error or disconnect/reset before headers. reset reason: ${reason}`;

/** Retry On Fail, and everything this node itself may retry. */
const RETRIES: Setting = {
	options: { maxTries: 3, retryServerErrors: 'automatic' },
	run: { settings: RETRY_ON_FAIL },
};

describe('what may have been charged is sent once, whatever retries are set, and says so', () => {
	it.concurrent.each<[string, RawResponse]>([
		// Lost upstream.
		...[
			'connection termination',
			'remote reset',
			'local reset',
			'connection timeout',
			'protocol error',
		].map((reason): [string, RawResponse] => [`503 of Envoy: ${reason}`, text(envoy(reason), 503)]),
		['503 of Envoy in JSON', json({ error: { message: envoy('connection termination') } }, 503)],
		[
			'503 of Envoy with Retry-After',
			text(envoy('connection termination'), 503, { 'retry-after': '0' }),
		],
		['503 without a word', text('', 503)],
		['503 of a proxy', text('<html><title>503</title><h1>Backend fetch failed</h1></html>', 503)],
		['503 no healthy upstream', text('no healthy upstream', 503)],
		...[
			'read tcp 10.0.0.1:4711->1.2.3.4:443: read: connection reset by peer',
			'Post "https://ark.example/api/v3/images/generations": EOF',
			'Post "https://ark.example": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
			'unexpected EOF',
			'socket hang up',
			'read ECONNRESET',
			'upstream prematurely closed connection while reading response header from upstream',
			'Server disconnected without sending a response.',
			'Remote end closed connection without response',
			'HTTPSConnectionPool(host=x, port=443): Read timed out.',
			'write: broken pipe',
		].flatMap(
			(message): Array<[string, RawResponse]> => [
				[`503 JSON: ${message}`, json({ error: { message, type: 'upstream_error' } }, 503)],
				[`500 JSON: ${message}`, json({ error: { message } }, 500)],
				[`200 JSON: ${message}`, json({ error: { message } })],
			],
		),
		...[
			'do_request_failed',
			'bad_response_body',
			'read_response_body_failed',
			'empty_response',
			'channel:response_time_exceeded',
			'DO_REQUEST_FAILED',
		].flatMap(
			(code): Array<[string, RawResponse]> => [
				[`500 ${code}`, json({ error: { message: 'x', code } }, 500)],
				[`${code} as events`, asEvents(json({ error: { message: 'x', code } }))],
				[
					`${code} behind heartbeats`,
					asEvents(
						body(`: PING\n\n: PING\n\n${JSON.stringify({ error: { message: 'x', code } })}`),
					),
				],
				[
					`${code} in an event`,
					asEvents(
						body(`event: error\ndata: ${JSON.stringify({ error: { message: 'x', code } })}\n\n`),
					),
				],
			],
		),
		...[408, 499, 502, 504, 520, 524, 598].map((status): [string, RawResponse] => [
			`${status} JSON`,
			json({ error: { message: 'no', code: 'x' } }, status),
		]),
		// Below 400 without an image, and without an error beyond doubt.
		...[
			{},
			[],
			{ data: [] },
			{ data: null },
			{ data: [{}] },
			{ data: [null] },
			{ data: [{ url: null, b64_json: '' }] },
			{ data: [{ url: '', b64_json: 'None' }] },
			{ data: [{ link: 'x' }] },
			{ data: [['x']] },
			{ data: { state: 1 } },
			{ code: 1, message: '操作成功' },
			{ code: 1, message: '操作成功', data: { x: 1 } },
			{ code: 'A00000', msg: '请求成功', data: {} },
			{ code: 'COMPLETED', message: 'done', data: { x: [1] } },
			{ code: 'submitted', message: 'queued', data: { task_id: 't-1' } },
			{ code: 'PROCESSING', message: 'see later', task_id: 't-1' },
			{ code: 20000, message: 'ok' },
			{ code: -1, message: 'unknown' },
			{ message: 'hello' },
			{ status: 'failed', message: 'unknown' },
			{ error: {} },
			{ error: { code: 0 } },
			{ error: { code: 0, message: 'none' } },
			{ error: { code: '200', message: 'Generated' } },
			{ error: 'success' },
			{ error: false, message: 'fine' },
			{ success: true, code: 'abc', message: 'fine' },
			{ result: 'pending' },
			{ id: 'x', status: 'queued' },
		].flatMap(
			(value): Array<[string, RawResponse]> => [
				[`200 ${JSON.stringify(value)}`, json(value)],
				[
					`event ${JSON.stringify(value)}`,
					asEvents(body(`data: ${JSON.stringify(value)}\n\ndata: [DONE]\n\n`)),
				],
			],
		),
		['200 without a body', text('', 200)],
		['204', { status: 204, headers: {}, body: [] }],
		['202', json({}, 202)],
		['206, cut', { ...body('{"data":[{"b64_json":"iVBOR'), status: 206 }],
		['200 with a web page', text('<html><title>Welcome</title></html>', 200)],
		['200 with words', text('all right', 200)],
		['200 with broken JSON', body('{"data":[{"url":}]}')],
		['200 with JSON that is cut', body('{"data":[{"url"')],
		['200 on a connection that is cut', { ...body('{"da'), end: 'is cut' }],
		['an event in the middle of which it ends', asEvents(body('data: {"type":"image_gener'))],
		['nothing but comments', asEvents(body(': PING\n\n: PING\n\n'))],
		['nothing but [DONE]', asEvents(body('data: [DONE]\n\n'))],
		['a completed event alone', asEvents(body('data: {"type":"image_generation.completed"}\n\n'))],
		[
			'an event that fails in words',
			asEvents(body('event: error\ndata: Internal Server Error\n\n')),
		],
	])('%s', async (_, raw) => {
		const { images, message, description, posts } = await answer(raw, RETRIES);
		expect({ images, posts }).toEqual({ images: [], posts: 1 });
		expect(message).toMatch(/^\S.* \[item 0\]$/s);
		expect(description.includes(MAY_BE_CHARGED) || description.includes('may be charged')).toBe(
			true,
		);
	});
});

describe('what was surely not generated is sent again by this node', () => {
	it.concurrent.each<[string, RawResponse]>([
		[
			'503 with an error',
			json({ error: { code: 'ServerOverloaded', message: 'busy' } }, 503, { 'retry-after': '0' }),
		],
		['503 with Retry-After', text('later', 503, { 'retry-after': '0' })],
		['429', json({ error: { message: 'slow down' } }, 429, { 'retry-after': '0' })],
		['429 in words', text('Too Many Requests', 429, { 'retry-after': '0' })],
		[
			'429 as events',
			asEvents(json({ error: { message: 'slow down' } }, 429, { 'retry-after': '0' })),
		],
	])('%s', async (_, raw) => {
		const { images, message, posts } = await answer([raw, image], { options: { maxTries: 2 } });
		expect({ images, message, posts }).toEqual({ images: [A], message: '', posts: 2 });
	});
});

describe('an error beyond doubt is not sent again by this node, and by n8n only if the user wants it', () => {
	const quota = { error: { message: 'user quota is not enough', code: 'insufficient_user_quota' } };
	const TOP_UP =
		"The account's balance, quota or spending limit is used up. Top it up or raise the limit at the provider, then run again.";

	it.concurrent.each<[string, RawResponse]>([
		['in a stream', asEvents(json(quota))],
		['in a stream, behind comments', asEvents(body(`: PING\n\n${JSON.stringify(quota)}`))],
		['in a stream, status 429', asEvents(json(quota, 429))],
		['in a stream, status 403', asEvents(json(quota, 403))],
		['in an event', asEvents(body(`data: ${JSON.stringify(quota)}\n\n`))],
		[
			'at the top level',
			json({ code: 'insufficient_user_quota', message: 'user quota is not enough' }),
		],
		['with a result that is empty', json({ success: false, ...quota.error, data: null })],
	])('insufficient_user_quota %s', async (_, raw) => {
		const { message, description, posts } = await answer(raw, { options: { maxTries: 3 } });
		expect({ message, description: description.split('\n')[0], posts }).toEqual({
			message: 'user quota is not enough [item 0]',
			description: TOP_UP,
			posts: 1,
		});
	});

	it.concurrent.each<[string, unknown, string]>([
		['success: false', { success: false, message: 'no credit' }, 'no credit'],
		['success: "false"', { success: 'false', msg: 'no credit' }, 'no credit'],
		['error: true', { error: true, reason: 'no credit' }, 'no credit'],
		['an error without a message', { error: { code: 'moderated' } }, 'moderated'],
		['an error of nothing but a type', { error: { type: 'moderated' } }, 'moderated'],
		['a code of HTTP', { code: 401, msg: 'bad token' }, 'bad token'],
		['errors, a list', { errors: [{ message: 'no credit' }] }, 'no credit'],
		['error, a list', { error: ['no credit'] }, 'no credit'],
		['entries with codes', { data: [{ code: 'moderated', message: 'no foxes' }] }, 'no foxes'],
	])('%s', async (_, value, words) => {
		const { message, description, posts } = await answer(json(value), RETRIES);
		expect(message).toBe(`${words} [item 0]`);
		expect(description).not.toContain('may have been generated');
		expect(posts).toBe(RETRY_ON_FAIL.maxTries);
	});
});

describe('URLs of a response that is not understood stand in the description', () => {
	const signed = 'https://bucket.example/a.png?X-Sign=1&X-Expires=2';
	it.concurrent.each<[string, RawResponse]>([
		['in fields nobody knows', json({ payload: { items: [{ link: signed }] } })],
		['below a key with a dot', json({ 'x.y': [{ link: signed }] })],
		['below an empty key', json({ '': [{ link: signed }] })],
		['below a long key', json({ ['x'.repeat(100)]: { ['y'.repeat(100)]: [{ link: signed }] } })],
		[
			'in Markdown of a chat',
			json({ choices: [{ message: { content: `Here: ![image](${signed})` } }] }),
		],
		['in JSON in JSON', json({ data: JSON.stringify({ url: signed }) })],
		[
			'in JSON of PHP in JSON',
			json({ data: JSON.stringify({ url: signed }).replaceAll('/', '\\/') }),
		],
		[
			'in JSON of Go that is cut',
			body(`{"data":[{"url":"${signed.replace('&', '\\u0026')}","size":`),
		],
		[
			'in JSON whose connection is cut',
			{ ...body(`{"data":[{"url":"${signed}","size":"1`), end: 'is cut' },
		],
		[
			'in an event whose connection is cut',
			{ ...asEvents(body(`data: {"url":"${signed}","size":"1`)), end: 'is cut' },
		],
		['in JSON that stops', { ...body(`{"data":[{"url":"${signed}","size":"1`), end: 'stays open' }],
		['in broken JSON', body(`{"data":[{"url":"${signed}",]}`)],
		['in many words', text(`Your image is there. ${'It is fine. '.repeat(30)} ${signed}.`, 200)],
		['in a web page', text(`<html><body><img src="${signed}"></body></html>`, 200)],
		['in an event', asEvents(body(`data: {"step":{"link":"${signed}"}}\n\n`))],
		['beside success', json({ code: 0, message: 'success', info: { href: signed } })],
		['behind a megabyte', body(`{"pad":"${'x'.repeat(1_200_000)}","info":"${signed}"}`)],
	])('%s', async (_, raw) => {
		const { images, description, posts } = await answer(raw, {
			requestOptions: { timeout: 500 },
			run: { settings: RETRY_ON_FAIL },
		});
		expect(images).toEqual([]);
		expect(posts).toBe(1);
		expect(description.split('\n').slice(1)).toEqual(
			expect.arrayContaining(['URLs in the response; they may expire after 24 hours:', signed]),
		);
	});
});

it.concurrent('more than a megabyte before the images does not end the reading', async () => {
	const { images } = await answer(
		body(`{"pad":"${'x'.repeat(3_000_000)}","data":[{"url":"${A}"}]}`),
	);
	expect(images).toEqual([A]);
});

it.concurrent(
	'a page of nginx that refuses is sent again, one that lost the service is not',
	async () => {
		const page = (title: string) =>
			`<html><head><title>${title}</title></head><center>nginx</center></html>`;
		const refused = text(page('503 Service Temporarily Unavailable'), 503);
		const [again, lost] = await Promise.all([
			answer([refused, image], { options: { maxTries: 2 } }),
			answer([text(page('502 Bad Gateway'), 502), image], RETRIES),
		]);
		expect([again.posts, again.images, lost.posts, lost.images]).toEqual([2, [A], 1, []]);
	},
);
