import { gatewayOf } from '../nodes/Seedream/catalog/gateways';
import { MODEL_FAMILIES } from '../nodes/Seedream/catalog/models';
import { chooseSize, type ChosenSize, type SizeInput } from '../nodes/Seedream/request/size';
import { FAMILIES, MODELS, type Family } from './facts/models';
import { GATEWAY_002_SIZES, RATIOS, RESOLUTIONS, type Resolution } from './facts/sizes';
import { IDS, parameters, useGateway } from './support';

/** What the size fields come to. @throws the refusal, message and advice in one text */
function choose(
	family: Family | undefined,
	set: Partial<SizeInput>,
	gateway = 'volcengine',
): ChosenSize {
	return chooseSize(
		{ aspectRatio: 'auto', resolution: '2K', width: NaN, height: NaN, ...set },
		MODEL_FAMILIES.find(({ id }) => id === family),
		gatewayOf('', gateway),
		(message, description) => new Error(`${message}. ${description}`),
	);
}

const grouped = (count: number) => count.toLocaleString('en-US');

const custom = (width: number, height: number) => ({ aspectRatio: 'custom', width, height });

const rejected = (...wanted: Parameters<typeof choose>): string => {
	try {
		return `not rejected: ${choose(...wanted).size}`;
	} catch (error) {
		return (error as Error).message;
	}
};

