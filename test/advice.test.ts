import type { Fault } from './gateway';
import { IDS, onDay, parameters, useGateway } from './support';

const bench = useGateway();

type Response = Omit<Extract<Fault, { on: 'request' }>, 'on'>;

/** What users read of a response without an image: the message, and the lines of the description. */
async function told(response: Response) {
	bench.gateway.inject({ on: 'request', nth: 'every', ...response });
	const { error, items } = await bench.run(
		parameters('textToImage', IDS['4.5'], { advanced: { waitWhenBusy: 0 } }),
	);
	expect(items).toEqual([]);
	expect(bench.gateway.ledger.requests).toHaveLength(1);
	const [advice, ...details] = String(error?.description).split(' <br>\n');
	return { message: error?.message, advice, details };
}

const json = (body: object, status = 200): Response => ({ status, body: JSON.stringify(body) });

const MAY_BE_CHARGED =
	'The image may have been generated and charged, so the request was not retried. Check the provider’s usage page before running again.';
const NO_API = 'There is no image API at this Base URL';
const CHECK_BASE_URL =
	'Check the Base URL of the credential: it must be the URL of the API, such as https://host/v1.';

describe('the message says what happened, then what to do, then the provider’s own words', () => {
	type Stated = [status: number, code: string, message: string];
	const ADVICE: Array<[headline: string, todo: string, ...Stated[]]> = [
		[
			'The content filter rejected this prompt',
			'Change the prompt. Sending the same again rarely helps.',
			[400, 'InputTextSensitiveContentDetected', 'It is not nice.'],
			[400, 'InputTextRiskDetection', 'It is risky.'],
			[500, 'sensitive_words_detected', 'It has words.'],
		],
		[
			'The content filter rejected a reference image',
			'Use another image. Sending the same again rarely helps.',
			[400, 'InputImageSensitiveContentDetected', 'It is not nice.'],
		],
		[
			'The content filter rejected the generated image',
			'Change the prompt or the reference images. Sending the same again rarely helps.',
			[400, 'OutputImageRiskDetection', 'It is risky.'],
		],
		[
			'The content filter rejected this request',
			'Change the prompt or the reference images. Sending the same again rarely helps.',
			[400, 'SensitiveContentDetected', 'It is not nice.'],
		],
		[
			'The account’s balance, quota or spending limit is used up',
			'Top it up or raise the limit at the provider, then run again.',
			[403, 'AccountOverdueError', 'It is overdue.'],
			[403, 'insufficient_user_quota', 'It is too little.'],
			[429, 'SetLimitExceeded', 'It is reached.'],
			// By the message alone.
			[403, 'Forbidden', 'Your balance is too low.'],
		],
		[
			'The model is not available for this account',
			'Activate it in the provider’s console, or choose another Model.',
			[404, 'ModelNotOpen', 'It is closed.'],
		],
		[
			'The provider could not read a reference image',
			'Its URL must be public and show the image itself; or pass the image as a binary field.',
			[400, 'InvalidImageURL.InvalidFormat', 'It is odd.'],
		],
		[
			'The provider rejected a parameter',
			'Change the field that the provider names below.',
			[400, 'InvalidParameter', 'The parameter `size` is not valid.'],
			// The code counts, whatever the message speaks of.
			[400, 'InvalidParameter', 'The quota of `n` is 1.'],
			[400, 'BadRequest', 'invalid_request: size'],
		],
		[
			'The provider’s rate limit was reached',
			'Nothing was charged for this request. Raise Wait When Busy, or run again later.',
			[429, 'RequestBurstTooFast', 'It is too fast.'],
			[429, 'TooManyRequests', 'It is too much.'],
		],
		[
			'The provider rejected the API key',
			'Check the API key in the credential, and that it belongs to this Base URL.',
			[401, 'AuthenticationError', 'It is unknown.'],
			[401, 'Unauthorized', 'The quota of another key is fine.'],
		],
		[
			'The account’s balance is used up',
			'Top it up at the provider, then run again.',
			[402, '', 'It is empty.'],
		],
		[
			'The provider denied access',
			'Check the permissions and the balance of the API key.',
			[403, 'Forbidden', 'It is forbidden.'],
		],
		[
			'The request is too large for the provider',
			'Use fewer or smaller reference images, or pass them as URLs.',
			[413, '', 'It is too large.'],
		],
		[
			'The provider could not generate the image (HTTP 500)',
			'Check the provider’s usage page for images generated nevertheless before running again.',
			[500, 'InternalServiceError', 'It broke.'],
		],
		[
			'The provider rejected the request',
			'Turn on Preview Request and compare what it shows with the provider’s document.',
			[422, '', 'It is not processable.'],
		],
		[
			NO_API,
			CHECK_BASE_URL,
			[404, 'NotFound', 'Invalid URL (POST /v1/images/generations)'],
			[404, 'NotFound', 'Cannot POST /v1/images/generations'],
			[404, 'NotFound', 'no Route matched with those values'],
			[405, 'MethodNotAllowed', 'It is the wrong method.'],
		],
	];
	const cases = ADVICE.flatMap(([headline, todo, ...errors]) =>
		errors.map(([status, code, message]) => ({ status, code, message, headline, todo })),
	);

	it.each(cases)('$status $code $message', async ({ status, code, message, headline, todo }) => {
		const read = await told({ status, code, message });
		const [{ id }] = bench.gateway.ledger.requests;
		const details = [code && `Code: ${code}`, `HTTP status: ${status}`, `Request ID: ${id}`];
		expect(read).toEqual({
			message: `${headline} [item 0]`,
			advice: todo,
			details: [`Provider: ${message}`, details.filter(Boolean).join(', ')],
		});
	});

	const words = 'Foxes are not offered here';
	it.each<[string, object]>([
		['msg', { msg: words }],
		['detail', { detail: words }],
		['detail, a list', { detail: [{ loc: ['body'], msg: words }] }],
		['errors, a list', { errors: [{ message: words }] }],
		['error, a text', { error: words }],
		['error, an object', { error: { message: words } }],
		['error, beside an id and a status', { id: 'r-1', status: 402, error: { message: words } }],
		['error_description', { error_description: words }],
		['problem+json', { type: 'about:blank', title: 'Bad', detail: words, status: 402 }],
		['a numeric code', { code: 4711, message: words }],
		['a URL beside it', { message: words, url: '/v1/images/generations' }],
	])('stated as %s', async (_, body) => {
		const { message, details } = await told(json(body, 402));
		expect(message).toBe('The account’s balance is used up [item 0]');
		expect(details[0]).toBe(`Provider: ${words}`);
	});

	it.each<[string, Response]>([
		['error, an object', { errorIn200: { code: 'InvalidParameter', message: words } }],
		['error, a text', json({ error: words })],
		['success, false', json({ success: false, message: words })],
		[
			'an event',
			{
				status: 200,
				headers: { 'content-type': 'text/event-stream' },
				body: `data: {"error":{"message":"${words}"}}\n\n`,
			},
		],
	])('stated with HTTP 200 as %s', async (_, response) => {
		const { message, details } = await told(response);
		expect(message).toMatch(/^The provider rejected (the request|a parameter) \[item 0\]$/);
		expect(details[0]).toBe(`Provider: ${words}`);
	});
});

