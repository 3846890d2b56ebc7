import {
	A,
	answer,
	body,
	event,
	IMAGE,
	json,
	MAY_BE_CHARGED,
	RETRY_ON_FAIL,
	stream,
	text,
	type RawResponse,
	type Setting,
} from './server';

const RETRIES: Setting = { run: { settings: RETRY_ON_FAIL } };
const nginx = (title: string) =>
	`<html><head><title>${title}</title></head><center>nginx</center></html>`;
const envoy = (reason: string) =>
	`upstream connect error or disconnect/reset before headers. reset reason: ${reason}`;

describe('a response after which an image may exist is never retried, and says so', () => {
	const expectOneAttempt = async (raw: RawResponse, words = MAY_BE_CHARGED) => {
		const { images, message, description, posts } = await answer(raw, RETRIES);
		expect({ images, posts }).toEqual({ images: [], posts: 1 });
		expect(message).toMatch(/^\S.* \[item 0\]$/s);
		expect(description.split('\n')[0]).toContain(words);
	};

	it.concurrent.each(
		[
			...['connection termination', 'remote reset', 'local reset', 'connection timeout'].map(envoy),
			envoy('protocol error'),
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
		].flatMap((message) => [503, 500, 200].map((status) => [status, message] as const)),
	)('status %i with a lost upstream: %s', async (status, message) => {
		await expectOneAttempt(json({ error: { message, type: 'upstream_error' } }, status));
	});

	it.concurrent.each([
		'do_request_failed',
		'DO_REQUEST_FAILED',
		'bad_response_body',
		'read_response_body_failed',
		'empty_response',
		'channel:response_time_exceeded',
	])("new-api's code %s, as JSON and in streams", async (code) => {
		const value = { error: { message: 'x', code } };
		await expectOneAttempt(json(value, 500));
		await expectOneAttempt(stream([JSON.stringify(value)]));
		await expectOneAttempt(stream([': PING\n\n: PING\n\n', JSON.stringify(value)]));
		await expectOneAttempt(stream([`event: error\n${event(value)}`]));
	});

	const task = 'may be charged';
	it.concurrent.each<[unknown, string?]>([
		[{}],
		[[]],
		[{ data: [] }],
		[{ data: null }],
		[{ data: [{}] }],
		[{ data: [null] }],
		[{ data: [{ url: null, b64_json: '' }] }],
		[{ data: [{ url: '', b64_json: 'None' }] }],
		[{ data: [{ link: 'x' }] }],
		[{ data: [['x']] }],
		[{ data: { state: 1 } }],
		[{ code: 1, message: '操作成功' }],
		[{ code: 1, message: '操作成功', data: { x: 1 } }],
		[{ code: 'A00000', msg: '请求成功', data: {} }],
		[{ code: 'COMPLETED', message: 'done', data: { x: [1] } }],
		[{ code: 'submitted', message: 'queued', data: { task_id: 't-1' } }, task],
		[{ code: 'PROCESSING', message: 'see later', task_id: 't-1' }, task],
		[{ success: true, message: 'Submitted', data: { task_id: 't-1' } }, task],
		[{ task_id: 't-1', error: '' }, task],
		[{ id: 'x', status: 'queued' }, task],
		[{ code: 20000, message: 'ok' }],
		[{ code: -1, message: 'unknown' }],
		[{ message: 'hello' }],
		[{ message: 'Generated', list: [] }],
		[{ status: 'failed', message: 'unknown' }],
		[{ error: {} }],
		[{ error: { code: 0 } }],
		[{ error: { code: 0, message: 'none' } }],
		[{ error: { code: '200', message: 'Generated' } }],
		[{ error: 'success' }],
		[{ error: false, message: 'fine' }],
		[{ success: true, code: 'abc', message: 'fine' }],
		[{ result: 'pending' }],
	])('status 200 without an image and without a clear error: %j', async (value, words) => {
		await expectOneAttempt(json(value), words);
		await expectOneAttempt(stream([event(value), 'data: [DONE]\n\n']), words);
	});

	it.concurrent.each<[string, RawResponse]>([
		['503 of Envoy as text', text(envoy('connection termination'), 503)],
		['503 of Envoy with Retry-After', text(envoy('remote reset'), 503, { 'retry-after': '0' })],
		['503 without a word', text('', 503)],
		['503 of a proxy', text('<html><title>503</title><h1>Backend fetch failed</h1></html>', 503)],
		['503 no healthy upstream', text('no healthy upstream', 503)],
		['502 of nginx', text(nginx('502 Bad Gateway'), 502)],
		...[408, 499, 502, 504, 520, 524, 598].map((status): [string, RawResponse] => [
			`${status} with an error in JSON`,
			json({ error: { message: 'no', code: 'x' } }, status),
		]),
		['200 without a body', text('')],
		['204', { status: 204, headers: {}, body: [] }],
		['202', json({}, 202)],
		['206, cut', body('{"data":[{"b64_json":"iVBOR', 'application/json', 206)],
		['200 with a web page', text('<html><title>Welcome</title></html>')],
		['200 with words', text('all right')],
		['200 with broken JSON', body('{"data":[{"url":}]}')],
		['200 with JSON that is cut', body('{"data":[{"url"')],
		['200 on a connection that is cut', { ...body('{"da'), end: 'is cut' }],
		['an event in the middle of which it ends', stream(['data: {"type":"image_gener'])],
		['nothing but comments', stream([': PING\n\n: PING\n\n'])],
		['nothing but [DONE]', stream(['data: [DONE]\n\n'])],
		['a completed event alone', stream(['data: {"type":"image_generation.completed"}\n\n'])],
		['an event that fails in words', stream(['event: error\ndata: Internal Server Error\n\n'])],
	])('%s', async (_, raw) => {
		await expectOneAttempt(raw);
	});
});

