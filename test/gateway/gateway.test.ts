import {
	type Fault,
	type Gateway,
	type GatewayOptions,
	type ProfileName,
	startGateway,
} from './index';
import { ask, inspect, post } from './testing';

// What comes back and what the ledger says of it. The faults' effects on a client are the subject of
// test/faults and test/unkind, which go by this ledger.

const PRO = 'doubao-seedream-5-0-pro-260628';
const SEEDREAM_5_5 = 'doubao-seedream-5-5-261028';
const LITE = 'doubao-seedream-5-0-260128';
const SEEDREAM_4_5 = 'doubao-seedream-4-5-251128';
const SEEDREAM_4_0 = 'doubao-seedream-4-0-250828';
const SEEDREAM_3 = 'doubao-seedream-3-0-t2i-250415';
const SEEDEDIT = 'doubao-seededit-3-0-i2i-250628';

const FOX = { model: SEEDREAM_4_0, prompt: 'a fox [pixels:64x64]' };
const set = (max_images: number) => ({
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images },
});
const STREAMED = { ...FOX, ...set(3), stream: true };

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** Lets a test play with a gateway of its own. */
async function withGateway(options: GatewayOptions, play: (own: Gateway) => Promise<void>) {
	const own = await startGateway(options);
	await play(own).finally(() => own.close());
}

const volcengine = async (body: object) =>
	await ask(gateway, 'volcengine', { prompt: 'a sea otter', ...body });

describe('what is generated', () => {
	const generated: Array<[what: string, body: object, response: object, file: object]> = [
		[
			'has exactly the requested pixels, of which 256 are a token',
			{ model: SEEDREAM_4_5, size: '2304x1728' },
			{
				data: [{ url: expect.stringContaining('X-Tos-Expires=86400&'), size: '2304x1728' }],
				usage: { generated_images: 1, output_tokens: 15552, total_tokens: 15552 },
			},
			{ format: 'jpeg', width: 2304, height: 1728 },
		],
		['has the default size', { model: SEEDREAM_4_5 }, {}, { width: 2048, height: 2048 }],
		['has the square of a preset', { model: LITE, size: '3K' }, {}, { width: 3072, height: 3072 }],
		[
			'has the ratio that the prompt names',
			{ model: SEEDREAM_4_5, size: '2K', prompt: 'a poster, 16:9' },
			{},
			{ width: 2848, height: 1600 },
		],
		[
			'is PNG, and says so, where the model can',
			{ model: PRO, output_format: 'png', size: '1K' },
			{
				model: 'doubao-seedream-5-0-pro',
				data: [{ size: '1024x1024', output_format: 'png' }],
				usage: { input_images: 0 },
			},
			{ format: 'png', hasAlpha: false },
		],
		[
			'of 5.5 is PNG by default, and says which background it has',
			{ model: SEEDREAM_5_5, size: '1K' },
			{ data: [{ background: 'auto', output_format: 'png' }] },
			{ format: 'png' },
		],
		[
			'of 5.5 is transparent without a picture',
			{ model: SEEDREAM_5_5, size: '1K', background: 'transparent' },
			{ data: [{ background: 'transparent', output_format: 'png' }] },
			{ format: 'png', hasAlpha: true },
		],
		[
			'counts web searches',
			{ model: LITE, tools: [{ type: 'web_search' }] },
			{ tools: [{ type: 'web_search' }], usage: { tool_usage: { web_search: 1 } } },
			{},
		],
		[
			'of SeedEdit has the ratio nearest to the reference',
			{ model: SEEDEDIT, size: 'adaptive', image: '<SAMPLES>/300x100.png' },
			{},
			{ width: 1536, height: 576 },
		],
		['has [exif:200000]', { model: LITE, prompt: 'x [exif:200000]' }, {}, { width: 2048 }],
		['has [format:webp]', { model: LITE, prompt: 'x [format:webp]' }, {}, { format: 'webp' }],
	];

	it.each(generated)('%s', async (_, body, fields, found) => {
		const sent = JSON.stringify(body).replace('<SAMPLES>', `${gateway.url}/samples`);
		const response = await volcengine(JSON.parse(sent) as object);
		expect(response).toMatchObject({ status: 200, ...fields });
		const file = await fetch(response.data[0].url ?? '');
		const { format, ...picture } = await inspect(await file.arrayBuffer());
		expect(file.headers.get('content-type')).toBe(`image/${format}`);
		expect({ format, ...picture }).toMatchObject(found);
	});

	it.each([
		['jpeg', 3_000_000],
		['png', 3_000_001],
	])('is a %s of %i bytes on request', async (format, bytes) => {
		const prompt = `x [bytes:${bytes}]`;
		const { data } = await volcengine({ model: LITE, prompt, output_format: format });
		const file = await (await fetch(data[0].url ?? '')).arrayBuffer();
		expect(file.byteLength).toBe(bytes);
		expect(await inspect(file)).toMatchObject({ format, width: 2048 });
	});

	it('comes as base64 on request, and counts as delivered', async () => {
		const { data } = await volcengine({ ...FOX, response_format: 'b64_json' });
		expect(Object.keys(data[0])).toEqual(['b64_json', 'size']);
		const file = Buffer.from(data[0].b64_json ?? '', 'base64');
		expect(await inspect(file)).toMatchObject({ format: 'jpeg', width: 64 });
		expect(gateway.ledger.images).toEqual([expect.objectContaining({ delivered: 1 })]);
	});

	it('fills a set, or is as many as the prompt says', async () => {
		const { usage } = await volcengine({ ...FOX, ...set(3), prompt: 'foxes [images:2]' });
		expect(usage?.generated_images).toBe(2);
	});
});

