import { modelName, spellings } from './modelIds';
import type { OperationId } from './operations';
import type { ParameterName } from './parameters';
import {
	SEEDREAM_3_0_SIZES,
	SEEDREAM_4_0_SIZES,
	SEEDREAM_4_5_SIZES,
	SEEDREAM_5_LITE_SIZES,
	SEEDREAM_5_PRO_SIZES,
	type Resolution,
	type SizeTable,
} from './sizes';

/** One model id as a first-party service spells it. */
export interface ModelId {
	id: string;
	service: 'volcengine' | 'byteplus';
	/** Day on which the service retires it, ISO date; `retired` if the day is not known. */
	ends?: string;
	/** Id the service names as the replacement. */
	successor?: string;
}

/** What reference images a model supports. Volcengine Ark and BytePlus "Image generation API", `image`. */
export interface ReferenceRules {
	max: number;
	/** Formats by the name they have in `data:image/<format>`. */
	formats: readonly string[];
	/** Largest file, in bytes. */
	maxBytes: number;
	/** Width times height, in pixels. */
	minPixels: number;
	maxPixels: number;
	/** Each side must be longer than this, in pixels. */
	longerThan: number;
	/** Longest allowed side ratio: 16 means 1:16 to 16:1. */
	maxRatio: number;
}

export interface SizeRules {
	/** Resolutions the model supports by name, as `size: "2K"`. */
	presets: readonly Resolution[];
	/** Recommended pixels for each resolution and aspect ratio. */
	table: SizeTable;
	/** Range of width times height, in pixels, for explicit sizes. */
	minPixels: number;
	maxPixels: number;
	/** Longest allowed side ratio of explicit sizes; absent where none is documented. */
	maxRatio?: number;
	/** What the service uses when `size` is absent. */
	default: string;
}

export interface ModelFamily {
	/** Value of the node's Model Family field. */
	id: string;
	name: string;
	/** Its ids without prefix and date, with `5-0` and `5.0`. */
	names: readonly string[];
	ids: readonly ModelId[];
	operations: readonly OperationId[];
	/** Absent where the model supports no reference image. */
	references?: ReferenceRules;
	/** References and generated images of a set together; absent where the model generates no sets. */
	maxTotalImages?: number;
	/** Images that one image is split into at most, the background included; absent without layers. */
	maxLayerImages?: number;
	/** Absent where the model only supports `size: "adaptive"`. */
	size?: SizeRules;
	/** Each parameter the model supports, with its values where they are a closed list. */
	parameters: Readonly<Partial<Record<ParameterName, readonly string[]>>>;
	/** What the service generates when `output_format` is absent; JPEG where it is not said. */
	defaultFormat?: 'png';
	/** Whether a transparent background needs exactly one reference image, a PNG with an alpha channel. */
	transparencyNeedsAlpha?: true;
}

const MEGABYTE = 1024 * 1024;

/** References of the 4.x and 5.x models; older documents say 10 MB, current ones 30 MB. */
const REFERENCES: ReferenceRules = {
	max: 14,
	formats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif', 'heic', 'heif'],
	maxBytes: 30 * MEGABYTE,
	minPixels: 196,
	maxPixels: 36_000_000,
	longerThan: 14,
	maxRatio: 16,
};

/** The image that is split into layers, whichever the model. */
export const LAYER_REFERENCES: ReferenceRules = {
	...REFERENCES,
	max: 1,
	formats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'],
	minPixels: 512 * 512,
};

const EVERY_OPERATION = ['textToImage', 'imageToImage', 'imageSet'] as const;
const IMAGE_OR_LAYERS = ['textToImage', 'imageToImage', 'layers'] as const;

const SET_PARAMETERS = {
	sequential_image_generation: ['auto', 'disabled'],
	stream: [],
} as const;

const LAYER_PARAMETERS = {
	background: ['opaque', 'transparent'],
	layer_decomposition: [],
	output_format: ['jpeg', 'png'],
} as const;

/** Retirement batch 10, which Volcengine announced on 2026-09-24. */
const BATCH_10 = '2026-11-24';

/** Sizes of 5.5, 5.0 Pro and Flash. */
const PRO_SIZE: SizeRules = {
	presets: ['1K', '1.5K', '2K'],
	table: SEEDREAM_5_PRO_SIZES,
	minPixels: 921_600,
	maxPixels: 4_624_220,
	maxRatio: 16,
	default: '2K',
};

/** Pixels of the 5.0 Lite, 4.5 and 4.0 families, of which 4.0 also supports smaller ones. */
const LARGE_SIZE = {
	minPixels: 3_686_400,
	maxPixels: 16_777_216,
	maxRatio: 16,
	default: '2048x2048',
} as const;

