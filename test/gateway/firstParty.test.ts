import { idsOf } from '../facts/models';
import { type Gateway, startGateway } from './index';
import { ask, dataUri, inspect, post } from './testing';

const PRO = 'doubao-seedream-5-0-pro-260628';
const SEEDREAM_5_5 = 'doubao-seedream-5-5-261028';
const LITE = 'doubao-seedream-5-0-260128';
const SEEDREAM_4_5 = 'doubao-seedream-4-5-251128';
const SEEDREAM_4_0 = 'doubao-seedream-4-0-250828';
const SEEDREAM_3 = 'doubao-seedream-3-0-t2i-250415';
const SEEDEDIT = 'doubao-seededit-3-0-i2i-250628';

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

const volcengine = async (body: object) =>
	await ask(gateway, 'volcengine', { prompt: 'a sea otter', ...body });

describe('what is generated', () => {
	it('is a file of exactly the requested pixels, in the ledger and at its URL', async () => {
		const { status, data, usage } = await volcengine({ model: SEEDREAM_4_5, size: '2304x1728' });
		expect(status).toBe(200);
		expect(data).toEqual([
			{ url: expect.stringContaining('X-Tos-Expires=86400&'), size: '2304x1728' },
		]);
		expect(usage).toEqual({ generated_images: 1, output_tokens: 15552, total_tokens: 15552 });
		const file = await fetch(data[0].url ?? '');
		expect(file.headers.get('content-type')).toBe('image/jpeg');
		expect(await inspect(await file.arrayBuffer())).toMatchObject({
			format: 'jpeg',
			width: 2304,
			height: 1728,
		});
		expect(gateway.ledger.images).toEqual([
			expect.objectContaining({ billed: true, delivered: 1, index: 0, prompt: 'a sea otter' }),
		]);
		expect(gateway.ledger.downloads).toEqual([
			expect.objectContaining({ complete: true, status: 200, authorization: false }),
		]);
		expect(gateway.ledger.requests[0].body).toEqual({
			prompt: 'a sea otter',
			model: SEEDREAM_4_5,
			size: '2304x1728',
		});
		expect(JSON.stringify(gateway.ledger)).not.toContain(gateway.key);
	});

	it('fills a set to max_images, or to what the prompt says', async () => {
		const set = { model: LITE, sequential_image_generation: 'auto' };
		const options = { sequential_image_generation_options: { max_images: 3 } };
		expect((await volcengine({ ...set, ...options })).data).toHaveLength(3);
		const two = await volcengine({ ...set, ...options, prompt: 'foxes [images:2]' });
		expect(two.usage?.generated_images).toBe(2);
	});

	it.each([
		['the default', {}, '2048x2048'],
		['a preset', { size: '4K' }, '4096x4096'],
		['a preset in lower case', { size: '2k' }, '2048x2048'],
		['a preset with a ratio in the prompt', { size: '2K', prompt: 'a poster, 16:9' }, '2848x1600'],
	])('resolves %s to real pixels', async (_, body, size) => {
		expect((await volcengine({ model: SEEDREAM_4_5, ...body })).data[0].size).toBe(size);
	});

	it('comes as base64 on request', async () => {
		const { data } = await volcengine({ model: SEEDREAM_4_5, response_format: 'b64_json' });
		expect(Object.keys(data[0])).toEqual(['b64_json', 'size']);
		const file = Buffer.from(data[0].b64_json ?? '', 'base64');
		expect(await inspect(file)).toMatchObject({ format: 'jpeg', width: 2048 });
		expect(gateway.ledger.images[0].delivered).toBe(1);
	});

	it('is PNG, and says so, where the model can', async () => {
		const { data, usage, model } = await volcengine({
			model: PRO,
			output_format: 'png',
			size: '1K',
		});
		expect(model).toBe('doubao-seedream-5-0-pro');
		expect(data[0]).toMatchObject({ size: '1024x1024', output_format: 'png' });
		expect(usage).toMatchObject({ input_images: 0 });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(await inspect(file)).toMatchObject({ format: 'png', hasAlpha: false });
	});

	it('is transparent for one transparent PNG', async () => {
		const order = { model: PRO, background: 'transparent', size: '1K' };
		const { data } = await volcengine({ ...order, image: await dataUri(64, 64, 'png', 0.5) });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(await inspect(file)).toMatchObject({ format: 'png', hasAlpha: true });
		const opaque = await volcengine({ ...order, image: await dataUri() });
		expect(opaque.error?.message).toContain('at least one transparent pixel');
		expect((await volcengine(order)).error?.message).toContain('exactly one input image');
	});

	it('5.5 is transparent without a picture, PNG by default, and says which background it made', async () => {
		const order = { model: SEEDREAM_5_5, size: '1K' };
		const { data } = await volcengine({ ...order, background: 'transparent' });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(await inspect(file)).toMatchObject({ format: 'png', hasAlpha: true });
		expect(data[0]).toMatchObject({ background: 'transparent', output_format: 'png' });
		expect((await volcengine(order)).data[0]).toMatchObject({
			background: 'auto',
			output_format: 'png',
		});
		const jpeg = { ...order, background: 'transparent', output_format: 'jpeg' };
		expect((await volcengine(jpeg)).error?.message).toContain('requires png');
	});

	it('counts web searches', async () => {
		const answer = await volcengine({ model: LITE, tools: [{ type: 'web_search' }] });
		expect(answer).toMatchObject({
			tools: [{ type: 'web_search' }],
			usage: { tool_usage: { web_search: 1 } },
		});
	});

	it('has no size for 3.0, and one nearest to the reference for SeedEdit', async () => {
		const text = await volcengine({ model: SEEDREAM_3, seed: 7, guidance_scale: 3 });
		expect(Object.keys(text.data[0])).toEqual(['url']);
		expect(text.usage).toEqual({ generated_images: 1 });
		await volcengine({ model: SEEDEDIT, size: 'adaptive', image: await dataUri(300, 100) });
		expect(gateway.ledger.images[1]).toMatchObject({ width: 1536, height: 576 });
	});

	it.each([
		['[bytes:3000000]', 'jpeg', 3_000_000, LITE],
		['[bytes:3000001]', 'png', 3_000_001, LITE],
	])('is padded by %s to a valid %s', async (tag, format, bytes, model) => {
		const { data } = await volcengine({ model, prompt: `x ${tag}`, output_format: format });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(file.byteLength).toBe(bytes);
		expect(await inspect(file)).toMatchObject({ format, width: 2048 });
	});

	it.each([
		['[exif:200000]', { format: 'jpeg', width: 2048 }],
		['[pixels:640x480]', { format: 'jpeg', width: 640, height: 480 }],
		['[format:webp]', { format: 'webp', width: 2048 }],
	])('departs from the request by %s', async (tag, found) => {
		const { data } = await volcengine({ model: SEEDREAM_4_5, prompt: `x ${tag}` });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(await inspect(file)).toMatchObject(found);
	});

	it.each([...idsOf('volcengine'), ...idsOf('byteplus')])(
		'can be of $id',
		async ({ id, service }) => {
			const image = id.includes('seededit') ? await dataUri() : undefined;
			const { status } = await ask(gateway, service, { model: id, prompt: 'x', image });
			expect(status).toBe(200);
			const other = service === 'volcengine' ? 'byteplus' : 'volcengine';
			const refused = await ask(gateway, other, { model: id, prompt: 'x', image });
			expect(refused.error?.code).toBe('InvalidEndpointOrModel.NotFound');
		},
	);

	it('can be of an endpoint id, with the rules of a family', async () => {
		expect((await volcengine({ model: 'ep-20260101-abcde', size: '1K' })).status).toBe(400);
		expect((await volcengine({ model: 'ep-4.0-test', size: '1K' })).status).toBe(200);
		expect((await volcengine({ model: 'ep-5.0-pro-x', size: '1.5K' })).status).toBe(200);
	});
});

