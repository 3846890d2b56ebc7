import { idsOf } from '../facts/models';
import { type Gateway, type ProfileName, startGateway } from './index';
import { ask, dataUri } from './testing';

// What the documents rule out, which the node never sends. What they list, the contract's runs send.

const PRO = 'doubao-seedream-5-0-pro-260628';
const SEEDREAM_5_5 = 'doubao-seedream-5-5-261028';
const LITE = 'doubao-seedream-5-0-260128';
const LITE_ALIAS = 'doubao-seedream-5-0-lite-260128';
const SEEDREAM_4_5 = 'doubao-seedream-4-5-251128';
const SEEDREAM_4_0 = 'doubao-seedream-4-0-250828';
const SEEDREAM_3 = 'doubao-seedream-3-0-t2i-250415';
const SEEDEDIT = 'doubao-seededit-3-0-i2i-250628';

const PNG = '<PNG>';
const SAMPLES = '<SAMPLES>';
const pngs = (count: number) => Array<string>(count).fill(PNG);
const SET = { sequential_image_generation: 'auto' };
const set = (max_images: number) => ({
	...SET,
	sequential_image_generation_options: { max_images },
});
const SEARCH = { tools: [{ type: 'web_search' }] };
const FAST = { optimize_prompt_options: { mode: 'fast' } };

let gateway: Gateway;
let png: string;

