import sharp from 'sharp';
import { LAYERS, MODELS } from '../facts/models';
import type { ArkBody } from './profiles/ark';
import { padTo, type Pieces } from './padding';
import type { Plan } from './plan';
import type { Reference } from './references';
import { invalid, missing, Refusal } from './refusal';
import type { Oddity } from './tags';

/** One image of a picture that was split: the base, or a layer. */
export interface LayerImage {
	pieces: Pieces;
	/** Pixels of the file. */
	width: number;
	height: number;
	format: string;
	/** What its entry in `data` has beside the image. */
	entry: Readonly<Record<string, unknown>>;
	/** Whether the entry carries no image at all. */
	isLost: boolean;
}

/** Edges in pixels of the base; right and bottom are exclusive. */
interface Box {
	left: number;
	top: number;
	right: number;
	bottom: number;
}

/** Three bytes a pixel. */
interface Bitmap {
	data: Buffer;
	width: number;
	height: number;
}

// Jest makes each look at a global slow, and a picture has millions of pixels.
const { max, min, round } = Math;

/** How many layers there are when neither the prompt's regions nor `[images:…]` say so. */
const OWN_CHOICE = 3;

/** Part of a layer's half width in which its alpha falls to nothing. */
const SOFT = 0.2;

/** Side of the base for each resolution if the picture is a square, in pixels. */
const SIDES: Readonly<Record<string, number>> = { '1K': 1024, '1.5K': 1536, '2K': 2048 };

/**
 * What a request for layers must be, beside what the model's own rules say.
 * @throws Refusal
 */
export function checkLayers(request: ArkBody): void {
	for (const parameter of [...LAYERS.refused, 'sequential_image_generation_options'] as const) {
		if (request[parameter] === undefined) continue;
		throw invalid(
			parameter,
			`the parameter \`${parameter}\` is not supported with layer_decomposition`,
		);
	}
	const size = request.size?.toLowerCase();
	if (size !== undefined && !LAYERS.sizes.some((name) => name.toLowerCase() === size)) {
		const [last, ...others] = LAYERS.sizes.map((name) => `'${name.toLowerCase()}'`).reverse();
		const reason = `size must be one of ${others.reverse().join(', ')}, or ${last}`;
		const message = `The parameter \`size\` specified in the request is not valid: ${reason}.`;
		throw new Refusal(400, 'InvalidParameter', message, { type: '' });
	}
	if (typeof request.image !== 'string' && request.image?.length !== 1) {
		if (request.image?.length) {
			throw invalid('image', 'layer_decomposition requires exactly one input image');
		}
		throw missing('image');
	}
}

/**
 * Cuts the picture of a plan into a base and layers, which put together give the picture again.
 * @param size as the request says it
 * @returns the plan of these images
 */
export async function splitPicture(plan: Plan, size?: string): Promise<Plan> {
	const { width, height } = plan.tags.pixels ?? baseSize(plan.references[0], size);
	const base: Bitmap = { data: await decode(plan.references[0], width, height), width, height };
	const { bytes, odd } = plan.tags;
	const file = async (image: sharp.Sharp, format: string) => {
		const encoded = await image
			.toFormat(
				format as 'png',
				format === 'jpeg' ? { quality: 95, chromaSubsampling: '4:4:4' } : {},
			)
			.toBuffer();
		return bytes ? padTo(encoded, bytes) : [encoded];
	};
	const boxes = chooseRegions(plan, width, height);
	// From the top down: each hole is part of the picture that the layers below show.
	const cut = boxes.reduceRight<Buffer[]>((below, box) => [cutOut(base, box), ...below], []);
	const layers: LayerImage[] = [];
	for (const [i, box] of boxes.entries()) {
		const own = { width: box.right - box.left, height: box.bottom - box.top };
		const kept = odd.includes('pixels')
			? { width: Math.ceil(own.width / 2), height: Math.ceil(own.height / 2) }
			: own;
		const image = sharp(cut[i], { raw: { ...own, channels: 4 } });
		layers.push({
			pieces: await file(image.resize({ ...kept, fit: 'fill' }), 'png'),
			...kept,
			format: 'png',
			entry: { ...zIndex(i + 1, odd), ...describe(plan, i, box, base) },
			isLost: odd.includes('lost') && i === boxes.length - 1,
		});
	}
	const plate = sharp(base.data, { raw: { width, height, channels: 3 } });
	layers.unshift({
		pieces: await file(plate, plan.format),
		width,
		height,
		format: plan.format,
		entry: zIndex(0, odd),
		isLost: false,
	});
	if (odd.includes('unordered')) layers.reverse();
	return { ...plan, width, height, count: layers.length, layers };
}

