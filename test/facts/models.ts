import {
	LITE_SIZES,
	PRO_SIZES,
	type Resolution,
	SEEDREAM_3_0_SIZES,
	SEEDREAM_4_0_SIZES,
	SEEDREAM_4_5_SIZES,
	type Table,
} from './sizes';

/**
 * What the models are and support, written by hand from the documents: the judge of the catalog in
 * `nodes/`, from which nothing here may be taken. "Sheet" is the project's collection of what
 * Volcengine Ark, BytePlus and others document; § is its section.
 */

export type Service = 'volcengine' | 'byteplus';
export type Operation = 'textToImage' | 'imageToImage' | 'imageSet' | 'layers';

/** Optional body fields that depend on the model. */
export type ModelParameter =
	| 'background'
	| 'guidance_scale'
	| 'layer_decomposition'
	| 'optimize_prompt_options'
	| 'output_format'
	| 'seed'
	| 'sequential_image_generation'
	| 'stream'
	| 'tools';

export interface ModelId {
	id: string;
	service: Service;
	/** Day on which the service shuts it down; `retired` where no document gives the day. */
	ends?: string;
	/** Id that the service's notice names as its successor. */
	successor?: string;
}

export interface ReferenceRules {
	min: number;
	max: number;
	/** As in `data:image/<format>`. */
	formats: readonly string[];
	maxBytes: number;
	/** Width times height, in pixels. */
	minPixels: number;
	maxPixels: number;
	/** Each side is longer than this, in pixels. */
	longerThan: number;
	/** Largest ratio of the sides. */
	maxRatio: number;
}

export interface SizeRules {
	/** What `size` may be by name. */
	presets: readonly Resolution[];
	table: Table;
	/** Width times height of explicit sizes, in pixels. */
	minPixels: number;
	maxPixels: number;
	/** Largest ratio of the sides; absent where none is documented. */
	maxRatio?: number;
	/** What an absent `size` means. */
	default: string;
	/** Explicit sizes that just fit: fewest and most pixels, most oblong. */
	atLimits: readonly string[];
}

export interface Model {
	name: string;
	/** Names without prefix and date, in both spellings of the version. */
	names: readonly string[];
	ids: readonly ModelId[];
	operations: readonly Operation[];
	/** Absent where `image` is rejected. */
	references?: ReferenceRules;
	/** References and generated images of a set together. */
	maxTotalImages?: number;
	/** Images that a picture is split into, the base included; what else holds for layers: {@link LAYERS}. */
	maxLayerImages?: number;
	/** Absent where `size` can only be `adaptive`. */
	size?: SizeRules;
	/** Supported parameters, with their values where the document lists them. */
	parameters: Readonly<Partial<Record<ModelParameter, readonly string[]>>>;
	/** What the service makes without `output_format`; absent: JPEG. */
	defaultFormat?: 'png';
	/** Whether `background: transparent` needs one reference, a PNG with transparent pixels. */
	transparencyNeedsAlpha?: true;
	/** Default of `guidance_scale`. */
	guidanceScale?: number;
	/** List prices for an image: up to {@link PRICE_STEP} pixels, and above. Sheet §13.5, §2.2. */
	price?: {
		/** BytePlus, US dollars. */
		usd: readonly [number, number];
		/** Volcengine, yuan; absent where it is not known. */
		cny?: readonly [number, number];
		/** US dollars for each reference image, from the `from`th on. */
		reference?: { usd: number; from: number };
	};
	/** Seconds that one image took users, at 1K and 2K or 2K and 4K. Sheet §7.4, §13.2. */
	seconds?: string;
}

/** Pixels up to which an image costs the lower price. Sheet §13.5; others say 2.36 or 2.61 million. */
export const PRICE_STEP = 2_601_123.84;

