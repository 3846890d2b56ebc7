import type { Gateway } from '../catalog/gateways';
import { MODEL_FAMILIES, type ModelFamily, type SizeRules } from '../catalog/models';
import {
	FEED_RATIO,
	FEED_SIZES,
	LAYER_SIZES,
	RATIOS,
	RESOLUTIONS,
	type Ratio,
	type RatioTable,
	type Resolution,
} from '../catalog/sizes';
import { AUTO_RATIO, CUSTOM_SIZE } from '../fields/size';
import { grouped, type Reject } from '../errors';

/** The size fields as the user left them. */
export interface SizeInput {
	aspectRatio: string;
	resolution: string;
	/** Pixels, for a custom size. */
	width: number;
	height: number;
}

/** The value of `size`, with a warning if it differs from what the user set. */
export interface ChosenSize {
	size: string;
	warning?: string;
}

/**
 * The size closest to a wanted one that a model allows.
 * @param width pixels
 * @param height pixels
 */
export function nearestSize(width: number, height: number, rules: SizeRules): string {
	const longest = (side: number) => (rules.maxRatio ? side * rules.maxRatio : Infinity);
	let w = Math.min(width, longest(height));
	let h = Math.min(height, longest(width));
	if (w * h < rules.minPixels) {
		const factor = Math.sqrt(rules.minPixels / (w * h));
		w = Math.ceil(w * factor);
		h = Math.ceil(h * factor);
	} else if (w * h > rules.maxPixels) {
		const factor = Math.sqrt(rules.maxPixels / (w * h));
		w = Math.floor(w * factor);
		h = Math.floor(h * factor);
	}
	return `${Math.min(w, longest(h))}x${Math.min(h, longest(w))}`;
}

/** Whether a resolution's square is a size that the model supports, so that a custom size is a way out. */
function isWithin(resolution: Resolution | undefined, family: ModelFamily | undefined): boolean {
	if (!resolution) return !family;
	const pixels = (Number.parseFloat(resolution) * 1024) ** 2;
	return !!family?.size && pixels >= family.size.minPixels && pixels <= family.size.maxPixels;
}

function checkPixels(
	width: number,
	height: number,
	family: ModelFamily | undefined,
	reject: Reject,
): string {
	if (![width, height].every((side) => Number.isInteger(side) && side > 0)) {
		throw reject(
			'The Width or Height is not a whole number of pixels',
			'Set Width and Height to whole numbers, for example 2048 and 2048.',
		);
	}
	const size = `${width}x${height}`;
	const rules = family?.size;
	if (!rules) return size;
	const advice = `The nearest size it supports is ${nearestSize(width, height, rules)}. Change Width and Height, or choose an Aspect Ratio.`;
	const pixels = width * height;
	if (pixels < rules.minPixels) {
		throw reject(
			`The size ${size} is too small for ${family.name}`,
			`It has ${grouped(pixels)} pixels; the model generates at least ${grouped(rules.minPixels)} pixels. ${advice}`,
		);
	}
	if (pixels > rules.maxPixels) {
		throw reject(
			`The size ${size} is too large for ${family.name}`,
			`It has ${grouped(pixels)} pixels; the model generates at most ${grouped(rules.maxPixels)} pixels. ${advice}`,
		);
	}
	if (rules.maxRatio && Math.max(width / height, height / width) > rules.maxRatio) {
		throw reject(
			`The size ${size} is too narrow for ${family.name}`,
			`The longer side may be at most ${rules.maxRatio} times the shorter one. ${advice}`,
		);
	}
	return size;
}