/**
 * Pixels of the base: those of the picture for `auto`, else about as many as the resolution has.
 * Measured: 1500x1920 at 1K becomes 912x1168, sides that are multiples of 16.
 */
function baseSize(
	{ width, height }: Reference,
	size: string = LAYERS.defaultSize,
): { width: number; height: number } {
	const side = SIDES[size.toUpperCase()];
	if (side) {
		const whole = (length: number) => Math.ceil(length / 16) * 16;
		const ratio = Math.sqrt(width / height);
		return { width: whole(side * ratio), height: whole(side / ratio) };
	}
	const { autoPixels } = LAYERS;
	const pixels = width * height;
	const factor = Math.sqrt(min(max(pixels, autoPixels.min), autoPixels.max) / pixels);
	return { width: round(width * factor), height: round(height * factor) };
}

async function decode({ bytes, format }: Reference, width: number, height: number) {
	const picture = format === 'bmp' ? readBmp(bytes) : sharp(bytes);
	return await picture
		.flatten({ background: '#ffffff' })
		.toColourspace('srgb')
		.resize({ width, height, fit: 'fill' })
		.raw()
		.toBuffer();
}

/** Uncompressed BMP with 24 or 32 bits a pixel: sharp's prebuilt library has no reader. */
function readBmp(bytes: Buffer): sharp.Sharp {
	const width = bytes.readInt32LE(18);
	const rows = bytes.readInt32LE(22);
	const bytesPerPixel = bytes.readUInt16LE(28) / 8;
	const stride = Math.ceil((width * bytesPerPixel) / 4) * 4;
	const height = Math.abs(rows);
	const data = Buffer.alloc(width * height * 3);
	for (let y = 0; y < height; y += 1) {
		const row = bytes.readUInt32LE(10) + stride * (rows > 0 ? height - 1 - y : y);
		for (let x = 0; x < width; x += 1) {
			const [blue, green, red] = bytes.subarray(row + x * bytesPerPixel);
			data.set([red, green, blue], (y * width + x) * 3);
		}
	}
	return sharp(data, { raw: { width, height, channels: 3 } });
}

/** The prompt's regions, else parts of the picture one below the other, or a grid of many. */
function chooseRegions({ family, prompt, tags }: Plan, width: number, height: number): Box[] {
	const most = (MODELS[family].maxLayerImages ?? 1) - 1;
	const scale = LAYERS.boxScale;
	const at = ([left, top, right, bottom]: number[]): Box => {
		const x = (value: number) => round((value / scale) * width);
		const y = (value: number) => round((value / scale) * height);
		return {
			left: x(left),
			top: y(top),
			right: max(x(right), x(left) + 1),
			bottom: max(y(bottom), y(top) + 1),
		};
	};
	const asked = [...prompt.matchAll(/<bbox>(\d+) (\d+) (\d+) (\d+)<\/bbox>/g)]
		.map(([, ...edges]) => edges.map((edge) => min(Number(edge), scale)))
		.filter(([left, top, right, bottom]) => left < right && top < bottom);
	if (asked.length > 0) return asked.slice(0, most).map(at);
	const count = min(tags.images === undefined ? OWN_CHOICE : tags.images - 1, most);
	const columns = max(1, Math.floor(Math.sqrt(count)));
	const cell = { width: scale / columns, height: scale / Math.ceil(count / columns) };
	// Over the edge: the first region hangs out at the top left, the last one at the bottom right.
	const shift = (i: number) => {
		if (!tags.odd.includes('edge')) return 0;
		return (i === count - 1 ? 0.5 : 0) - (i === 0 ? 0.5 : 0);
	};
	return Array.from({ length: count }, (_, i) => {
		const left = ((i % columns) + shift(i)) * cell.width;
		const top = (Math.floor(i / columns) + shift(i)) * cell.height;
		const [marginX, marginY] = [cell.width * 0.08, cell.height * 0.08];
		return at([
			left + marginX,
			top + marginY,
			left + cell.width - marginX,
			top + cell.height - marginY,
		]);
	});
}

