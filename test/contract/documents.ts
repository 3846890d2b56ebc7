import type { ProfileName } from '../gateway';
import type { Family } from '../support';

/** A field a document lists, and what to try in it. */
export interface Field {
	/** As the document names it, dots for nested ones. */
	name: string;
	/** Every value of a closed list, both ends of a range, or one text where any is taken. */
	values: readonly unknown[];
	/** Families the document or the model takes it for; absent: all. The others must not get it. */
	families?: readonly Family[];
}

/** What one gateway's document says, written down by hand from the document. */
export interface Document {
	/** How the report calls it. */
	name: string;
	profile: ProfileName;
	credential: { gateway: string; placement?: string };
	version: '/v1' | '/api/v3';
	/** Model ids it names. The first of a family goes through every case, the others through a few. */
	models: ReadonlyArray<readonly [id: string, family: Family]>;
	/** How `image` carries a single reference. */
	one: 'string' | 'array';
	/** Whether references may be addresses. */
	urls: boolean;
	/** Formats of references it reads. */
	formats: readonly string[];
	/** Where sequential_image_generation and the like stand. */
	options: 'top level' | 'extra_fields' | 'both';
	/** Fields it wants in every request. */
	always?: Readonly<Record<string, unknown>>;
	/** Whether it makes sets; `dropped` loses what asks for one without a word and makes one image. */
	sets: 'made' | 'dropped' | 'refused';
	/** Ids whose sets are asked for as a stream, because the document offers that for them. */
	streams?: readonly string[];
	/** Sizes it takes by name; absent: those of the model. */
	presets?: readonly string[];
	/** Its own pixels for the ratios in the order of {@link RATIOS}, by resolution. */
	pixels?: Readonly<Record<string, string>>;
	fields: readonly Field[];
	/** Families, fields and values without a case, each with its reason. */
	left: ReadonlyArray<readonly [what: string, why: string]>;
}

export const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'];

const TWO_K = '2048x2048 2304x1728 1728x2304 2848x1600 1600x2848 2496x1664 1664x2496 3136x1344';
const THREE_K = '3072x3072 3456x2592 2592x3456 4096x2304 2304x4096 3744x2496 2496x3744 4704x2016';
const FOUR_K = '4096x4096 4704x3520 3520x4704 5504x3040 3040x5504 4992x3328 3328x4992 6240x2656';
const ONE_K = '1024x1024 1152x864 864x1152 1280x720 720x1280 1248x832 832x1248 1512x648';
const PRO = {
	'1K': '1024x1024 1152x864 864x1152 1424x800 800x1424 1248x832 832x1248 1568x672',
	'1.5K': '1536x1536 1792x1344 1344x1792 2048x1152 1152x2048 1872x1248 1248x1872 2352x1008',
	'2K': '2048x2048 2368x1776 1776x2368 2816x1584 1584x2816 2496x1664 1664x2496 3136x1344',
};

/** Pixels each model recommends, and explicit sizes at its limits: "Image generation API", `size`. */
export const SIZES: Record<Family, { table: Record<string, string>; explicit: string[] }> = {
	'5.0-pro': { table: PRO, explicit: ['960x960', '2150x2150', '3840x240', '240x3840'] },
	'5.0-flash': { table: PRO, explicit: ['960x960', '2150x2150', '3840x240', '240x3840'] },
	'5.0-lite': {
		table: { '2K': TWO_K, '3K': THREE_K, '4K': FOUR_K },
		explicit: ['1920x1920', '4096x4096', '7680x480', '480x7680'],
	},
	'4.5': {
		table: { '2K': TWO_K, '4K': FOUR_K },
		explicit: ['1920x1920', '4096x4096', '7680x480', '480x7680'],
	},
	'4.0': {
		table: { '1K': ONE_K, '2K': TWO_K, '4K': FOUR_K },
		explicit: ['960x960', '4096x4096', '3840x240', '240x3840'],
	},
	'3.0': { table: {}, explicit: ['512x512', '2048x2048', ...ONE_K.split(' ')] },
	'seededit-3.0': { table: {}, explicit: [] },
};