it.concurrent.each<[string, RawResponse]>([
	['503 with an error', json({ error: { code: 'x', message: 'busy' } }, 503)],
	['503 with Retry-After', text('later', 503, { 'retry-after': '0' })],
	['503 of nginx', text(nginx('503 Service Temporarily Unavailable'), 503)],
	['429', json({ error: { message: 'slow down' } }, 429)],
	['429 in words', text('Too Many Requests', 429)],
	['429 as events', { ...stream([event({ error: { message: 'slow down' } })]), status: 429 }],
])('%s was surely not charged, and is retried by this node', async (_, raw) => {
	const { images, message, posts } = await answer([raw, IMAGE]);
	expect({ images, message, posts }).toEqual({ images: [A], message: '', posts: 2 });
});

describe('a clear error', () => {
	const error = { message: 'user quota is not enough', code: 'insufficient_user_quota' };
	const TOP_UP = 'Top it up or raise the limit at the provider, then run again.';

	it.concurrent.each<[string, RawResponse]>([
		['in a stream', stream([JSON.stringify({ error })])],
		['in a stream, behind comments', stream([': PING\n\n', JSON.stringify({ error })])],
		['in a stream of status 429', { ...stream([JSON.stringify({ error })]), status: 429 }],
		['in a stream of status 403', { ...stream([JSON.stringify({ error })]), status: 403 }],
		['in an event', stream([event({ error })])],
		['in an event on a connection that is cut', stream([event({ error })], { end: 'is cut' })],
		['at the top level', json(error)],
		['with an empty result', json({ success: false, ...error, data: null })],
	])('is not retried by this node: a used-up quota %s', async (_, raw) => {
		const { message, description, posts } = await answer(raw);
		expect({ message, advice: description.split('\n')[0], posts }).toEqual({
			message: 'The account’s balance, quota or spending limit is used up [item 0]',
			advice: TOP_UP,
			posts: 1,
		});
	});

	it.concurrent.each<[string, unknown]>([
		['no credit', { success: false, message: 'no credit' }],
		['no credit', { success: 'false', msg: 'no credit' }],
		['no credit', { error: true, reason: 'no credit' }],
		['no credit', { errors: [{ message: 'no credit' }] }],
		['no credit', { error: ['no credit'] }],
		['moderated', { error: { code: 'moderated' } }],
		['moderated', { error: { type: 'moderated' } }],
		['bad token', { code: 401, msg: 'bad token' }],
		['no foxes', { data: [{ code: 'moderated', message: 'no foxes' }] }],
	])('is “%s” in %j, and retried by Retry On Fail', async (words, value) => {
		const { description, posts } = await answer(json(value), RETRIES);
		expect(description.split('\n')[1]).toMatch(new RegExp(`^(Provider|Code): ${words}`));
		expect(posts).toBe(3);
		expect(description).not.toContain('may have been generated');
	});
});

describe('the description lists the URLs of a response that is not understood', () => {
	const url = 'https://bucket.example/a.png?X-Sign=1&X-Expires=2';
	const unfinished = `{"data":[{"url":"${url}","size":"1`;

	it.concurrent.each<[string, RawResponse]>([
		['fields nobody knows', json({ payload: { items: [{ link: url }] } })],
		['a key with a dot', json({ 'x.y': [{ link: url }] })],
		['an empty key', json({ '': [{ link: url }] })],
		['a long key', json({ ['x'.repeat(100)]: { ['y'.repeat(100)]: [{ link: url }] } })],
		['Markdown of a chat', json({ choices: [{ message: { content: `Here: ![image](${url})` } }] })],
		['JSON in JSON', json({ data: JSON.stringify({ url }) })],
		['JSON of PHP in JSON', json({ data: JSON.stringify({ url }).replaceAll('/', '\\/') })],
		['JSON of Go that is cut', body(unfinished.replace('&', '\\u0026'))],
		['JSON on a connection that is cut', { ...body(unfinished), end: 'is cut' }],
		['an event on a connection that is cut', stream([`data: {"url":"${url}`], { end: 'is cut' })],
		['JSON that stops', { ...body(unfinished), end: 'stays open' }],
		['broken JSON', body(`{"data":[{"url":"${url}",]}`)],
		['many words', text(`Your image is there. ${'It is fine. '.repeat(30)} ${url}.`)],
		['a web page', text(`<html><body><img src="${url}"></body></html>`)],
		['an event', stream([event({ step: { link: url } })])],
		['a success', json({ code: 0, message: 'success', info: { href: url } })],
		['what follows a megabyte', body(`{"pad":"${'x'.repeat(1_200_000)}","info":"${url}"}`)],
	])('in %s', async (_, raw) => {
		const { images, description, posts } = await answer(raw, {
			requestOptions: { timeout: 500 },
			...RETRIES,
		});
		expect([images, posts]).toEqual([[], 1]);
		const lines = description.split('\n').filter((line) => !line.startsWith('Provider: '));
		expect(lines.slice(1, 3)).toEqual([
			'URLs in the response; they may expire after 24 hours:',
			url,
		]);
	});
});
