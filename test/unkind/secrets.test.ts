import { inspect } from 'node:util';

import { KEY } from '../support';
import {
	A,
	answer,
	body,
	event,
	json,
	RETRY_ON_FAIL,
	stream,
	text,
	type RawResponse,
} from './server';

const image = { url: A };
const error = (message: string, code?: string) => json({ error: { message, code } }, 400);

/** Any eight characters of the key in a row, in any depth of what the user or a log gets. */
function piecesOf(key: string, ...shown: unknown[]): string[] {
	const all = shown.map((each) => inspect(each, { depth: 12, maxStringLength: null })).join('\n');
	const pieces = Array.from({ length: key.length - 7 }, (_, i) => key.slice(i, i + 8));
	return pieces.filter((piece) => all.includes(piece));
}

const PLACES: Array<[string, RawResponse]> = [
	['error.message', json({ error: { message: 'Key KEY is wrong' } }, 401)],
	['error.code', error('no', 'KEY')],
	['error.type', json({ error: { message: 'no', type: 'bad KEY' } }, 400)],
	['code at the top level', json({ code: 'KEY', message: 'no' }, 400)],
	['code at the top level, status 200', json({ code: 'xKEY', message: 'no' })],
	['msg', json({ msg: 'Bearer KEY' }, 403)],
	['error, a text', json({ error: 'KEY is unknown' }, 401)],
	['detail, a list', json({ detail: [{ msg: 'KEY' }] }, 422)],
	['the title of a web page', text('<html><title>KEY</title></html>', 502)],
	['plain text', text('token=KEY', 500)],
	['text that is cut behind it', text(`${'x'.repeat(285)} KEY`, 400)],
	['a message that is cut behind it', error(`${'ab '.repeat(96)}KEY`)],
	['a code that is cut behind it', error('no', `${'long '.repeat(18)}KEY`)],
	['Location', text('', 302, { location: 'https://example.com/?key=KEY' })],
	['a long Location', text('', 307, { location: `https://example.com/${'x'.repeat(170)}KEY` })],
	['the request ID', text('no', 400, { 'x-request-id': 'KEY' })],
	['a long request ID', text('no', 400, { 'x-request-id': `${'long '.repeat(17)}KEY` })],
	['the request ID of a success', json({ data: [image] }, 200, { 'x-oneapi-request-id': 'KEY' })],
	['usage', json({ data: [image], usage: { token: 'KEY' } })],
	['a name in usage', json({ data: [image], usage: { KEY: 1 } })],
	['revised_prompt', json({ data: [{ ...image, revised_prompt: 'a fox KEY' }] })],
	['size', json({ data: [{ ...image, size: 'KEY' }] })],
	['fields nobody knows', json({ data: [{ ...image, echo: 'Bearer KEY' }], debug: ['KEY'] })],
	['an image’s URL', json({ data: [{ url: `${A}?key=KEY` }] })],
	['an image that cannot be downloaded', json({ data: [{ url: 'HOST/none/KEY.png' }] })],
	['an entry’s code', json({ data: [image, { error: { code: 'KEY', message: 'no' } }] })],
	['an entry’s message', json({ data: [image, { error: { message: `${'x'.repeat(285)} KEY` } }] })],
	['a broken entry', body(`{"data":[{"url":"${A}"},{"url":"https://example.com/KEY,}]}`)],
	['URLs of what is not understood', json({ link: 'https://example.com/KEY' })],
	['an event', stream(['event: error\n', event({ code: 'KEY', message: 'KEY' })])],
	['a word between images', stream([event(image), 'data: KEY https://x/KEY\n\n'])],
	[
		'what was read before a break',
		{ ...body(`{"data":[{"url":"${A}"},{"url":"https://x/KEY`), end: 'is cut' },
	],
];

const MODES = [
	{ ...RETRY_ON_FAIL, maxTries: 2 },
	{ onError: 'continueRegularOutput' },
	{ onError: 'continueErrorOutput' },
] as const;

it.concurrent.each(PLACES)('the key does not show in %s', async (_, raw) => {
	const play = async (settings: (typeof MODES)[number]) => {
		const { result } = await answer(raw, { advanced: { simplify: false }, run: { settings } });
		const { error: thrown, items, run } = result;
		return piecesOf(KEY, thrown, thrown?.stack, items, run);
	};
	expect((await Promise.all(MODES.map(play))).flat()).toEqual([]);
});

describe('a key is found', () => {
	const key = "sk/a+b=c.d(e)*f&g'h!~Long";
	const expectHidden = async (echoed: string, sent = key) => {
		const { description, result } = await answer(error(`Bad ${echoed}`), { key: sent });
		expect(piecesOf(key, result.error, result.items)).toEqual([]);
		expect(description.split('\n')[1]).toBe('Provider: Bad ***');
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
		await expectHidden(echoed);
	});

	it.concurrent.each([
		` ${key}\n`,
		`Bearer ${key}`,
		`"${key}"`,
		`bearer  ${key}\r\n`,
		`\ufeff${key}`,
	])('pasted as %j, and sent without what is around it', async (pasted) => {
		await expectHidden('KEY', pasted);
	});

	it.concurrent('unless it is too short to be one', async () => {
		const { description } = await answer(error('size 2048x2048'), { key: '2', isOpen: true });
		expect(description).toContain('\nProvider: size 2048x2048\n');
	});
});

describe('image data does not show', () => {
	const data = Buffer.alloc(90, 'image').toString('base64');

	it.concurrent('in an error', async () => {
		const { description } = await answer(error(`No ${data} here`));
		expect(description).toContain('\nProvider: No … here\n');
	});

	it.concurrent('with Simplify off, where hashes and ids survive', async () => {
		const known = {
			sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
			id: 'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf',
			usage: { generated_images: 1 },
		};
		const { result } = await answer(
			json({ data: [{ ...image, thumbnail: data }], data64: data, ...known }),
			{
				advanced: { simplify: false },
				isOpen: true,
			},
		);
		expect(result.items[0].json.response).toEqual({
			data: [{ url: expect.stringMatching(/^http:.*\/a\.png$/) as string, thumbnail: '…' }],
			data64: '…',
			...known,
		});
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
			run: { credentials: { baseUrl, apiKey: KEY, provider: 'other' } },
		});
		expect(message).toBe(
			'The Base URL of the credential contains a user name or password [item 0]',
		);
		expect(posts).toBe(0);
		expect(inspect(result, { depth: 12 })).not.toContain('pass-word');
	}
});
