import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { answer, BASE64, body, type RawResponse } from './server';

const A = 'HOST/a.png';
const B = 'HOST/b.png';
const C = 'HOST/c.png';

const json = (value: unknown) => body(JSON.stringify(value));
const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const ended = event({ type: 'image_generation.completed', usage: { generated_images: 2 } });
const events = (...parts: unknown[]) =>
	body([...parts.map(event), ended].join(''), 'text/event-stream');
const succeeded = (url: string, image_index: number) => ({
	type: 'image_generation.partial_succeeded',
	image_index,
	url,
});

describe('an image reaches the user, however a response carries it', () => {
	it.concurrent.each<[string, RawResponse, string[]]>([
		['data is one object', json({ data: { url: A } }), [A]],
		['data is a URL', json({ data: A }), [A]],
		['data is a list of URLs', json({ data: [A, B] }), [A, B]],
		['data in data', json({ code: 0, data: { data: [{ url: A }] } }), [A]],
		['images', json({ images: [{ url: A }, { image_url: B }] }), [A, B]],
		['image, a URL', json({ image: A }), [A]],
		['image, an object', json({ image: { url: A } }), [A]],
		['a top-level list', json([{ url: A }, { url: B }]), [A, B]],
		['a top-level list of URLs', json([A]), [A]],
		['an object without a list', json({ url: A }), [A]],
		[
			'output of Replicate',
			json({ id: 'x', status: 'succeeded', output: [A, B], urls: { get: 'https://api/x' } }),
			[A, B],
		],
		['result in a result', json({ success: true, result: { images: [A] } }), [A]],
		['lists in lists', json({ data: [[{ url: A }], [[B]]] }), [A, B]],
		[
			'image_url as OpenAI chats have it',
			json({ data: [{ type: 'image_url', image_url: { url: A } }] }),
			[A],
		],
		['url is a list', json({ data: [{ url: [A, B] }] }), [A, B]],
		['image_url is a list', json({ data: { image_url: [A, B] } }), [A, B]],
		['blanks around a URL', json({ data: [{ url: ` \n${A}\t ` }] }), [A]],
		['a URL in b64_json', json({ data: [{ b64_json: A }] }), [A]],
		['base64 in url', json({ data: [{ url: BASE64 }] }), ['bytes']],
		['base64 in image', json({ data: [{ image: BASE64 }] }), ['bytes']],
		['a data URI in url', json({ data: [{ url: `data:image/png;base64,${BASE64}` }] }), ['bytes']],
		[
			'a data URI without a comma',
			json({ data: [{ b64_json: `data:image/png;base64${BASE64}` }] }),
			['bytes'],
		],
		[
			'a data URI of nothing but data:',
			json({ data: [{ b64_json: `data:${BASE64}` }] }),
			['bytes'],
		],
		[
			'a data URI without data:',
			json({ data: [{ b64_json: `image/png;base64,${BASE64}` }] }),
			['bytes'],
		],
		[
			'a data URI with parameters',
			json({ data: [{ b64_json: `data:image/png;charset=utf-8;base64,${BASE64}` }] }),
			['bytes'],
		],
		[
			'a data URI in upper case',
			json({ data: [{ b64_json: `DATA:IMAGE/PNG;BASE64,${BASE64}` }] }),
			['bytes'],
		],
		[
			'base64 for URLs',
			json({
				data: [{ b64_json: BASE64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '') }],
			}),
			['bytes'],
		],
		[
			'base64 in lines',
			json({ data: [{ b64_json: (BASE64.match(/.{1,19}/g) ?? []).join('\r\n') }] }),
			['bytes'],
		],
		...['None', 'null', '', ' ', 'N/A', 'undefined', 'false'].map(
			(word): [string, RawResponse, string[]] => [
				`b64_json is “${word}” beside a URL`,
				json({ data: [{ url: A, b64_json: word }] }),
				[A],
			],
		),
		['url is “None” beside base64', json({ data: [{ url: 'None', b64_json: BASE64 }] }), ['bytes']],
		['a code that is a word', json({ code: 'COMPLETED', message: 'done', data: { url: A } }), [A]],
		['a code with figures', json({ code: 'A00000', msg: '请求成功', data: { image_url: A } }), [A]],
		[
			'code 1 for success',
			json({ code: 1, message: '操作成功', data: { images: [{ url: A }] } }),
			[A],
		],
		['code 40000 for success', json({ code: 40000, message: '', data: [A] }), [A]],
		['error: null', json({ error: null, data: [{ url: A }] }), [A]],
		['error: {}', json({ error: {}, data: [{ url: A }] }), [A]],
		['error: {code: 0}', json({ error: { code: 0, message: '' }, data: [{ url: A }] }), [A]],
		[
			'error: {code: 0, message: no error}',
			json({ error: { code: 0, message: 'no error' }, data: [{ url: A }] }),
			[A],
		],
		['error: success', json({ error: 'success', data: [{ url: A }] }), [A]],
		[
			'a message beside an image',
			json({ message: 'Generated with care', data: [{ url: A, message: 'nice' }] }),
			[A],
		],
		['status 201', { ...json({ data: [{ url: A }] }), status: 201 }, [A]],
		['status 206', { ...json({ data: [{ url: A }] }), status: 206 }, [A]],
		['NaN beside an image', body(`{"data":[{"url":"${A}","score":NaN}]}`), [A]],
		['None beside an image', body(`{"data":[{"url":"${A}","seed":None,"x":-Infinity}]}`), [A]],
		[
			'a raw line feed in a string',
			body(`{"data":[{"url":"${A}","revised_prompt":"two\nlines"}]}`),
			[A],
		],
		['a key with a dot', json({ 'x.y': [{ n: 1 }], data: [{ url: A }] }), [A]],
	])('%s', async (_, raw, expected) => {
		const { images, files, warnings, message, posts } = await answer(raw);
		const missing = expected.length === 1 ? [] : expect.any(Array);
		expect({ message, images, files, warnings, posts }).toEqual({
			message: '',
			images: expected,
			files: true,
			warnings: missing,
			posts: 1,
		});
	});
});

