import type { INodeParameters } from 'n8n-workflow';

import { listModels } from '../engine';
import { IDS, KEY, parameters } from '../support';
import { answer, body, MAY_BE_CHARGED, PNG, startServer, type RawResponse } from './server';

const A = 'HOST/a.png';
const image = body(JSON.stringify({ data: [{ url: A }] }));
const json = (value: unknown, status: number, type = 'application/json'): RawResponse => ({
	status,
	headers: { 'content-type': type },
	body: [JSON.stringify(value)],
});

describe('the gateway’s own words are shown, and its status decides the advice', () => {
	const words = 'Foxes are not offered here';
	const STATUSES: Array<[number, string]> = [
		[401, 'Check the API key in the credential, and that it belongs to this Base URL.'],
		[402, 'The account’s balance is used up. Top it up at the provider, then run again.'],
		[403, 'Check the permissions and the balance of the API key.'],
		[
			413,
			'The request is too large for the gateway. Use fewer or smaller reference images, or pass them as URLs.',
		],
	];
	const SHAPES: Array<[string, (status: number) => RawResponse]> = [
		['msg', (status) => json({ msg: words }, status)],
		['detail', (status) => json({ detail: words }, status)],
		['detail, a list', (status) => json({ detail: [{ loc: ['body'], msg: words }] }, status)],
		['errors, a list', (status) => json({ errors: [{ message: words }] }, status)],
		['error, a text', (status) => json({ error: words }, status)],
		['error_description', (status) => json({ error_description: words }, status)],
		[
			'problem+json',
			(status) =>
				json(
					{ type: 'about:blank', title: 'Bad', detail: words, status },
					status,
					'application/problem+json',
				),
		],
		['a numeric code', (status) => json({ code: 4711, message: words }, status)],
		[
			'a URL beside it',
			(status) => json({ message: words, url: '/v1/images/generations' }, status),
		],
		[
			'an event',
			(status) => ({
				...json({}, status, 'text/event-stream'),
				body: [`data: {"error":{"message":"${words}"}}\n\n`],
			}),
		],
	];
	it.concurrent.each(
		STATUSES.flatMap(([status, advice]) =>
			SHAPES.map(([name, make]) => [status, name, make(status), advice] as const),
		),
	)('%i: %s', async (_, __, raw, advice) => {
		const { message, description, posts } = await answer(raw);
		expect([message, description.split('\n')[0], posts]).toEqual([`${words} [item 0]`, advice, 1]);
		expect(description).not.toContain('Check the Base URL');
	});

	it.concurrent('text, cut at 300 characters', async () => {
		const { message } = await answer({
			status: 400,
			headers: { 'content-type': 'text/plain' },
			body: ['no '.repeat(300_000)],
		});
		expect(message).toBe(
			`Unexpected response (HTTP 400): ${'no '.repeat(100).slice(0, 299).trimEnd()}… [item 0]`,
		);
	});

	it.concurrent('a page of nginx', async () => {
		const page =
			'<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>';
		const { message, description } = await answer({
			status: 413,
			headers: { 'content-type': 'text/html' },
			body: [page],
		});
		expect(message).toBe(
			'Unexpected response (HTTP 413): a web page instead of JSON (“413 Request Entity Too Large”) [item 0]',
		);
		expect(description.split('\n')[0]).toBe(STATUSES[3][1]);
	});

	it.concurrent('a path that does not exist asks for the Base URL', async () => {
		const { description } = await answer(
			json({ message: 'Cannot POST /v1/images/generations', url: '/v1' }, 404),
		);
		expect(description.split('\n')[0]).toBe(
			'Check the Base URL of the credential: it must be the URL of the API, such as https://host/v1.',
		);
	});
});