describe('what is rejected', () => {
	const unsupported = (name: string) =>
		`the parameter \`${name}\` is not supported by the current model`;
	const refusals: Array<[body: object, message: string, code?: string]> = [
		[{ model: SEEDREAM_4_5, prompt: '' }, '`prompt`', 'MissingParameter'],
		[{ model: SEEDREAM_4_5, watermark: 'no' }, 'expected boolean'],
		[{ model: SEEDREAM_4_5, size: '1K' }, "'WIDTHxHEIGHT', '2k', or '4k'"],
		[{ model: LITE, size: '1K' }, "size must be one of 'WIDTHxHEIGHT', '2k', '3k', or '4k'"],
		[{ model: SEEDREAM_4_5, size: '2048*2048' }, 'size must be one of'],
		[{ model: SEEDREAM_4_5, size: 'adaptive' }, 'size must be one of'],
		[{ model: SEEDREAM_4_5, size: '1500x1500' }, 'must be at least 3686400 pixels'],
		[{ model: SEEDREAM_4_0, size: '900x900' }, 'must be at least 921600 pixels'],
		[{ model: LITE, size: '4097x4097' }, 'must be at most 16777216 pixels'],
		[{ model: PRO, size: '3000x3000' }, 'must be at most 4624220 pixels'],
		[{ model: SEEDREAM_4_5, size: '16000x999' }, 'aspect ratio must be between 1/16 and 16'],
		[{ model: SEEDREAM_4_5, size: '0x2048' }, 'invalid width'],
		[
			{ model: PRO, sequential_image_generation: 'auto' },
			unsupported('sequential_image_generation'),
		],
		[{ model: PRO, stream: true }, unsupported('stream')],
		[
			{ model: SEEDREAM_5_5, sequential_image_generation: 'disabled' },
			unsupported('sequential_image_generation'),
		],
		[{ model: SEEDREAM_5_5, stream: false }, unsupported('stream')],
		[{ model: SEEDREAM_5_5, tools: [{ type: 'web_search' }] }, unsupported('tools')],
		[{ model: SEEDREAM_5_5, size: '3K' }, "'1.5k', or '2k'"],
		[{ model: PRO, background: 'auto' }, 'must be one of: opaque, transparent'],
		[{ model: SEEDREAM_4_5, tools: [{ type: 'web_search' }] }, unsupported('tools')],
		[{ model: SEEDREAM_4_5, output_format: 'png' }, unsupported('output_format')],
		[{ model: LITE, output_format: 'webp' }, 'must be one of: jpeg, png'],
		[{ model: SEEDREAM_4_5, guidance_scale: 3 }, unsupported('guidance_scale')],
		[{ model: LITE, background: 'transparent' }, unsupported('background')],
		[
			{ model: LITE, optimize_prompt_options: { mode: 'fast' } },
			"optimize_prompt_options.mode must be 'standard'",
		],
		[{ model: SEEDREAM_3, image: 'https://example.com/a.png' }, unsupported('image')],
		[{ model: SEEDEDIT, size: 'adaptive' }, '`image`', 'MissingParameter'],
		[{ model: SEEDREAM_4_5, image: 'a.png' }, 'http(s) URL', 'InvalidImageURL.InvalidFormat'],
		[{ model: SEEDREAM_4_5, image: '' }, 'empty', 'InvalidImageURL.EmptyURL'],
		[{ model: SEEDREAM_4_5, image: 'data:image/PNG;base64,AAAA' }, '`PNG` is not supported'],
		[{ model: SEEDREAM_4_5, image: 'data:image/png;base64,AAAA' }, 'is no image'],
		[{ model: 'doubao-seedream-5-0-flash' }, 'does not exist', 'InvalidEndpointOrModel.NotFound'],
	];

	it.each(refusals)('%j', async (body, message, code = 'InvalidParameter') => {
		const { status, error, headers } = await volcengine(body);
		expect(status).toBe(code.endsWith('NotFound') ? 404 : 400);
		expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
		expect(error?.message).toMatch(new RegExp(`Request id: ${headers.get('x-request-id')}$`));
		expect(gateway.ledger.images).toEqual([]);
	});

	it('counts references, and references with images', async () => {
		const image = Array<string>(14).fill(await dataUri());
		const set = { sequential_image_generation: 'auto' };
		const max = (max_images: number) => ({ sequential_image_generation_options: { max_images } });
		expect((await volcengine({ model: LITE, image, ...set, ...max(1) })).status).toBe(200);
		expect((await volcengine({ model: LITE, image, ...set })).data).toHaveLength(1);
		expect((await volcengine({ model: LITE, image, ...set, ...max(2) })).status).toBe(400);
		const eleven = await volcengine({ model: PRO, image: image.slice(0, 11) });
		expect(eleven.error?.message).toContain('cannot exceed 10');
		const two = await volcengine({ model: SEEDEDIT, image: image.slice(0, 2) });
		expect(two.error?.message).toContain('cannot exceed 1');
	});

	it.each([
		[14, 100, 'longer than 14 px'],
		[300, 16, 'aspect ratio'],
	])('checks the pixels of references: %ix%i', async (width, height, message) => {
		const { error } = await volcengine({ model: LITE, image: await dataUri(width, height) });
		expect(error?.message).toContain(message);
	});

	it('accepts every format by its bytes, and fetches URLs', async () => {
		for (const format of ['jpeg', 'png', 'webp', 'gif', 'tiff'] as const) {
			const image = [await dataUri(64, 64, format), `${gateway.url}/samples/90x60.${format}`];
			expect((await volcengine({ model: LITE, image })).status).toBe(200);
		}
		const wrong = (await dataUri()).replace('image/png', 'image/jpeg');
		const { error } = await volcengine({ model: LITE, image: wrong });
		expect(error?.message).toContain('declared as jpeg but is png');
		const gone = await volcengine({ model: LITE, image: `${gateway.url}/samples/none.png` });
		expect(gone.error?.message).toContain('status code: 404');
	});

	it('ignores what it does not know', async () => {
		const body = { model: SEEDREAM_4_5, n: 1, quality: 'hd', style: 'vivid', user: 'me', seed: 5 };
		expect((await volcengine({ ...body, negative_prompt: 'x' })).status).toBe(200);
	});
});

