import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INodeParameters } from 'n8n-workflow';

import { itemWith, listModels } from './engine';
import { MODELS } from './facts/models';
import {
	bytesOf,
	DATA_FIELD,
	dataUri,
	hurry,
	IDS,
	KEY,
	parameters,
	picture,
	TINY,
	transparentPicture,
	urls,
	useGateway,
} from './support';

const bench = useGateway();

const SET = {
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 3 },
};

describe('new-api, the engine behind many gateways', () => {
	const set = parameters('imageSet', IDS['4.5'], { maxImages: 3 });

	it('drops the parameters of a set: one image is returned, with a warning that says what to change', async () => {
		const items = await bench.items(set, { credentials: bench.credentials('new-api') });
		expect(bench.bodies()).toEqual([
			{
				model: IDS['4.5'],
				prompt: TINY,
				size: '2K',
				response_format: 'url',
				watermark: false,
				...SET,
			},
		]);
		expect(items).toHaveLength(1);
		const [warning, ...others] = items[0].json.warnings as string[];
		expect(others).toEqual([]);
		expect(warning).toMatch(/^Requested 3 images, received 1\./);
		expect(warning).toMatch(/silently drop sequential_image_generation/);
		expect(warning).toMatch(/credential.*Seedream Parameters to Both/);
		expect(bench.gateway.ledger.images).toHaveLength(1);
	});

	it.each(['both', 'extraFields'])(
		'Seedream Parameters: %s returns the whole set',
		async (placement) => {
			const items = await bench.items(set, {
				credentials: bench.credentials('new-api', { placement }),
			});
			expect(bench.bodies()).toEqual([
				{
					model: IDS['4.5'],
					prompt: TINY,
					size: '2K',
					response_format: 'url',
					watermark: false,
					...(placement === 'both' ? SET : {}),
					extra_fields: SET,
				},
			]);
			expect(items.map(({ json }) => [json.index, json.warnings])).toEqual([
				[0, undefined],
				[1, undefined],
				[2, undefined],
			]);
			expect(bench.gateway.ledger.images).toHaveLength(3);
		},
	);

	it('an unknown host is treated as one', async () => {
		const credentials = bench.credentials('new-api', { gateway: 'automatic', placement: 'both' });
		expect(await bench.items(set, { credentials })).toHaveLength(3);
	});

	it.each(['url', 'b64_json'])(
		'empty strings for absent fields are ignored (%s)',
		async (responseFormat) => {
			const options = { responseFormat };
			const values = parameters('textToImage', IDS['4.5'], { options });
			const [{ json, binary }] = await bench.items(values, {
				credentials: bench.credentials('new-api'),
			});
			const [{ id }] = bench.gateway.ledger.requests;
			const [{ url }] = bench.gateway.ledger.images;
			expect(json).toEqual({
				index: 0,
				model: IDS['4.5'],
				prompt: TINY,
				created: expect.any(Number) as number,
				requestId: id,
				size: '16x16',
				width: 16,
				height: 16,
				mimeType: 'image/jpeg',
				fileName: binary?.data.fileName,
				...(responseFormat === 'url' ? { url } : {}),
			});
			expect(bytesOf({ json, binary }).subarray(0, 3).toString('hex')).toBe('ffd8ff');
		},
	);

	it('its request id comes from X-Oneapi-Request-Id', async () => {
		const address = `${bench.gateway.profileUrl('new-api')}/v1/images/generations`;
		const { headers } = await fetch(address, {
			method: 'POST',
			headers: { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' },
			body: JSON.stringify({ model: IDS['4.5'], prompt: TINY, size: '2K' }),
		});
		expect(headers.get('x-request-id')).toBeNull();
		const [{ id }] = bench.gateway.ledger.requests;
		expect(headers.get('x-oneapi-request-id')).toBe(id);
	});
});

describe('references for a gateway that does not support URLs (Unode)', () => {
	let server: Server;
	let origin: string;
	let answer: RequestListener;
	let seen: Array<Record<string, unknown>>;
	beforeAll(async () => {
		server = createServer((request, response) => {
			seen.push({ url: request.url, authorization: request.headers.authorization });
			answer(request, response);
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	beforeEach(() => {
		seen = [];
	});
	afterAll(() => {
		server.close();
		server.closeAllConnections();
	});

	const edit = (...list: string[]) =>
		parameters('imageToImage', IDS['4.5'], { referenceImages: urls(...list) });
	const unode = () => ({ credentials: bench.credentials('unode') });

	it.each([
		['jpeg', '/picture.png', 'image/png'],
		['png', '/picture', 'text/plain'],
		['webp', '/a/b.jpg?x=1&y=%20', 'application/octet-stream'],
		['gif', '/gif', 'image/jpeg'],
	] as const)('%s, with any name and type', async (format, path, type) => {
		const bytes = await picture(20, 20, format);
		answer = (_request, response) => response.setHeader('Content-Type', type).end(bytes);
		expect(await bench.body(edit(origin + path), unode())).toEqual({
			model: IDS['4.5'],
			prompt: TINY,
			image: dataUri(format, bytes),
			size: '2K',
			response_format: 'url',
			watermark: false,
		});
		expect(seen).toEqual([{ url: path, authorization: undefined }]);
	});

	it('several keep their order, also between files', async () => {
		const [jpeg, png] = [await picture(20, 20, 'jpeg'), await picture()];
		answer = ({ url }, response) => {
			// The first comes last.
			setTimeout(() => response.end(url === '/slow' ? jpeg : png), url === '/slow' ? 100 : 0);
		};
		const values = parameters('imageToImage', IDS['4.5'], {
			referenceImages: {
				image: [
					{ source: 'url', url: `${origin}/slow\n${origin}/fast` },
					{ source: 'binary', binaryPropertyName: 'data' },
				],
			},
		});
		const webp = await picture(20, 20, 'webp');
		const { image } = await bench.body(values, {
			...unode(),
			items: [itemWith({ data: { bytes: webp, mimeType: 'image/webp' } })],
		});
		expect(image).toEqual([dataUri('jpeg', jpeg), dataUri('png', png), dataUri('webp', webp)]);
	});

	it('a stalled download fails', async () => {
		answer = (_request, response) => response.write('GIF89a');
		hurry();
		const { message, description } = await bench.refusal(edit(`${origin}/a.gif`), unode());
		expect(message).toContain('could not be downloaded');
		expect(description).toMatch(/^nothing arrived for 60 s\. /);
	});

	it('a redirect is followed, still without the key', async () => {
		const bytes = await picture();
		answer = ({ url }, response) => {
			if (url === '/there') response.end(bytes);
			else response.writeHead(302, { Location: '/there' }).end();
		};
		expect((await bench.body(edit(`${origin}/here`), unode())).image).toBe(dataUri('png', bytes));
		expect(seen).toEqual([
			{ url: '/here', authorization: undefined },
			{ url: '/there', authorization: undefined },
		]);
	});

	it.each<[string, RequestListener, RegExp]>([
		['404', (_request, response) => response.writeHead(404).end(), /could not be downloaded.*404/],
		[
			'403',
			(_request, response) => response.writeHead(403).end('no'),
			/could not be downloaded.*403/,
		],
		['500', (_request, response) => response.writeHead(500).end(), /could not be downloaded.*500/],
		['a lost connection', ({ socket }) => socket.destroy(), /could not be downloaded/],
		['a web page', (_request, response) => response.end('<html>Sign in</html>'), /is not an image/],
		['nothing', (_request, response) => response.end(), /is not an image/],
		[
			'what has no end',
			(_request, response) => {
				const more = () => !response.destroyed && response.write(Buffer.alloc(65_536), more);
				more();
			},
			/could not be downloaded/,
		],
	])('%s is reported with the URL before anything is sent', async (_name, how, words) => {
		answer = how;
		const { message, description } = await bench.refusal(edit(`${origin}/a.png`), unode());
		expect(message).toContain(`image 1 (${origin}/a.png)`);
		expect(`${message} ${description}`).toMatch(words);
		expect(seen).toHaveLength(1);
	});

	it('sizes are checked as for files', async () => {
		const bytes = await picture(10, 10);
		answer = (_request, response) => response.end(bytes);
		const { message } = await bench.refusal(edit(`${origin}/a.png`), unode());
		expect(message).toContain('is 10 x 10 pixels, which is too small');
	});

	it('other gateways receive the URL and download it themselves', async () => {
		const address = `${bench.gateway.url}/samples/16x16.png`;
		for (const gateway of ['deerapi', 'gateway002'] as const) {
			const { image } = await bench.body(edit(address), {
				credentials: bench.credentials(gateway),
			});
			expect(image).toEqual([address]);
		}
	});
});

it('Background: Transparent is sent with a picture that has transparent pixels', async () => {
	const bytes = await transparentPicture();
	for (const [gateway, model] of [
		['volcengine', 'doubao-seedream-5-0-pro-260628'],
		['byteplus', 'dola-seedream-5-0-flash-260915'],
	] as const) {
		const values = parameters('imageToImage', model, { options: { background: 'transparent' } });
		const body = await bench.body(values, {
			credentials: bench.credentials(gateway),
			items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
		});
		expect(body).toEqual({
			model,
			prompt: TINY,
			image: dataUri('png', bytes),
			size: '2K',
			background: 'transparent',
			output_format: 'png',
			response_format: 'url',
			watermark: false,
		});
		expect(bench.gateway.ledger.images.map(({ format }) => format)).toEqual(['png']);
	}
});

describe('Background: Transparent', () => {
	const transparent = (model: string, more: INodeParameters = {}) =>
		parameters(more.referenceImages ? 'imageToImage' : 'textToImage', model, {
			...more,
			options: { background: 'transparent', ...(more.options as object) },
		});
	const withFile = async (format: 'png' | 'jpeg') => ({
		items: [
			itemWith({ data: { bytes: await picture(32, 32, format), mimeType: `image/${format}` } }),
		],
	});

	it.each(['5.0-pro', '5.0-flash'] as const)(
		'%s needs exactly one reference, a PNG with an alpha channel',
		async (family) => {
			const { name } = MODELS[family];
			const none = await bench.refusal(transparent(IDS[family]));
			expect(none.message).toContain(`${name} needs exactly one Reference Image`);
			for (const format of ['png', 'jpeg'] as const) {
				const { message, description } = await bench.refusal(
					transparent(IDS[family], { referenceImages: DATA_FIELD }),
					await withFile(format),
				);
				expect(message).toContain('is not a PNG with an alpha channel');
				expect(description).toContain(`${name} needs a PNG with transparent pixels`);
			}
		},
	);

	it('5.5 needs no reference, and any picture will do', async () => {
		expect(await bench.body(transparent(IDS['5.5']))).toEqual({
			model: IDS['5.5'],
			prompt: TINY,
			size: '2K',
			background: 'transparent',
			output_format: 'png',
			response_format: 'url',
			watermark: false,
		});
		const body = await bench.body(
			transparent(IDS['5.5'], { referenceImages: DATA_FIELD }),
			await withFile('jpeg'),
		);
		expect(body).toMatchObject({ background: 'transparent', output_format: 'png' });
		expect(bench.gateway.ledger.images.map(({ format }) => format)).toEqual(['png']);
	});

	it('is refused with an Output Format of JPEG', async () => {
		const { message } = await bench.refusal(
			transparent(IDS['5.5'], { options: { outputFormat: 'jpeg' } }),
		);
		expect(message).toContain('A transparent Background needs PNG, but Output Format is JPEG');
	});
});

it('5.5 makes JPEGs unless the user chooses PNG, although its service would not', async () => {
	const values = parameters('textToImage', IDS['5.5']);
	expect(await bench.body(values)).toMatchObject({ output_format: 'jpeg' });
	expect(bench.gateway.ledger.images.map(({ format }) => format)).toEqual(['jpeg']);
	for (const background of ['auto', 'opaque']) {
		const body = await bench.body({ ...values, options: { background } });
		expect(body).toMatchObject({ background, output_format: 'jpeg' });
	}
	const png = await bench.body({ ...values, options: { outputFormat: 'png' } });
	expect(png).toMatchObject({ output_format: 'png' });
});

describe('what a gateway cannot take', () => {
	it.each([
		['deerapi', '3K', '3072x3072', 'DeerAPI'],
		['routescope', '3K', '3072x3072', 'RouteScope'],
		['gateway002', '2K', '2048x2048', 'Gateway 002 Style'],
		['gateway002', '4K', '4096x4096', 'Gateway 002 Style'],
	] as const)(
		'%s: %s is sent in pixels, with a warning',
		async (gateway, resolution, size, name) => {
			const [{ json }] = await bench.items(
				parameters('textToImage', IDS['5.0-lite'], { resolution }),
				{ credentials: bench.credentials(gateway) },
			);
			expect(bench.bodies()[0].size).toBe(size);
			expect((json.warnings as string[])[0]).toBe(
				`${name} does not support the resolution ${resolution} by name, so the square size ${size} was sent. Choose an Aspect Ratio for another shape.`,
			);
		},
	);

	it.each([
		['2K', '16:9', '2560x1440'],
		['2K', '9:16', '1440x2560'],
		['2K', '21:9', '3024x1296'],
		['2K', '4:3', '2304x1728'],
		['4K', '16:9', '5504x3040'],
	])(
		'gateway 002: %s %s by its own table, or otherwise the model’s',
		async (resolution, aspectRatio, size) => {
			const body = await bench.body(
				parameters('textToImage', IDS['4.5'], { resolution, aspectRatio }),
				{ credentials: bench.credentials('gateway002') },
			);
			expect(body).toEqual({
				model: IDS['4.5'],
				prompt: TINY,
				n: 1,
				size,
				response_format: 'url',
				watermark: false,
			});
		},
	);

	it('a resolution that only the gateway supports has no size in pixels', async () => {
		const { message, description } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], { resolution: '1K', aspectRatio: '16:9' }),
			{ credentials: bench.credentials('routescope') },
		);
		expect(message).toBe('Seedream 4.5 has no pixel sizes for the resolution 1K [item 0]');
		expect(description).toBe('Set Aspect Ratio to Auto, or choose another Resolution.');
	});

	it.each([IDS['4.5'], 'ep-20260101000000-abcde'])(
		'gateway 002: a set of %s is rejected',
		async (model) => {
			const { message, description } = await bench.refusal(parameters('imageSet', model), {
				credentials: bench.credentials('gateway002'),
			});
			expect(message).toBe('Gateway 002 Style does not support image sets [item 0]');
			expect(description).toBe(
				'Use the Text-to-Image operation, once for each image, or a credential for another gateway, such as Volcengine Ark or BytePlus ModelArk.',
			);
		},
	);

	it('options that a gateway does not list are not sent, with a warning for each', async () => {
		const options = { quality: 'hd', user: 'customer-42', promptOptimization: 'standard' };
		const [{ json }] = await bench.items(
			{ ...parameters('textToImage', IDS['4.5'], { options }) },
			{ credentials: bench.credentials('gateway001') },
		);
		expect(bench.bodies()).toEqual([
			{
				model: IDS['4.5'],
				prompt: TINY,
				size: '2K',
				response_format: 'url',
				watermark: false,
			},
		]);
		expect(json.warnings).toEqual([
			'Prompt Optimization was not sent: Gateway 001 Style does not list it.',
			'Quality was not sent: Gateway 001 Style does not list it.',
			'User was not sent: Gateway 001 Style does not list it.',
		]);
	});
});

describe('the model list of an unknown gateway', () => {
	const offered = async (ids: string[], filter?: string) => {
		const data = ids.map((id) => ({ id, object: 'model' }));
		bench.gateway.inject({ on: 'models', body: JSON.stringify({ object: 'list', data }) });
		const { results } = await listModels(
			bench.credentials('new-api'),
			{ operation: 'imageSet' },
			filter,
		);
		return results.map(({ value }) => value);
	};

	it('contains the gateway’s own ids instead of the catalog’s', async () => {
		expect(
			await offered([
				'gpt-image-1',
				'bytedance/seedream-4.5',
				'seedream-4-0',
				'bytedance/seedream-4',
			]),
		).toEqual([
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'bytedance/seedream-4.5',
			'seedream-4-0',
			'bytedance/seedream-4',
		]);
	});

	it('is sorted, also with all models (*)', async () => {
		expect(
			await offered(['z-image', 'gpt-image-1', 'seedream-4.5', 'doubao-seedream-4.5'], '*'),
		).toEqual([
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'doubao-seedream-4.5',
			'seedream-4.5',
			'doubao-seedream-4-0-20260415',
			'doubao-seedream-4-0-250828',
			'gpt-image-1',
			'z-image',
		]);
	});
});

describe('a gateway that is only partly compatible', () => {
	const failed = async (body: object, status = 200) => {
		bench.gateway.inject({ on: 'request', nth: 'every', status, body: JSON.stringify(body) });
		const { items, error } = await bench.run(parameters('textToImage', IDS['4.5']), {
			credentials: bench.credentials('new-api'),
		});
		expect(items).toEqual([]);
		expect(bench.gateway.ledger.requests).toHaveLength(1);
		return `${error?.message} ${error?.description}`;
	};

	it.each([
		['a task beside an empty list', { task_id: 'task_01', data: [] }],
		[
			'Evolink',
			{
				created: 1757165031,
				id: 'task-unified-1757165031',
				model: 'doubao-seedream-4.5',
				object: 'image.generation.task',
				progress: 0,
				status: 'pending',
				type: 'image',
			},
		],
		['Replicate', { id: 'abc', status: 'starting', output: null, error: null, urls: {} }],
		['a task alone', { task_id: 'task_01', task_status: 'PENDING' }],
	])('%s returns a task', async (_name, body) => {
		expect(await failed(body)).toMatch(/task/i);
	});

	it.each([
		['Novita', { images: ['https://example.com/a.png'] }],
		['a list of objects elsewhere', { images: [{ url: 'https://example.com/a.png' }], seed: 1 }],
	])('%s returns images in another shape, which are used', async (_name, body) => {
		bench.gateway.inject({ on: 'request', body: JSON.stringify(body) });
		const [{ json }] = await bench.items(
			parameters('textToImage', IDS['4.5'], { options: { downloadImages: false } }),
		);
		expect(json.url).toBe('https://example.com/a.png');
	});

	it.each([
		[
			'no such path',
			404,
			{
				error: {
					message: 'Invalid URL (POST /v1/images/generations)',
					type: 'invalid_request_error',
				},
			},
		],
		['no such path, as FastAPI says it', 404, { detail: 'Not Found' }],
		['another method', 405, { detail: 'Method Not Allowed' }],
	])('%s', async (_name, status, body) => {
		expect(await failed(body, status)).toMatch(/Base URL/);
	});

	it('a missing field is reported in the gateway’s own words', async () => {
		expect(await failed({ error: { message: 'image_urls is required' } }, 400)).toContain(
			'image_urls is required',
		);
	});
});

describe('a set that returns a single image', () => {
	const one = parameters('imageSet', IDS['4.5'], {
		maxImages: 3,
		prompt: `${TINY} [images:1]`,
	});

	it.each(['deerapi', 'gateway001', 'routescope', 'unode'] as const)(
		'from %s names the cause and the setting',
		async (gateway) => {
			const model = gateway === 'deerapi' ? IDS['5.0-lite'] : IDS['4.5'];
			const [{ json }] = await bench.items(
				{ ...one, ...parameters('imageSet', model, { maxImages: 3, prompt: one.prompt }) },
				{ credentials: bench.credentials(gateway) },
			);
			expect(json.warnings).toEqual([
				expect.stringMatching(/^Requested 3 images, received 1\..*Seedream Parameters to Both\.$/),
			]);
		},
	);

	it('at the service itself, the model decided so', async () => {
		const [{ json }] = await bench.items(one);
		expect(json.warnings).toEqual([
			'Requested 3 images, received 1. The model decides how many it generates.',
		]);
	});

	it('the advice is not repeated once it was followed', async () => {
		const credentials = bench.credentials('new-api', { placement: 'both' });
		const [{ json }] = await bench.items(one, { credentials });
		expect(json.warnings).toEqual([expect.stringMatching(/operator to let the field through/)]);
	});
});

it.each([
	['a task in a list', 200, { code: 200, data: [{ status: 'submitted', task_id: 't' }] }, /task/],
	['a task in an object', 200, { code: 200, message: 'success', data: { task_id: 't' } }, /task/],
	['a proxy without that path', 404, { message: 'no Route matched with those values' }, /Base URL/],
])('a response with %s has its own message', async (_name, status, body, expected) => {
	bench.gateway.inject({ on: 'request', nth: 'every', status, body: JSON.stringify(body) });
	const { items, error } = await bench.run(parameters('textToImage', IDS['4.5']), {
		credentials: bench.credentials('new-api'),
	});
	expect(items).toEqual([]);
	expect(bench.gateway.ledger.requests).toHaveLength(1);
	expect(`${error?.message} ${error?.description}`).toMatch(expected);
});