describe('what cannot be sent is refused, and not said to be charged', () => {
	it.concurrent.each<[string, INodeParameters]>([
		['Wait When Busy is no number', { options: { waitWhenBusy: '={{ "many" }}' } }],
		['Wait When Busy is NaN', { options: { waitWhenBusy: '={{ NaN }}' } }],
		['Wait When Busy is Infinity', { options: { waitWhenBusy: '={{ Infinity }}' } }],
		['Wait When Busy is a list', { options: { waitWhenBusy: '={{ [3] }}' } }],
		['Wait When Busy is true', { options: { waitWhenBusy: '={{ true }}' } }],
		['Max Images per Run is no number', { options: { maxImagesPerRun: '={{ {} }}' } }],
		['Max Images per Run is negative', { options: { maxImagesPerRun: -1 } }],
		['a timeout of -1', { requestOptions: { timeout: -1 } }],
		['a timeout over 2³¹', { requestOptions: { timeout: 2 ** 31 } }],
		['a timeout that is a word', { requestOptions: { timeout: '={{ "soon" }}' } }],
		['a prompt of NaN', { prompt: '={{ NaN }}' }],
		['a prompt of Infinity', { prompt: '={{ -Infinity }}' }],
		['a prompt of true', { prompt: '={{ true }}' }],
		['a prompt with [object Object]', { prompt: '=a {{ $json }}' }],
		['a prompt with undefined', { prompt: '=a {{ String($json.nothing) }} fox' }],
		['a prompt of zero-width characters', { prompt: '\u200b\u200d\u2060\ufeff \u00ad' }],
		['a prompt that is a list', { prompt: '={{ ["fox"] }}' }],
		['Additional Body Fields is a list', { options: { additionalBodyFields: '[]' } }],
		['Additional Body Fields is broken', { options: { additionalBodyFields: '{' } }],
		[
			'Source is none',
			{ operation: 'imageToImage', referenceImages: { image: [{ source: '={{ "file" }}' }] } },
		],
		[
			'Source is of Object',
			{
				operation: 'imageToImage',
				referenceImages: { image: [{ source: '={{ "constructor" }}' }] },
			},
		],
	])('%s', async (_, values) => {
		const { message, description, posts } = await answer(image, { values });
		expect(posts).toBe(0);
		expect(message).toMatch(/^[A-Z“].* \[item 0\]$/);
		expect(`${message} ${description}`).not.toMatch(
			/TypeError|Cannot read|is not a function|not iterable|did not expect/,
		);
		expect(description).not.toContain(MAY_BE_CHARGED);
	});

	it.concurrent.each<[string, string]>([
		['a label over 63 characters', `https://${'x'.repeat(64)}.example/v1`],
		['a host over 253 characters', `https://${'x.'.repeat(130)}example/v1`],
		['no host', 'https:///v1'],
		['another scheme', 'ftp://example.com'],
		['nothing', ''],
		['a port over 65535', 'https://example.com:99999/v1'],
		['an empty label', 'https://a..example/v1'],
	])('a base URL with %s', async (_, baseUrl) => {
		const { message, description, posts } = await answer(image, {
			run: { credentials: { baseUrl, apiKey: KEY } },
		});
		expect(posts).toBe(0);
		expect(message).toMatch(/ \[item 0\]$/);
		expect(description).not.toContain(MAY_BE_CHARGED);
	});

	it.concurrent('a host nobody knows', async () => {
		const { description } = await answer(image, {
			options: { waitWhenBusy: 1 },
			run: { credentials: { baseUrl: 'https://nobody.invalid/v1', apiKey: KEY } },
		});
		expect(description.split('\n')[0]).toBe(
			'Nothing was sent. Check the Base URL of the credential, and that this n8n has access to that host.',
		);
	});
});