describe('Resolution and Aspect Ratio', () => {
	const named = FAMILIES.filter((family) => MODELS[family].size?.presets.length);

	it.each(named)('%s has the pixels of its document, and its name for Auto', (family) => {
		const { presets = [], table = {} } = MODELS[family].size ?? {};
		for (const resolution of presets) {
			expect(choose(family, { resolution })).toEqual({ size: resolution });
			for (const aspectRatio of RATIOS) {
				const size = table[resolution]?.[aspectRatio];
				expect(choose(family, { resolution, aspectRatio })).toEqual({ size });
			}
		}
	});

	// A custom size is a way out only where the model supports as many pixels.
	const CUSTOM = ', or Aspect Ratio to Custom Width and Height';

	it.each<[Family, Resolution[], offered: string]>([
		['5.5', ['3K', '4K'], '1K, 1.5K, 2K'],
		['5.0-pro', ['3K', '4K'], '1K, 1.5K, 2K'],
		['5.0-flash', ['3K', '4K'], '1K, 1.5K, 2K'],
		['5.0-lite', ['1K', '1.5K'], '2K, 3K, 4K'],
		['4.5', ['1K', '1.5K'], '2K, 4K'],
		['4.5', ['3K'], `2K, 4K${CUSTOM}`],
		['4.0', ['1.5K', '3K'], `1K, 2K, 4K${CUSTOM}`],
	])('%s does not offer %s', (family, resolutions, offered) => {
		for (const resolution of resolutions) {
			for (const aspectRatio of ['auto', '16:9', '4:5']) {
				expect(rejected(family, { resolution, aspectRatio })).toBe(
					`${MODELS[family].name} does not offer the resolution “${resolution}”. Set Resolution to ${offered}.`,
				);
			}
		}
	});

	it.each<[Family | undefined, sizes: Partial<Record<Resolution, string>>]>([
		['5.5', { '1K': '896x1120', '1.5K': '1344x1680', '2K': '1792x2240' }],
		['5.0-pro', { '1K': '896x1120', '1.5K': '1344x1680', '2K': '1792x2240' }],
		['5.0-flash', { '1K': '896x1120', '1.5K': '1344x1680', '2K': '1792x2240' }],
		['5.0-lite', { '2K': '1792x2240', '3K': '2688x3360', '4K': '3648x4560' }],
		['4.5', { '2K': '1792x2240', '4K': '3648x4560' }],
		['4.0', { '1K': '896x1120', '2K': '1792x2240', '4K': '3648x4560' }],
		['3.0', { '1K': '896x1120' }],
		[undefined, { '1K': '896x1120', '1.5K': '1344x1680', '2K': '1792x2240', '3K': '2688x3360' }],
	])('4:5, which no document lists, is within the limits of %s: %j', (family, sizes) => {
		const {
			presets = [],
			minPixels = 0,
			maxPixels = Infinity,
		} = family ? (MODELS[family].size ?? {}) : {};
		const entries = Object.entries(sizes);
		expect(entries.map(([resolution]) => resolution)).toEqual(expect.arrayContaining([...presets]));
		for (const [resolution, size] of entries) {
			expect(choose(family, { resolution, aspectRatio: '4:5' })).toEqual({ size });
			const [width, height] = size.split('x').map(Number);
			expect([width / height, width % 16, height % 16]).toEqual([0.8, 0, 0]);
			expect(width * height).toBeGreaterThanOrEqual(minPixels);
			expect(width * height).toBeLessThanOrEqual(maxPixels);
		}
	});

	it('3.0 has one size for each ratio, whatever Resolution says', () => {
		for (const resolution of [...RESOLUTIONS, 'huge']) {
			expect(choose('3.0', { resolution })).toEqual({ size: '1024x1024' });
			for (const aspectRatio of RATIOS) {
				const size = MODELS['3.0'].size?.table['1K']?.[aspectRatio];
				expect(choose('3.0', { resolution, aspectRatio })).toEqual({ size });
			}
		}
	});

	it.each([{ aspectRatio: '16:9', resolution: '4K' }, custom(5, 5), { resolution: 'huge' }])(
		'SeedEdit chooses its size itself: %j',
		(set) => expect(choose('seededit-3.0', set)).toEqual({ size: 'adaptive' }),
	);

	it.each([
		['4k', '4K'],
		['1600x1200', '1600x1200'],
		['1600X1200', '1600x1200'],
	])('Resolution “%s” is sent as %s', (resolution, size) => {
		expect(choose('4.0', { resolution })).toEqual({ size });
	});

	it.each([
		['2048*2048', 'Write pixels with a small x: 2048x2048.'],
		['2048 × 1024', 'Write pixels with a small x: 2048x1024.'],
		['huge', 'Set Resolution to 1K, 2K, 4K.'],
		['', 'Set Resolution to 1K, 2K, 4K.'],
	])('Resolution “%s” is rejected', (resolution, advice) => {
		expect(rejected('4.0', { resolution })).toBe(
			`Seedream 4.0 does not offer the resolution “${resolution}”. ${advice}`,
		);
	});

	it('an unknown aspect ratio is rejected', () => {
		expect(rejected('4.5', { aspectRatio: '5:4' })).toBe(
			'“5:4” is not an aspect ratio. Set Aspect Ratio to Auto, 1:1, 4:3, 3:4, 16:9, 9:16, 3:2, 2:3, 21:9, 4:5, or Custom Width and Height.',
		);
	});
});