export const MOST_REFERENCES: Record<Family, number> = {
	'5.0-pro': 10,
	'5.0-flash': 10,
	'5.0-lite': 14,
	'4.5': 14,
	'4.0': 14,
	'3.0': 0,
	'seededit-3.0': 1,
};

export const OPERATIONS = {
	textToImage: ['5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0', '3.0'],
	imageToImage: ['5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0', 'seededit-3.0'],
	imageSet: ['5.0-lite', '4.5', '4.0'],
} as const;

const SETS = OPERATIONS.imageSet;
const THREE = ['3.0', 'seededit-3.0'] as const;
const LAYERS = ['5.0-pro', '5.0-flash'] as const;
const SIX_FORMATS = ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'];
const EIGHT_FORMATS = [...SIX_FORMATS, 'heic', 'heif'];

const RESPONSE_FORMAT = { name: 'response_format', values: ['url', 'b64_json'] };
const WATERMARK = { name: 'watermark', values: [true, false] };
const MAX_IMAGES = {
	name: 'sequential_image_generation_options.max_images',
	values: [1, 15],
	families: SETS,
};
const WEB_SEARCH = { name: 'tools', values: [[{ type: 'web_search' }]] };
const SEED = { name: 'seed', values: [-1, 0, 2_147_483_647] };
const GUIDANCE_SCALE = { name: 'guidance_scale', values: [1, 2.5, 10] };
const OUTPUT_FORMAT = { name: 'output_format', values: ['png', 'jpeg'] };

const NO_DISABLED = [
	'sequential_image_generation: disabled',
	'the default, which single images leave out; models without sets refuse the field as such',
] as const;
const SINGLE_STREAM = [
	'stream without a set',
	'a single image comes in one piece either way; the node streams sets only',
] as const;
const NO_PRO = [
	'5.0 pro, 5.0 flash',
	'the document does not name them; the model list may, then the rules of the model apply',
] as const;

const FIRST_PARTY_FIELDS: Field[] = [
	RESPONSE_FORMAT,
	WATERMARK,
	MAX_IMAGES,
	{ name: 'stream', values: [true, false], families: SETS },
	{ ...WEB_SEARCH, families: ['5.0-lite'] },
	{ ...OUTPUT_FORMAT, families: ['5.0-pro', '5.0-flash', '5.0-lite'] },
	{
		name: 'optimize_prompt_options.mode',
		values: ['standard'],
		families: ['5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0'],
	},
	{ name: 'optimize_prompt_options.mode', values: ['fast'], families: ['5.0-pro', '4.0'] },
	{ name: 'background', values: ['opaque'], families: LAYERS },
	{ name: 'layer_decomposition', values: [false], families: LAYERS },
	{ ...SEED, families: THREE },
	{ ...GUIDANCE_SCALE, families: THREE },
];

const FIRST_PARTY_LEFT: Document['left'] = [
	NO_DISABLED,
	SINGLE_STREAM,
	[
		'background: transparent',
		'takes one PNG with a transparent pixel and nothing else; has a test of its own, see gateways.test.ts',
	],
	['layer_decomposition: true', 'answers with layers; the embedded gateway does not make them'],
];

const FIRST_PARTY = {
	version: '/api/v3',
	one: 'string',
	urls: true,
	formats: EIGHT_FORMATS,
	options: 'top level',
	sets: 'made',
	fields: FIRST_PARTY_FIELDS,
	left: FIRST_PARTY_LEFT,
} as const;

const VOLCENGINE_MODELS: Document['models'] = [
	['doubao-seedream-5-0-pro-260628', '5.0-pro'],
	['doubao-seedream-5-0-flash-260915', '5.0-flash'],
	['doubao-seedream-5-0-260128', '5.0-lite'],
	['doubao-seedream-5-0-lite-260128', '5.0-lite'],
	['doubao-seedream-4-5-251128', '4.5'],
	['doubao-seedream-4-0-250828', '4.0'],
	['doubao-seedream-4-0-20260415', '4.0'],
	['doubao-seedream-3-0-t2i-250415', '3.0'],
	['doubao-seededit-3-0-i2i-250628', 'seededit-3.0'],
];