describe('what can be sent is sent', () => {
	it.concurrent.each<[string, INodeParameters]>([
		['a huge n', { options: { additionalBodyFields: '{"n": 1e15}' } }],
		['Wait When Busy as a text', { options: { waitWhenBusy: '={{ "3" }}' } }],
		['a prompt that is a number', { prompt: '={{ 42 }}' }],
		['a prompt about “undefined”', { prompt: 'the word undefined on a wall' }],
	])('%s', async (_, values) => {
		const { images, posts, message } = await answer(image, { values });
		expect({ images, posts, message }).toEqual({ images: [A], posts: 1, message: '' });
	});

	it.concurrent('All Image Fields passes over JSON whose mimeType is none', async () => {
		const binary = { picture: { data: PNG.toString('base64'), mimeType: 'image/png' } };
		const { images, message } = await answer(image, {
			operation: 'imageToImage',
			values: { referenceImages: { image: [{ source: 'allBinary' }] } },
			run: { items: [{ json: { odd: { mimeType: null, data: 'x' } }, binary }] },
		});
		expect({ message, images }).toEqual({ message: '', images: [A] });
	});

	it.concurrent('a stored file that is gone is named', async () => {
		const { message, description, posts } = await answer(image, {
			operation: 'imageToImage',
			values: { referenceImages: { image: [{ source: 'binary', binaryPropertyName: 'picture' }] } },
			run: {
				items: [
					{
						json: {},
						binary: {
							picture: { id: 'filesystem-v2:gone', data: 'filesystem-v2', mimeType: 'image/png' },
						},
					},
				],
			},
		});
		expect([message, description, posts]).toEqual([
			'Reference Images: the file of image 1 (field “picture”) is no longer stored in n8n [item 0]',
			'Run the node that outputs the file again.',
			0,
		]);
	});

	it.concurrent.each<[unknown]>([[null], [{ a: 1 }], [[1, null]], [7], ['data:,']])(
		'Preview with image %j',
		async (odd) => {
			const { result, message, posts } = await answer(image, {
				options: { previewRequest: true, additionalBodyFields: JSON.stringify({ image: odd }) },
			});
			expect([message, posts, result.items.length]).toEqual(['', 0, 1]);
		},
	);

	it.concurrent.each([
		['/openai/images/generations', '/openai/images/generations'],
		['/openai/v1/images/generations/', '/openai/v1/images/generations'],
		['/proxy/openai/images/edits', '/proxy/openai/images/generations'],
		['/openai/chat/completions?x=1', '/openai/images/generations'],
	])('a pasted %s keeps its path', async (path, expected) => {
		const server = await startServer([image]);
		await answer(image, {
			run: { credentials: { baseUrl: server.url + path, apiKey: KEY, gateway: 'other' } },
		});
		server.close();
		expect(server.requests.filter(({ method }) => method === 'POST').map(({ url }) => url)).toEqual(
			[expected],
		);
	});

	it.concurrent('a model id that is swapped for another carries a warning', async () => {
		const server = await startServer([image]);
		const { result } = await answer(image, {
			values: { model: { __rl: true, mode: 'id', value: 'seedream-4-0-250828' } },
			run: { credentials: { baseUrl: `${server.url}/v1`, apiKey: KEY, gateway: 'volcengine' } },
		});
		server.close();
		const sent = server.requests
			.filter(({ method }) => method === 'POST')
			.map((each) => (JSON.parse(each.body) as { model: string }).model);
		const warnings = result.items[0].json.warnings as string[];
		const isSwapped = sent[0].replace(/^doubao-/, '') !== 'seedream-4-0-250828';
		expect(warnings.some((each) => each.includes(`“${sent[0]}” was requested`))).toBe(isSwapped);
	});
});

it.concurrent('a model list without a base URL says what is missing', async () => {
	const values = parameters('textToImage', IDS['4.0']);
	await expect(listModels({ baseUrl: '', apiKey: KEY }, values)).rejects.toThrow(
		'The Base URL of the credential is not a valid HTTP(S) URL',
	);
});

it.concurrent('the raw response of a stream is the list of its events', async () => {
	const events = [
		{ type: 'image_generation.partial_succeeded', image_index: 0, url: A, message: 'nice' },
		{
			type: 'image_generation.partial_succeeded',
			image_index: 1,
			url: 'HOST/b.png',
			error: { code: 0 },
		},
		{ type: 'image_generation.completed', usage: { generated_images: 2 } },
	];
	const raw = body(
		events.map((each) => `data: ${JSON.stringify(each)}\n\n`).join(''),
		'text/event-stream',
	);
	const { result, warnings } = await answer(raw, {
		operation: 'imageSet',
		values: { maxImages: 2 },
		options: { stream: 'on', simplify: false },
	});
	const text = JSON.stringify(result.items[0].json.response).replace(
		/http:\/\/127\.0\.0\.1:\d+/g,
		'HOST',
	);
	expect([JSON.parse(text), warnings]).toEqual([events, []]);
});

it.concurrent('“Also:” lists at most 20 lines', async () => {
	const { description } = await answer(image, {
		values: { prompt: '={{ $json.prompt }}' },
		run: { items: Array.from({ length: 50 }, () => ({ json: {} })) },
	});
	const lines = description.split('\n');
	const also = lines.indexOf('Also:');
	expect(
		lines.slice(also + 1).filter((line) => line.startsWith('The Prompt is empty')).length,
	).toBe(20);
	expect(lines.at(-1)).toBe('… and 29 more.');
	expect(description.length).toBeLessThan(20_000);
});
