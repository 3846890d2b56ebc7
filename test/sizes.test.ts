import type { INodeParameters } from 'n8n-workflow';

import { FAMILIES, IDS, parameters, picture, useGateway, type Family } from './support';
import { itemWith } from './engine';

const bench = useGateway();

const RATIOS = ['1:1', '4:3', '3:4', '16:9', '9:16', '3:2', '2:3', '21:9'];

/** The documents' recommended pixels, in the order of the ratios above. */
const TWO_K = '2048x2048 2304x1728 1728x2304 2848x1600 1600x2848 2496x1664 1664x2496 3136x1344';
const FOUR_K = '4096x4096 4704x3520 3520x4704 5504x3040 3040x5504 4992x3328 3328x4992 6240x2656';
const FOUR_0_1K = '1024x1024 1152x864 864x1152 1280x720 720x1280 1248x832 832x1248 1512x648';
const PRO = {
	'1K': '1024x1024 1152x864 864x1152 1424x800 800x1424 1248x832 832x1248 1568x672',
	'1.5K': '1536x1536 1792x1344 1344x1792 2048x1152 1152x2048 1872x1248 1248x1872 2352x1008',
	'2K': '2048x2048 2368x1776 1776x2368 2816x1584 1584x2816 2496x1664 1664x2496 3136x1344',
};
const TABLES: Partial<Record<Family, Record<string, string>>> = {
	'5.0-pro': PRO,
	'5.0-flash': PRO,
	'5.0-lite': {
		'2K': TWO_K,
		'3K': '3072x3072 3456x2592 2592x3456 4096x2304 2304x4096 3744x2496 2496x3744 4704x2016',
		'4K': FOUR_K,
	},
	'4.5': { '2K': TWO_K, '4K': FOUR_K },
	'4.0': { '1K': FOUR_0_1K, '2K': TWO_K, '4K': FOUR_K },
};
const EVERY_RESOLUTION = ['1K', '1.5K', '2K', '3K', '4K'];

/** Smallest and largest number of pixels of an explicit size. */
const PIXELS: Partial<Record<Family, [number, number]>> = {
	'5.0-pro': [921_600, 4_624_220],
	'5.0-flash': [921_600, 4_624_220],
	'5.0-lite': [3_686_400, 16_777_216],
	'4.5': [3_686_400, 16_777_216],
	'4.0': [921_600, 16_777_216],
	'3.0': [512 * 512, 2048 * 2048],
};

/** Size fields from the item, so that one run asks for many sizes. */
const FROM_ITEM: INodeParameters = {
	prompt: '={{ $json.name }} [pixels:16x16]',
	aspectRatio: '={{ $json.ratio }}',
	resolution: '={{ $json.resolution }}',
	width: '={{ $json.width }}',
	height: '={{ $json.height }}',
	options: { concurrentRequests: 20 },
};

interface Wanted {
	name: string;
	ratio: string;
	resolution: string;
	width?: number;
	height?: number;
}

/** Runs all sizes as items of one run and gives `size` of each by its name. */
async function sizesSent(family: Family, wanted: Wanted[]): Promise<Record<string, unknown>> {
	bench.gateway.reset();
	await bench.items(parameters('textToImage', IDS[family], FROM_ITEM), {
		items: wanted.map((json) => ({ json: { ...json } })),
	});
	const name = (prompt: unknown) => String(prompt).replace(' [pixels:16x16]', '');
	return Object.fromEntries(bench.bodies().map(({ prompt, size }) => [name(prompt), size]));
}

function custom(width: number, height: number): INodeParameters {
	return { aspectRatio: 'custom', width, height };
}

