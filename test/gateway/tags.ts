/**
 * What a prompt can ask of the stand-in gateway that a real model would decide for itself, so that
 * tests are exact without a second channel: `a fox in four seasons [images:2]`.
 */
export interface Tags {
	/**
	 * `[images:2]`: how many images a set gets, absent: as many as `max_images` allows; or how many a
	 * picture is split into, the base included.
	 */
	images?: number;
	/** `[bytes:12000000]`: every file has exactly this many bytes, without costing CPU. */
	bytes?: number;
	/** `[exif:200000]`: a JPEG with this many bytes of metadata before its size marker. */
	exif?: number;
	/** `[pixels:800x600]`: the images have these pixels, whatever was requested. */
	pixels?: { width: number; height: number };
	/** `[format:webp]`: the files have this format, whatever was requested. */
	format?: string;
	/** `[odd:unordered,strings]`: in which ways the layers of a picture are not as documented. */
	odd: readonly Oddity[];
}

/** What others met in responses with layers, by the name it has in `[odd:…]`. */
export const ODDITIES = [
	/** The entries of `data` come from the top down. */
	'unordered',
	/** `z_index` is a string. */
	'strings',
	/** There is no `z_index`. */
	'unnumbered',
	/** Boxes lie partly outside the base. */
	'edge',
	/** Files have half the pixels of their boxes. */
	'pixels',
	/** The topmost layer's entry has no image. */
	'lost',
	/** Layers have fields that no document names. */
	'unknown',
] as const;
export type Oddity = (typeof ODDITIES)[number];

/** Reads the tags out of a prompt. */
export function readTags(prompt: string): Tags {
	const tag = (name: string, value: string) =>
		new RegExp(`\\[${name}:(${value})\\]`).exec(prompt)?.[1];
	const number = (name: string) => {
		const text = tag(name, '\\d+');
		return text === undefined ? undefined : Number(text);
	};
	const pixels = tag('pixels', '\\d+x\\d+')?.split('x').map(Number);
	return {
		images: number('images'),
		bytes: number('bytes'),
		exif: number('exif'),
		pixels: pixels && { width: pixels[0], height: pixels[1] },
		format: tag('format', 'jpeg|png|webp|gif|tiff|avif'),
		odd: ODDITIES.filter((name) => tag('odd', '[a-z,]+')?.split(',').includes(name)),
	};
}