describe('a response has the fields that the document shows:', () => {
	const openAi = (absent: string | null, prompt = absent) => ({
		url: expect.stringContaining('/files/'),
		b64_json: absent,
		revised_prompt: prompt,
	});
	const ark = { url: expect.stringContaining('/files/'), size: '2048x2048' };
	const usage = { generated_images: 1, output_tokens: 16384, total_tokens: 16384 };

	it.each<[ProfileName, body: object, image: object, rest: object]>([
		['deerapi', {}, ark, { model: LITE, usage }],
		['gateway001', {}, ark, { model: LITE, usage }],
		['gateway002', { n: 1 }, openAi(''), {}],
		['routescope', {}, openAi(null, 'a fox'), {}],
		['unode', {}, ark, { model: LITE, usage }],
		['new-api', {}, openAi(''), {}],
		[
			'volcengine',
			{ model: SEEDREAM_3 },
			{ url: ark.url },
			{ model: SEEDREAM_3, usage: { generated_images: 1 } },
		],
	])('%s with %j', async (profile, body, image, rest) => {
		const response = await post(gateway, profile, { model: LITE, prompt: 'a fox', ...body });
		const created = expect.any(Number) as number;
		expect(await response.json()).toEqual({ created, data: [image], ...rest });
	});
});

describe('the service around it', () => {
	const list = async (profile: ProfileName, path: string, key = 'sk-test') =>
		await fetch(gateway.profileUrl(profile) + path, {
			headers: { Authorization: `Bearer ${key}` },
		});

	it.each<[ProfileName, path: string, right: number, wrong: number]>([
		['volcengine', '/api/v3/models', 200, 401],
		['volcengine', '/v1/models', 404, 404],
		['deerapi', '/v1/models', 200, 401],
		['gateway001', '/v1/models', 404, 404],
		['gateway002', '/v1/models', 404, 404],
		['routescope', '/v1/models', 200, 401],
		['unode', '/v1/models', 200, 401],
		['new-api', '/v1/models', 200, 401],
	])('%s%s has status %i, with a wrong key %i', async (profile, path, right, wrong) => {
		expect((await list(profile, path)).status).toBe(right);
		expect((await list(profile, path, 'nope')).status).toBe(wrong);
	});

	it("Ark's model list has other models and what becomes of each", async () => {
		const listed = (await (await list('volcengine', '/api/v3/models')).json()) as {
			data: Array<Record<string, unknown>>;
		};
		const model = (id: string) => listed.data.find((each) => each.id === id);
		expect(model(LITE)).toMatchObject({ status: 'Retiring', domain: 'ImageGeneration' });
		expect(model(PRO)).not.toHaveProperty('status');
		expect(listed.data).toContainEqual(expect.objectContaining({ domain: 'LLM' }));
	});

	it('responds to other paths and keys in the words of the service', async () => {
		expect(await (await list('volcengine', '/v1/models')).text()).toBe('');
		const lost = await list('new-api', '/v1/v1/models');
		expect(await lost.text()).toContain('Invalid URL (GET /v1/v1/models)');
		const { error } = await ask(gateway, 'volcengine', FOX, 'nope');
		expect(error?.code).toBe('AuthenticationError');
	});

	it('serves images under the signed URL alone, without a key, and keeps account', async () => {
		const { data } = await volcengine(FOX);
		const url = data[0].url ?? '';
		const get = async (target: string, headers = {}) => (await fetch(target, { headers })).status;
		const statuses = [
			await get(url, { Authorization: 'Bearer sk-test' }),
			await get(url.replace('%2F', '/')),
			await get(url, { Range: 'bytes=0-9' }),
		];
		expect(statuses).toEqual([400, 403, 206]);
		expect(gateway.ledger.images[0]).toMatchObject({ billed: true, delivered: 0 });
		expect(await get(url)).toBe(200);
		expect(gateway.ledger.images[0]).toMatchObject({ billed: true, delivered: 1 });
		expect(gateway.ledger.downloads).toMatchObject([
			{ status: 400, authorization: true },
			{ status: 403 },
			{ status: 206, range: 'bytes=0-9' },
			{ status: 200, complete: true, authorization: false },
		]);
		expect(JSON.stringify(gateway.ledger)).not.toContain(gateway.key);
	});

	it('lets URLs expire', async () => {
		await withGateway({ urlLifetime: 0 }, async (own) => {
			const { data } = await ask(own, 'volcengine', FOX);
			const file = await fetch(data[0].url ?? '');
			expect(file.status).toBe(403);
			expect(await file.json()).toMatchObject({ Code: 'AccessDenied' });
		});
	});

	it('counts requests in flight, and allows so many in a second', async () => {
		await withGateway({ latency: 30, rate: 2 }, async (own) => {
			const send = async () => await post(own, 'volcengine', FOX);
			const responses = await Promise.all([send(), send(), send()]);
			expect([own.ledger.inFlight, own.ledger.maxInFlight]).toEqual([0, 3]);
			const limited = responses.filter(({ status }) => status === 429);
			expect(limited.map(({ headers }) => headers.get('retry-after'))).toEqual(['1']);
			expect(own.ledger.images).toHaveLength(2);
		});
	});

	it('can be looked at and steered over HTTP', async () => {
		const control = async (path: string, body?: object) =>
			await fetch(`${gateway.url}/_control/${path}`, {
				method: body ? 'POST' : 'GET',
				body: body && JSON.stringify(body),
			});
		expect((await control('faults', { on: 'request', status: 503 })).status).toBe(200);
		expect((await control('faults', { on: 'request', typo: 1 })).status).toBe(400);
		expect((await volcengine(FOX)).status).toBe(503);
		const ledger = (await (await control('ledger')).json()) as { requests: unknown[] };
		expect(ledger.requests).toHaveLength(1);
		await control('reset', {});
		expect(gateway.ledger.requests).toEqual([]);
	});

	it('lists what each profile accepts, with an example that it does accept', async () => {
		const listing = await fetch(`${gateway.url}/_control/profiles`);
		const profiles = Object.entries((await listing.json()) as Record<string, { example: object }>);
		expect(profiles).toHaveLength(8);
		for (const [name, { example }] of profiles) {
			expect((await post(gateway, name as ProfileName, example)).status).toBe(200);
		}
	});
});