describe('Resolution and Aspect Ratio', () => {
	it.each(Object.entries(TABLES) as Array<[Family, Record<string, string>]>)(
		'%s: every pair as in the documents, and the resolution alone for Auto',
		async (family, table) => {
			const wanted: Wanted[] = [];
			const expected: Record<string, string> = {};
			for (const [resolution, sizes] of Object.entries(table)) {
				wanted.push({ name: `${resolution} auto`, ratio: 'auto', resolution });
				expected[`${resolution} auto`] = resolution;
				for (const [i, ratio] of RATIOS.entries()) {
					wanted.push({ name: `${resolution} ${ratio}`, ratio, resolution });
					expected[`${resolution} ${ratio}`] = sizes.split(' ')[i];
				}
			}
			expect(await sizesSent(family, wanted)).toEqual(expected);
		},
	);

	it('3.0 has pixel sizes only, whatever Resolution says', async () => {
		const wanted = RATIOS.map((ratio) => ({ name: ratio, ratio, resolution: '4K' }));
		const sent = await sizesSent('3.0', [
			...wanted,
			{ name: 'auto', ratio: 'auto', resolution: '2K' },
		]);
		expect(sent).toEqual({
			...Object.fromEntries(RATIOS.map((ratio, i) => [ratio, FOUR_0_1K.split(' ')[i]])),
			auto: '1024x1024',
		});
	});

	it('SeedEdit chooses its size itself', async () => {
		const items = [itemWith({ data: { bytes: await picture(), mimeType: 'image/png' } })];
		for (const more of [{ aspectRatio: '16:9', resolution: '4K' }, custom(5, 5)]) {
			const values = parameters('imageToImage', IDS['seededit-3.0'], more);
			expect((await bench.body(values, { items })).size).toBe('adaptive');
		}
	});

	it('gateway 002 gets the pixels of its own table', async () => {
		const credentials = bench.credentials('gateway002');
		const sizes =
			'2048x2048 2304x1728 1728x2304 2560x1440 1440x2560 2496x1664 1664x2496 3024x1296'.split(' ');
		for (const [i, aspectRatio] of RATIOS.entries()) {
			const body = await bench.body(parameters('textToImage', IDS['4.5'], { aspectRatio }), {
				credentials,
			});
			expect(body.size).toBe(sizes[i]);
		}
	});

	it.each(
		FAMILIES.flatMap((family) =>
			EVERY_RESOLUTION.filter((name) => TABLES[family] && !TABLES[family][name]).map((name) => ({
				family,
				name,
			})),
		),
	)('$family does not offer $name', async ({ family, name }) => {
		for (const aspectRatio of ['auto', '16:9']) {
			const { message, description } = await bench.refusal(
				parameters('textToImage', IDS[family], { resolution: name, aspectRatio }),
			);
			expect(message).toContain(`does not offer the resolution “${name}”`);
			for (const offered of Object.keys(TABLES[family] ?? {})) {
				expect(description).toContain(offered);
			}
		}
	});

	it('a resolution by any case, and pixels from an expression', async () => {
		const ask = async (resolution: string) =>
			(await bench.body(parameters('textToImage', IDS['4.0'], { resolution }))).size;
		expect(await ask('4k')).toBe('4K');
		expect(await ask('={{ "1600x1200" }}')).toBe('1600x1200');
		expect(await ask(' 1600X1200 ')).toBe('1600x1200');
	});

	it.each([
		['2048*2048', '2048x2048'],
		['2048×1024', '2048x1024'],
		['huge', '1K, 2K, 4K'],
		['', '1K, 2K, 4K'],
	])('Resolution “%s” is told how to write it', async (resolution, advice) => {
		const values = parameters('textToImage', IDS['4.0'], { resolution });
		const { message, description } = await bench.refusal(values);
		expect(message).toContain('resolution');
		expect(description).toContain(advice);
	});

	it('a ratio that is none', async () => {
		const { message, description } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], { aspectRatio: '={{ "5:4" }}' }),
		);
		expect(message).toContain('“5:4” is not an aspect ratio');
		expect(description).toContain('4:3');
	});
});

