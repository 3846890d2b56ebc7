import type { INodeParameters } from 'n8n-workflow';

import type { Fault } from '../gateway';

/** The item a case is about, and where things are. */
export interface Target {
	/** What its requests and downloads are known by. */
	match: { prompt: string };
	/** The gateway under another host name. */
	elsewhere: string;
	/** A server that nobody may be sent to with the key. */
	decoy: string;
}

/** How many images are requested, and in what form they come. */
export type Shape =
	| 'one'
	| 'one, twice'
	| 'ten'
	| 'set'
	| 'set, streamed'
	| 'set, base64'
	| 'set, base64 streamed'
	| 'ten, base64';

const PLAIN: Shape[] = ['one', 'one, twice', 'ten', 'set'];
const STREAMS: Shape[] = ['set, streamed', 'set, base64 streamed'];
const AS_JSON: Shape[] = [...PLAIN, 'set, base64', 'ten, base64'];
const ALL: Shape[] = [...AS_JSON, ...STREAMS];
const SETS: Shape[] = ['set', 'set, base64', ...STREAMS];

/** Something that goes wrong, and what must be told about it. */
export interface Case {
	name: string;
	shapes: Shape[];
	faults(target: Target): Fault[];
	options?: INodeParameters;
	advanced?: INodeParameters;
	/** Milliseconds the user set as Timeout. */
	timeout?: number;
	/** The gateway may have generated images of which no response tells; messages must say so. */
	unknowable?: true;
}

type FaultOf<On extends Fault['on']> = Omit<Extract<Fault, { on: On }>, 'on' | 'match'>;
type MaybeFor<T> = T | ((target: Target) => T);

/** Long enough for a response on a busy machine, short enough to wait for. */
const TIMEOUT = 5_000;

/** Attempts at a download. */
const DOWNLOAD_ATTEMPTS = 3;

function request(
	name: string,
	fault: MaybeFor<FaultOf<'request'>>,
	more: Partial<Case> = {},
): Case {
	const faults = (target: Target): Fault[] => {
		const fields = typeof fault === 'function' ? fault(target) : fault;
		return [{ on: 'request', match: target.match, ...fields }];
	};
	return { name, shapes: PLAIN, faults, ...more };
}

/** A request whose images are generated, although the response may not say so. */
function generated(name: string, fault: FaultOf<'request'>, more: Partial<Case> = {}): Case {
	return request(`${name}, generated`, { made: true, ...fault }, { unknowable: true, ...more });
}

/** Faults of the download of one image, once and always: the third of a set, else the only one. */
function download(
	name: string,
	fault: MaybeFor<FaultOf<'download'>>,
	more: Partial<Case> = {},
): Case[] {
	return Object.entries({ once: 1, always: DOWNLOAD_ATTEMPTS }).map(([often, times]) => ({
		name: `download: ${name}, ${often}`,
		shapes: PLAIN,
		faults: (target) => {
			const fields = typeof fault === 'function' ? fault(target) : fault;
			const imageIndex = target.match.prompt.startsWith('set') ? 2 : 0;
			return [{ on: 'download', times, ...fields, match: { ...target.match, imageIndex } }];
		},
		...more,
	}));
}

const RATE = { status: 429, code: 'ModelAccountIpmRateLimitExceeded', message: 'Too many images.' };
const BUSY = { status: 503, code: 'ServerOverloaded', message: 'Try again later.' };
const BROKEN = { status: 500, code: 'InternalServiceError', message: 'Something broke.' };
const MODERATED = { code: 'OutputImageSensitiveContentDetected', message: 'Refused.' };

const refused: Case[] = [
	request('400 InvalidParameter', { status: 400, code: 'InvalidParameter', message: 'No.' }),
	request('400 prompt refused', { status: 400, code: 'InputTextSensitiveContentDetected' }),
	request('401 wrong key', { status: 401, code: 'AuthenticationError', message: 'No such key.' }),
	request('403 balance', { status: 403, code: 'AccountOverdueError', message: 'Overdue.' }),
	request('404 unknown model', { status: 404, code: 'InvalidEndpointOrModel.NotFound' }),
	request('404 empty body', { status: 404, body: '' }),
	request('405', { status: 405, body: '{}' }),
	request('413 text', { status: 413, body: 'too large' }),
	request('error in 200: moderation', { errorIn200: MODERATED }),
	request('error in 200: internal', { errorIn200: { code: BROKEN.code, message: 'Broke.' } }),
	request('no data', { empty: true }),
	request('a task instead of images', { taskId: true }),
	request('HTML with 200', { html: true, status: 200 }),
	request('HTML with 403', { html: true, status: 403 }),
	request('echoes key and image data', ({ decoy }) => ({
		status: 400,
		code: 'InvalidParameter',
		message: `Bearer sk-right-key-0123456789 sent ${'iVBORw0KGgo'.repeat(9)} to ${decoy}`,
	})),
	request('moved to another host', ({ decoy }) => ({ status: 307, redirect: `${decoy}{path}` })),
	request('moved to a web page', { status: 301, redirect: '/' }),
];