describe('the bytes decide how a response is read', () => {
	const two = [succeeded(A, 0), succeeded(B, 1)];
	const stream = (separator = '\n\n') =>
		[...two, { type: 'image_generation.completed' }]
			.map((each) => `data: ${JSON.stringify(each)}`)
			.join(separator) + separator;
	const list = JSON.stringify({ created: 1, data: [{ url: A }, { url: B }] });
	it.concurrent.each<[string, RawResponse]>([
		...[
			'application/json',
			'text/plain',
			'text/html',
			'application/octet-stream',
			'image/png',
			'application/x-ndjson',
			'',
		].flatMap(
			(type): Array<[string, RawResponse]> => [
				[`events as “${type}”`, body(stream(), type)],
				[`JSON as “${type}”`, body(list, type)],
			],
		),
		['JSON as text/event-stream', body(list, 'text/event-stream')],
		[
			'JSON over lines as text/event-stream',
			body(JSON.stringify(JSON.parse(list), null, 2), 'text/event-stream; charset=utf-8'),
		],
		['JSON behind comments', body(`: PING\n\n: PING\n\n${list}\n`, 'text/event-stream')],
		['JSON behind comments, with CRLF', body(`: PING\r\n\r\n${list}\r\n`, 'text/event-stream')],
		['JSON behind a byte order mark', body(`\ufeff${list}`)],
		[
			'JSON behind comments and a byte order mark',
			body(`: PING\n\n\ufeff${JSON.stringify(JSON.parse(list), null, 1)}`, 'text/event-stream'),
		],
		['JSON behind blank lines', body(`\n \r\n\t${list}`)],
		['JSON behind a line of text', body(`Warning: deprecated in line 3\n${list}`)],
		['JSON behind heartbeats that are JSON', body(`{"type":"ping"}\n{"type":"ping"}\n${list}`)],
		['JSON, then [DONE]', body(`${list}\n\ndata: [DONE]\n\n`)],
		['JSON, then [DONE] at once', body(`${list}data: [DONE]`)],
		['JSON in one event', body(`data: ${list}\n\ndata: [DONE]\n\n`, 'text/event-stream')],
		['JSON in one event, without an end', body(`data: ${list}`, 'text/event-stream')],
		[
			'JSON in one event over lines',
			body(
				JSON.stringify(JSON.parse(list), null, 2).replace(/^/gm, 'data: ') + '\n\n',
				'text/event-stream',
			),
		],
		['events behind a byte order mark', body(`\ufeff${stream()}`, 'text/event-stream')],
		[
			'events each behind a byte order mark',
			body(stream().replaceAll('data:', '\ufeffdata:'), 'text/event-stream'),
		],
		['events without blank lines', body(stream('\n'), 'text/event-stream')],
		['events with CRLF', body(stream('\r\n\r\n'), 'text/event-stream')],
		['events with CR alone', body(stream('\r\r'), 'text/event-stream')],
		[
			'events without blanks behind data:',
			body(stream().replaceAll('data: ', 'data:'), 'text/event-stream'),
		],
		[
			'events with ids and names',
			body(
				stream().replaceAll('data: ', 'id: 7\nevent: image\nretry: 10\ndata: '),
				'text/event-stream',
			),
		],
		['events between comments', body(stream('\n: PING\n\n: PING\n'), 'text/event-stream')],
		[
			'events between words',
			body(`data: keep-alive\n\n${stream()}data: DONE\n\n`, 'text/event-stream'),
		],
		['lines of JSON', body(`${JSON.stringify(two[0])}\n${JSON.stringify(two[1])}\n`)],
		['lines of JSON without line ends', body(two.map((each) => JSON.stringify(each)).join(''))],
		[
			'an event, then a line of JSON',
			body(`${event(two[0])}${JSON.stringify(two[1])}\n`, 'text/event-stream'),
		],
		[
			'a line of JSON, then an event',
			body(`${JSON.stringify(two[0])}\n${event(two[1])}`, 'text/event-stream'),
		],
		['an event, then the whole list', body(`${event(two[0])}${list}`, 'text/event-stream')],
		[
			'a last event that repeats all',
			body(
				`${event(two[0])}${event(two[1])}${event({ type: 'image_generation.completed', data: [{ url: A }, { url: B }] })}`,
				'text/event-stream',
			),
		],
		[
			'an image in each completed event',
			body(
				two.map((each) => event({ ...each, type: 'image_generation.completed' })).join(''),
				'text/event-stream',
			),
		],
		['an event that is a URL', body(`data: "${A}"\n\ndata: "${B}"\n\n`, 'text/event-stream')],
		[
			'events with a list in url',
			events({ type: 'image_generation.partial_succeeded', url: [A, B] }),
		],
		[
			'events with wrapped images',
			events({ type: 'x', image: { url: A } }, { data: { result: { image_url: B } } }),
		],
		[
			'events with a message',
			events({ ...two[0], message: 'ok so far' }, { ...two[1], message: 'nice' }),
		],
		[
			'chunk borders everywhere',
			{ ...body(`\ufeff${list.replace('created', 'größe图')}`), pieces: 1 },
		],
		[
			'chunk borders everywhere in events',
			{ ...body(`\ufeff: é\r\n\r\n${stream('\r\n\r\n')}`), pieces: 1 },
		],
	])('%s', async (_, raw) => {
		const { images, files, warnings, message, posts } = await answer(raw, {
			operation: 'imageSet',
			values: { maxImages: 2 },
			options: { stream: 'on' },
		});
		expect({ message, images, files, warnings, posts }).toEqual({
			message: '',
			images: [A, B],
			files: true,
			warnings: [],
			posts: 1,
		});
	});
});