describe('a custom size', () => {
	/** Pairs of sides whose product is exactly a limit, or one row beyond it. */
	const LIMITS: ReadonlyArray<[Family, [number, number][], [number, number][]]> = [
		[
			'5.0-pro',
			[
				[960, 960],
				[1280, 720],
				[240, 3840],
				[2140, 2160],
				[2048, 2257],
			],
			[
				[959, 961],
				[960, 959],
				[2150, 2151],
				[2048, 2258],
			],
		],
		[
			'5.0-lite',
			[
				[1920, 1920],
				[2560, 1440],
				[7680, 480],
				[4096, 4096],
				[16384, 1024],
			],
			[
				[1919, 1921],
				[1920, 1919],
				[4097, 4096],
				[16383, 1025],
			],
		],
		[
			'4.5',
			[
				[1920, 1920],
				[480, 7680],
				[4096, 4096],
			],
			[
				[1500, 1500],
				[1920, 1919],
				[4096, 4097],
			],
		],
		[
			'4.0',
			[
				[960, 960],
				[4096, 4096],
			],
			[
				[960, 959],
				[4096, 4097],
			],
		],
		[
			'3.0',
			[
				[512, 512],
				[2048, 2048],
				[300, 1000],
			],
			[
				[511, 512],
				[2049, 2048],
			],
		],
	];

	it.each(LIMITS)('%s: taken up to the limits, refused beyond', async (family, taken, refused) => {
		const [min, max] = PIXELS[family] ?? [0, 0];
		for (const [width, height] of taken) {
			const body = await bench.body(parameters('textToImage', IDS[family], custom(width, height)));
			expect(body.size).toBe(`${width}x${height}`);
		}
		for (const [width, height] of refused) {
			const { message, description } = await bench.refusal(
				parameters('textToImage', IDS[family], custom(width, height)),
			);
			const isSmall = width * height < min;
			expect(message).toContain(`${width}x${height} is too ${isSmall ? 'small' : 'large'}`);
			expect(description).toContain(String(isSmall ? min : max));
			expect(description).toMatch(/nearest size it takes is \d+x\d+/);
		}
	});

	it('the same limits hold for pixels from an expression', async () => {
		const { message } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], { resolution: '={{ "1024x1024" }}' }),
		);
		expect(message).toContain('1024x1024 is too small for Seedream 4.5');
	});

	it.each([
		[480, 480 * 16 + 1],
		[480 * 17, 480],
		[1000, 17_000],
		[8193, 512],
	])('%d x %d is longer than 16 to 1', async (width, height) => {
		const { message, description } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], custom(width, height)),
		);
		expect(message).toContain(`${width}x${height} is too `);
		expect(description).toMatch(/nearest size it takes is \d+x\d+/);
	});

	it.each([
		[0, 2048],
		[-5, 2048],
		[2048.5, 2048],
		['={{ "wide" }}', 2048],
		['={{ null }}', 2048],
	])('%s x %s is no size', async (width, height) => {
		const { description } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], { aspectRatio: 'custom', width, height }),
		);
		expect(description).toContain('whole numbers');
	});

	it.each(['5.0-pro', '4.5', '4.0', '3.0'] as const)(
		'%s: the nearest size is itself taken, near what was asked, and never the other way round',
		async (family) => {
			const [min, max] = PIXELS[family] ?? [0, 0];
			const sides = [1, 16, 100, 481, 959, 1919, 2151, 4097, 9999, 60_000];
			const wanted = sides.flatMap((width) => sides.map((height) => [width, height] as const));
			const refusals = new Map<string, string>();
			// Each item fails by itself, so that one run asks for all of them.
			const { items } = await bench.run(parameters('textToImage', IDS[family], FROM_ITEM), {
				settings: { onError: 'continueRegularOutput' },
				items: wanted.map(([width, height]) => ({
					json: { name: `${width}x${height}`, ratio: 'custom', resolution: '', width, height },
				})),
			});
			const sent = new Set(bench.bodies().map(({ size }) => size));
			for (const { json } of items) {
				const [, nearest] = /nearest size it takes is (\d+x\d+)/.exec(String(json.message)) ?? [];
				const [, asked] = /The size (\d+x\d+) is/.exec(String(json.error)) ?? [];
				if (asked) refusals.set(asked, nearest);
			}
			expect(refusals.size + sent.size).toBe(wanted.length);

			for (const [width, height] of wanted) {
				const nearest = refusals.get(`${width}x${height}`);
				if (!nearest) continue;
				const [w, h] = nearest.split('x').map(Number);
				expect(Number.isInteger(w) && Number.isInteger(h)).toBe(true);
				expect(w * h).toBeGreaterThanOrEqual(min);
				expect(w * h).toBeLessThanOrEqual(max);
				if (family !== '3.0') expect(Math.max(w / h, h / w)).toBeLessThanOrEqual(16);
				expect(Math.sign(w - h)).toBe(Math.sign(width - height));
				// The shape stays what it was as far as it may, and the pixels stop at the limit.
				const ratio =
					family === '3.0' ? width / height : Math.min(16, Math.max(1 / 16, width / height));
				expect(Math.abs(w / h / ratio - 1)).toBeLessThan(1.5 / Math.min(w, h));
			}
			const again = await sizesSent(
				family,
				[...new Set(refusals.values())].map((size) => ({
					name: size,
					ratio: 'custom',
					resolution: '',
					width: Number(size.split('x')[0]),
					height: Number(size.split('x')[1]),
				})),
			);
			for (const [asked, size] of Object.entries(again)) expect(size).toBe(asked);
		},
	);

	it('a model that nobody knows gets what is set', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', status: 400, message: 'no' });
		await bench.run(parameters('textToImage', 'ep-x', custom(7, 9)));
		await bench.run(parameters('textToImage', 'ep-x', { resolution: '3K' }));
		await bench.run(parameters('textToImage', 'ep-x', { resolution: '2K', aspectRatio: '16:9' }));
		expect(bench.bodies().map(({ size }) => size)).toEqual(['7x9', '3K', '2848x1600']);
	});
});
