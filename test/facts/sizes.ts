/**
 * Pixel sizes, written by hand from the documents. "Sheet" is the project's collection of what
 * Volcengine Ark, BytePlus and others document; § is its section.
 */

/** Sheet §4.2, head of the table. */
export const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'] as const;
export type Ratio = (typeof RATIOS)[number];

/** Sheet §4.1, presets of all models, smallest first. */
export const RESOLUTIONS = ['1K', '1.5K', '2K', '3K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** Width and height in pixels, e.g. `2848x1600`, by aspect ratio. */
export type Row = Readonly<Record<Ratio, string>>;
export type Table = Readonly<Partial<Record<Resolution, Row>>>;

/** A row of the documents' tables, in the order of {@link RATIOS}. */
function row(sizes: string): Row {
	const cells = sizes.split(' ');
	return Object.fromEntries(RATIOS.map((ratio, i) => [ratio, cells[i]])) as Row;
}

/** Sheet §4.2, "lite / 4.5 / 4.0 2K" and "… 4K": the current rows, not those of older documents. */
const LARGE = {
	'2K': row('2048x2048 2304x1728 1728x2304 2848x1600 1600x2848 2496x1664 1664x2496 3136x1344'),
	'4K': row('4096x4096 4704x3520 3520x4704 5504x3040 3040x5504 4992x3328 3328x4992 6240x2656'),
};

/** Sheet §4.2, "4.0 1K (API page)"; the tutorial prints other 16:9, 9:16 and 21:9. */
const SMALL = row('1024x1024 1152x864 864x1152 1280x720 720x1280 1248x832 832x1248 1512x648');

/** Sheet §4.2, rows "pro/flash". */
export const PRO_SIZES: Table = {
	'1K': row('1024x1024 1152x864 864x1152 1424x800 800x1424 1248x832 832x1248 1568x672'),
	'1.5K': row('1536x1536 1792x1344 1344x1792 2048x1152 1152x2048 1872x1248 1248x1872 2352x1008'),
	'2K': row('2048x2048 2368x1776 1776x2368 2816x1584 1584x2816 2496x1664 1664x2496 3136x1344'),
};

/** Sheet §4.2, "lite 3K" beside the rows that 5.0 Lite shares. */
export const LITE_SIZES: Table = {
	...LARGE,
	'3K': row('3072x3072 3456x2592 2592x3456 4096x2304 2304x4096 3744x2496 2496x3744 4704x2016'),
};

export const SEEDREAM_4_5_SIZES: Table = LARGE;

export const SEEDREAM_4_0_SIZES: Table = { '1K': SMALL, ...LARGE };

/** Sheet §4.2, "3.0 t2i": with 4:3 / 3:4 and 3:2 / 2:3 as arithmetic has them, not swapped as printed. */
export const SEEDREAM_3_0_SIZES: Table = { '1K': SMALL };

/** Document 002, "Size Mapping". */
export const GATEWAY_002_SIZES: Table = {
	'2K': row('2048x2048 2304x1728 1728x2304 2560x1440 1440x2560 2496x1664 1664x2496 3024x1296'),
};