describe('an image beside other things', () => {
	const full = {
		operation: 'imageSet',
		values: { maxImages: 3 },
		options: { stream: 'on' },
	} as const;
	const unread = (...urls: string[]) =>
		`A part of the response could not be read and may hold another image${urls.length > 0 ? `: ${urls.join(', ')}` : ''}.`;

	it.concurrent.each<[string, RawResponse, string[], string[]]>([
		['a broken list', json({ data: [{ url: A }, [[null]], { url: B }] }), [A, B], [unread()]],
		[
			'a broken entry',
			body(`{"data":[{"url":"${A}"},{"url":${B}},{"url":"${C}"}]}`),
			[A, C],
			[unread(B)],
		],
		['an entry with two URLs', json({ data: [{ url: A, image_url: B }] }), [A], [unread(B)]],
		[
			'an entry with a URL and a list',
			json({ data: [{ url: A, urls: [A, B] }] }),
			[A],
			[unread(B)],
		],
		[
			'an entry with a URL in Markdown',
			json({ data: [{ url: A }, `![fox](${B})`] }),
			[A],
			[unread(B)],
		],
		[
			'a broken event',
			body(`${event({ url: A })}data: {"url":"${B}",\n\n${event({ url: C })}`),
			[A, C],
			[unread(B)],
		],
		[
			'a broken event without a blank line',
			body(`${event({ url: A })}data: {"url":"${B}",\ndata: {"url":"${C}"}\n\n`),
			[A, C],
			[unread(B)],
		],
		['an event that is text', body(`${event({ url: A })}data: see ${B}\n\n`), [A], [unread(B)]],
		[
			'an error that lists images',
			json({ error: { code: 'partial', message: 'One is missing' }, data: { url: A } }),
			[A],
			['The service stopped early: partial: One is missing.'],
		],
		[
			'success false, with an image',
			json({ success: false, message: 'One is missing', data: [{ url: A }] }),
			[A],
			[],
		],
		[
			'an event with an error of one image',
			events(
				{ url: A },
				{ image_index: 1, error: { code: 'moderated', message: 'no' } },
				{ url: C },
			),
			[A, C],
			['Image 1 was not generated: moderated: no.'],
		],
		[
			'an entry with a code of its own',
			json({ data: [{ url: A }, { code: 'moderated', message: 'no' }, { url: C }] }),
			[A, C],
			['Image 1 was not generated: moderated: no.'],
		],
	])('%s', async (_, raw, expected, told) => {
		const { images, warnings, message, posts } = await answer(raw, full);
		const [first = '', ...others] = warnings.filter((each) => !each.startsWith('Requested'));
		expect({ message, images, warnings: [first, ...others].filter(Boolean), posts }).toEqual({
			message: '',
			images: expected,
			warnings: told,
			posts: 1,
		});
	});

	it.concurrent.each<[string, unknown]>([
		['in artifacts', { artifacts: [{ data64: BASE64 }] }],
		['in predictions', { predictions: [{ bytesBase64Encoded: BASE64, mimeType: 'image/png' }] }],
		[
			'in parts of a chat',
			{ choices: [{ message: { parts: [{ inline_data: { payload: BASE64 } }] } }] },
		],
	])('image data %s is an image', async (_, value) => {
		const { images, files, message } = await answer(json(value));
		expect({ message, images, files }).toEqual({ message: '', images: ['bytes'], files: true });
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
	const list = `{"data":[{"url":"https://example.invalid/a.png"},{"url":"https://example.invalid/b.png","x":"`;
	const headers = { 'content-type': 'application/json', 'content-encoding': encoding };
	const setting = {
		operation: 'imageSet',
		values: { maxImages: 2 },
		options: { downloadImages: false },
	} as const;
	const whole = compress(`${list}"}]}`);
	const [full, cut] = await Promise.all([
		answer({ headers, body: [whole] }, setting),
		answer({ headers, body: [compress(list)] }, setting),
	]);
	expect([full.images, full.warnings]).toEqual([
		['https://example.invalid/a.png', 'https://example.invalid/b.png'],
		[],
	]);
	expect([cut.images, cut.warnings.at(-1)]).toEqual([
		['https://example.invalid/a.png'],
		'A part of the response could not be read and may hold another image: https://example.invalid/b.png.',
	]);
});