describe('streams', () => {
	/** Sends a request and reads its events as the standard says: `data` lines joined, comments ignored. */
	async function stream(body: object, profile: ProfileName = 'volcengine') {
		const response = await post(gateway, profile, body);
		expect(response.headers.get('content-type')).toContain('text/event-stream');
		const blocks = (await response.text()).split(/\r?\n\r?\n/).filter((block) => block !== '');
		return blocks.map((block) => {
			const field = (name: string) =>
				block.match(new RegExp(`(?<=^${name}: ).*`, 'gm'))?.join('\n') ?? '';
			return field('data') === '[DONE]'
				? '[DONE]'
				: { event: field('event'), data: JSON.parse(field('data')) as object };
		});
	}

	it("Ark's has an event for each image, then usage and [DONE]", async () => {
		const image = (image_index: number) => ({
			event: 'image_generation.partial_succeeded',
			data: {
				type: 'image_generation.partial_succeeded',
				model: SEEDREAM_4_0,
				created: expect.any(Number) as number,
				image_index,
				url: expect.stringContaining('/files/') as string,
				size: '64x64',
			},
		});
		expect(await stream(STREAMED)).toEqual([
			...[0, 1, 2].map(image),
			{
				event: 'image_generation.completed',
				data: {
					type: 'image_generation.completed',
					model: SEEDREAM_4_0,
					created: expect.any(Number) as number,
					usage: { generated_images: 3, output_tokens: 48, total_tokens: 48 },
				},
			},
			'[DONE]',
		]);
	});

	it.each(['new-api', 'routescope'] as const)('%s sends an image with each event', async (name) => {
		const { model, prompt, ...rest } = { ...STREAMED, model: LITE };
		const nested = name === 'new-api' ? { stream: true, extra_fields: rest } : rest;
		const image = {
			event: 'image_generation.completed',
			data: {
				type: 'image_generation.completed',
				url: expect.stringContaining('/files/') as string,
			},
		};
		const found = await stream({ model, prompt, ...nested }, name);
		expect(found).toMatchObject([image, image, image, '[DONE]']);
	});

	it('opens with the first image', async () => {
		await withGateway({ latency: 60 }, async (own) => {
			const response = await post(own, 'volcengine', STREAMED);
			expect(own.ledger.images.length).toBeLessThan(3);
			await response.text();
			expect(own.ledger.images).toHaveLength(3);
		});
	});

	it.each<[what: string, ProfileName, body: object, status: number]>([
		['a rejection', 'volcengine', { ...STREAMED, size: '3K' }, 400],
		['Unode', 'unode', { ...FOX, model: LITE, extra_fields: { ...set(3), stream: true } }, 200],
	])('%s is plain JSON', async (_, profile, body, status) => {
		const response = await post(gateway, profile, body);
		expect(response.status).toBe(status);
		expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
	});

	it.each<[Extract<Fault, { on: 'request' }>['stream'], events: number]>([
		[{ multiLine: true, comments: true, crlf: true }, 5],
		[{ noCompleted: true }, 4],
		[{ noDone: true }, 4],
		[{ errorAfterImages: 1 }, 2],
	])('with %j has %i events', async (fault, events) => {
		gateway.inject({ on: 'request', stream: fault });
		expect(await stream(STREAMED)).toHaveLength(events);
	});
});