describe('the service around it', () => {
	it('tells a wrong key from a right one', async () => {
		const models = async (key: string, base = '/api/v3') =>
			await fetch(`${gateway.url}${base}/models`, { headers: { Authorization: `Bearer ${key}` } });
		expect((await models('nope')).status).toBe(401);
		const list = (await (await models('sk-test')).json()) as {
			data: Array<Record<string, unknown>>;
		};
		expect(list.data).toContainEqual(
			expect.objectContaining({ id: LITE, status: 'Retiring', domain: 'ImageGeneration' }),
		);
		expect(list.data).toContainEqual(expect.objectContaining({ domain: 'LLM' }));
		expect(list.data.find(({ id }) => id === PRO)).not.toHaveProperty('status');
		const lost = await models('sk-test', '/v1');
		expect([lost.status, await lost.text()]).toEqual([404, '']);
		const refused = await ask(gateway, 'volcengine', { model: LITE, prompt: 'x' }, 'nope');
		expect(refused).toMatchObject({ status: 401, error: { code: 'AuthenticationError' } });
	});

	it('lets images be fetched as they were signed, and without a key', async () => {
		const { data } = await volcengine({ model: LITE });
		const url = data[0].url ?? '';
		const get = async (address: string, headers = {}) => await fetch(address, { headers });
		expect((await get(url, { Authorization: 'Bearer sk-test' })).status).toBe(400);
		expect((await get(url.replace('%2F', '/'))).status).toBe(403);
		const part = await get(url, { Range: 'bytes=0-9' });
		expect([part.status, (await part.arrayBuffer()).byteLength]).toEqual([206, 10]);
		expect(gateway.ledger.images[0].delivered).toBe(0);
		expect(gateway.ledger.downloads).toEqual([
			expect.objectContaining({ status: 400, authorization: true }),
			expect.objectContaining({ status: 403 }),
			expect.objectContaining({ status: 206, range: 'bytes=0-9' }),
		]);
	});

	it('lets URLs expire', async () => {
		const short = await startGateway({ urlLifetime: 1 });
		const { data } = await ask(short, 'volcengine', { model: LITE, prompt: 'x' });
		await new Promise((resolve) => setTimeout(resolve, 5));
		const file = await fetch(data[0].url ?? '');
		expect(file.status).toBe(403);
		expect(await file.json()).toMatchObject({ Code: 'AccessDenied' });
		await short.close();
	});

	it('counts what is in flight', async () => {
		const slow = await startGateway({ latency: 30 });
		const one = async () =>
			await ask(slow, 'byteplus', { model: 'seedream-4-5-251128', prompt: 'x' });
		await Promise.all([one(), one(), one()]);
		expect([slow.ledger.inFlight, slow.ledger.maxInFlight]).toEqual([0, 3]);
		await slow.close();
	});

	it('limits the rate', async () => {
		const strict = await startGateway({ rate: 2 });
		const send = async () => await post(strict, 'volcengine', { model: LITE, prompt: 'x' });
		const answers = await Promise.all([send(), send(), send()]);
		expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429]);
		const limited = answers.find(({ status }) => status === 429);
		expect(limited?.headers.get('retry-after')).toBe('1');
		expect(strict.ledger.images).toHaveLength(2);
		await strict.close();
	});

	it('can be looked at and steered over HTTP', async () => {
		const control = async (path: string, body?: object) =>
			await fetch(`${gateway.url}/_control/${path}`, {
				method: body ? 'POST' : 'GET',
				body: body && JSON.stringify(body),
			});
		expect((await control('faults', { on: 'request', status: 503 })).status).toBe(200);
		expect((await control('faults', { on: 'request', typo: 1 })).status).toBe(400);
		expect((await volcengine({ model: LITE })).status).toBe(503);
		const ledger = (await (await control('ledger')).json()) as { requests: unknown[] };
		expect(ledger.requests).toHaveLength(1);
		await control('reset', {});
		expect(gateway.ledger.requests).toEqual([]);
		const profiles = (await (await control('profiles')).json()) as object;
		expect(Object.keys(profiles)).toHaveLength(8);
	});
});
