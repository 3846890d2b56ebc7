/**
 * Aspect ratios and resolutions with the pixel sizes ByteDance recommends for them.
 * Source, unless a table names another: Volcengine Ark "Image generation API", `size`;
 * BytePlus ModelArk prints the same rows.
 */

/** Width to height, in the order the documents list them. */
export const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'] as const;
export type Ratio = (typeof RATIOS)[number];

/** Resolution presets, smallest first. A preset is a class of sizes; the model picks the pixels. */
export const RESOLUTIONS = ['1K', '1.5K', '2K', '3K', '4K'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/**
 * The ratio of feed posts. No document has pixels for it, so they are chosen: 4:5, multiples of 16, as
 * many as the square of the resolution has or a little fewer.
 */
export const FEED_RATIO = '4:5';
export const FEED_SIZES: Readonly<Record<Resolution, string>> = {
	'1K': '896x1120',
	'1.5K': '1344x1680',
	'2K': '1792x2240',
	'3K': '2688x3360',
	'4K': '3648x4560',
};

/** What people use an aspect ratio for. */
export const RATIO_USES: Readonly<Record<Ratio | typeof FEED_RATIO, string>> = {
	'1:1': 'Square, Product Photo',
	'4:3': 'Presentation',
	'3:4': 'Portrait, Pin',
	'16:9': 'Video, Slide',
	'9:16': 'Story, Reel',
	'3:2': 'Photo',
	'2:3': 'Poster',
	'21:9': 'Banner',
	'4:5': 'Feed Post',
};

/** `<width>x<height>` in pixels for each aspect ratio. */
export type RatioTable = Readonly<Record<Ratio, string>>;
export type SizeTable = Readonly<Partial<Record<Resolution, RatioTable>>>;

/** Builds a table from sizes given in the order of {@link RATIOS}. */
function ratioTable(sizes: string): RatioTable {
	const list = sizes.split(' ');
	return Object.fromEntries(RATIOS.map((ratio, i) => [ratio, list[i]])) as Record<Ratio, string>;
}

const TWO_K = ratioTable(
	'2048x2048 2304x1728 1728x2304 2848x1600 1600x2848 2496x1664 1664x2496 3136x1344',
);
const FOUR_K = ratioTable(
	'4096x4096 4704x3520 3520x4704 5504x3040 3040x5504 4992x3328 3328x4992 6240x2656',
);

export const SEEDREAM_5_PRO_SIZES: SizeTable = {
	'1K': ratioTable('1024x1024 1152x864 864x1152 1424x800 800x1424 1248x832 832x1248 1568x672'),
	'1.5K': ratioTable(
		'1536x1536 1792x1344 1344x1792 2048x1152 1152x2048 1872x1248 1248x1872 2352x1008',
	),
	'2K': ratioTable(
		'2048x2048 2368x1776 1776x2368 2816x1584 1584x2816 2496x1664 1664x2496 3136x1344',
	),
};

export const SEEDREAM_5_LITE_SIZES: SizeTable = {
	'2K': TWO_K,
	'3K': ratioTable(
		'3072x3072 3456x2592 2592x3456 4096x2304 2304x4096 3744x2496 2496x3744 4704x2016',
	),
	'4K': FOUR_K,
};

export const SEEDREAM_4_5_SIZES: SizeTable = { '2K': TWO_K, '4K': FOUR_K };

export const SEEDREAM_4_0_SIZES: SizeTable = {
	'1K': ratioTable('1024x1024 1152x864 864x1152 1280x720 720x1280 1248x832 832x1248 1512x648'),
	'2K': TWO_K,
	'4K': FOUR_K,
};

/**
 * The official 3.0 table prints the rows 4:3 / 3:4 and 3:2 / 2:3 swapped (4:3 as 864x1152);
 * these are corrected by arithmetic.
 */
export const SEEDREAM_3_0_SIZES: SizeTable = { '1K': SEEDREAM_4_0_SIZES['1K'] };

/** Sizes of layers; `auto` is that of the image, between 1280x720 and about 2048². There are no pixels. */
export const LAYER_SIZES = ['auto', '1K', '1.5K', '2K'] as const;

/** Gateway 002's own "Size Mapping" table. */
export const GATEWAY_002_SIZES: SizeTable = {
	'2K': ratioTable(
		'2048x2048 2304x1728 1728x2304 2560x1440 1440x2560 2496x1664 1664x2496 3024x1296',
	),
};