/** Numbers a parameter may have. */
export const RANGES = {
	/** Documents 000, 001 and 003. */
	guidance_scale: { min: 1, max: 10 },
	/** Sheet §5.1; documents 003 and 004. */
	max_images: { min: 1, max: 15 },
	/** Document 003. */
	n: { min: 1, max: 10 },
	/** Documents 000 and 001. */
	seed: { min: -1, max: 2_147_483_647 },
} as const;

/** What stands before a model's name in ids. Sheet §2.1; with a vendor: AIMLAPI in §11.4. */
export const PREFIXES = [
	'',
	'doubao-',
	'dola-',
	'bytedance/',
	'bytedance/doubao-',
	'bytedance/dola-',
];

/** Sheet §2.1, retirement batch 10: 14:00 in Beijing. */
const BATCH_10 = '2026-11-24';

const PRO = 'doubao-seedream-5-0-pro-260628';

/** Sheet §5.3, column "Generation, 4.x and 5.x", with the count of §3. */
const REFERENCES_14: ReferenceRules = {
	min: 0,
	max: 14,
	formats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif', 'heic', 'heif'],
	maxBytes: 30 * 1024 * 1024,
	minPixels: 196,
	maxPixels: 36_000_000,
	longerThan: 14,
	maxRatio: 16,
};
const REFERENCES_10: ReferenceRules = { ...REFERENCES_14, max: 10 };

/** Sheet §4.1, row "5.0 pro / flash"; of the two defaults the API page's, not the tutorial's. */
const PRO_SIZE: SizeRules = {
	presets: ['1K', '1.5K', '2K'],
	table: PRO_SIZES,
	minPixels: 921_600,
	maxPixels: 4_624_220,
	maxRatio: 16,
	default: '2K',
	atLimits: ['960x960', '2150x2150', '3840x240', '240x3840'],
};

/**
 * How a picture is split into layers, the same for every model that can: `layer_decomposition: true`
 * with one `image`; `prompt` may be absent, and `output_format` is about the base alone. Sheet §13.3.
 */
export const LAYERS = {
	/** The picture. Older documents (§5.3) have PNG and JPEG only. */
	references: {
		min: 1,
		max: 1,
		formats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'],
		maxBytes: 30 * 1024 * 1024,
		minPixels: 262_144,
		maxPixels: 36_000_000,
		longerThan: 14,
		maxRatio: 16,
	} satisfies ReferenceRules,
	/** What `size` may be; no pixels. */
	sizes: ['auto', '1K', '1.5K', '2K'],
	defaultSize: 'auto',
	/** Pixels of the base for `auto`: the picture's own within these, 1280x720 and "about 2048²". */
	autoPixels: { min: 921_600, max: 4_194_304 },
	/** Parameters that are an error together with `layer_decomposition`. */
	refused: ['background', 'sequential_image_generation', 'stream', 'tools'],
	/** A prompt's regions: `<bbox>left top right bottom</bbox>`, each from 0 to this. */
	boxScale: 1000,
} as const;