describe('faults', () => {
	const statuses = async (count: number) => {
		const found: number[] = [];
		for (let i = 1; i <= count; i += 1) {
			found.push((await post(gateway, 'volcengine', { ...FOX, prompt: `item ${i}` })).status);
		}
		return found;
	};

	it.each<[Array<Partial<Fault>>, statuses: number[]]>([
		[
			[{ status: 500 }, { status: 503, times: 2 }],
			[500, 503, 503, 200],
		],
		[[{ status: 500, nth: 2, times: 2 }], [200, 500, 500, 200]],
		[[{ status: 500, nth: 'every', match: { prompt: 'item 2' } }], [200, 500, 200]],
		[[{ status: 500, nth: 'every', match: { model: 'another' } }], [200]],
	])('%j meets %j', async (faults, expected) => {
		for (const fault of faults) gateway.inject({ on: 'request', ...fault } as Fault);
		expect(await statuses(expected.length)).toEqual(expected);
	});

	it('that make no sense are rejected', () => {
		const nonsense = { on: 'download', empty: true } as unknown as Fault;
		expect(() => gateway.inject(nonsense)).toThrow('Unrecognized key');
	});

	it.each<[Partial<Fault>, generated: number, outcome: string]>([
		[{ status: 504, html: true }, 0, 'answered'],
		[{ status: 504, made: true }, 1, 'answered'],
		[{ reset: 'before' }, 0, 'broken'],
		[{ reset: 'after' } as Partial<Fault>, 1, 'broken'],
		[{ cut: 20 }, 1, 'broken'],
		[{ noAnswer: true }, 1, 'left'],
		[{ delay: 10_000 }, 1, 'left'],
		[{ stall: 20 }, 1, 'left'],
		[{ endless: true }, 1, 'left'],
		[{ slow: 40 }, 1, 'left'],
	])('after %j the ledger has %i billed image, request %s', async (fault, images, outcome) => {
		gateway.inject({ on: 'request', ...fault } as Fault);
		const sent = fetch(`${gateway.url}/api/v3/images/generations`, {
			method: 'POST',
			headers: { Authorization: 'Bearer sk-test' },
			body: JSON.stringify(FOX),
			signal: AbortSignal.timeout(100),
		}).then(async (response) => await response.text());
		await (outcome === 'answered' ? sent : expect(sent).rejects.toThrow());
		for (let i = 0; i < 100 && gateway.ledger.requests[0].outcome === 'open'; i += 1) {
			await new Promise((resolve) => setTimeout(resolve, 5));
		}
		expect(gateway.ledger.images.filter(({ billed }) => billed)).toHaveLength(images);
		expect(gateway.ledger.requests[0].outcome).toBe(outcome);
	});

	it.each<[Omit<Extract<Fault, { on: 'request' }>, 'on'>, status: number, text: string]>([
		[{ status: 429, code: 'ServerOverloaded' }, 429, '"code":"ServerOverloaded"'],
		[{ status: 413, body: 'too large' }, 413, 'too large'],
		[{ html: true }, 502, '<!DOCTYPE html>'],
		[{ errorIn200: { code: 'C', message: 'm' } }, 200, '{"error":{"code":"C","message":"m"}}'],
		[{ empty: true }, 200, '"data":[]'],
		[{ taskId: true }, 200, '"task_id"'],
		// `/.` is dropped from the path; without `{path}`, this leads elsewhere.
		[{ status: 307, redirect: '/.{path}' }, 200, '"url"'],
	])('%j in place of the response', async (fault, status, text) => {
		gateway.inject({ on: 'request', ...fault });
		const response = await post(gateway, 'volcengine', FOX);
		expect([response.status, await response.text()]).toEqual([
			status,
			expect.stringContaining(text),
		]);
	});

	it.each([
		[2, '2'],
		[new Date(Date.UTC(2030, 0, 1)), 'Tue, 01 Jan 2030 00:00:00 GMT'],
		['soon', 'soon'],
	])('Retry-After %p is %s', async (retryAfter, header) => {
		gateway.inject({ on: 'request', status: 429, retryAfter, headers: { 'x-more': 'y' } });
		const { headers } = await post(gateway, 'volcengine', FOX);
		expect([headers.get('retry-after'), headers.get('x-more')]).toEqual([header, 'y']);
	});

	it('of a download leave the image undelivered', async () => {
		const { data } = await volcengine(FOX);
		gateway.inject({ on: 'download', match: { imageIndex: 0 }, cut: 10 });
		const file = await fetch(data[0].url ?? '');
		await expect(file.arrayBuffer()).rejects.toThrow();
		expect(gateway.ledger.images[0].delivered).toBe(0);
		expect(gateway.ledger.downloads).toMatchObject([{ complete: false }]);
	});

	it.each<[what: string, moderate: number[], body: object, status: number, places: number]>([
		['an image of a set is an error in its place', [1], set(2), 200, 2],
		['a set is an error at the top', [0, 1], set(2), 200, 0],
		['a single image is a rejection', [0], {}, 400, 0],
	])('moderation of %s, unbilled', async (_, moderate, body, status, places) => {
		gateway.inject({ on: 'request', moderate });
		const response = await volcengine({ ...FOX, ...body });
		const { error } = response.data[1] ?? response;
		expect([response.status, error?.code]).toEqual([status, 'OutputImageSensitiveContentDetected']);
		expect(response.data).toHaveLength(places);
		const billed = gateway.ledger.images.filter((image) => image.billed);
		expect(billed).toHaveLength(places === 0 ? 0 : 1);
	});

	it('leave delivered what base64 went out whole before a cut', async () => {
		const request = { ...FOX, ...set(3), response_format: 'b64_json' };
		const { length } = await (await post(gateway, 'volcengine', request)).text();
		gateway.reset();
		gateway.inject({ on: 'request', cut: length - 300 });
		const response = await post(gateway, 'volcengine', request);
		await expect(response.text()).rejects.toThrow();
		expect(gateway.ledger.images.map(({ delivered }) => delivered)).toEqual([1, 1, 0]);
	});
});
