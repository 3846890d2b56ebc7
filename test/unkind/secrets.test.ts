import { inspect } from 'node:util';

import { KEY } from '../support';
import { answer, body, RETRY_ON_FAIL, type RawResponse } from './server';

const A = 'HOST/a.png';
const json = (value: unknown, status = 200): RawResponse => ({
	status,
	headers: { 'content-type': 'application/json' },
	body: [JSON.stringify(value)],
});
const image = { url: A };

/** Any eight characters of the key in a row, in any depth of what the user or a log gets. */
function piecesOf(key: string, ...shown: unknown[]): string[] {
	const text = shown.map((each) => inspect(each, { depth: 12, maxStringLength: null })).join('\n');
	const pieces = Array.from({ length: key.length - 7 }, (_, i) => key.slice(i, i + 8));
	return pieces.filter((piece) => text.includes(piece));
}

const PLACES: Array<[string, RawResponse]> = [
	['error.message', json({ error: { message: 'Key KEY is wrong' } }, 401)],
	['error.code', json({ error: { message: 'no', code: 'KEY' } }, 400)],
	['error.type', json({ error: { message: 'no', type: 'bad KEY' } }, 400)],
	['code at the top level', json({ code: 'KEY', message: 'no' }, 400)],
	['code at the top level, status 200', json({ code: 'xKEY', message: 'no' })],
	['msg', json({ msg: 'Bearer KEY' }, 403)],
	['detail, a list', json({ detail: [{ msg: 'KEY' }] }, 422)],
	['the title of a web page', { status: 502, body: ['<html><title>KEY</title></html>'] }],
	['plain text', { status: 500, body: ['token=KEY'] }],
	['text at the end of what is shown', { status: 400, body: [`${'x'.repeat(285)} KEY`] }],
	[
		'a message at the end of what is shown',
		json({ error: { message: `${'ab '.repeat(96)}KEY` } }, 400),
	],
	[
		'a code at the end of what is shown',
		json({ error: { message: 'no', code: `${'long '.repeat(18)}KEY` } }, 400),
	],
	[
		'a long Location',
		{ status: 307, headers: { location: `https://example.com/${'x'.repeat(170)}KEY` }, body: [] },
	],
	['Location', { status: 302, headers: { location: 'https://example.com/?key=KEY' }, body: [] }],
	[
		'the request ID',
		{ ...json({ error: { message: 'no' } }, 400), headers: { 'x-request-id': 'KEY' } },
	],
	[
		'the request ID of a success',
		{ ...json({ data: [image] }), headers: { 'x-oneapi-request-id': 'KEY' } },
	],
	[
		'a long request ID',
		{
			...json({ error: { message: 'no' } }, 400),
			headers: { 'x-request-id': `${'long '.repeat(17)}KEY` },
		},
	],
	['usage', json({ data: [image], usage: { token: 'KEY' } })],
	['a name in usage', json({ data: [image], usage: { KEY: 1 } })],
	['revised_prompt', json({ data: [{ ...image, revised_prompt: 'a fox KEY' }] })],
	['size', json({ data: [{ ...image, size: 'KEY' }] })],
	['an image’s URL', json({ data: [{ url: `${A}?key=KEY` }] })],
	['an image that is not there', json({ data: [{ url: 'HOST/none/KEY.png' }] })],
	['an entry’s code', json({ data: [image, { error: { code: 'KEY', message: 'no' } }] })],
	[
		'an entry’s message',
		json({ data: [image, { error: { code: 'x', message: `${'x'.repeat(285)} KEY` } }] }),
	],
	['a broken entry', body(`{"data":[{"url":"${A}"},{"url":"https://example.com/KEY,}]}`)],
	['URLs of what is not understood', json({ link: 'https://example.com/KEY' })],
	['an event', body('event: error\ndata: {"code":"KEY","message":"KEY"}\n\n', 'text/event-stream')],
	[
		'a word between images',
		body(`data: ${JSON.stringify(image)}\n\ndata: KEY https://x/KEY\n\n`, 'text/event-stream'),
	],
	[
		'the words of a break',
		{ ...body(`{"data":[{"url":"${A}"},{"url":"https://x/KEY`), end: 'is cut' },
	],
];

const MODES = [
	{},
	{ onError: 'continueRegularOutput' },
	{ onError: 'continueErrorOutput' },
	{ ...RETRY_ON_FAIL, maxTries: 2 },
] as const;

describe.each(MODES.map((mode) => [JSON.stringify(mode), mode] as const))(
	'with %s',
	(_, settings) => {
		it.concurrent.each(PLACES)('the key does not show in %s', async (__, raw) => {
			const { result } = await answer(raw, {
				options: { simplify: false, maxTries: 1 },
				run: { settings },
			});
			expect(piecesOf(KEY, result.error, result.error?.stack, result.items, result.run)).toEqual(
				[],
			);
		});
	},
);

describe('a key is found', () => {
	const key = "sk/a+b=c.d(e)*f&g'h!~Long";
	const tell = async (echoed: string, sent = key) => {
		const { message, result } = await answer(json({ error: { message: `Bad ${echoed}` } }, 400), {
			key: sent,
		});
		expect(piecesOf(key, result.error, result.items)).toEqual([]);
		return message;
	};

	it.concurrent.each<[string, string]>([
		['as it is', key],
		['in a URL', encodeURIComponent(key)],
		['in a URL, in lower case', encodeURIComponent(key).toLowerCase()],
		['in JSON', JSON.stringify(key.replaceAll('/', '\\/')).slice(1, -1).replaceAll('\\\\', '\\')],
		['in JSON of Go', key.replaceAll('&', '\\u0026')],
		['in HTML', key.replace('&', '&amp;').replace("'", '&#39;')],
		['in capitals', key.toUpperCase()],
	])('%s', async (_, echoed) => {
		expect(await tell(echoed)).toBe('Bad *** [item 0]');
	});

	it.concurrent.each([
		` ${key}\n`,
		`Bearer ${key}`,
		`"${key}"`,
		`bearer  ${key}\r\n`,
		`\ufeff${key}`,
	])('pasted as %j, and sent without what is around it', async (pasted) => {
		expect(await tell('KEY', pasted)).toBe('Bad *** [item 0]');
	});

	it.concurrent('unless it is too short to be one', async () => {
		const { message } = await answer(json({ error: { message: 'size 2048x2048' } }, 400), {
			key: '2',
			isOpen: true,
		});
		expect(message).toBe('size 2048x2048 [item 0]');
	});
});

it.concurrent('with Simplify off, hashes and ids survive and image data does not', async () => {
	const ids = {
		sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
		id: 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf',
	};
	const { result } = await answer(json({ data: [image], ...ids, usage: { generated_images: 1 } }), {
		options: { simplify: false },
		isOpen: true,
	});
	expect(result.items[0].json.response).toEqual({
		data: [{ url: expect.stringMatching(/\/a\.png$/) as string }],
		...ids,
		usage: { generated_images: 1 },
	});
});

it.concurrent.each([
	'https://user:pass-word@HOST',
	'user:pass-word@example.com/v1',
	'https://pass-word@example.com',
])('a base URL with a password is refused and not shown: %s', async (baseUrl) => {
	for (const previewRequest of [false, true]) {
		const { message, posts, result } = await answer(json({}), {
			options: { previewRequest },
			run: { credentials: { baseUrl, apiKey: KEY, gateway: 'other' } },
		});
		expect(message).toBe(
			'The Base URL of the credential contains a user name or password [item 0]',
		);
		expect(posts).toBe(0);
		expect(inspect(result, { depth: 12 })).not.toContain('pass-word');
	}
});