/** The engine new-api behind a host the node does not know, by where the options are put. */
function newApi(options: Document['options'], placement: string): Document {
	return {
		name: `new-api, options: ${options}`,
		profile: 'new-api',
		credential: { gateway: 'other', placement },
		version: '/v1',
		models: VOLCENGINE_MODELS,
		one: 'string',
		urls: true,
		formats: EIGHT_FORMATS,
		options,
		sets: options === 'top level' ? 'dropped' : 'made',
		fields: [
			...FIRST_PARTY_FIELDS.filter(({ name }) => name !== 'layer_decomposition'),
			{ name: 'n', values: [1] },
			{ name: 'quality', values: ['hd'] },
			{ name: 'style', values: ['vivid'] },
			{ name: 'user', values: ['customer-42'] },
		],
		left: [
			...FIRST_PARTY_LEFT,
			['n from 2', 'the engine passes it on to a service that has no such field: one image comes'],
			[
				'moderation, output_compression, partial_images, images, mask, input_fidelity, watermark_enabled, user_id',
				'fields of other makers’ models in the engine’s type; Seedream has none of them',
			],
		],
	};
}

export const DOCUMENTS: readonly Document[] = [
	{
		...FIRST_PARTY,
		name: 'volcengine',
		profile: 'volcengine',
		credential: { gateway: 'volcengine' },
		models: VOLCENGINE_MODELS,
		streams: VOLCENGINE_MODELS.map(([id]) => id),
	},
	{
		...FIRST_PARTY,
		name: 'byteplus',
		profile: 'byteplus',
		credential: { gateway: 'byteplus' },
		models: [
			['dola-seedream-5-0-pro-260628', '5.0-pro'],
			['dola-seedream-5-0-flash-260915', '5.0-flash'],
			['seedream-5-0-260128', '5.0-lite'],
			['seedream-5-0-lite-260128', '5.0-lite'],
			['seedream-4-5-251128', '4.5'],
			['seedream-4-0-250828', '4.0'],
			['seedream-3-0-t2i-250415', '3.0'],
			['seededit-3-0-i2i-250628', 'seededit-3.0'],
		],
		streams: [
			'seedream-5-0-260128',
			'seedream-5-0-lite-260128',
			'seedream-4-5-251128',
			'seedream-4-0-250828',
		],
	},
	{
		name: 'deerapi',
		profile: 'deerapi',
		credential: { gateway: 'deerapi' },
		version: '/v1',
		models: [['doubao-seedream-5-0-260128', '5.0-lite']],
		one: 'array',
		urls: true,
		formats: SIX_FORMATS,
		options: 'top level',
		sets: 'made',
		presets: ['2K', '4K'],
		fields: [
			RESPONSE_FORMAT,
			WATERMARK,
			MAX_IMAGES,
			OUTPUT_FORMAT,
			// "Legacy parameter, ignored by newer models" and "Not supported by Seedream 5.0 (ignored)".
			{ ...SEED, families: [] },
			{ ...GUIDANCE_SCALE, families: [] },
		],
		left: [
			NO_DISABLED,
			[
				'every family but 5.0 lite',
				'the document names one id and refers to a live page for the others',
			],
		],
	},
	{
		name: 'gateway001',
		profile: 'gateway001',
		credential: { gateway: 'gateway001' },
		version: '/v1',
		models: [
			['doubao-seedream-5-0-260128', '5.0-lite'],
			['doubao-seedream-4-5-251128', '4.5'],
			['doubao-seedream-4-0-250828', '4.0'],
			['doubao-seedream-3-0-t2i-250415', '3.0'],
			['doubao-seededit-3-0-i2i-250628', 'seededit-3.0'],
		],
		one: 'string',
		urls: true,
		formats: EIGHT_FORMATS,
		options: 'top level',
		sets: 'made',
		fields: [
			RESPONSE_FORMAT,
			WATERMARK,
			MAX_IMAGES,
			{ ...OUTPUT_FORMAT, families: ['5.0-lite'] },
			{ ...SEED, families: THREE },
			{ ...GUIDANCE_SCALE, families: THREE },
		],
		left: [NO_DISABLED, NO_PRO],
	},
	{
		name: 'gateway002',
		profile: 'gateway002',
		credential: { gateway: 'gateway002' },
		version: '/v1',
		models: [
			['doubao-seedream-5-0-260128', '5.0-lite'],
			['doubao-seedream-4-5-251128', '4.5'],
			['doubao-seedream-4-0-250828', '4.0'],
			['seedream-4-0-250828', '4.0'],
		],
		one: 'array',
		urls: true,
		formats: EIGHT_FORMATS,
		options: 'top level',
		always: { n: 1 },
		sets: 'refused',
		presets: [],
		pixels: {
			'2K': '2048x2048 2304x1728 1728x2304 2560x1440 1440x2560 2496x1664 1664x2496 3024x1296',
		},
		fields: [
			RESPONSE_FORMAT,
			WATERMARK,
			{ name: 'n', values: [1] },
			{ name: 'quality', values: ['hd'] },
			{ name: 'style', values: ['vivid'] },
			{ name: 'background', values: ['opaque', 'transparent'] },
		],
		left: [
			NO_PRO,
			['3.0, SeedEdit', 'not among its available models'],
			['Image Set', 'the document has no field for it; the node refuses it in words'],
			['n from 2', 'the document advises to send 1'],
		],
	},
	{
		name: 'routescope',
		profile: 'routescope',
		credential: { gateway: 'routescope' },
		version: '/v1',
		models: [
			['doubao-seedream-5-0-260128', '5.0-lite'],
			['doubao-seedream-5-0-lite-260128', '5.0-lite'],
			['doubao-seedream-4-5-251128', '4.5'],
			['doubao-seedream-4-0-250828', '4.0'],
			['doubao-seedream-3-0-t2i-250415', '3.0'],
		],
		one: 'string',
		urls: true,
		formats: EIGHT_FORMATS,
		options: 'top level',
		sets: 'made',
		streams: [
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
		],
		presets: ['1K', '2K', '4K'],
		fields: [
			RESPONSE_FORMAT,
			WATERMARK,
			MAX_IMAGES,
			{ name: 'stream', values: [true, false], families: SETS },
			{ name: 'n', values: [1, 10], families: ['3.0'] },
			{ ...GUIDANCE_SCALE, families: ['3.0'] },
			{ name: 'quality', values: ['hd'] },
			{ name: 'style', values: ['vivid'] },
			{ name: 'user', values: ['customer-42'] },
			{ name: 'prompt', values: [200_000] },
		],
		left: [
			NO_DISABLED,
			SINGLE_STREAM,
			NO_PRO,
			['SeedEdit', 'not among its models'],
			['1K with an aspect ratio on 4.5 and 5.0', 'those models have no pixels for 1K'],
			[
				'stream on doubao-seedream-5-0-lite-260128',
				'"Seedream 5.0 Lite does not list stream": it must not be sent',
			],
		],
	},
	{
		name: 'unode',
		profile: 'unode',
		credential: { gateway: 'unode' },
		version: '/v1',
		models: [
			['doubao-seedream-5-0-260128', '5.0-lite'],
			['doubao-seedream-4-5-251128', '4.5'],
		],
		one: 'string',
		urls: false,
		formats: EIGHT_FORMATS,
		options: 'extra_fields',
		sets: 'made',
		presets: ['2K', '3K', '4K'],
		fields: [
			RESPONSE_FORMAT,
			WATERMARK,
			MAX_IMAGES,
			{ name: 'stream', values: [true, false], families: SETS },
			{ ...WEB_SEARCH, families: ['5.0-lite'] },
			{ ...OUTPUT_FORMAT, families: ['5.0-lite'] },
			{ name: 'optimize_prompt_options.mode', values: ['standard'] },
			{ name: 'optimize_prompt_options.mode', values: ['fast'], families: [] },
		],
		left: [
			NO_DISABLED,
			SINGLE_STREAM,
			NO_PRO,
			['4.0', 'stands in a column of its table, but not among its supported models'],
			['3.0, SeedEdit', 'not among its supported models'],
			['3K with an aspect ratio on 4.5', 'the model has no pixels for 3K'],
		],
	},
	newApi('top level', 'topLevel'),
	newApi('extra_fields', 'extraFields'),
	newApi('both', 'both'),
];