describe('a gateway whose document lists sizes of its own', () => {
	it.each<[gateway: string, Family, Resolution, size: string, name: string]>([
		['deerapi', '5.0-lite', '3K', '3072x3072', 'DeerAPI'],
		['routescope', '5.0-lite', '3K', '3072x3072', 'RouteScope'],
		['gateway002', '5.0-lite', '2K', '2048x2048', 'Pixels-Only Style'],
		['gateway002', '4.5', '4K', '4096x4096', 'Pixels-Only Style'],
	])('%s gets %s %s as %s, with a warning', (gateway, family, resolution, size, name) => {
		expect(choose(family, { resolution }, gateway)).toEqual({
			size,
			warning: `${name} does not support the resolution ${resolution} by name, so the square size ${size} was sent. Choose an Aspect Ratio for another shape.`,
		});
	});

	it('gateway 002 has its own pixels for 2K, and those of the model for 4K', () => {
		for (const aspectRatio of RATIOS) {
			const size = GATEWAY_002_SIZES['2K']?.[aspectRatio];
			expect(choose('4.5', { aspectRatio }, 'gateway002')).toEqual({ size });
		}
		const wide = { resolution: '4K', aspectRatio: '16:9' };
		expect(choose('4.5', wide, 'gateway002')).toEqual({ size: '5504x3040' });
	});

	it('gateway 002 has no pixels for 4:5', () => {
		for (const resolution of ['2K', '4K']) {
			expect(rejected('4.5', { resolution, aspectRatio: '4:5' }, 'gateway002')).toBe(
				'Pixels-Only Style has no size for the aspect ratio 4:5. Set Aspect Ratio to Auto, 1:1, 4:3, 3:4, 16:9, 9:16, 3:2, 2:3, 21:9, or Custom Width and Height.',
			);
		}
	});

	it('a resolution that only the gateway supports has a name, but no pixels', () => {
		expect(choose('4.5', { resolution: '1K' }, 'routescope')).toEqual({ size: '1K' });
		const wide = { resolution: '1K', aspectRatio: '16:9' };
		expect(rejected('4.5', wide, 'routescope')).toBe(
			'Seedream 4.5 has no pixel sizes for the resolution 1K. Set Aspect Ratio to Auto, or choose another Resolution.',
		);
	});
});

describe('a custom size', () => {
	/** Sizes whose pixels are exactly a limit or a row beyond it, by what is said of them. */
	const LIMITS: Array<[Family, supported: string, tooSmall: string, tooLarge: string]> = [
		[
			'5.0-pro',
			'960x960 1280x720 240x3840 2140x2160 2048x2257',
			'959x961 960x959',
			'2150x2151 2048x2258',
		],
		[
			'5.0-lite',
			'1920x1920 2560x1440 7680x480 4096x4096 16384x1024',
			'1919x1921 1920x1919',
			'4097x4096 16383x1025',
		],
		['4.5', '1920x1920 480x7680 4096x4096', '1500x1500 1920x1919', '4096x4097'],
		['4.0', '960x960 4096x4096', '960x959', '4096x4097'],
		['3.0', '512x512 2048x2048 300x1000', '511x512', '2049x2048'],
	];

	it.each(LIMITS)('%s supports %s', (family, supported, tooSmall, tooLarge) => {
		const { name, size: { minPixels = 0, maxPixels = 0 } = {} } = MODELS[family];
		const sizes = (list: string) =>
			list.split(' ').map((size) => ({ size, set: { resolution: size } }));
		for (const { size, set } of sizes(supported)) expect(choose(family, set)).toEqual({ size });
		for (const { size, set } of sizes(tooSmall)) {
			const message = rejected(family, set);
			expect(message).toContain(`The size ${size} is too small for ${name}. `);
			expect(message).toContain(
				`the model generates at least ${grouped(minPixels)} pixels. The nearest size`,
			);
		}
		for (const { size, set } of sizes(tooLarge)) {
			const message = rejected(family, set);
			expect(message).toContain(`The size ${size} is too large for ${name}. `);
			expect(message).toContain(
				`the model generates at most ${grouped(maxPixels)} pixels. The nearest size`,
			);
		}
	});

	it.each<[width: number, height: number, message: string]>([
		[
			1024,
			1024,
			'The size 1024x1024 is too small for Seedream 4.5. It has 1,048,576 pixels; the model generates at least 3,686,400 pixels. The nearest size it supports is 1920x1920. Change Width and Height, or choose an Aspect Ratio.',
		],
		[
			5000,
			5000,
			'The size 5000x5000 is too large for Seedream 4.5. It has 25,000,000 pixels; the model generates at most 16,777,216 pixels. The nearest size it supports is 4096x4096. Change Width and Height, or choose an Aspect Ratio.',
		],
		[
			480,
			7681,
			'The size 480x7681 is too narrow for Seedream 4.5. The longer side may be at most 16 times the shorter one. The nearest size it supports is 480x7680. Change Width and Height, or choose an Aspect Ratio.',
		],
	])('%d x %d is rejected with the nearest size', (width, height, message) => {
		expect(rejected('4.5', custom(width, height))).toBe(message);
	});

	it.each([
		[0, 2048],
		[-5, 2048],
		[2048.5, 2048],
		[NaN, 2048],
		[2048, Infinity],
	])('%d x %d is not a size', (width, height) => {
		for (const family of [undefined, '4.5'] as const) {
			expect(rejected(family, custom(width, height))).toBe(
				'The Width or Height is not a whole number of pixels. Set Width and Height to whole numbers, for example 2048 and 2048.',
			);
		}
	});

	it.each(['5.0-pro', '4.5', '4.0', '3.0'] as const)(
		'%s: the nearest size is supported, and has the requested shape as far as it may',
		(family) => {
			const { maxRatio = Infinity } = MODELS[family].size ?? {};
			const sides = [1, 16, 100, 481, 959, 1919, 2151, 4097, 9999, 60_000];
			const wanted = sides.flatMap((width) => sides.map((height) => [width, height]));
			let refusals = 0;
			for (const [width, height] of wanted) {
				const message = rejected(family, custom(width, height));
				if (message.startsWith('not rejected')) continue;
				refusals += 1;
				const [, size] = /nearest size it supports is (\d+x\d+)\./.exec(message) ?? [];
				expect(choose(family, { resolution: size })).toEqual({ size });
				const [w, h] = size.split('x').map(Number);
				expect(Math.sign(w - h)).toBe(Math.sign(width - height));
				const ratio = Math.min(maxRatio, Math.max(1 / maxRatio, width / height));
				expect(Math.abs(w / h / ratio - 1)).toBeLessThan(1.5 / Math.min(w, h));
			}
			expect(refusals).toBeGreaterThan(50);
		},
	);
});

