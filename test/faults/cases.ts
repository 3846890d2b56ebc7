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

/** How many images are asked for, and in what form they come. */
export type Shape =
	| 'one'
	| 'ten'
	| 'set'
	| 'set, streamed'
	| 'set, base64'
	| 'set, base64 streamed'
	| 'ten, base64';

const PLAIN: Shape[] = ['one', 'ten', 'set'];
const BODIES: Shape[] = [
	...PLAIN,
	'set, streamed',
	'set, base64',
	'set, base64 streamed',
	'ten, base64',
];
const STREAMS: Shape[] = ['set, streamed', 'set, base64 streamed'];

/** Something that goes wrong, and what must be told about it. */
export interface Case {
	name: string;
	shapes: Shape[];
	faults(target: Target): Fault[];
	options?: INodeParameters;
	/** Milliseconds the user set as Timeout. */
	timeout?: number;
	/** The gateway may have made images of which no answer tells; messages must say so. */
	unknowable?: true;
}

type RequestFault = Omit<Extract<Fault, { on: 'request' }>, 'on' | 'match'>;
type DownloadFault = Omit<Extract<Fault, { on: 'download' }>, 'on' | 'match'>;

/** Long enough for an answer on a busy machine, short enough to wait for. */
const TIMEOUT = 5_000;

/** Tries a download gets. */
const DOWNLOAD_TRIES = 3;

function request(
	name: string,
	fault: RequestFault | ((target: Target) => RequestFault),
	more: Partial<Case> = {},
): Case {
	const faults = (target: Target): Fault[] => {
		const made = typeof fault === 'function' ? fault(target) : fault;
		return [{ on: 'request', match: target.match, ...made }];
	};
	return { name, shapes: PLAIN, faults, ...more };
}

/** A fault of the download of one image: the third of a set, else the only one. */
function download(
	name: string,
	fault: DownloadFault | ((target: Target) => DownloadFault),
	more: Partial<Case> = {},
): Case[] {
	const times = [
		['once', 1],
		['always', DOWNLOAD_TRIES],
	] as const;
	return times.map(([often, count]) => ({
		name: `download: ${name}, ${often}`,
		shapes: PLAIN,
		faults: ({ match, ...target }) => {
			const made = typeof fault === 'function' ? fault({ match, ...target }) : fault;
			const at = (imageIndex: number): Fault => ({
				on: 'download',
				times: count,
				...made,
				match: { ...match, imageIndex },
			});
			return match.prompt.startsWith('set') ? [at(2)] : [at(0)];
		},
		...more,
	}));
}

const RATE = { status: 429, code: 'ModelAccountIpmRateLimitExceeded', message: 'Too many images.' };
const BUSY = { status: 503, code: 'ServerOverloaded', message: 'Try again later.' };
const BROKEN = { status: 500, code: 'InternalServiceError', message: 'Something broke.' };

const refused: Case[] = [
	request('400 InvalidParameter', { status: 400, code: 'InvalidParameter', message: 'No.' }),
	request('400 prompt refused', {
		status: 400,
		code: 'InputTextSensitiveContentDetected',
		message: 'The prompt may contain sensitive information.',
	}),
	request('401 wrong key', { status: 401, code: 'AuthenticationError', message: 'No such key.' }),
	request('403 balance', { status: 403, code: 'AccountOverdueError', message: 'Overdue.' }),
	request('404 unknown model', {
		status: 404,
		code: 'InvalidEndpointOrModel.NotFound',
		message: 'The model does not exist.',
	}),
	request('404 empty body', { status: 404, body: '' }),
	request('405', { status: 405, body: '{}' }),
	request('413 text', { status: 413, body: 'too large' }),
	request('error in 200: moderation', {
		errorIn200: { code: 'OutputImageSensitiveContentDetected', message: 'Refused.' },
	}),
	request('error in 200: internal', {
		errorIn200: { code: 'InternalServiceError', message: 'Something broke.' },
	}),
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
		{ options: { waitWhenBusy: 0.6 } },
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
		{ options: { waitWhenBusy: 1.5 } },
	),
	request('503 final: model_not_found', { ...BUSY, code: 'model_not_found' }),
	request('500 once', BROKEN),
	request('500 twice', { ...BROKEN, times: 2 }),
	request('500 once, to be sent again', BROKEN, { options: { retryServerErrors: 'always' } }),
	request('500 HTML', { html: true, status: 500 }),
];

const given: Case[] = [408, 502, 504, 520, 524].flatMap((status) => [
	request(`${status} HTML, nothing made`, { html: true, status }),
	request(`${status} JSON, made`, { status, made: true }, { unknowable: true }),
]);

const lostOnTheWay: Case[] = ['do_request_failed', 'bad_response_body'].map((code) =>
	request(`500 ${code}, made`, { ...BROKEN, code, made: true }, { unknowable: true }),
);

/** What new-api and others send under the header of events, before they know how it will end. */
const AS_EVENTS = { headers: { 'Content-Type': 'text/event-stream' } };
const AS_JSON = { headers: { 'Content-Type': 'application/json' } };
const newApiError = (code: string) =>
	JSON.stringify({ error: { message: 'Failed', type: 'new_api_error', code } });

