import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import {
	A,
	answer,
	B,
	BASE64,
	body,
	C,
	COMPLETED,
	event,
	json,
	PNG,
	setOf,
	stream,
	type RawResponse,
} from './server';

describe('an image is found in', () => {
	const found = async (raw: RawResponse) => {
		const { images, files, warnings, message, posts } = await answer(raw);
		expect({ message, files, posts }).toEqual({ message: '', files: true, posts: 1 });
		if (images.length === 1) expect(warnings).toEqual([]);
		return images;
	};

	it.concurrent.each<[unknown]>([
		[{ data: { url: A } }],
		[{ data: A }],
		[{ code: 0, data: { data: [{ url: A }] } }],
		[{ image: A }],
		[{ image: { url: A } }],
		[[A]],
		[{ url: A }],
		[{ data: [{ type: 'image_url', image_url: { url: A } }] }],
		[{ data: [{ url: ` \n${A}\t ` }] }],
		[{ data: [{ b64_json: A }] }],
		[{ data: [{ url: A, b64_json: null, size: null, revised_prompt: null, error: null }] }],
		[{ data: [{ url: A, z_index: [1], layers: { a: 1 }, size: 7 }] }],
		...['None', 'null', '', ' ', 'N/A', 'undefined', 'false'].map((word): [unknown] => [
			{ data: [{ url: A, b64_json: word }] },
		]),
		[{ code: 'COMPLETED', message: 'done', data: { url: A } }],
		[{ code: 'A00000', msg: '请求成功', data: { image_url: A } }],
		[{ code: 1, message: '操作成功', data: { images: [{ url: A }] } }],
		[{ code: 40000, message: '', data: [A] }],
		...[null, {}, { code: 0, message: '' }, { code: 0, message: 'no error' }, 'success'].map(
			(error): [unknown] => [{ error, data: [{ url: A }] }],
		),
		[{ message: 'Generated with care', data: [{ url: A, message: 'nice' }] }],
		[{ success: false, message: 'One is missing', data: [{ url: A }] }],
		[{ 'x.y': [{ n: 1 }], data: [{ url: A }] }],
	])('%j', async (value) => {
		expect(await found(json(value))).toEqual([A]);
	});

	it.concurrent.each<[string, RawResponse]>([
		['a response of status 201', json({ data: [{ url: A }] }, 201)],
		['a response of status 206', json({ data: [{ url: A }] }, 206)],
		['JSON with NaN', body(`{"data":[{"url":"${A}","score":NaN}]}`)],
		['JSON of Python', body(`{"data":[{"url":"${A}","seed":None,"x":-Infinity}]}`)],
		['JSON with a line feed in a string', body(`{"data":[{"url":"${A}","x":"two\nlines"}]}`)],
		['JSON behind three megabytes', body(`{"pad":"${'x'.repeat(3e6)}","data":["${A}"]}`)],
	])('%s', async (_, raw) => {
		expect(await found(raw)).toEqual([A]);
	});

	it.concurrent.each<[unknown]>([
		[{ images: [{ url: A }, { image_url: B }] }],
		[[{ url: A }, { url: B }]],
		[{ data: [A, B] }],
		[{ id: 'x', status: 'succeeded', output: [A, B], urls: { get: 'https://api/x' } }],
		[{ success: true, result: { images: [A, B] } }],
		[{ data: [[{ url: A }], [[B]]] }],
		[{ data: [{ url: [A, B] }] }],
		[{ data: { image_url: [A, B] } }],
	])('%j, twice', async (value) => {
		expect(await found(json(value))).toEqual([A, B]);
	});

	const inLines = (BASE64.match(/.{1,19}/g) ?? []).join('\r\n');
	const ofUrls = BASE64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
	it.concurrent.each<[string, object]>([
		['url', { url: BASE64 }],
		['image', { image: BASE64 }],
		['b64_json beside an empty url', { url: '', b64_json: BASE64 }],
		['b64_json beside a url of null', { url: null, b64_json: BASE64 }],
		['b64_json beside a url of None', { url: 'None', b64_json: BASE64 }],
		['a data URI', { url: `data:image/png;base64,${BASE64}`, b64_json: null }],
		['a data URI without a comma', { b64_json: `data:image/png;base64${BASE64}` }],
		['a data URI of nothing but data:', { b64_json: `data:${BASE64}` }],
		['a data URI without data:', { b64_json: `image/png;base64,${BASE64}` }],
		['a data URI with parameters', { b64_json: `data:image/png;charset=utf-8;base64,${BASE64}` }],
		['a data URI in upper case', { b64_json: `DATA:IMAGE/PNG;BASE64,${BASE64}` }],
		['base64url', { b64_json: ofUrls }],
		['base64 in lines', { b64_json: inLines }],
	])('image data: %s', async (_, entry) => {
		expect(await found(json({ data: [entry] }))).toEqual(['bytes']);
	});

	it.concurrent.each<[string, unknown]>([
		['artifacts', { artifacts: [{ data64: BASE64 }] }],
		['predictions', { predictions: [{ bytesBase64Encoded: BASE64, mimeType: 'image/png' }] }],
		['parts of a chat', { choices: [{ message: { parts: [{ inline: { payload: BASE64 } }] } }] }],
	])('image data in fields nobody knows: %s', async (_, value) => {
		expect(await found(json(value))).toEqual(['bytes']);
	});

	it.concurrent('a body that is the image itself', async () => {
		const raw = { ...body(PNG, 'image/png'), body: [PNG.subarray(0, 40), 20, PNG.subarray(40)] };
		expect(await found(raw)).toEqual(['bytes']);
	});
});