const RECORDS = {
	// Sheet §13.2, with 5.0 Pro's sizes. It refuses sets, streams and tools.
	'5.5': {
		name: 'Seedream 5.5',
		names: ['seedream-5-5', 'seedream-5.5'],
		ids: [
			{ id: 'doubao-seedream-5-5-261028', service: 'volcengine' },
			{ id: 'dola-seedream-5-5-261028', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'layers'],
		references: REFERENCES_10,
		maxLayerImages: 100,
		size: PRO_SIZE,
		parameters: {
			background: ['auto', 'opaque', 'transparent'],
			layer_decomposition: [],
			optimize_prompt_options: ['standard'],
			output_format: ['jpeg', 'png'],
		},
		defaultFormat: 'png',
		seconds: '12 to 35',
		price: { usd: [0.02, 0.035], reference: { usd: 0.008, from: 1 } },
	},
	// Sheet §9.1, §3.
	'5.0-pro': {
		name: 'Seedream 5.0 Pro',
		names: ['seedream-5-0-pro', 'seedream-5.0-pro'],
		ids: [
			{ id: PRO, service: 'volcengine' },
			{ id: 'dola-seedream-5-0-pro-260628', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'layers'],
		references: REFERENCES_10,
		maxLayerImages: 17,
		size: PRO_SIZE,
		parameters: {
			background: ['opaque', 'transparent'],
			layer_decomposition: [],
			optimize_prompt_options: ['standard', 'fast'],
			output_format: ['jpeg', 'png'],
		},
		// Sheet §13.4, for Flash too.
		transparencyNeedsAlpha: true,
		seconds: '40 to 55',
		price: { usd: [0.045, 0.09], cny: [0.3, 0.6], reference: { usd: 0.003, from: 2 } },
	},
	// Sheet §9.2, §3.
	'5.0-flash': {
		name: 'Seedream 5.0 Flash',
		names: ['seedream-5-0-flash', 'seedream-5.0-flash'],
		ids: [
			{ id: 'doubao-seedream-5-0-flash-260915', service: 'volcengine' },
			{ id: 'dola-seedream-5-0-flash-260915', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'layers'],
		references: REFERENCES_10,
		maxLayerImages: 17,
		size: PRO_SIZE,
		parameters: {
			background: ['opaque', 'transparent'],
			layer_decomposition: [],
			optimize_prompt_options: ['standard'],
			output_format: ['jpeg', 'png'],
		},
		transparencyNeedsAlpha: true,
		price: { usd: [0.018, 0.018], cny: [0.12, 0.12] },
	},
	// Sheet §9.3, §3. The notice names no successor.
	'5.0-lite': {
		name: 'Seedream 5.0 Lite',
		names: ['seedream-5-0', 'seedream-5.0', 'seedream-5-0-lite', 'seedream-5.0-lite'],
		ids: [
			{ id: 'doubao-seedream-5-0-260128', service: 'volcengine', ends: BATCH_10 },
			{ id: 'doubao-seedream-5-0-lite-260128', service: 'volcengine', ends: BATCH_10 },
			{ id: 'seedream-5-0-260128', service: 'byteplus' },
			{ id: 'seedream-5-0-lite-260128', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'imageSet'],
		references: REFERENCES_14,
		maxTotalImages: 15,
		size: {
			presets: ['2K', '3K', '4K'],
			table: LITE_SIZES,
			minPixels: 3_686_400,
			maxPixels: 16_777_216,
			maxRatio: 16,
			default: '2048x2048',
			atLimits: ['1920x1920', '4096x4096', '7680x480', '480x7680'],
		},
		parameters: {
			optimize_prompt_options: ['standard'],
			output_format: ['jpeg', 'png'],
			sequential_image_generation: ['auto', 'disabled'],
			stream: [],
			tools: ['web_search'],
		},
		seconds: '19 to 26',
		price: { usd: [0.035, 0.035], cny: [0.22, 0.22] },
	},
	// Sheet §9.4, §3.
	'4.5': {
		name: 'Seedream 4.5',
		names: ['seedream-4-5', 'seedream-4.5'],
		ids: [
			{
				id: 'doubao-seedream-4-5-251128',
				service: 'volcengine',
				ends: BATCH_10,
				successor: PRO,
			},
			{ id: 'seedream-4-5-251128', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'imageSet'],
		references: REFERENCES_14,
		maxTotalImages: 15,
		size: {
			presets: ['2K', '4K'],
			table: SEEDREAM_4_5_SIZES,
			minPixels: 3_686_400,
			maxPixels: 16_777_216,
			maxRatio: 16,
			default: '2048x2048',
			atLimits: ['1920x1920', '4096x4096', '7680x480', '480x7680'],
		},
		parameters: {
			optimize_prompt_options: ['standard'],
			sequential_image_generation: ['auto', 'disabled'],
			stream: [],
		},
		seconds: '10 to 60',
		price: { usd: [0.04, 0.04], cny: [0.25, 0.25] },
	},
	// Sheet §9.5, §3.
	'4.0': {
		name: 'Seedream 4.0',
		names: ['seedream-4-0', 'seedream-4.0'],
		ids: [
			{
				id: 'doubao-seedream-4-0-250828',
				service: 'volcengine',
				ends: BATCH_10,
				successor: 'doubao-seedream-4-0-20260415',
			},
			{ id: 'doubao-seedream-4-0-20260415', service: 'volcengine' },
			{ id: 'seedream-4-0-250828', service: 'byteplus' },
		],
		operations: ['textToImage', 'imageToImage', 'imageSet'],
		references: REFERENCES_14,
		maxTotalImages: 15,
		size: {
			presets: ['1K', '2K', '4K'],
			table: SEEDREAM_4_0_SIZES,
			minPixels: 921_600,
			maxPixels: 16_777_216,
			maxRatio: 16,
			default: '2048x2048',
			atLimits: ['960x960', '4096x4096', '3840x240', '240x3840'],
		},
		parameters: {
			optimize_prompt_options: ['standard', 'fast'],
			sequential_image_generation: ['auto', 'disabled'],
			stream: [],
		},
		price: { usd: [0.03, 0.03], cny: [0.2, 0.2] },
	},
	// Sheet §9.6, §2.1: gone from the API page; BytePlus lists it as retiring, without a date.
	'3.0': {
		name: 'Seedream 3.0',
		names: ['seedream-3-0', 'seedream-3.0', 'seedream-3-0-t2i', 'seedream-3.0-t2i'],
		ids: [
			{ id: 'doubao-seedream-3-0-t2i-250415', service: 'volcengine', ends: 'retired' },
			{ id: 'seedream-3-0-t2i-250415', service: 'byteplus', ends: 'retired' },
		],
		operations: ['textToImage'],
		size: {
			presets: [],
			table: SEEDREAM_3_0_SIZES,
			minPixels: 262_144,
			maxPixels: 4_194_304,
			default: '1024x1024',
			atLimits: ['512x512', '2048x2048'],
		},
		parameters: { guidance_scale: [], seed: [] },
		guidanceScale: 2.5,
	},
	// Sheet §9.7; references: §5.3, where no fewest pixels are given and two sides above 14 have more.
	'seededit-3.0': {
		name: 'SeedEdit 3.0',
		names: ['seededit-3-0', 'seededit-3.0', 'seededit-3-0-i2i', 'seededit-3.0-i2i'],
		ids: [
			{ id: 'doubao-seededit-3-0-i2i-250628', service: 'volcengine', ends: 'retired' },
			{ id: 'seededit-3-0-i2i-250628', service: 'byteplus', ends: 'retired' },
		],
		operations: ['imageToImage'],
		references: {
			...REFERENCES_14,
			min: 1,
			max: 1,
			formats: ['jpeg', 'png'],
			maxBytes: 10 * 1024 * 1024,
			maxRatio: 3,
		},
		parameters: { guidance_scale: [], seed: [] },
		guidanceScale: 5.5,
	},
} satisfies Record<string, Model>;

export type Family = keyof typeof RECORDS;

/** Every model family, newest first. A new one is one more record. */
export const MODELS: Readonly<Record<Family, Model>> = RECORDS;
export const FAMILIES = Object.keys(RECORDS) as Family[];

/** The ids of a service, those that are retired included. */
export function idsOf(service: Service): ModelId[] {
	return FAMILIES.flatMap((family) => MODELS[family].ids).filter((id) => id.service === service);
}

/** The family of an id that a document names, spelled as there. */
export function familyOf(id: string): Family | undefined {
	return FAMILIES.find((family) => MODELS[family].ids.some((model) => model.id === id));
}

/** Families whose own document lists a parameter. */
export function familiesWith(parameter: ModelParameter): Family[] {
	return FAMILIES.filter((family) => MODELS[family].parameters[parameter]);
}