/** The gateway lost what had been made, whatever the status and the header say. */
const lostUpstream: Case[] = [
	request(
		'503 that lost its upstream, made',
		{
			status: 503,
			body: 'upstream connect error or disconnect/reset before headers. reset reason: connection termination',
			made: true,
			headers: { 'Content-Type': 'text/plain' },
		},
		{ unknowable: true },
	),
	request(
		'503 in JSON that lost its connection, made',
		{ ...BUSY, message: 'read tcp 10.0.0.1:443: connection reset by peer', made: true },
		{ unknowable: true },
	),
	...['do_request_failed', 'read_response_body_failed'].flatMap((code) => [
		request(
			`${code} as events, made`,
			{ status: 200, body: newApiError(code), made: true, ...AS_EVENTS },
			{ shapes: [...PLAIN, ...STREAMS], unknowable: true },
		),
		request(
			`${code} behind heartbeats, made`,
			{ status: 200, body: `: PING\n\n: PING\n\n${newApiError(code)}`, made: true, ...AS_EVENTS },
			{ shapes: [...PLAIN, ...STREAMS], unknowable: true },
		),
	]),
];

/** Below 400 without an image: only an error beyond doubt says that none was made. */
const without: Case[] = [
	...[
		{ data: [{}] },
		{ data: [{ url: null, b64_json: '' }] },
		{ code: 1, message: '操作成功' },
		{ code: 'COMPLETED', message: 'done', data: { state: 1 } },
	].map((body) =>
		request(
			`200 ${JSON.stringify(body)}, made`,
			{ status: 200, body: JSON.stringify(body), made: true },
			{ unknowable: true },
		),
	),
	request(
		'insufficient_user_quota as events',
		{ status: 200, body: newApiError('insufficient_user_quota'), ...AS_EVENTS },
		{ shapes: [...PLAIN, ...STREAMS] },
	),
	request(
		'nothing but heartbeats, made',
		{
			status: 200,
			body: 'data: {"type":"ping"}\n\n',
			stall: 24,
			beat: 50,
			made: true,
			...AS_EVENTS,
		},
		{ shapes: [...PLAIN, ...STREAMS], unknowable: true, timeout: 1_000 },
	),
];

/** Images in other places, under other headers. */
const wrapped: Case[] = [
	...(['one object', 'data in data', 'images', 'list', 'urls', 'event'] as const).map((wrap) =>
		request(
			`images wrapped: ${wrap}`,
			{ wrap },
			{ shapes: ['one', 'ten', 'set', 'set, base64', 'ten, base64'] },
		),
	),
	request('JSON as events', AS_EVENTS, {
		shapes: ['one', 'ten', 'set', 'set, base64', 'ten, base64'],
	}),
	request('events as JSON', AS_JSON, { shapes: STREAMS }),
	request('a line of JSON in mid-stream', { stream: { jsonLine: true } }, { shapes: STREAMS }),
];

const connections: Case[] = [
	request('reset before anything is made', { reset: 'before' }),
	request('reset after all is made', { reset: 'after' }, { shapes: BODIES, unknowable: true }),
	request('no answer', { noAnswer: true }, { shapes: BODIES, unknowable: true, timeout: TIMEOUT }),
	request(
		'answer after the timeout',
		{ delay: 2 * TIMEOUT },
		{ shapes: BODIES, unknowable: true, timeout: TIMEOUT },
	),
	request('answer after half a second', { delay: 500 }, { shapes: BODIES }),
	...[0, 1, 60, 300, 700].flatMap((at) => [
		request(`answer cut after ${at} bytes`, { cut: at }, { shapes: BODIES, unknowable: true }),
	]),
	...[0, 60, 300, 700].flatMap((at) => [
		request(
			`answer stalled after ${at} bytes`,
			{ stall: at },
			{ shapes: BODIES, unknowable: true, timeout: TIMEOUT },
		),
		request(
			`answer stalled after ${at} bytes, with signs of life`,
			{ stall: at, beat: 50 },
			{ shapes: BODIES, unknowable: true, timeout: TIMEOUT },
		),
	]),
	request('answer slow', { slow: 2_000 }, { shapes: BODIES }),
	request('answer endless', { endless: true }, { shapes: BODIES }),
];

const sets: Case[] = [
	request('the third moderated', { moderate: [2] }, { shapes: ['set', ...STREAMS, 'set, base64'] }),
	request('the first moderated', { moderate: [0] }, { shapes: BODIES }),
	request('all moderated', { moderate: [0, 1, 2, 3] }, { shapes: BODIES }),
	request(
		'the third moderated, Fail the Item',
		{ moderate: [2] },
		{ shapes: ['set', ...STREAMS, 'set, base64'], options: { failedImages: 'fail' } },
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
	request('stream answered as JSON', { stream: { json: true } }, { shapes: STREAMS }),
	request(
		'stream with comments, CRLF and lines',
		{ stream: { comments: true, crlf: true, multiLine: true } },
		{ shapes: STREAMS },
	),
];

const downloads: Case[] = [
	...[403, 404, 429, 500].flatMap((status) => download(String(status), { status })),
	...download('HTML with 200', { html: true, status: 200 }),
	...download('JSON with 200', { body: '{}' }),
	...download('no bytes', { body: '' }),
	...download('reset', { reset: 'before' }),
	...download('cut at once', { cut: 0 }),
	...download('cut within the header', { cut: 10 }),
	...download('cut near the end', { cut: 200 }),
	...download('stalled', { stall: 200 }, { timeout: TIMEOUT }),
	...download('no answer in time', { delay: 2 * TIMEOUT }, { timeout: TIMEOUT }),
	...download('endless', { endless: true }),
	...download('slow', { slow: 400 }),
	...download('redirected', ({ elsewhere }) => ({ redirect: `${elsewhere}{path}` })),
	...download('redirected to no web address', { redirect: 'file:///etc/hostname' }),
];

/** Everything that can go wrong between the node and its gateway. */
export const CASES: Case[] = [
	{ name: 'nothing goes wrong', shapes: BODIES, faults: () => [] },
	...refused,
	...retried,
	...given,
	...lostOnTheWay,
	...lostUpstream,
	...without,
	...wrapped,
	...connections,
	...sets,
	...streams,
	...downloads,
];
