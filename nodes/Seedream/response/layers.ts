import type { IDataObject } from 'n8n-workflow';
import { z } from 'zod/v4';

import { isObject } from '../request/body';
import { IMAGE_FIELDS, withoutImageData } from './images';
import type { FinishedImage } from './items';

/** A part of the background, in its pixels. */
export interface Box {
	left: number;
	top: number;
	width: number;
	height: number;
}

/** Left, top, right and bottom; right and bottom are exclusive. */
type Edges = readonly [number, number, number, number];

/** What a response says of a layer. */
export interface Layer {
	/** Place from back to front; absent where the response does not say it. */
	zIndex?: number;
	name?: string;
	description?: string;
	/** In pixels of the background. */
	absolute?: Edges;
	/** In thousandths of the background. */
	normalized?: Edges;
	/** Fields that this node does not know. */
	extra?: IDataObject;
}

/** A layer among the others of its response. */
export interface PlacedLayer extends Layer {
	zIndex: number;
	/** Where the layer is, as far as the background reaches. */
	box?: Box;
	/** Where its image belongs, which may reach over the edge. */
	place?: Box;
}

const number = z.union([
	z.number(),
	z
		.string()
		.regex(/^\s*-?\d+(\.\d+)?\s*$/)
		.transform(Number),
]);
const text = z
	.string()
	.transform((value) => value.trim() || undefined)
	.optional()
	.catch(undefined);
const edges = z.tuple([number, number, number, number]).optional().catch(undefined);

// Gateways leave out fields, or return numbers as texts.
const layerSchema = z.object({
	z_index: number.optional().catch(undefined),
	name: text,
	description: text,
	bounding_box: z.object({ absolute: edges, normalized: edges }).optional().catch(undefined),
});

/** Fields of an entry that have their place in the output of any image. */
const OUTPUT_FIELDS: readonly string[] = [
	...IMAGE_FIELDS,
	'size',
	'revised_prompt',
	'image_index',
	'output_format',
];

/** Whether an entry without an image describes a layer. */
export function isLayerEntry(entry: unknown): entry is Record<string, unknown> {
	return isObject(entry) && ('z_index' in entry || 'bounding_box' in entry);
}

/** Reads what an entry of a response says of its layer. */
export function layerOf(entry: Record<string, unknown>): Layer {
	const known = layerSchema.parse(entry);
	const { absolute, normalized } = known.bounding_box ?? {};
	const read: Record<string, unknown> = { ...known, bounding_box: absolute ?? normalized };
	const isUnknown = ([name, value]: [string, unknown]) =>
		value !== null && !OUTPUT_FIELDS.includes(name) && read[name] === undefined;
	const others = Object.entries(entry).filter(isUnknown);
	const extra = withoutImageData(Object.fromEntries(others)) as IDataObject;
	return {
		zIndex: known.z_index,
		name: known.name,
		description: known.description,
		absolute,
		normalized,
		...(Object.keys(extra).length > 0 && { extra }),
	};
}

/** The name of a layer for people: its own, or what it is. */
export function labelOf({ zIndex, name, absolute, normalized }: Layer): string {
	const isBackground = zIndex === 0 || (zIndex === undefined && !absolute && !normalized);
	return name ?? (isBackground ? 'background' : 'layer');
}

/** Width and height of an image in pixels, by its bytes, else as the service says. */
export function pixelsOf({ record, width, height }: FinishedImage): {
	width?: number;
	height?: number;
} {
	if (width !== undefined) return { width, height };
	const said = /^(\d+)x(\d+)$/.exec(record.size ?? '');
	return said ? { width: Number(said[1]), height: Number(said[2]) } : {};
}

function toBox([left, top, right, bottom]: Edges): Box {
	return { left, top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
}

/** Edges in pixels of the background. */
function edgesOf(
	{ absolute, normalized }: Layer,
	{ width, height }: { width?: number; height?: number },
): Edges | undefined {
	if (absolute) return absolute;
	if (!normalized || width === undefined || height === undefined) return undefined;
	const sides = [width, height, width, height];
	return normalized.map((value, i) => Math.round((value * sides[i]) / 1000)) as unknown as Edges;
}

/** Puts edges that reach over those of the background back onto them. */
function clamp(edges: Edges, sides: { width?: number; height?: number }): Edges {
	const { width = Infinity, height = Infinity } = sides;
	const most = [width, height, width, height];
	return edges.map((value, i) => Math.min(Math.max(value, 0), most[i])) as unknown as Edges;
}

/**
 * Puts the images of a response in order: the background, then the layers from back to front. What has no
 * `z_index` stands where it came; the background is the one at 0, else the first without a box.
 */
export function arrangeLayers(images: FinishedImage[]): FinishedImage[] {
	const layer = ({ record }: FinishedImage): Layer => record.layer ?? {};
	const hasBox = (image: FinishedImage) => !!(layer(image).absolute ?? layer(image).normalized);
	const isBack = (image: FinishedImage) => layer(image).zIndex === 0;
	const base =
		images.find((image) => isBack(image) && !hasBox(image)) ??
		images.find(isBack) ??
		images.find((image) => layer(image).zIndex === undefined && !hasBox(image)) ??
		images[0];
	const sides = pixelsOf(base);
	const rank = (image: FinishedImage) =>
		layer(image).zIndex ?? (image === base ? 0 : image.record.index);
	return [base, ...images.filter((image) => image !== base).sort((a, b) => rank(a) - rank(b))].map(
		(image) => {
			const own = layer(image);
			const found = edgesOf(own, sides);
			const box = found && toBox(clamp(found, sides));
			const { width, height } = pixelsOf(image);
			// Of a layer over the edge, the image may show only what is within.
			const isCut = box && box.width === width && box.height === height;
			const place = isCut ? box : found && toBox(found);
			return { ...image, layer: { ...own, zIndex: rank(image), box, place } };
		},
	);
}