describe('the bytes decide how a response is read', () => {
	const two = [A, B].map((url, image_index) => ({
		type: 'image_generation.partial_succeeded',
		image_index,
		url,
	}));
	const [first, second] = two.map(event);
	const [line1, line2] = two.map((each) => JSON.stringify(each));
	const eventsWith = (separator: string) =>
		[line1, line2, '{"type":"image_generation.completed"}']
			.map((line) => `data: ${line}${separator}`)
			.join('');
	const events = eventsWith('\n\n');
	const list = JSON.stringify({ created: 1, data: [{ url: A }, { url: B }] });
	const indented = JSON.stringify(JSON.parse(list), null, 2);
	const types = ['application/json', 'text/plain', 'text/html', 'application/octet-stream'];
	const odd = ['image/png', 'application/x-ndjson', 'text/event-stream; charset=utf-8', ''];

	it.concurrent.each<[string, RawResponse]>([
		...[...types, ...odd].flatMap(
			(type): Array<[string, RawResponse]> => [
				[`events as “${type}”`, body(events, type)],
				[`JSON as “${type}”`, body(list, type)],
			],
		),
		['chunk borders everywhere', { ...body(`\ufeff${list.replace('created', 'é图')}`), pieces: 1 }],
		[
			'chunk borders everywhere in events',
			{ ...body(`\ufeff: é\r\n\r\n${eventsWith('\r\n\r\n')}`), pieces: 1 },
		],
	])('%s', async (_, raw) => {
		await expectBoth(raw);
	});

	it.concurrent.each<[string, string]>([
		['JSON over lines', indented],
		['JSON behind comments', `: PING\n\n: PING\n\n${list}\n`],
		['JSON behind comments, with CRLF', `: PING\r\n\r\n${list}\r\n`],
		['JSON behind a byte order mark', `\ufeff${list}`],
		['JSON behind comments and a byte order mark', `: PING\n\n\ufeff${indented}`],
		['JSON behind blank lines', `\n \r\n\t${list}`],
		['JSON behind a line of text', `Warning: deprecated in line 3\n${list}`],
		['JSON behind heartbeats in JSON', `{"type":"ping"}\n{"type":"ping"}\n${list}`],
		['JSON, then [DONE]', `${list}\n\ndata: [DONE]\n\n`],
		['JSON, then [DONE] at once', `${list}data: [DONE]`],
		['JSON in one event', `data: ${list}\n\ndata: [DONE]\n\n`],
		['JSON in one event, without an end', `data: ${list}`],
		['JSON in one event over lines', `${indented.replace(/^/gm, 'data: ')}\n\n`],
		['events behind a byte order mark', `\ufeff${events}`],
		['events each behind a byte order mark', events.replaceAll('data:', '\ufeffdata:')],
		['events without blank lines', eventsWith('\n')],
		['events with CRLF', eventsWith('\r\n\r\n')],
		['events with CR alone', eventsWith('\r\r')],
		['events without a blank after data:', events.replaceAll('data: ', 'data:')],
		['events with fields', events.replaceAll('data: ', 'id: 7\nevent: x\nretry: 10\ndata: ')],
		['events between comments', eventsWith('\n: PING\n\n: PING\n')],
		['events between words', `data: keep-alive\n\n${events}data: DONE\n\n`],
		...['data:\n\n', 'data: "ping"\n\n', 'data: null\n\n', 'data\n\n'].map(
			(between): [string, string] => [
				`events between ${JSON.stringify(between)}`,
				first + between + second,
			],
		),
		['lines of JSON', `${line1}\n${line2}\n`],
		['lines of JSON without line ends', line1 + line2],
		['an event, then a line of JSON', `${first}${line2}\n`],
		['a line of JSON, then an event', `${line1}\n${second}`],
		['an event, then the whole list', first + list],
		['a last event that repeats all', first + second + COMPLETED.replace('{}', list)],
		['an image in each completed event', (first + second).replaceAll(/partial_\w+/g, 'completed')],
		['an event that is a URL', `data: "${A}"\n\ndata: "${B}"\n\n`],
		['events with a list in url', event({ url: [A, B] }) + COMPLETED],
		['events with wrapped images', event({ image: { url: A } }) + event({ data: { url: B } })],
		['events with a message', event({ ...two[0], message: 'ok so far' }) + second],
	])('%s', async (_, content) => {
		await expectBoth(body(content, 'text/event-stream'));
	});

	async function expectBoth(raw: RawResponse): Promise<void> {
		const { images, files, warnings, message, posts } = await answer(raw, setOf(2));
		expect({ images, files, warnings, message, posts }).toEqual({
			images: [A, B],
			files: true,
			warnings: [],
			message: '',
			posts: 1,
		});
	}
});