/**
 * Every model family, newest first. Sources: Volcengine Ark and BytePlus ModelArk "Image generation
 * API" and model lists as of 2026-10; 3.0 and SeedEdit: the same documents of 2025 and gateway 001; 5.5:
 * schema of BytePlus's models at Comfy Router, and resellers' pages of 2026-11.
 */
export const MODEL_FAMILIES: readonly ModelFamily[] = [
	{
		id: '5.5',
		name: 'Seedream 5.5',
		names: spellings('seedream-5-5'),
		ids: [
			{ id: 'doubao-seedream-5-5-261028', service: 'volcengine' },
			{ id: 'dola-seedream-5-5-261028', service: 'byteplus' },
		],
		operations: IMAGE_OR_LAYERS,
		references: { ...REFERENCES, max: 10 },
		maxLayerImages: 100,
		size: PRO_SIZE,
		parameters: {
			...LAYER_PARAMETERS,
			background: ['auto', 'opaque', 'transparent'],
			optimize_prompt_options: ['standard'],
		},
		defaultFormat: 'png',
	},
	{
		id: '5.0-pro',
		name: 'Seedream 5.0 Pro',
		names: spellings('seedream-5-0-pro'),
		ids: [
			{ id: 'doubao-seedream-5-0-pro-260628', service: 'volcengine' },
			{ id: 'dola-seedream-5-0-pro-260628', service: 'byteplus' },
		],
		operations: IMAGE_OR_LAYERS,
		references: { ...REFERENCES, max: 10 },
		maxLayerImages: 17,
		size: PRO_SIZE,
		parameters: { ...LAYER_PARAMETERS, optimize_prompt_options: ['standard', 'fast'] },
		transparencyNeedsAlpha: true,
	},
	{
		id: '5.0-flash',
		name: 'Seedream 5.0 Flash',
		names: spellings('seedream-5-0-flash'),
		ids: [
			{ id: 'doubao-seedream-5-0-flash-260915', service: 'volcengine' },
			{ id: 'dola-seedream-5-0-flash-260915', service: 'byteplus' },
		],
		operations: IMAGE_OR_LAYERS,
		references: { ...REFERENCES, max: 10 },
		maxLayerImages: 17,
		size: PRO_SIZE,
		parameters: { ...LAYER_PARAMETERS, optimize_prompt_options: ['standard'] },
		transparencyNeedsAlpha: true,
	},
	{
		id: '5.0-lite',
		name: 'Seedream 5.0 Lite',
		names: spellings('seedream-5-0', 'seedream-5-0-lite'),
		ids: [
			{ id: 'doubao-seedream-5-0-260128', service: 'volcengine', ends: BATCH_10 },
			{ id: 'doubao-seedream-5-0-lite-260128', service: 'volcengine', ends: BATCH_10 },
			{ id: 'seedream-5-0-260128', service: 'byteplus' },
			{ id: 'seedream-5-0-lite-260128', service: 'byteplus' },
		],
		operations: EVERY_OPERATION,
		references: REFERENCES,
		maxTotalImages: 15,
		size: {
			presets: ['2K', '3K', '4K'],
			table: SEEDREAM_5_LITE_SIZES,
			...LARGE_SIZE,
		},
		parameters: {
			...SET_PARAMETERS,
			optimize_prompt_options: ['standard'],
			output_format: ['jpeg', 'png'],
			tools: ['web_search'],
		},
	},
	{
		id: '4.5',
		name: 'Seedream 4.5',
		names: spellings('seedream-4-5'),
		ids: [
			{
				id: 'doubao-seedream-4-5-251128',
				service: 'volcengine',
				ends: BATCH_10,
				successor: 'doubao-seedream-5-0-pro-260628',
			},
			{ id: 'seedream-4-5-251128', service: 'byteplus' },
		],
		operations: EVERY_OPERATION,
		references: REFERENCES,
		maxTotalImages: 15,
		size: {
			presets: ['2K', '4K'],
			table: SEEDREAM_4_5_SIZES,
			...LARGE_SIZE,
		},
		parameters: { ...SET_PARAMETERS, optimize_prompt_options: ['standard'] },
	},
	{
		id: '4.0',
		name: 'Seedream 4.0',
		names: spellings('seedream-4-0'),
		ids: [
			{ id: 'doubao-seedream-4-0-20260415', service: 'volcengine' },
			{
				id: 'doubao-seedream-4-0-250828',
				service: 'volcengine',
				ends: BATCH_10,
				successor: 'doubao-seedream-4-0-20260415',
			},
			{ id: 'seedream-4-0-250828', service: 'byteplus' },
		],
		operations: EVERY_OPERATION,
		references: REFERENCES,
		maxTotalImages: 15,
		size: {
			presets: ['1K', '2K', '4K'],
			table: SEEDREAM_4_0_SIZES,
			...LARGE_SIZE,
			minPixels: 921_600,
		},
		parameters: { ...SET_PARAMETERS, optimize_prompt_options: ['standard', 'fast'] },
	},
	{
		id: '3.0',
		name: 'Seedream 3.0',
		names: spellings('seedream-3-0', 'seedream-3-0-t2i'),
		ids: [
			{ id: 'doubao-seedream-3-0-t2i-250415', service: 'volcengine', ends: 'retired' },
			{ id: 'seedream-3-0-t2i-250415', service: 'byteplus', ends: 'retired' },
		],
		operations: ['textToImage'],
		size: {
			presets: [],
			table: SEEDREAM_3_0_SIZES,
			minPixels: 512 * 512,
			maxPixels: 2048 * 2048,
			default: '1024x1024',
		},
		parameters: { guidance_scale: [], seed: [] },
	},
	{
		id: 'seededit-3.0',
		name: 'SeedEdit 3.0',
		names: spellings('seededit-3-0', 'seededit-3-0-i2i'),
		ids: [
			{ id: 'doubao-seededit-3-0-i2i-250628', service: 'volcengine', ends: 'retired' },
			{ id: 'seededit-3-0-i2i-250628', service: 'byteplus', ends: 'retired' },
		],
		operations: ['imageToImage'],
		references: {
			...REFERENCES,
			max: 1,
			formats: ['jpeg', 'png'],
			maxBytes: 10 * MEGABYTE,
			maxRatio: 3,
		},
		parameters: { guidance_scale: [], seed: [] },
	},
];

