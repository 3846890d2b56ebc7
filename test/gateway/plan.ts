import {
	FAMILIES,
	type Family,
	type Model,
	MODELS,
	RANGES,
	type ReferenceRules,
	type SizeRules,
} from '../facts/models';
import { RATIOS, type Resolution, type Row } from '../facts/sizes';
import type { LayerImage } from './layers';
import { readReferences, type Reference } from './references';
import { invalid, Refusal } from './refusal';
import { readTags, type Tags } from './tags';

/** A request whose fields have been checked, in the first party's names. */
export interface ImageRequest {
	model: string;
	prompt: string;
	image?: string | readonly string[];
	size?: string;
	response_format?: string;
	watermark?: boolean;
	sequential_image_generation?: string;
	sequential_image_generation_options?: { max_images?: number };
	stream?: boolean;
	tools?: readonly unknown[];
	output_format?: string;
	background?: string;
	/** How many images, where the service counts them by itself (RouteScope's `n`). */
	count?: number;
}

/** What is to be generated, every open question decided. */
export interface Plan {
	model: string;
	family: Family;
	prompt: string;
	references: Reference[];
	/** Pixels. */
	width: number;
	height: number;
	/** Format of the files. */
	format: string;
	transparent: boolean;
	/** As the request says it. */
	background?: string;
	watermark: boolean;
	/** Number of images. */
	count: number;
	/** Whether the request was for a set, of which single images may fail. */
	set: boolean;
	stream: boolean;
	base64: boolean;
	webSearch: boolean;
	tags: Tags;
	/** The images themselves where a picture was split, in the order of `data`. */
	layers?: readonly LayerImage[];
}

/**
 * Plans what a checked request generates: fetches and checks its references, picks the pixels,
 * counts the images.
 * @param rules of the references, where the service has its own
 * @throws Refusal for references and explicit sizes outside the model's limits
 */
export async function planImages(
	imageRequest: ImageRequest,
	family: Family,
	rules: ReferenceRules | undefined = MODELS[family].references,
): Promise<Plan> {
	const model = MODELS[family];
	const images = referenceValues(imageRequest);
	const references = rules ? await readReferences(images, rules) : [];
	const transparent = imageRequest.background === 'transparent';
	const tags = readTags(imageRequest.prompt);
	const set = imageRequest.sequential_image_generation === 'auto';
	return {
		model: imageRequest.model,
		family,
		prompt: imageRequest.prompt,
		references,
		...(tags.pixels ?? resolveSize(imageRequest, model, references)),
		format:
			tags.format ??
			imageRequest.output_format ??
			(transparent ? 'png' : (model.defaultFormat ?? 'jpeg')),
		transparent,
		background: imageRequest.background,
		watermark: imageRequest.watermark ?? true,
		count:
			imageRequest.count ?? (set ? setLength(imageRequest, model, images.length, tags.images) : 1),
		set,
		stream: imageRequest.stream ?? false,
		base64: imageRequest.response_format === 'b64_json',
		webSearch: (imageRequest.tools?.length ?? 0) > 0,
		tags,
	};
}

/** The references of a request, a single one as a list of one. */
export function referenceValues({ image }: ImageRequest): readonly string[] {
	if (image === undefined) return [];
	return typeof image === 'string' ? [image] : image;
}

/** `max_images` is a ceiling under which the model decides by the prompt; here it always fills it. */
function setLength(
	imageRequest: ImageRequest,
	model: Model,
	references: number,
	tagged: number | undefined,
): number {
	const asked =
		imageRequest.sequential_image_generation_options?.max_images ?? RANGES.max_images.max;
	const room = (model.maxTotalImages ?? RANGES.max_images.max) - references;
	return Math.max(1, Math.min(tagged ?? asked, asked, room));
}

/**
 * The pixels a `size` stands for. A preset is a class of sizes: the ratio comes from the prompt when
 * it names one, else it is a square.
 */
function resolveSize(
	imageRequest: ImageRequest,
	{ size: rules }: Model,
	references: readonly Reference[],
): { width: number; height: number } {
	if (!rules) return adaptiveSize(references);
	const size = imageRequest.size ?? rules.default;
	if (/^\d+x\d+$/.test(size)) return explicitSize(size, rules);
	const table = presetTable(size.toUpperCase() as Resolution, rules);
	if (!table) throw sizeRefusal(sizeForms(rules));
	const ratio = RATIOS.find((name) =>
		new RegExp(`(?<!\\d)${name}(?!\\d)`).test(imageRequest.prompt),
	);
	const [width, height] = table[ratio ?? '1:1'].split('x').map(Number);
	return { width, height };
}

/** Some gateways offer presets that the model itself does not have; those take another model's row. */
function presetTable(preset: Resolution, rules: SizeRules): Row | undefined {
	return (
		(rules.presets.includes(preset) ? rules.table[preset] : undefined) ??
		FAMILIES.map((family) => MODELS[family].size?.table[preset]).find(
			(table) => table !== undefined,
		)
	);
}

function explicitSize(size: string, rules: SizeRules): { width: number; height: number } {
	const [width, height] = size.split('x').map(Number);
	if (width === 0 || height === 0)
		throw sizeRefusal(width === 0 ? 'invalid width' : 'invalid height');
	const pixels = width * height;
	if (pixels < rules.minPixels) {
		throw sizeRefusal(`image size must be at least ${rules.minPixels} pixels`);
	}
	if (pixels > rules.maxPixels) {
		throw sizeRefusal(`image size must be at most ${rules.maxPixels} pixels`);
	}
	if (rules.maxRatio && Math.max(width, height) > rules.maxRatio * Math.min(width, height)) {
		throw sizeRefusal(`aspect ratio must be between 1/${rules.maxRatio} and ${rules.maxRatio}`);
	}
	return { width, height };
}

/** SeedEdit picks one of about 50 ratios between 512x1536 and 1536x512, the nearest to its input. */
function adaptiveSize([reference]: readonly Reference[]): { width: number; height: number } {
	const ratio = reference && reference.height > 0 ? reference.width / reference.height : 1;
	const side = (length: number) => Math.min(1536, Math.max(512, Math.round(length / 32) * 32));
	return { width: side(1024 * Math.sqrt(ratio)), height: side(1024 / Math.sqrt(ratio)) };
}

/** Ark's text for a size of the wrong form, e.g. "size must be one of 'WIDTHxHEIGHT', '2k', or '4k'". */
export function sizeForms(rules: SizeRules): string {
	const forms = ["'WIDTHxHEIGHT'", ...rules.presets.map((preset) => `'${preset.toLowerCase()}'`)];
	const last = forms.pop();
	if (forms.length === 0) return `size must be ${last}`;
	return `size must be one of ${forms.join(', ')}, or ${last}`;
}

/** Ark leaves `param` and `type` empty when it refuses a size (measured). */
export function sizeRefusal(reason: string): Refusal {
	return new Refusal(
		400,
		'InvalidParameter',
		`The parameter \`size\` specified in the request is not valid: ${reason}.`,
		{ type: '' },
	);
}

/** Refuses a set that has no room beside its references. */
export function checkTotal(imageRequest: ImageRequest, family: Family): void {
	const asked = imageRequest.sequential_image_generation_options?.max_images;
	const most = MODELS[family].maxTotalImages;
	if (
		imageRequest.sequential_image_generation !== 'auto' ||
		asked === undefined ||
		most === undefined
	)
		return;
	const references = referenceValues(imageRequest).length;
	if (references + asked > most) {
		throw invalid(
			'sequential_image_generation_options.max_images',
			`the total of reference images and generated images must be at most ${most}`,
		);
	}
}