it('an unknown path is about the base URL, also as FastAPI says it', async () => {
	const read = await told(json({ detail: 'Not Found' }, 404));
	expect(read).toEqual({
		message: `${NO_API} [item 0]`,
		advice: CHECK_BASE_URL,
		details: [
			'Provider: Not Found',
			`HTTP status: 404, Request ID: ${bench.gateway.ledger.requests[0].id}`,
		],
	});
});

describe('a response that is not the API’s', () => {
	const WRONG_API = `${MAY_BE_CHARGED} If this always happens: ${CHECK_BASE_URL}`;
	const TOO_LARGE = 'Use fewer or smaller reference images, or pass them as URLs.';
	const COMPARE = 'Turn on Preview Request and compare what it shows with the provider’s document.';
	const PAGE = 'a web page instead of JSON';
	const TEXT = 'a text instead of JSON';
	const page = '<html><head><title>413 Request Entity Too Large</title></head></html>';

	it.each<[Response, shown: string, advice: string, words: string]>([
		[{ html: true, status: 200 }, `${PAGE} (“200 Bad Gateway”)`, WRONG_API, ''],
		[{ html: true, status: 502 }, `${PAGE} (“502 Bad Gateway”)`, MAY_BE_CHARGED, ''],
		[{ html: true, status: 404 }, `${PAGE} (“404 Bad Gateway”)`, CHECK_BASE_URL, ''],
		[{ body: page, status: 413 }, `${PAGE} (“413 Request Entity Too Large”)`, TOO_LARGE, ''],
		[{ body: 'no '.repeat(300_000), status: 400 }, TEXT, COMPARE, `${'no '.repeat(99)}no…`],
		[{ body: '', status: 404 }, 'no content', CHECK_BASE_URL, ''],
		[{ body: 'null', status: 200 }, TEXT, WRONG_API, 'null'],
		[{ body: '7', status: 200 }, TEXT, WRONG_API, '7'],
		[{ body: '"ok"', status: 200 }, TEXT, WRONG_API, '"ok"'],
	])('is shown as far as a person can read it (%#)', async (response, shown, advice, words) => {
		const { details, ...read } = await told(response);
		const message = `Unexpected response (HTTP ${response.status}): ${shown} [item 0]`;
		expect(read).toEqual({ message, advice });
		expect(details.slice(0, -1)).toEqual(words ? [`Provider: ${words}`] : []);
	});

	it('is no JSON to the end', async () => {
		expect(await told({ body: '{"data": [' })).toMatchObject({
			message:
				'The response was cut short (HTTP 200): it ended in the middle of a JSON value [item 0]',
			advice: MAY_BE_CHARGED,
		});
	});

	it.each<[string, Response]>([
		['nothing', { body: '' }],
		['an empty list', { empty: true }],
		['an image without URL and bytes', json({ data: [{ url: null, b64_json: '' }] })],
		['numbers for URLs', json({ data: [{ url: 5, b64_json: [] }] })],
	])('has no images: %s', async (_, response) => {
		const message = 'The response contains no images [item 0]';
		expect(await told(response)).toMatchObject({ message, advice: MAY_BE_CHARGED });
	});

	it.each([301, 302, 303, 307, 308])('a redirect (%i), which is not followed', async (status) => {
		const elsewhere = `${bench.gateway.url}/elsewhere`;
		const { message, advice } = await told({ redirect: elsewhere, status });
		expect(message).toBe(`The gateway redirects to ${elsewhere} instead of responding [item 0]`);
		expect(advice).toBe(
			`The redirect was not followed, so that the key is not sent elsewhere. ${CHECK_BASE_URL}`,
		);
	});

	it.each<[string, Response]>([
		['an id', { taskId: true }],
		['an id beside an empty list', json({ task_id: 'task_01', data: [] })],
		['an id alone', json({ task_id: 'task_01', task_status: 'PENDING' })],
		['an id and a status', json({ id: 't-1', status: 'queued', model: 'x' })],
		['an entry of a list', json({ code: 200, data: [{ status: 'submitted', task_id: 't' }] })],
		['an object', json({ code: 200, message: 'success', data: { task_id: 't' } })],
		['Replicate’s', json({ id: 'abc', status: 'starting', output: null, error: null, urls: {} })],
		[
			'Evolink’s',
			json({
				created: 1757165031,
				id: 'task-unified-1757165031',
				model: 'doubao-seedream-4.5',
				object: 'image.generation.task',
				progress: 0,
				status: 'pending',
				type: 'image',
			}),
		],
	])('a task: %s', async (_, response) => {
		expect(await told(response)).toMatchObject({
			message: 'This gateway returned a task to poll instead of images [item 0]',
			advice:
				'This node needs a gateway whose POST /images/generations returns the images themselves. The task may be charged; look it up at the provider.',
		});
	});
});