it.each([
	[custom(7, 9), '7x9'],
	[{ resolution: '3K' }, '3K'],
	// As for the oldest model with that resolution.
	[{ resolution: '2K', aspectRatio: '16:9' }, '2848x1600'],
])('an unknown model gets what is set: %j', (set, size) => {
	expect(choose(undefined, set)).toEqual({ size });
});

it('an unknown model with an unknown resolution is rejected', () => {
	expect(rejected(undefined, { resolution: 'huge' })).toBe(
		'“huge” is not a resolution. Set Resolution to 1K, 1.5K, 2K, 3K, 4K, or Aspect Ratio to Custom Width and Height.',
	);
});

describe('the size fields of the node', () => {
	const bench = useGateway();
	const model = IDS['4.5'];

	it('are read from expressions, without the blanks around them', async () => {
		const size = async (set: object) =>
			(await bench.body(parameters('textToImage', model, { ...set }))).size;
		expect(await size({ resolution: '={{ " 2048x2048 " }}' })).toBe('2048x2048');
		expect(await size({ resolution: ' 4k ', aspectRatio: '={{ "16:9" }}' })).toBe('5504x3040');
		expect(await size({ aspectRatio: 'custom', width: '={{ "2048" }}', height: 2000 })).toBe(
			'2048x2000',
		);
	});

	it.each(['={{ "wide" }}', '={{ null }}'])('stop the run where Width is %s', async (width) => {
		const set = { aspectRatio: 'custom', width, height: 2048 };
		const { message } = await bench.refusal(parameters('textToImage', model, set));
		expect(message).toBe('The Width or Height is not a whole number of pixels [item 0]');
	});

	it('stop the run where the model does not support the size', async () => {
		const { message, description } = await bench.refusal(
			parameters('textToImage', model, custom(1024, 1024)),
		);
		expect(message).toBe('The size 1024x1024 is too small for Seedream 4.5 [item 0]');
		expect(description).toContain('The nearest size it supports is 1920x1920.');
	});
});