beforeAll(async () => {
	gateway = await startGateway();
	png = await dataUri();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** Sends a body in which marks stand for a real picture and for the URL of the gateway's samples. */
async function send(profile: ProfileName, body: object) {
	const text = JSON.stringify({ prompt: 'x', ...body })
		.replaceAll(PNG, png)
		.replaceAll(SAMPLES, `${gateway.url}/samples`);
	return await ask(gateway, profile, text);
}

const unsupported = (name: string) => `\`${name}\` is not supported by the current model`;

describe('Ark rejects, in its own words,', () => {
	const refusals: Array<[model: string, fields: object, message: string, code?: string]> = [
		[SEEDREAM_4_5, { prompt: '' }, '`prompt`', 'MissingParameter'],
		[SEEDREAM_4_5, { watermark: 'no' }, 'expected boolean'],
		[SEEDREAM_4_5, { size: '1K' }, "'WIDTHxHEIGHT', '2k', or '4k'"],
		[LITE, { size: '1K' }, "size must be one of 'WIDTHxHEIGHT', '2k', '3k', or '4k'"],
		[SEEDREAM_5_5, { size: '3K' }, "'1.5k', or '2k'"],
		[SEEDREAM_4_5, { size: '2048*2048' }, 'size must be one of'],
		[SEEDREAM_4_5, { size: 'adaptive' }, 'size must be one of'],
		[SEEDREAM_4_5, { size: '1500x1500' }, 'must be at least 3686400 pixels'],
		[SEEDREAM_4_0, { size: '900x900' }, 'must be at least 921600 pixels'],
		[LITE, { size: '4097x4097' }, 'must be at most 16777216 pixels'],
		[PRO, { size: '3000x3000' }, 'must be at most 4624220 pixels'],
		[SEEDREAM_4_5, { size: '16000x999' }, 'aspect ratio must be between 1/16 and 16'],
		[SEEDREAM_4_5, { size: '0x2048' }, 'invalid width'],
		[PRO, SET, unsupported('sequential_image_generation')],
		[PRO, { stream: true }, unsupported('stream')],
		[SEEDREAM_5_5, { stream: false }, unsupported('stream')],
		[SEEDREAM_5_5, SEARCH, unsupported('tools')],
		[SEEDREAM_4_5, SEARCH, unsupported('tools')],
		[SEEDREAM_4_5, { output_format: 'png' }, unsupported('output_format')],
		[SEEDREAM_4_5, { guidance_scale: 3 }, unsupported('guidance_scale')],
		[LITE, { background: 'transparent' }, unsupported('background')],
		[PRO, { background: 'auto' }, 'must be one of: opaque, transparent'],
		[LITE, { output_format: 'webp' }, 'must be one of: jpeg, png'],
		[LITE, FAST, "optimize_prompt_options.mode must be 'standard'"],
		[SEEDREAM_4_5, { seed: -2 }, 'Too small'],
		[SEEDREAM_3, { guidance_scale: 10.5 }, 'Too big'],
		[SEEDREAM_4_5, set(16), 'Too big'],
		[SEEDREAM_3, { image: 'https://example.com/a.png' }, unsupported('image')],
		[SEEDEDIT, { size: 'adaptive' }, '`image`', 'MissingParameter'],
		[SEEDREAM_4_5, { image: 'a.png' }, 'http(s) URL', 'InvalidImageURL.InvalidFormat'],
		[SEEDREAM_4_5, { image: '' }, 'empty', 'InvalidImageURL.EmptyURL'],
		[SEEDREAM_4_5, { image: 'data:image/PNG;base64,AAAA' }, '`PNG` is not supported'],
		[SEEDREAM_4_5, { image: 'data:image/png;base64,AAAA' }, 'is no image'],
		[SEEDREAM_4_5, { image: `${SAMPLES}/none.png` }, 'status code: 404'],
		[SEEDREAM_4_5, { image: `${SAMPLES}/14x100.png` }, 'longer than 14 px'],
		[SEEDREAM_4_5, { image: `${SAMPLES}/300x16.png` }, 'aspect ratio'],
		[SEEDEDIT, { image: `${SAMPLES}/90x60.webp` }, 'format is not supported'],
		[PRO, { image: pngs(11) }, 'cannot exceed 10'],
		[LITE, { image: pngs(15) }, 'cannot exceed 14'],
		[SEEDEDIT, { image: pngs(2) }, 'cannot exceed 1'],
		[LITE, { image: pngs(14), ...set(2) }, 'at most 15'],
		[PRO, { background: 'transparent' }, 'exactly one input image'],
		[PRO, { background: 'transparent', image: PNG }, 'at least one transparent pixel'],
		[SEEDREAM_5_5, { background: 'transparent', output_format: 'jpeg' }, 'requires png'],
		['doubao-seedream-5-0-flash', {}, 'does not exist', 'InvalidEndpointOrModel.NotFound'],
		['ep-20260101-abcde', { size: '1K' }, 'size must be one of'],
	];

	it.each(refusals)('%s with %j', async (model, fields, message, code = 'InvalidParameter') => {
		const { status, error, headers } = await send('volcengine', { model, ...fields });
		expect(status).toBe(code.endsWith('NotFound') ? 404 : 400);
		expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
		expect(error?.message).toMatch(new RegExp(`Request id: ${headers.get('x-request-id')}$`));
		expect(gateway.ledger.images).toEqual([]);
	});

	it('an image that is not what its data URI declares', async () => {
		const image = png.replace('image/png', 'image/jpeg');
		const { error } = await send('volcengine', { model: LITE, image });
		expect(error?.message).toContain('declared as jpeg but is png');
	});

	it.each([...idsOf('volcengine'), ...idsOf('byteplus')])(
		'the id $id at the other service',
		async ({ id: model, service }) => {
			const other = service === 'volcengine' ? 'byteplus' : 'volcengine';
			const { error } = await send(other, { model });
			expect(error?.code).toBe('InvalidEndpointOrModel.NotFound');
		},
	);
});

describe('a gateway rejects what its document does not list:', () => {
	const refusals: Array<[ProfileName, field: string, model: string, fields?: object]> = [
		['deerapi', 'image', LITE, { image: PNG }],
		['deerapi', 'image', LITE, { image: pngs(15) }],
		['deerapi', 'size', LITE, { size: '3K' }],
		['deerapi', 'size', LITE, { size: '2k' }],
		['deerapi', 'stream', LITE, { stream: true }],
		['deerapi', 'n', LITE, { n: 1 }],
		['deerapi', 'tools', LITE, { tools: [] }],
		['deerapi', 'extra_fields', LITE, { extra_fields: {} }],
		['deerapi', 'output_format', LITE, { output_format: 'webp' }],
		['deerapi', 'output_format', SEEDREAM_4_5, { output_format: 'png' }],
		['deerapi', '', SEEDREAM_3],
		['gateway001', 'seed', LITE, { seed: 1 }],
		['gateway001', 'guidance_scale', SEEDREAM_4_5, { guidance_scale: 2 }],
		['gateway001', 'output_format', SEEDREAM_4_5, { output_format: 'png' }],
		['gateway001', 'image', SEEDREAM_3, { image: PNG }],
		['gateway001', '', SEEDEDIT],
		['gateway001', 'sequential_image_generation', SEEDREAM_3, SET],
		['gateway001', 'stream', LITE, { stream: false }],
		['gateway001', '', LITE_ALIAS],
		['gateway002', 'n', LITE],
		['gateway002', 'n', LITE, { n: 2 }],
		['gateway002', 'size', LITE, { n: 1, size: '2K' }],
		['gateway002', 'image', LITE, { n: 1, image: PNG }],
		['gateway002', 'sequential_image_generation', LITE, { n: 1, ...SET }],
		['gateway002', 'seed', LITE, { n: 1, seed: 1 }],
		['routescope', 'n', LITE, { n: 1 }],
		['routescope', 'n', SEEDREAM_3, { n: 11 }],
		['routescope', 'guidance_scale', LITE, { guidance_scale: 2 }],
		['routescope', 'image', SEEDREAM_3, { image: PNG }],
		['routescope', 'size', LITE, { size: '3K' }],
		['routescope', '', SEEDREAM_3, { size: '1K' }],
		['routescope', 'stream', LITE_ALIAS, { stream: true }],
		['routescope', 'output_format', LITE, { output_format: 'png' }],
		['routescope', 'prompt', LITE, { prompt: 'x'.repeat(200_001) }],
		['routescope', '', LITE, { ...set(2), image: pngs(14) }],
		['unode', 'image', LITE, { image: 'https://example.com/a.png' }],
		['unode', 'image', LITE, { image: [PNG] }],
		['unode', 'sequential_image_generation', LITE, SET],
		['unode', 'extra_fields.tools', SEEDREAM_4_5, { extra_fields: { tools: [] } }],
		[
			'unode',
			'extra_fields.output_format',
			SEEDREAM_4_5,
			{ extra_fields: { output_format: 'png' } },
		],
		['unode', 'extra_fields.seed', LITE, { extra_fields: { seed: 1 } }],
		['unode', '', LITE, { extra_fields: FAST }],
		['unode', '', LITE, { extra_fields: set(2), image: pngs(14) }],
		['unode', '', SEEDREAM_4_0],
		['unode', 'size', LITE, { size: '1K' }],
	];

	it.each(refusals)('%s, "%s" of %s', async (profile, field, model, fields = {}) => {
		const { status, error, headers } = await send(profile, { model, ...fields });
		expect(status).toBe(400);
		expect(error?.param).toBe(field);
		expect(error?.message).toMatch(
			new RegExp(`\\(request id: ${headers.get('x-oneapi-request-id')}\\)$`),
		);
		expect(gateway.ledger.images).toEqual([]);
	});

	it.each(['deerapi', 'gateway001', 'routescope', 'unode'] as const)(
		'%s leaves explicit pixels to the model behind it',
		async (profile) => {
			const { status, error } = await send(profile, { model: LITE, size: '1024x1024' });
			expect(status).toBe(400);
			expect(error?.message).toContain('at least 3686400 pixels');
		},
	);

	it('new-api relays what its upstream rejects, with both request ids', async () => {
		const { status, error } = await send('new-api', { model: LITE, size: '1K' });
		expect(status).toBe(400);
		expect(error).toMatchObject({ code: 'InvalidParameter', type: 'upstream_error' });
		expect(error?.message).toMatch(/Request id: \w+ \(request id: \w+\)$/);
	});

	it('new-api has no channel for unknown models', async () => {
		const { status, error } = await send('new-api', { model: 'seedream-9' });
		expect([status, error?.code]).toEqual([503, 'model_not_found']);
	});
});

describe('what the node never sends, and the documents allow, is accepted:', () => {
	const accepted: Array<[ProfileName, model: string, fields: object, images?: number]> = [
		['volcengine', SEEDREAM_4_5, { n: 1, quality: 'hd', style: 'vivid', seed: 5, unknown: 'x' }],
		['volcengine', SEEDREAM_4_5, { sequential_image_generation: 'disabled', size: '2k' }],
		['volcengine', LITE, { image: pngs(14), ...SET }],
		['volcengine', 'ep-4.0-test', { size: '1K' }],
		['volcengine', 'ep-5.0-pro-x', { size: '1.5K' }],
		// "Not supported by Seedream 5.0 (ignored)"
		['deerapi', SEEDREAM_4_5, { seed: 5, guidance_scale: 3, size: '2304x1728' }],
		['unode', LITE, { extra_fields: { stream: true } }],
		// Its default is one image; Ark's is as many as there is room for.
		['routescope', LITE, SET],
		// A set that is not in extra_fields is lost.
		['new-api', LITE, set(3)],
		['new-api', LITE, { extra_fields: set(3) }, 3],
	];

	it.each(accepted)('%s, %s with %j', async (profile, model, fields, images = 1) => {
		const { status, data } = await send(profile, { model, ...fields });
		expect([status, data.length]).toEqual([200, images]);
	});
});