describe('a model that the gateway does not have', () => {
	const gone = { status: 404, code: 'InvalidEndpointOrModel.NotFound', message: 'It is gone.' };
	const LITE = 'doubao-seedream-5-0-260128';
	const FOUR_FIVE = 'doubao-seedream-4-5-251128';

	/** What users are told to do on a day when a gateway knows a model no more. */
	const adviceOn = async (
		day: string,
		operation: 'textToImage' | 'imageSet',
		model: string,
		profile: 'volcengine' | 'deerapi' = 'volcengine',
		error: Response = gone,
	) => {
		onDay(day);
		bench.gateway.inject({ on: 'request', ...error });
		const credentials = bench.credentials(profile);
		const run = await bench.run(parameters(operation, model), { credentials });
		expect(run.error?.message).toBe(
			`The provider has no model “${model}” for this account [item 0]`,
		);
		return run.error?.description?.split(' <br>\n')[0];
	};
	const CHOOSE = 'Choose a Model from the list, or activate this one in the provider’s console.';

	it.each([
		gone,
		{ status: 503, code: 'model_not_found', message: 'No available channel.' },
		{ status: 404, message: 'It is not there.' },
	])('is said to be unknown: $status $code', async (error) => {
		const advice = await adviceOn('2026-09-01', 'textToImage', 'ep-1', 'deerapi', error);
		expect(advice).toBe(`${CHOOSE} DeerAPI is known to offer ${LITE}.`);
	});

	it('is not suggested itself', async () => {
		const end = 'Volcengine retires it on 2026-11-24.';
		const advice = await adviceOn('2026-09-01', 'textToImage', LITE, 'deerapi');
		expect(advice).toBe(`${CHOOSE} ${end}`);
	});

	it.each([
		['doubao-seedream-4-5-251129', FOUR_FIVE],
		['seedream-4.5', FOUR_FIVE],
		['doubao-seedream-5-0-flash', 'doubao-seedream-5-0-flash-260915'],
		['Seedream 4.0', 'doubao-seedream-4-0-20260415'],
	])('for %s, the nearest name comes first', async (model, nearest) => {
		expect(await adviceOn('2026-09-01', 'textToImage', model)).toContain(
			`${CHOOSE} Volcengine Ark is known to offer ${nearest}, `,
		);
	});

	const ids = (list: string) => list.replace(/\S+/g, 'doubao-seedream-$&').replaceAll(' ', ', ');

	// The successor that the notice names for 4.5 generates no sets.
	it.each([
		{
			day: '2026-11-25',
			operation: 'textToImage',
			model: '5-0-260128',
			end: 'retired',
			successor: '5-5-261028',
			others: '5-0-pro-260628 5-0-flash-260915 5-5-261028 4-0-20260415',
		},
		{
			day: '2026-11-25',
			operation: 'textToImage',
			model: '4-5-251128',
			end: 'retired',
			successor: '5-0-pro-260628',
			others: '5-5-261028 5-0-pro-260628 5-0-flash-260915 4-0-20260415',
		},
		{
			day: '2026-11-25',
			operation: 'imageSet',
			model: '4-5-251128',
			end: 'retired',
			successor: '4-0-20260415',
			others: '4-0-20260415',
		},
		{
			day: '2026-11-25',
			operation: 'imageSet',
			model: '5-0-260128',
			end: 'retired',
			successor: '4-0-20260415',
			others: '4-0-20260415',
		},
		{
			day: '2026-10-01',
			operation: 'textToImage',
			model: '4-5-251128',
			end: 'retires',
			successor: '5-0-pro-260628',
			others: '5-5-261028 5-0-pro-260628 5-0-flash-260915 5-0-260128',
		},
	] as const)('on $day, $operation with $model: $successor', async (each) => {
		const { day, operation, model, end, successor, others } = each;
		expect(await adviceOn(day, operation, ids(model))).toBe(
			`${CHOOSE} Volcengine ${end} it on 2026-11-24. Use ${ids(successor)} instead. Volcengine Ark is known to offer ${ids(others)}.`,
		);
	});

	it('is replaced by what the document of another gateway lists', async () => {
		expect(await adviceOn('2026-11-25', 'textToImage', FOUR_FIVE, 'deerapi')).toBe(
			`${CHOOSE} Volcengine retired it on 2026-11-24. Use ${LITE} instead. DeerAPI is known to offer ${LITE}.`,
		);
	});
});

describe('a model that does not support the operation', () => {
	it.each([
		['2026-10-01', 'volcengine', 'Seedream 5.0 Lite, Seedream 4.5, Seedream 4.0'],
		['2026-11-25', 'volcengine', 'Seedream 4.0'],
		['2026-11-25', 'byteplus', 'Seedream 5.0 Lite, Seedream 4.5, Seedream 4.0'],
		['2026-11-25', 'deerapi', 'Seedream 5.0 Lite'],
	] as const)('on %s at %s, living models are named: %s', async (day, profile, models) => {
		onDay(day);
		const refusal = await bench.refusal(parameters('imageSet', IDS['5.5']), {
			credentials: bench.credentials(profile),
		});
		expect(refusal).toEqual({
			message: 'Seedream 5.5 does not support image sets [item 0]',
			description: `Choose another Model: ${models}.`,
		});
	});
});
