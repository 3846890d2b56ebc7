import { type Gateway, type ProfileName, startGateway } from './index';
import { ask, dataUri, inspect } from './testing';

const SEEDREAM_3 = 'doubao-seedream-3-0-t2i-250415';
const SEEDEDIT = 'doubao-seededit-3-0-i2i-250628';
const SEEDREAM_4_0 = 'doubao-seedream-4-0-250828';
const SEEDREAM_4_5 = 'doubao-seedream-4-5-251128';
const SEEDREAM_5 = 'doubao-seedream-5-0-260128';
const LITE = 'doubao-seedream-5-0-lite-260128';

const PNG = '<PNG>';
const SET = { sequential_image_generation: 'auto' };
const max = (max_images: number) => ({ sequential_image_generation_options: { max_images } });

interface Listed {
	models: string[];
	example: { model: string };
}

let gateway: Gateway;
let png: string;

beforeAll(async () => {
	gateway = await startGateway();
	png = await dataUri();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** Sends a body in which every PNG stands for a real picture. */
async function send(profile: ProfileName, body: object) {
	const text = JSON.stringify({ prompt: 'x', ...body }).replaceAll(PNG, png);
	return await ask(gateway, profile, text);
}

describe('the request examples of the documents', () => {
	const examples: Array<[profile: ProfileName, name: string, body: object, images: number]> = [
		[
			'deerapi',
			'cURL',
			{
				model: SEEDREAM_5,
				prompt: 'a cat wearing a scarf sitting by the window watching rain, illustration style',
				size: '2K',
				response_format: 'url',
				watermark: false,
			},
			1,
		],
		[
			'routescope',
			'image set (cURL and Python)',
			{
				model: SEEDREAM_5,
				prompt:
					'Generate three consistent SaaS homepage hero illustrations, blue-purple gradient, glassmorphism',
				size: '2K',
				...SET,
				...max(3),
				response_format: 'url',
			},
			3,
		],
		[
			'unode',
			'Text-to-Image',
			{
				model: SEEDREAM_5,
				prompt: 'A cute little sea otter',
				size: '2048x2048',
				response_format: 'url',
			},
			1,
		],
		[
			'unode',
			'Image-to-Image',
			{
				model: SEEDREAM_5,
				prompt: 'A cute little sea otter wearing a beret',
				image: PNG,
				size: '2048x2048',
			},
			1,
		],
		[
			'unode',
			'Generate Image Set',
			{
				model: SEEDREAM_5,
				prompt: 'A series of illustrations showing a fox exploring different seasons',
				extra_fields: { ...SET, ...max(4) },
			},
			4,
		],
		[
			'unode',
			'Multi-Image Composition',
			{
				model: SEEDREAM_5,
				prompt: 'Create an elegant gift set containing these items',
				image: [PNG, PNG, PNG],
			},
			1,
		],
	];

	it.each(examples)('%s: %s', async (profile, _, body, images) => {
		const { status, data } = await send(profile, body);
		expect(status).toBe(200);
		expect(data).toHaveLength(images);
		const file = await fetch(data[0].url ?? '');
		expect(await inspect(await file.arrayBuffer())).toMatchObject({ format: 'jpeg', width: 2048 });
	});

	it('has usage as the documents print it', async () => {
		const { usage } = await send('unode', {
			model: SEEDREAM_5,
			extra_fields: { ...SET, ...max(4) },
		});
		expect(usage).toEqual({ generated_images: 4, output_tokens: 65536, total_tokens: 65536 });
	});

	it('rejects the one that no document stands behind: a chat model at RouteScope', async () => {
		expect((await send('routescope', { model: 'gpt-4o-mini' })).status).toBe(400);
	});
});

describe('what a document lists is taken', () => {
	const taken: Array<[profile: ProfileName, body: object]> = [
		['deerapi', { model: SEEDREAM_5, image: [PNG], guidance_scale: 2.5, seed: -1 }],
		['deerapi', { model: SEEDREAM_5, ...SET, ...max(2), output_format: 'png', size: '4K' }],
		['deerapi', { model: SEEDREAM_4_5, seed: 5, guidance_scale: 3, size: '2304x1728' }],
		['gateway001', { model: SEEDREAM_3, seed: 5, guidance_scale: 2.5, size: '1024x1024' }],
		['gateway001', { model: SEEDEDIT, image: PNG, seed: 5, guidance_scale: 5.5 }],
		['gateway001', { model: SEEDREAM_4_5, image: [PNG, PNG], ...SET, ...max(2), size: '2K' }],
		['gateway001', { model: SEEDREAM_5, output_format: 'png', watermark: false }],
		['gateway002', { model: 'seedream-4-0-250828', n: 1, size: '2560x1440', image: [PNG] }],
		['gateway002', { model: SEEDREAM_5, n: 1, quality: 'hd', style: 'x', background: 'opaque' }],
		['routescope', { model: SEEDREAM_3, n: 3, guidance_scale: 4, size: '1024x1024', user: 'me' }],
		['routescope', { model: SEEDREAM_4_5, size: '1K', image: PNG, quality: 'hd', style: 'x' }],
		['routescope', { model: LITE, ...SET, ...max(1), image: Array(14).fill(PNG) as string[] }],
		['unode', { model: SEEDREAM_4_5, size: '3K', watermark: false }],
		[
			'unode',
			{
				model: SEEDREAM_5,
				extra_fields: {
					tools: [{ type: 'web_search' }],
					stream: true,
					output_format: 'png',
					optimize_prompt_options: { mode: 'standard' },
				},
			},
		],
		['new-api', { model: SEEDREAM_4_5, n: 1, quality: 'hd', size: '2K', image: PNG }],
	];

	it.each(taken)('%s: %j', async (profile, body) => {
		expect(await send(profile, body)).toMatchObject({ status: 200 });
	});
});

describe('what a document does not list is rejected', () => {
	const refused: Array<[profile: ProfileName, field: string, body: object]> = [
		['deerapi', 'image', { model: SEEDREAM_5, image: PNG }],
		['deerapi', 'image', { model: SEEDREAM_5, image: Array(15).fill(PNG) as string[] }],
		['deerapi', 'size', { model: SEEDREAM_5, size: '3K' }],
		['deerapi', 'size', { model: SEEDREAM_5, size: '2k' }],
		['deerapi', 'stream', { model: SEEDREAM_5, stream: true }],
		['deerapi', 'n', { model: SEEDREAM_5, n: 1 }],
		['deerapi', 'tools', { model: SEEDREAM_5, tools: [] }],
		['deerapi', 'extra_fields', { model: SEEDREAM_5, extra_fields: {} }],
		['deerapi', 'output_format', { model: SEEDREAM_5, output_format: 'webp' }],
		['deerapi', 'output_format', { model: SEEDREAM_4_5, output_format: 'png' }],
		['deerapi', '', { model: SEEDREAM_3 }],
		['gateway001', 'seed', { model: SEEDREAM_5, seed: 1 }],
		['gateway001', 'guidance_scale', { model: SEEDREAM_4_5, guidance_scale: 2 }],
		['gateway001', 'output_format', { model: SEEDREAM_4_5, output_format: 'png' }],
		['gateway001', 'image', { model: SEEDREAM_3, image: PNG }],
		['gateway001', '', { model: SEEDEDIT }],
		['gateway001', 'sequential_image_generation', { model: SEEDREAM_3, ...SET }],
		['gateway001', 'stream', { model: SEEDREAM_5, stream: false }],
		['gateway001', '', { model: LITE }],
		['gateway002', 'n', { model: SEEDREAM_5 }],
		['gateway002', 'n', { model: SEEDREAM_5, n: 2 }],
		['gateway002', 'size', { model: SEEDREAM_5, n: 1, size: '2K' }],
		['gateway002', 'image', { model: SEEDREAM_5, n: 1, image: PNG }],
		['gateway002', 'sequential_image_generation', { model: SEEDREAM_5, n: 1, ...SET }],
		['gateway002', 'seed', { model: SEEDREAM_5, n: 1, seed: 1 }],
		['routescope', 'n', { model: SEEDREAM_5, n: 1 }],
		['routescope', 'guidance_scale', { model: SEEDREAM_5, guidance_scale: 2 }],
		['routescope', 'image', { model: SEEDREAM_3, image: PNG }],
		['routescope', 'size', { model: SEEDREAM_5, size: '3K' }],
		['routescope', '', { model: SEEDREAM_3, size: '1K' }],
		['routescope', 'stream', { model: LITE, stream: true }],
		['routescope', 'output_format', { model: SEEDREAM_5, output_format: 'png' }],
		[
			'routescope',
			'',
			{ model: SEEDREAM_5, ...SET, ...max(2), image: Array(14).fill(PNG) as string[] },
		],
		['unode', 'image', { model: SEEDREAM_5, image: 'https://example.com/a.png' }],
		['unode', 'image', { model: SEEDREAM_5, image: [PNG] }],
		['unode', 'sequential_image_generation', { model: SEEDREAM_5, ...SET }],
		['unode', 'extra_fields.tools', { model: SEEDREAM_4_5, extra_fields: { tools: [] } }],
		[
			'unode',
			'extra_fields.output_format',
			{ model: SEEDREAM_4_5, extra_fields: { output_format: 'png' } },
		],
		['unode', 'extra_fields.seed', { model: SEEDREAM_5, extra_fields: { seed: 1 } }],
		[
			'unode',
			'',
			{ model: SEEDREAM_5, extra_fields: { optimize_prompt_options: { mode: 'fast' } } },
		],
		['unode', '', { model: SEEDREAM_4_0 }],
		['unode', 'size', { model: SEEDREAM_5, size: '1K' }],
	];

	it.each(refused)('%s, %s: %j', async (profile, field, body) => {
		const { status, error, headers } = await send(profile, body);
		expect(status).toBe(400);
		expect(error?.param).toBe(field);
		expect(error?.message).toMatch(
			new RegExp(`\\(request id: ${headers.get('x-oneapi-request-id')}\\)$`),
		);
		expect(gateway.ledger.images).toEqual([]);
	});

	it('leaves explicit pixels to the model behind it', async () => {
		for (const profile of ['deerapi', 'gateway001', 'routescope', 'unode'] as const) {
			const { status, error } = await send(profile, { model: SEEDREAM_5, size: '1024x1024' });
			expect(status).toBe(400);
			expect(error?.message).toContain('at least 3686400 pixels');
		}
	});
});

it('lists what it accepts, with an example that it does accept', async () => {
	const listing = await fetch(`${gateway.url}/_control/profiles`);
	const profiles = Object.entries((await listing.json()) as Record<ProfileName, Listed>);
	expect(profiles).toHaveLength(8);
	for (const [name, { models, example }] of profiles) {
		expect(models).toContain(example.model);
		expect((await send(name as ProfileName, example)).status).toBe(200);
	}
});

describe('responses', () => {
	it('write what is absent as each document shows it', async () => {
		const shape = async (profile: ProfileName, body: object) => {
			const { data, usage, model } = await send(profile, { prompt: 'a fox', ...body });
			const keys = Object.keys(data[0]);
			return { keys, absent: data[0].b64_json, usage: usage !== undefined, model };
		};
		const openAi = ['url', 'b64_json', 'revised_prompt'];
		expect(await shape('gateway002', { model: SEEDREAM_5, n: 1 })).toEqual({
			keys: openAi,
			absent: '',
			usage: false,
		});
		expect(await shape('new-api', { model: SEEDREAM_5 })).toMatchObject({
			keys: openAi,
			absent: '',
		});
		expect(await shape('routescope', { model: SEEDREAM_5 })).toMatchObject({
			keys: openAi,
			absent: null,
		});
		for (const profile of ['deerapi', 'gateway001', 'unode'] as const) {
			expect(await shape(profile, { model: SEEDREAM_5 })).toEqual({
				keys: ['url', 'size'],
				usage: true,
				model: SEEDREAM_5,
			});
		}
	});

	it('follow the defaults of the document', async () => {
		expect((await send('routescope', { model: SEEDREAM_5, ...SET })).data).toHaveLength(1);
		await send('routescope', { model: SEEDREAM_5, size: '1K' });
		await send('unode', { model: SEEDREAM_4_5, size: '3K' });
		expect(gateway.ledger.images.map(({ width }) => width)).toEqual([2048, 1024, 3072]);
	});
});

describe('new-api', () => {
	it('drops what it does not know: a set comes back as one image', async () => {
		const one = await send('new-api', { model: SEEDREAM_5, ...SET, ...max(3) });
		expect([one.status, one.data.length]).toEqual([200, 1]);
		const set = await send('new-api', { model: SEEDREAM_5, extra_fields: { ...SET, ...max(3) } });
		expect(set.data).toHaveLength(3);
	});

	it('relays what its upstream rejects, with both request ids', async () => {
		const { status, error } = await send('new-api', { model: SEEDREAM_5, size: '1K' });
		expect(status).toBe(400);
		expect(error).toMatchObject({ code: 'InvalidParameter', type: 'upstream_error' });
		expect(error?.message).toMatch(/Request id: \w+ \(request id: \w+\)$/);
	});

	it('has no channel for unknown models, and no other path', async () => {
		expect(await send('new-api', { model: 'seedream-9' })).toMatchObject({
			status: 503,
			error: { code: 'model_not_found' },
		});
		const lost = await fetch(`${gateway.profileUrl('new-api')}/v1/v1/images/generations`, {
			method: 'POST',
		});
		expect(lost.status).toBe(404);
		expect(await lost.json()).toMatchObject({
			error: { message: expect.stringContaining('Invalid URL (POST /v1/v1/images/generations)') },
		});
	});
});

it.each([
	['deerapi', 200],
	['gateway001', 404],
	['gateway002', 404],
	['routescope', 200],
	['unode', 200],
	['new-api', 200],
] as const)('%s answers its model list with %i', async (profile, status) => {
	const address = `${gateway.profileUrl(profile)}/v1/models`;
	const list = async (key: string) =>
		await fetch(address, { headers: { Authorization: `Bearer ${key}` } });
	expect((await list('sk-test')).status).toBe(status);
	expect((await list('nope')).status).toBe(status === 200 ? 401 : 404);
});
