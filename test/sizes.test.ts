import type { INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import { FAMILIES, MODELS, type Family } from './facts/models';
import { GATEWAY_002_SIZES, RATIOS, RESOLUTIONS } from './facts/sizes';
import { IDS, parameters, picture, useGateway } from './support';

const bench = useGateway();

/** Families that have resolutions by name. */
const NAMED = FAMILIES.filter((family) => MODELS[family].size?.presets.length);

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
	it.each(NAMED)(
		'%s: every pair as documented, and only the resolution for Auto',
		async (family) => {
			const wanted: Wanted[] = [];
			const expected: Record<string, string> = {};
			for (const [resolution, row] of Object.entries(MODELS[family].size?.table ?? {})) {
				wanted.push({ name: `${resolution} auto`, ratio: 'auto', resolution });
				expected[`${resolution} auto`] = resolution;
				for (const ratio of RATIOS) {
					wanted.push({ name: `${resolution} ${ratio}`, ratio, resolution });
					expected[`${resolution} ${ratio}`] = row[ratio];
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
		expect(sent).toEqual({ ...MODELS['3.0'].size?.table['1K'], auto: '1024x1024' });
	});

	it('SeedEdit chooses its size itself', async () => {
		const items = [itemWith({ data: { bytes: await picture(), mimeType: 'image/png' } })];
		for (const more of [{ aspectRatio: '16:9', resolution: '4K' }, custom(5, 5)]) {
			const values = parameters('imageToImage', IDS['seededit-3.0'], more);
			expect((await bench.body(values, { items })).size).toBe('adaptive');
		}
	});

	it('gateway 002 receives the sizes of its own table', async () => {
		const credentials = bench.credentials('gateway002');
		for (const aspectRatio of RATIOS) {
			const body = await bench.body(parameters('textToImage', IDS['4.5'], { aspectRatio }), {
				credentials,
			});
			expect(body.size).toBe(GATEWAY_002_SIZES['2K']?.[aspectRatio]);
		}
	});

	it.each(
		NAMED.flatMap((family) =>
			RESOLUTIONS.filter((name) => !MODELS[family].size?.presets.includes(name)).map((name) => ({
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
			for (const offered of MODELS[family].size?.presets ?? []) {
				expect(description).toContain(offered);
			}
		}
	});

	it('a resolution in any case, and pixels from an expression', async () => {
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
	])('Resolution “%s”: the message says how to write it', async (resolution, advice) => {
		const values = parameters('textToImage', IDS['4.0'], { resolution });
		const { message, description } = await bench.refusal(values);
		expect(message).toContain('resolution');
		expect(description).toContain(advice);
	});

	it('an invalid ratio', async () => {
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

	it.each(LIMITS)(
		'%s: accepted up to the limits, rejected beyond',
		async (family, taken, refused) => {
			const { minPixels: min = 0, maxPixels: max = 0 } = MODELS[family].size ?? {};
			for (const [width, height] of taken) {
				const body = await bench.body(
					parameters('textToImage', IDS[family], custom(width, height)),
				);
				expect(body.size).toBe(`${width}x${height}`);
			}
			for (const [width, height] of refused) {
				const { message, description } = await bench.refusal(
					parameters('textToImage', IDS[family], custom(width, height)),
				);
				const isSmall = width * height < min;
				expect(message).toContain(`${width}x${height} is too ${isSmall ? 'small' : 'large'}`);
				expect(description).toContain(String(isSmall ? min : max));
				expect(description).toMatch(/nearest size it supports is \d+x\d+/);
			}
		},
	);

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
		expect(description).toMatch(/nearest size it supports is \d+x\d+/);
	});

	it.each([
		[0, 2048],
		[-5, 2048],
		[2048.5, 2048],
		['={{ "wide" }}', 2048],
		['={{ null }}', 2048],
	])('%s x %s is not a size', async (width, height) => {
		const { description } = await bench.refusal(
			parameters('textToImage', IDS['4.5'], { aspectRatio: 'custom', width, height }),
		);
		expect(description).toContain('whole numbers');
	});

	it.each(['5.0-pro', '4.5', '4.0', '3.0'] as const)(
		'%s: the nearest size is accepted, close to the requested one, and in the same orientation',
		async (family) => {
			const { minPixels: min = 0, maxPixels: max = 0 } = MODELS[family].size ?? {};
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
				const [, nearest] =
					/nearest size it supports is (\d+x\d+)/.exec(String(json.message)) ?? [];
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

	it('an unknown model receives what is set', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', status: 400, message: 'no' });
		await bench.run(parameters('textToImage', 'ep-x', custom(7, 9)));
		await bench.run(parameters('textToImage', 'ep-x', { resolution: '3K' }));
		await bench.run(parameters('textToImage', 'ep-x', { resolution: '2K', aspectRatio: '16:9' }));
		expect(bench.bodies().map(({ size }) => size)).toEqual(['7x9', '3K', '2848x1600']);
	});
});