const retried: Case[] = [
	request('429 once, Retry-After 1', { ...RATE, retryAfter: 1 }),
	request('429 once, Retry-After 0', { ...RATE, retryAfter: 0 }),
	request('429 once, Retry-After a date', () => ({
		...RATE,
		retryAfter: new Date(Date.now() + 2_000),
	})),
	request('429 once, Retry-After a past date', { ...RATE, retryAfter: new Date(0) }),
	request('429 once, Retry-After nonsense', { ...RATE, retryAfter: 'soon' }),
	request('429 twice', { ...RATE, times: 2 }),
	request(
		'429 always',
		{ ...RATE, nth: 'every', retryAfter: 0.4 },
		{ advanced: { waitWhenBusy: 0.6 } },
	),
	request('429 cut', { ...RATE, cut: 20 }),
	request('429 queue is full', {
		...RATE,
		code: 'QuotaExceeded',
		message: 'The request has exceeded the quota',
	}),
	request('429 final: SetLimitExceeded', { ...RATE, code: 'SetLimitExceeded', message: 'Paused.' }),
	request('429 final: free trial used up', {
		...RATE,
		code: 'QuotaExceeded',
		message: 'Your account has exhausted its free trial quota.',
	}),
	request('429 final: insufficient_user_quota', { ...RATE, code: 'insufficient_user_quota' }),
	request('503 once', BUSY),
	request('503 HTML once', { html: true, status: 503 }),
	request(
		'503 always',
		{ ...BUSY, nth: 'every', retryAfter: 1 },
		{ advanced: { waitWhenBusy: 1.5 } },
	),
	request('503 final: model_not_found', { ...BUSY, code: 'model_not_found' }),
	request('500 once', BROKEN),
	request('500 twice', { ...BROKEN, times: 2 }),
	request('500 once, retried', BROKEN, { advanced: { retryServerErrors: 'always' } }),
	request('500 HTML', { html: true, status: 500 }),
];

/** What new-api and others send as events, before they know how it will end. */
const EVENTS = { headers: { 'Content-Type': 'text/event-stream' } };
const newApiError = (code: string) =>
	JSON.stringify({ error: { message: 'Failed', type: 'new_api_error', code } });
const anyShape = { shapes: [...PLAIN, ...STREAMS] };

/** The gateway lost the response of the service, whatever the status and the header say. */
const lostUpstream: Case[] = [
	...[408, 502, 504, 520, 524].flatMap((status) => [
		request(`${status} HTML, nothing generated`, { html: true, status }),
		generated(`${status} JSON`, { status }),
	]),
	...['do_request_failed', 'bad_response_body'].map((code) =>
		generated(`500 ${code}`, { ...BROKEN, code }),
	),
	generated('503 that lost its upstream', {
		status: 503,
		body: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
		headers: { 'Content-Type': 'text/plain' },
	}),
	generated('503 in JSON that lost its connection', {
		...BUSY,
		message: 'read tcp 10.0.0.1:443: connection reset by peer',
	}),
	...['do_request_failed', 'read_response_body_failed'].flatMap((code) => {
		const error = newApiError(code);
		const heartbeats = ': PING\n\n: PING\n\n';
		return [
			generated(`${code} as events`, { status: 200, body: error, ...EVENTS }, anyShape),
			generated(
				`${code} behind heartbeats`,
				{ status: 200, body: heartbeats + error, ...EVENTS },
				anyShape,
			),
		];
	}),
];

/** Below 400 without an image: only an error beyond doubt says that none was generated. */
const without: Case[] = [
	...[
		{ data: [{}] },
		{ data: [{ url: null, b64_json: '' }] },
		{ code: 1, message: '操作成功' },
		{ code: 'COMPLETED', message: 'done', data: { state: 1 } },
	].map((body) =>
		generated(`200 ${JSON.stringify(body)}`, { status: 200, body: JSON.stringify(body) }),
	),
	request(
		'insufficient_user_quota as events',
		{ status: 200, body: newApiError('insufficient_user_quota'), ...EVENTS },
		anyShape,
	),
	generated(
		'nothing but heartbeats',
		{ status: 200, body: 'data: {"type":"ping"}\n\n', stall: 24, beat: 50, ...EVENTS },
		{ ...anyShape, timeout: 1_000 },
	),
];