/**
 * Finds the family a model id belongs to.
 * @param model id as a user or a gateway writes it, e.g. `bytedance/seedream-4.5`
 * @returns undefined for unknown ids, including `ep-…` endpoint ids
 */
export function familyOf(model: string): ModelFamily | undefined {
	const name = modelName(model);
	return MODEL_FAMILIES.find(({ names }) => names.includes(name));
}

/** Names of the services, for users. */
export const SERVICE_NAMES = { volcengine: 'Volcengine', byteplus: 'BytePlus' } as const;

/** The day of the run, as an ISO date. */
export function today(): string {
	return new Date(Date.now()).toISOString().slice(0, 10);
}

/** What is known of a model id. @returns undefined for ids that no first-party service spells so */
export function modelId(id: string): ModelId | undefined {
	return familyOf(id)?.ids.find((model) => model.id === id);
}

/** Whether a model's own service has ended it. @param day ISO date */
export function hasEnded({ ends }: ModelId, day: string): boolean {
	return ends === 'retired' || (!!ends && ends <= day);
}

/** Days before a model's end from which the editor announces it. */
const NOTICE_DAYS = 60;

const DAY_MS = 24 * 60 * 60 * 1000;

function endNote(model: ModelId | undefined, day: string): string {
	if (!model?.ends) return '';
	if (hasEnded(model, day)) return ', retired';
	const days = (Date.parse(model.ends) - Date.parse(day)) / DAY_MS;
	return days <= NOTICE_DAYS ? `, ends ${model.ends}` : '';
}

/** What of an id tells it from others of its family: what follows the parts that all begin with. */
function distinctPart(id: string, siblings: readonly string[]): string {
	const parts = id.split('-');
	const first = parts.findIndex((part, i) =>
		siblings.some((sibling) => sibling.split('-')[i] !== part),
	);
	return first < 0 ? id : parts.slice(first).join('-');
}

/**
 * How the editor calls the models of a list, short enough not to be cut: family, what tells it from
 * others of its family, and when the gateway's service ends it.
 * @param models ids; one nobody here knows stands for itself
 * @param service of the gateway, whose ends count
 * @param day ISO date
 */
export function modelLabels(
	models: readonly string[],
	service: ModelId['service'] | undefined,
	day = today(),
): string[] {
	return models.map((id) => {
		const family = familyOf(id);
		if (!family) return id;
		const siblings = models.filter((each) => familyOf(each) === family);
		const known = modelId(id);
		const note = known?.service === service ? endNote(known, day) : '';
		return `${family.name}${siblings.length > 1 ? ` (${distinctPart(id, siblings)})` : ''}${note}`;
	});
}