/**
 * Takes a region with soft edges out of the picture and fills the hole from its surroundings, so
 * that the layer over what is left is the picture again.
 * @returns the layer, four bytes a pixel
 */
function cutOut(picture: Bitmap, box: Box): Buffer {
	const { data, width, height } = picture;
	const { left, top, right, bottom } = box;
	const layer = Buffer.alloc((right - left) * (bottom - top) * 4);
	const before = Buffer.from(data);
	const at = (x: number, y: number) =>
		(min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)) * 3;
	for (let y = max(top, 0); y < min(bottom, height); y += 1) {
		for (let x = max(left, 0); x < min(right, width); x += 1) {
			const alpha = opacity(box, x, y);
			if (alpha === 0) continue;
			const share = alpha / 255;
			const here = at(x, y);
			const there = ((y - top) * (right - left) + x - left) * 4;
			layer[there + 3] = alpha;
			// Each edge of the hole counts the more, the nearer it is.
			const [toLeft, toRight] = [1 / (x - left + 1), 1 / (right - x)];
			const [toTop, toBottom] = [1 / (y - top + 1), 1 / (bottom - y)];
			const edges = [at(left - 1, y), at(right, y), at(x, top - 1), at(x, bottom)];
			for (let channel = 0; channel < 3; channel += 1) {
				const seen = before[here + channel];
				const fill =
					(before[edges[0] + channel] * toLeft +
						before[edges[1] + channel] * toRight +
						before[edges[2] + channel] * toTop +
						before[edges[3] + channel] * toBottom) /
					(toLeft + toRight + toTop + toBottom);
				// The hole fades as the layer does. Where no layer could hide that, it shows more of the
				// picture; whole numbers come first in the base, where noise would be seen.
				const wanted = clampByte(seen + (1 - share) * (seen - fill));
				const rest = alpha === 255 ? fill : (seen - share * wanted) / (1 - share);
				const kept = round(clampByte(rest));
				data[here + channel] = kept;
				layer[there + channel] = round(clampByte((seen - (1 - share) * kept) / share));
			}
		}
	}
	return layer;
}

function clampByte(value: number): number {
	return min(max(value, 0), 255);
}

/** Alpha of a pixel, 0 to 255: a rounded shape that fills its box, with soft edges. */
function opacity({ left, top, right, bottom }: Box, x: number, y: number): number {
	const across = (2 * x + 1 - left - right) / (right - left);
	const down = (2 * y + 1 - top - bottom) / (bottom - top);
	const distance = (across ** 6 + down ** 6) ** (1 / 6);
	return round(255 * min(max((1 - distance) / SOFT, 0), 1));
}

function zIndex(index: number, odd: readonly Oddity[]): Record<string, unknown> {
	if (odd.includes('unnumbered')) return {};
	return { z_index: odd.includes('strings') ? String(index) : index };
}

/** Name, description and place of a layer. */
function describe({ prompt, tags }: Plan, index: number, box: Box, base: Bitmap): object {
	const { left, top, right, bottom } = box;
	const edges = [left, top, right, bottom];
	const scale = [base.width, base.height, base.width, base.height];
	const name = ['headline', 'subject', 'caption'][index] ?? `element ${index + 1}`;
	const place = prompt.includes('<bbox>') ? 'a region of the prompt' : 'found in the picture';
	return {
		name,
		description: `The ${name}, ${place}`,
		bounding_box: {
			absolute: edges,
			normalized: edges.map((edge, i) => round((edge / scale[i]) * LAYERS.boxScale)),
		},
		...(tags.odd.includes('unknown') ? UNKNOWN : {}),
	};
}

/** Fields that no document names; 5.5 writes the text it finds in some of its own. */
const UNKNOWN = {
	text: { lines: ['SALE', '50 %'], font: 'sans', color: '#ffffff' },
	mask_b64: Buffer.alloc(600, 'mask').toString('base64'),
};