/** Accepts the resolutions that the model or the gateway's document supports by name. */
function checkResolution(
	resolution: string,
	family: ModelFamily | undefined,
	gateway: Gateway,
	reject: Reject,
): Resolution {
	const known = RESOLUTIONS.find((name) => name.toLowerCase() === resolution.toLowerCase());
	const presets = family?.size?.presets ?? RESOLUTIONS;
	const offered = RESOLUTIONS.filter((name) => [presets, gateway.presets].flat().includes(name));
	if (known && offered.includes(known)) return known;
	const pixels = /^(\d+)\s*[*×]\s*(\d+)$/.exec(resolution);
	throw reject(
		family
			? `${family.name} does not offer the resolution “${resolution}”`
			: `“${resolution}” is not a resolution`,
		pixels
			? `Write pixels with a small x: ${pixels[1]}x${pixels[2]}.`
			: `Set Resolution to ${offered.join(', ')}${
					isWithin(known, family) ? ', or Aspect Ratio to Custom Width and Height' : ''
				}.`,
	);
}

/** For an unknown model, the sizes recommended for the oldest model with that resolution. */
function ratioTable(
	resolution: Resolution,
	family: ModelFamily | undefined,
	gateway: Gateway,
	reject: Reject,
): RatioTable {
	const owner = family ?? [...MODEL_FAMILIES].reverse().find(({ size }) => size?.table[resolution]);
	const table = gateway.sizes?.[resolution] ?? owner?.size?.table[resolution];
	if (table) return table;
	throw reject(
		`${owner?.name ?? gateway.name} has no pixel sizes for the resolution ${resolution}`,
		'Set Aspect Ratio to Auto, or choose another Resolution.',
	);
}

/** @param ratio one of the table's, or 4:5 */
function pixelsOf(ratio: string, resolution: string, table: RatioTable): string {
	return ratio === FEED_RATIO ? FEED_SIZES[resolution as Resolution] : table[ratio as Ratio];
}

/**
 * Turns the size fields into the value of `size`.
 * @param reject creates the error for a size the model does not support; it names the nearest one
 */
export function chooseSize(
	input: SizeInput,
	family: ModelFamily | undefined,
	gateway: Gateway,
	reject: Reject,
): ChosenSize {
	if (family && !family.size) return { size: 'adaptive' };

	const { aspectRatio } = input;
	if (aspectRatio === CUSTOM_SIZE)
		return { size: checkPixels(input.width, input.height, family, reject) };
	const pixels = /^(\d+)x(\d+)$/i.exec(input.resolution);
	if (pixels) return { size: checkPixels(Number(pixels[1]), Number(pixels[2]), family, reject) };

	const isAuto = aspectRatio === AUTO_RATIO;
	const ratios: readonly string[] = gateway.sizes ? RATIOS : [...RATIOS, FEED_RATIO];
	if (!isAuto && !ratios.includes(aspectRatio)) {
		throw reject(
			aspectRatio === FEED_RATIO
				? `${gateway.name} has no size for the aspect ratio ${FEED_RATIO}`
				: `“${aspectRatio}” is not an aspect ratio`,
			`Set Aspect Ratio to Auto, ${ratios.join(', ')}, or Custom Width and Height.`,
		);
	}
	if (family?.size?.presets.length === 0) {
		const [[resolution, table]] = Object.entries(family.size.table);
		return { size: isAuto ? family.size.default : pixelsOf(aspectRatio, resolution, table) };
	}
	const resolution = checkResolution(input.resolution, family, gateway, reject);
	if (isAuto && (!gateway.presets || gateway.presets.includes(resolution))) {
		return { size: resolution };
	}
	const table = ratioTable(resolution, family, gateway, reject);
	if (!isAuto) return { size: pixelsOf(aspectRatio, resolution, table) };
	const size = table['1:1'];
	return {
		size,
		warning: `${gateway.name} does not support the resolution ${resolution} by name, so the square size ${size} was sent. Choose an Aspect Ratio for another shape.`,
	};
}

/**
 * The value of `size` for layers.
 * @param resolution as the user set it
 * @param reject creates the error for any other size
 */
export function layerSize(resolution: string, reject: Reject): string {
	const size = LAYER_SIZES.find((name) => name.toLowerCase() === resolution.toLowerCase());
	if (size) return size;
	throw reject(
		`Layers does not offer the resolution “${resolution}”`,
		`Set Resolution to one of: ${LAYER_SIZES.join(', ')}. Pixels are not supported.`,
	);
}