/** Images in other places, under other headers. */
const wrapped: Case[] = [
	...(['one object', 'data in data', 'images', 'list', 'urls', 'event'] as const).map((wrap) =>
		request(`images wrapped: ${wrap}`, { wrap }, { shapes: AS_JSON }),
	),
	request('JSON as events', EVENTS, { shapes: AS_JSON }),
	request(
		'events as JSON',
		{ headers: { 'Content-Type': 'application/json' } },
		{ shapes: STREAMS },
	),
	request('a line of JSON in mid-stream', { stream: { jsonLine: true } }, { shapes: STREAMS }),
];

const unknowable = { shapes: ALL, unknowable: true } as const;

const connections: Case[] = [
	request('reset before anything is generated', { reset: 'before' }),
	request('reset after all is generated', { reset: 'after' }, unknowable),
	request('no response', { noAnswer: true }, { ...unknowable, timeout: TIMEOUT }),
	request(
		'response after the timeout',
		{ delay: 2 * TIMEOUT },
		{ ...unknowable, timeout: TIMEOUT },
	),
	request('response after half a second', { delay: 500 }, { shapes: ALL }),
	...[0, 1, 60, 300, 700].map((cut) => request(`response cut after ${cut} B`, { cut }, unknowable)),
	...[0, 60, 300, 700].flatMap((stall) => [
		request(`response stalled after ${stall} B`, { stall }, { ...unknowable, timeout: TIMEOUT }),
		request(
			`response stalled after ${stall} B, with heartbeats`,
			{ stall, beat: 50 },
			{ ...unknowable, timeout: TIMEOUT },
		),
	]),
	request('slow response', { slow: 2_000 }, { shapes: ALL }),
	request('endless response', { endless: true }, { shapes: ALL }),
];

const sets: Case[] = [
	request('the third moderated', { moderate: [2] }, { shapes: SETS }),
	request('the first moderated', { moderate: [0] }, { shapes: ALL }),
	request('all moderated', { moderate: [0, 1, 2, 3] }, { shapes: ALL }),
	request(
		'the third moderated, Fail the Item',
		{ moderate: [2] },
		{ shapes: SETS, options: { failedImages: 'fail' } },
	),
];

const streams: Case[] = [
	request('stream cut after two images', { stream: { cutAfterImages: 2 } }, { shapes: STREAMS }),
	request('stream cut before any', { stream: { cutAfterImages: 0 } }, { shapes: STREAMS }),
	request('stream fails after two', { stream: { errorAfterImages: 2 } }, { shapes: STREAMS }),
	request('stream without completed', { stream: { noCompleted: true } }, { shapes: STREAMS }),
	request('stream without [DONE]', { stream: { noDone: true } }, { shapes: STREAMS }),
	request(
		'stream without an end, endless',
		{ stream: { noDone: true, noCompleted: true }, endless: true },
		{ shapes: STREAMS },
	),
	request('JSON instead of a stream', { stream: { json: true } }, { shapes: STREAMS }),
	request(
		'stream with comments, CRLF and lines',
		{ stream: { comments: true, crlf: true, multiLine: true } },
		{ shapes: STREAMS },
	),
];

const downloads: Case[] = [
	...[403, 404, 429, 500].map((status) => download(String(status), { status })),
	download('HTML with 200', { html: true, status: 200 }),
	download('JSON with 200', { body: '{}' }),
	download('no bytes', { body: '' }),
	download('reset', { reset: 'before' }),
	download('cut at once', { cut: 0 }),
	download('cut within the header', { cut: 10 }),
	download('cut near the end', { cut: 200 }),
	download('stalled', { stall: 200 }, { timeout: TIMEOUT }),
	download('no response in time', { delay: 2 * TIMEOUT }, { timeout: TIMEOUT }),
	download('endless', { endless: true }),
	download('slow', { slow: 400 }),
	download('redirected', ({ elsewhere }) => ({ redirect: `${elsewhere}{path}` })),
	download('redirected to no web page', { redirect: 'file:///etc/hostname' }),
].flat();

/** Everything that can go wrong between the node and its gateway. */
export const CASES: Case[] = [
	{ name: 'nothing goes wrong', shapes: ALL, faults: () => [] },
	...refused,
	...retried,
	...lostUpstream,
	...without,
	...wrapped,
	...connections,
	...sets,
	...streams,
	...downloads,
];