describe('what else a response holds is a warning beside its images', () => {
	const UNREAD = 'A part of the response could not be read and may hold another image';
	const moderated = 'Image 1 was not generated: moderated: no.';
	const error = { code: 'moderated', message: 'no' };

	it.concurrent.each<[string, RawResponse, string[], string]>([
		['a broken list', json({ data: [{ url: A }, [[null]], { url: C }] }), [A, C], `${UNREAD}.`],
		[
			'a broken entry',
			body(`{"data":[{"url":"${A}"},{"url":${B}},{"url":"${C}"}]}`),
			[A, C],
			`${UNREAD}: ${B}.`,
		],
		['two URLs', json({ data: [{ url: A, image_url: B }] }), [A], `${UNREAD}: ${B}.`],
		['a URL and a list', json({ data: [{ url: A, urls: [A, B] }] }), [A], `${UNREAD}: ${B}.`],
		['Markdown', json({ data: [{ url: A }, `![fox](${B})`] }), [A], `${UNREAD}: ${B}.`],
		[
			'a broken event',
			stream([event({ url: A }), `data: {"url":"${B}",\n\n`, event({ url: C })]),
			[A, C],
			`${UNREAD}: ${B}.`,
		],
		[
			'a broken event without a blank line',
			stream([event({ url: A }), `data: {"url":"${B}",\n`, event({ url: C })]),
			[A, C],
			`${UNREAD}: ${B}.`,
		],
		[
			'an event that is text',
			stream([event({ url: A }), `data: see ${B}\n\n`]),
			[A],
			`${UNREAD}: ${B}.`,
		],
		[
			'an error that lists images',
			json({ error: { code: 'partial', message: 'One is missing' }, data: { url: A } }),
			[A],
			'The service stopped early: partial: One is missing.',
		],
		[
			'an error event',
			stream([event({ url: A }), event({ error })]),
			[A],
			'The service stopped early: moderated: no.',
		],
		[
			'an event with an error of one image',
			stream([event({ url: A }), event({ image_index: 1, error }), event({ url: C }), COMPLETED]),
			[A, C],
			moderated,
		],
		['an entry with an error', json({ data: [{ url: A }, error, { url: C }] }), [A, C], moderated],
	])('%s', async (_, raw, expected, warning) => {
		const { images, warnings, message, posts } = await answer(raw, setOf(3));
		const others = warnings.filter((each) => !each.startsWith('Requested'));
		expect({ message, images, others, posts }).toEqual({
			message: '',
			images: expected,
			others: [warning],
			posts: 1,
		});
	});

	it.concurrent.each<[string, Partial<RawResponse>, string]>([
		['a body that ends in', {}, 'it ended in the middle of a JSON value'],
		['a connection that is cut in', { end: 'is cut' }, 'the connection was cut'],
	])('%s the second image', async (_, more, reason) => {
		const whole = `{"data":[{"url":"${A}"},{"url":"${B.slice(0, -4)}`;
		for (const raw of [
			body(whole),
			stream([event({ url: A }), `data: {"url":"${B.slice(0, -4)}`]),
		]) {
			const { images, warnings, posts } = await answer({ ...raw, ...more }, setOf(3));
			expect([images, posts]).toEqual([[A], 1]);
			expect(warnings).toEqual([
				`The response was cut short (${reason}). More images may have been generated and charged; check the provider’s usage page.`,
				`${UNREAD}: HOST/b.`,
			]);
		}
	});

	it.concurrent('a reference that the response repeats is no image', async () => {
		const url = 'https://example.com/reference.png';
		const raw = json({ image: url, input: { image: url }, data: [{ url: A }] });
		const { images, warnings, message } = await answer(raw, {
			operation: 'imageToImage',
			values: { referenceImages: { image: [{ source: 'url', url }] } },
		});
		expect({ message, images, warnings }).toEqual({ message: '', images: [A], warnings: [] });
	});
});

it.concurrent.each([
	['gzip', gzipSync],
	['br', brotliCompressSync],
	['deflate', deflateSync],
] as const)('a response under %s is read, whole or cut', async (encoding, compress) => {
	const [first, second] = ['https://example.invalid/a.png', 'https://example.invalid/b.png'];
	const list = `{"data":[{"url":"${first}"},{"url":"${second}","x":"`;
	const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
	const setting = { ...setOf(2), options: { downloadImages: false } };
	const [full, cut] = await Promise.all([
		answer({ headers, body: [compress(`${list}"}]}`)] }, setting),
		answer({ headers, body: [compress(list)] }, setting),
	]);
	expect([full.images, full.warnings]).toEqual([[first, second], []]);
	expect([cut.images, cut.warnings.at(-1)]).toEqual([
		[first],
		`A part of the response could not be read and may hold another image: ${second}.`,
	]);
});
