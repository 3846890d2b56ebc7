import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';
import sharp from 'sharp';

import { itemWith } from './engine';
import type { ProfileName } from './gateway';
import { compose, difference } from './gateway/testing';
import { heif } from './imageFiles';
import { byId, bytesOf, dataUri, IDS, KEY, parameters, picture, useGateway } from './support';

const bench = useGateway();

const FILE = picture(600, 500, 'jpeg');
const fileOf = async (bytes: Buffer | Promise<Buffer>) =>
	itemWith({ data: { bytes: await bytes, mimeType: 'image/jpeg' } });

/** Layers of a file, at 5.0 Pro, with an empty prompt. */
function layers(more: INodeParameters = {}, model = IDS['5.0-pro']): INodeParameters {
	return parameters('layers', model, { prompt: '', ...more });
}

const url = (size: string, format = 'png') => `${bench.gateway.url}/samples/${size}.${format}`;

/** Lets the next request succeed with these entries. */
function respondWith(data: object[], more: object = {}): void {
	bench.gateway.inject({ on: 'request', body: JSON.stringify({ data, ...more }) });
}

/** A background of 200 x 100 and two layers, as documented. */
const documented = () => [
	{ url: url('200x100', 'jpeg'), size: '200x100', z_index: 0 },
	{
		url: url('60x40'),
		size: '60x40',
		z_index: 1,
		name: 'red bicycle',
		description: 'A bicycle',
		bounding_box: { absolute: [20, 30, 80, 70], normalized: [100, 300, 400, 700] },
	},
	{
		url: url('50x50'),
		size: '50x50',
		z_index: 2,
		name: 'cat',
		bounding_box: { absolute: [150, 50, 200, 100], normalized: [750, 500, 1000, 1000] },
	},
];

async function run(more: INodeParameters = {}, model?: string): Promise<INodeExecutionData[]> {
	return await bench.items(layers(more, model), { items: [await fileOf(FILE)] });
}

const COMMON = { response_format: 'url', watermark: false, layer_decomposition: true };
const LINK = { imageSource: 'url', imageUrl: 'https://example.com/a.heic' };
const REGION = 'The cat <bbox>0 0 500 1000</bbox>';

describe('a request', () => {
	const cases: Array<[string, ProfileName, INodeParameters, string, IDataObject]> = [
		[
			'5.5, as a user finds it',
			'volcengine',
			{},
			IDS['5.5'],
			{ size: 'auto', output_format: 'jpeg' },
		],
		['5.5', 'byteplus', { resolution: '2K' }, IDS['5.5'], { size: '2K', output_format: 'jpeg' }],
		['5.0 Pro', 'volcengine', { resolution: '1K' }, IDS['5.0-pro'], { size: '1K' }],
		[
			'5.0 Pro, with a prompt and PNG',
			'byteplus',
			{ prompt: REGION, options: { outputFormat: 'png', promptOptimization: 'fast' } },
			IDS['5.0-pro'],
			{
				prompt: REGION,
				size: 'auto',
				output_format: 'png',
				optimize_prompt_options: { mode: 'fast' },
			},
		],
		['5.0 Flash', 'volcengine', { resolution: '1.5K' }, IDS['5.0-flash'], { size: '1.5K' }],
		[
			'5.0 Flash, by URL',
			'byteplus',
			LINK,
			IDS['5.0-flash'],
			{ size: 'auto', image: LINK.imageUrl },
		],
		[
			'a reseller’s name',
			'new-api',
			{ prompt: ' ' },
			'bytedance/seedream-5.0-pro',
			{ size: 'auto' },
		],
		['an unknown model', 'volcengine', {}, 'ep-20261101000000-abcde', { size: 'auto' }],
	];
	it.each(cases)('%s at %s', async (_name, profile, more, model, expected) => {
		respondWith(documented());
		await bench.items(layers(more, model), {
			credentials: bench.credentials(profile),
			items: [await fileOf(FILE)],
		});
		const own = profile === 'byteplus' ? model.replace('doubao', 'dola') : model;
		const image = dataUri('jpeg', await FILE);
		expect(bench.bodies()).toEqual([{ model: own, image, ...COMMON, ...expected }]);
	});

	it('a data URI is checked and sent like a file', async () => {
		const imageUrl = dataUri('png', await picture(512, 512));
		respondWith(documented());
		await run({ imageSource: 'url', imageUrl });
		expect(bench.bodies()).toMatchObject([{ image: imageUrl }]);
	});

	it('layer_decomposition stands where a gateway reads it', async () => {
		const placement = 'extraFields';
		respondWith(documented());
		await bench.items(layers(LINK), { credentials: bench.credentials('new-api', { placement }) });
		const { layer_decomposition: layered, ...rest } = COMMON;
		expect(bench.bodies()).toEqual([
			{
				...rest,
				model: IDS['5.0-pro'],
				size: 'auto',
				image: LINK.imageUrl,
				extra_fields: { layer_decomposition: layered },
			},
		]);
	});

	it.each(['volcengine', 'byteplus', 'new-api'] as const)('Automatic at %s is 5.5', async (id) => {
		// A list without a model that can; the request itself is the second.
		bench.gateway.inject({ on: 'models', body: '{"data":[{"id":"seedream-4.5"}]}' });
		respondWith(documented());
		await bench.items({ operation: 'layers', ...LINK }, { credentials: bench.credentials(id) });
		const model = id === 'byteplus' ? 'dola-seedream-5-5-261028' : 'doubao-seedream-5-5-261028';
		expect(bench.bodies()).toMatchObject([{ model }]);
	});

	it('what the document refuses is not sent, even if it is set', async () => {
		respondWith(documented());
		const options = { background: 'transparent', webSearch: true, stream: 'on' };
		const stored = { maxImages: 3, aspectRatio: '16:9', width: 9, options };
		const model = '={{ $json.model }}';
		const item = { ...(await fileOf(FILE)), json: { model: 'ep-x' } };
		const [{ json }] = await bench.items(layers(stored, model), { items: [item] });
		expect(bench.bodies()).toEqual([
			{ model: 'ep-x', image: dataUri('jpeg', await FILE), size: 'auto', ...COMMON },
		]);
		expect(json).not.toHaveProperty('warnings');
	});

	it('Preview Request shows it, with the most images it may return', async () => {
		const [{ json }] = await run({ options: { previewRequest: true } }, IDS['5.5']);
		expect(json).toEqual({
			method: 'POST',
			url: `${bench.credentials().baseUrl}/images/generations`,
			gateway: 'Volcengine Ark',
			modelFamily: 'Seedream 5.5',
			body: {
				model: IDS['5.5'],
				size: 'auto',
				output_format: 'jpeg',
				image: expect.stringMatching(/^data:image\/jpeg;base64,… \(\d+ kB\)$/) as string,
				...COMMON,
			},
			requests: 1,
			maxImages: 100,
			warnings: [],
		});
		expect(bench.gateway.ledger.requests).toEqual([]);
	});
});

describe('nothing is sent', () => {
	const NO_LAYERS =
		'Use a credential for another gateway, such as BytePlus ModelArk or Volcengine Ark.';
	it.each(['deerapi', 'gateway001', 'gateway002', 'routescope', 'unode'] as const)(
		'at %s, which has no layers',
		async (id) => {
			const credentials = bench.credentials(id);
			const { message, description } = await bench.refusal(
				{ operation: 'layers', ...LINK },
				{ credentials },
			);
			expect(message).toMatch(/ does not support layers \[item 0\]$/);
			expect(description).toBe(NO_LAYERS);
		},
	);

	const cases: Array<[string, INodeParameters, Buffer | Promise<Buffer>, RegExp, RegExp]> = [
		[
			'a model without layers',
			{ model: byId(IDS['4.5']) },
			FILE,
			/4\.5 does not support layers/,
			/5\.5, Seedream 5\.0 Pro, Seedream 5\.0 Flash/,
		],
		[
			'a small image',
			{},
			picture(500, 500),
			/^Image: field “data” is 500 x 500 pixels, which is too small/,
			/at least 262,144 pixels/,
		],
		[
			'HEIC',
			{},
			heif('heic', 600, 600),
			/^Image: field “data” is HEIC/,
			/jpeg, png, webp, bmp, tiff, gif\.$/,
		],
		[
			'two files',
			{ imageField: 'data, data' },
			FILE,
			/^Image: 2 images instead of one/,
			/one binary field or one URL/,
		],
		[
			'no such file',
			{ imageField: 'photo' },
			FILE,
			/^Image: the input item has no binary field “photo”/,
			/“data”/,
		],
		['no URL', { imageSource: 'url' }, FILE, /^Image: a URL is empty/, /data URI/],
		[
			'another source',
			{ imageSource: '={{ "disk" }}' },
			FILE,
			/^Image: “disk” is not a Source/,
			/Set Image Source/,
		],
		[
			'pixels',
			{ resolution: '={{ "1024x1024" }}' },
			FILE,
			/does not offer the resolution “1024x1024”/,
			/auto, 1K, 1\.5K, 2K/,
		],
		['4K', { resolution: '4K' }, FILE, /does not offer the resolution “4K”/, /auto, 1K, 1\.5K, 2K/],
		[
			'a prompt that is no text',
			{ prompt: '={{ ({}) }}' },
			FILE,
			/^The Prompt is not a text/,
			/Prompt field/,
		],
		[
			'an SVG without files',
			{ options: { layeredSvg: true, downloadImages: false } },
			FILE,
			/^Layered SVG needs the images/,
			/Turn on Download Images/,
		],
	];
	it.each(cases)('for %s', async (_name, more, bytes, message, description) => {
		const refused = await bench.refusal(layers(more), { items: [await fileOf(bytes)] });
		expect(refused.message).toMatch(message);
		expect(refused.description).toMatch(description);
	});

	it.each([
		['5.0-pro', 17],
		['5.5', 100],
		['ep-x', 100],
	])('beyond Max Images per Run: %s may return %i images', async (id, most) => {
		const model = id in IDS ? IDS[id as keyof typeof IDS] : id;
		const items = [await fileOf(FILE), await fileOf(FILE)];
		const limit = (maxImagesPerRun: number) => layers({ options: { maxImagesPerRun } }, model);
		const { error } = await bench.run(limit(2 * most - 1), { items });
		expect(bench.gateway.ledger.requests).toEqual([]);
		expect(error?.message).toContain(`would generate up to ${2 * most} images`);
		items.forEach(() => respondWith(documented()));
		expect(await bench.items(limit(2 * most), { items })).toHaveLength(6);
	});
});

describe('items', () => {
	it('are the images, with what is known of each layer', async () => {
		respondWith(documented(), { created: 7, usage: { generated_images: 3, input_images: 1 } });
		const items = await run({}, IDS['5.5']);
		const common = { model: IDS['5.5'], created: 7, requestId: expect.any(String) as string };
		const fileName = (index: number, name: string, extension: string) =>
			expect.stringMatching(new RegExp(`^[\\d_-]+-0-${index}-${name}\\.${extension}$`)) as string;
		expect(items.map(({ json }) => json)).toEqual([
			{
				...common,
				index: 0,
				zIndex: 0,
				size: '200x100',
				width: 200,
				height: 100,
				mimeType: 'image/jpeg',
				fileName: fileName(0, 'background', 'jpg'),
				url: url('200x100', 'jpeg'),
				usage: { generated_images: 3, input_images: 1 },
			},
			{
				...common,
				index: 1,
				zIndex: 1,
				name: 'red bicycle',
				description: 'A bicycle',
				box: { left: 20, top: 30, width: 60, height: 40 },
				size: '60x40',
				width: 60,
				height: 40,
				mimeType: 'image/png',
				fileName: fileName(1, 'red bicycle', 'png'),
				url: url('60x40'),
			},
			{
				...common,
				index: 2,
				zIndex: 2,
				name: 'cat',
				box: { left: 150, top: 50, width: 50, height: 50 },
				size: '50x50',
				width: 50,
				height: 50,
				mimeType: 'image/png',
				fileName: fileName(2, 'cat', 'png'),
				url: url('50x50'),
			},
		]);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(items.map(() => ({ item: 0 })));
		const { width, height, format } = await sharp(bytesOf(items[2])).metadata();
		expect({ width, height, format }).toEqual({ width: 50, height: 50, format: 'png' });
	});

	const back = () => ({ url: url('200x100'), z_index: 0 as unknown });
	const layer = (z: unknown, absolute: unknown, more: object = {}) => ({
		url: url('20x10'),
		z_index: z,
		bounding_box: { absolute },
		...more,
	});
	const BOX = [10, 20, 30, 30];
	const PLACED = { left: 10, top: 20, width: 20, height: 10 };
	const oddities: Array<[string, () => object[], object[]]> = [
		[
			'in any order',
			() => [layer(10, BOX), layer(9, BOX), back(), layer(1, BOX)],
			[0, 1, 9, 10].map((zIndex) => ({ index: zIndex, zIndex })),
		],
		[
			'numbers as texts',
			() => [layer('2', ['10', '20', '30', '30']), { ...back(), z_index: '0' }, layer('1', BOX)],
			[{ zIndex: 0 }, { zIndex: 1, box: PLACED }, { zIndex: 2, box: PLACED }],
		],
		[
			'without z_index, or with one that is no number',
			() =>
				[back(), layer(undefined, BOX), layer('front', BOX), layer(null, BOX)].map((each) => ({
					...each,
					...(each.z_index === 0 && { z_index: undefined }),
				})),
			[{ zIndex: 0 }, { zIndex: 1 }, { zIndex: 2, extra: { z_index: 'front' } }, { zIndex: 3 }],
		],
		[
			'the background last, without z_index',
			() => [layer(2, BOX), layer(1, BOX), { url: url('200x100') }],
			[{ zIndex: 0, width: 200 }, { zIndex: 1 }, { zIndex: 2 }],
		],
		[
			'two at one z_index',
			() => [back(), layer(1, BOX, { name: 'a' }), layer(1, BOX, { name: 'b' }), layer(2, BOX)],
			[{ index: 0 }, { index: 1, name: 'a' }, { index: 2, name: 'b' }, { index: 3, zIndex: 2 }],
		],
		[
			'a box over the edges is cut',
			() => [
				back(),
				layer(1, [-5, -6, 5, 4]),
				layer(2, [190, 90, 210, 200]),
				layer(3, [300, 0, 400, 9]),
			],
			[
				{ zIndex: 0 },
				{ box: { left: 0, top: 0, width: 5, height: 4 } },
				{ box: { left: 190, top: 90, width: 10, height: 10 } },
				{ box: { left: 200, top: 0, width: 0, height: 9 } },
			],
		],
		[
			'a box in thousandths only',
			() => [back(), { ...layer(1, undefined), bounding_box: { normalized: [50, 200, 150, 300] } }],
			[{ zIndex: 0 }, { box: PLACED }],
		],
		[
			'a box that is none goes to extra',
			() => [back(), layer(1, [1, 2, 3])],
			[{ zIndex: 0 }, { extra: { bounding_box: { absolute: [1, 2, 3] } } }],
		],
		[
			'fields that nobody knows stay as they are, without base64',
			() => [
				back(),
				layer(1, BOX, {
					background: 'transparent',
					b64_json: null,
					text: { lines: [{ content: 'SALE', font: 'Inter', color: '#ff0000' }] },
					mask: 'iVBORw0KGgo'.padEnd(400, 'A'),
				}),
			],
			[
				{ zIndex: 0 },
				{
					extra: {
						background: 'transparent',
						text: { lines: [{ content: 'SALE', font: 'Inter', color: '#ff0000' }] },
					},
				},
			],
		],
	];
	it.each(oddities)('%s', async (_name, entries, expected) => {
		respondWith(entries());
		const items = await run();
		expect(items.map(({ json }) => json)).toMatchObject(expected);
		for (const [i, { json }] of items.entries()) {
			const { extra } = expected[i] as { extra?: object };
			expect(json.extra).toEqual(extra);
			expect(json).not.toHaveProperty('warnings');
		}
	});

	it('an entry without an image keeps what is said of its layer', async () => {
		const [first, second, third] = documented();
		respondWith([first, { ...second, url: undefined }, third]);
		const items = await run({ options: { layeredSvg: true } });
		expect(items.map(({ binary }) => Object.keys(binary ?? {}))).toEqual([
			['data'],
			[],
			['data'],
			['data'],
		]);
		expect(items[1].json).toMatchObject({
			zIndex: 1,
			name: 'red bicycle',
			box: { left: 20, top: 30, width: 60, height: 40 },
			downloadError: 'The response contains no image of this layer',
		});
		expect(items[0].json.warnings).toEqual(['The layered SVG lacks 1 of 3 images.']);
	});

	it('image data instead of URLs', async () => {
		const [first, second] = documented();
		const data = async (bytes: Promise<Buffer>) => (await bytes).toString('base64');
		respondWith([
			{ ...second, url: undefined, b64_json: await data(picture(60, 40)) },
			{ ...first, url: undefined, b64_json: await data(picture(200, 100, 'jpeg')) },
		]);
		const items = await run({ advanced: { responseFormat: 'b64_json' } });
		expect(items.map(({ json }) => [json.zIndex, json.mimeType, json.extra])).toEqual([
			[0, 'image/jpeg', undefined],
			[1, 'image/png', undefined],
		]);
	});

	it('files are named by layer', async () => {
		const names = async (fileName: string) => {
			const [first, second, third] = documented();
			respondWith([first, { ...second, name: 'a/b: "c"\n..' }, { ...third, name: undefined }]);
			const items = await run({ options: { fileName, layeredSvg: true } });
			for (const { json, binary } of items) expect(binary?.data.fileName).toBe(json.fileName);
			return items.map(({ json }) => json.fileName);
		};
		expect(await names('{name}')).toEqual([
			'background-0.jpg',
			'a-b- -c-..-1.png',
			'layer-2.png',
			'layers.svg',
		]);
		expect(await names('{index} {name}')).toEqual([
			'0 background.jpg',
			'1 a-b- -c-...png',
			'2 layer.png',
			'3 layers.svg',
		]);
		expect(await names('poster')).toEqual([
			'poster-0.jpg',
			'poster-1.png',
			'poster-2.png',
			'poster.svg',
		]);
	});

	it.each([
		['volcengine', 'Received one image without layers. Name the elements in the Prompt.'],
		[
			'new-api',
			/^Received one image without layers\..* silently drop layer_decomposition: if there are never layers, set Provider to Other /,
		],
	] as const)('one image alone has a warning at %s', async (id, warning) => {
		respondWith(documented().slice(0, 1));
		const [{ json }] = await bench.items(layers(LINK), { credentials: bench.credentials(id) });
		expect(json.warnings).toEqual([
			typeof warning === 'string' ? warning : (expect.stringMatching(warning) as string),
		]);
	});

	it('a key that a gateway returns as a name is in no file and no item', async () => {
		const [first, second] = documented();
		respondWith([first, { ...second, name: `for ${KEY}`, description: KEY, owner: KEY }]);
		const items = await run({ options: { layeredSvg: true } });
		expect(items[1].json).toMatchObject({ name: 'for ***', extra: { owner: '***' } });
		expect(JSON.stringify(items)).not.toContain(KEY);
		expect(bytesOf(items[2]).toString()).not.toContain(KEY);
	});
});

describe('when a layer fails', () => {
	const KEPT =
		'If one layer fails, the whole request fails, and the service keeps none of the others.';
	it.each([
		[
			'the service rejects it',
			{ status: 400, code: 'OutputImageSensitiveContentDetected', message: 'no' },
		],
		['the service breaks down', { status: 500, code: 'InternalServiceError', message: 'no' }],
		['the status is 200', { body: '{"error":{"code":"InternalServiceError","message":"no"}}' }],
	])('the message says that nothing is kept: %s', async (_how, fault) => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...fault });
		const { error, items } = await bench.run(layers(), { items: [await fileOf(FILE)] });
		expect(items).toEqual([]);
		expect(error?.description).toContain('Provider: no');
		expect(error?.description).toContain(KEPT);
	});

	it('a request that is rejected before is not explained by it', async () => {
		bench.gateway.inject({ on: 'request', status: 400, code: 'InvalidParameter', message: 'no' });
		const { error } = await bench.run(layers(), { items: [await fileOf(FILE)] });
		expect(error?.description).not.toContain(KEPT);
	});
});

describe('a picture that the gateway really splits', () => {
	/** Two gradients, so that whatever is misplaced shows. */
	async function gradients(): Promise<Buffer> {
		const [width, height] = [640, 420];
		const data = Buffer.alloc(width * height * 3);
		for (let i = 0; i < width * height; i++) {
			const [x, y] = [i % width, Math.floor(i / width)];
			data.set([(x * 255) / width, (y * 255) / height, (x + y) % 256], i * 3);
		}
		return await sharp(data, { raw: { width, height, channels: 3 } })
			.png()
			.toBuffer();
	}

	it.each([
		['5.0-pro', ''],
		['5.0-flash', '<bbox>100 100 500 600</bbox>'],
		['5.5', '[images:9]'],
		['5.0-pro', '[odd:unordered,strings]'],
		['5.0-pro', '[odd:unnumbered]'],
		['5.0-pro', '[odd:edge,unordered]'],
		['5.0-pro', '[odd:pixels]'],
		['5.5', '[odd:unknown]'],
	] as const)('%s, %s: its files, and the SVG, are the picture', async (family, tags) => {
		const source = await gradients();
		const items = await bench.items(
			layers(
				{
					prompt: `${tags} [pixels:640x420]`,
					options: { layeredSvg: true, outputFormat: 'png' },
				},
				IDS[family],
			),
			{ items: [await fileOf(source)] },
		);
		const [base, ...others] = items.slice(0, -1);
		const svg = bytesOf(items.at(-1));
		expect(others.map(({ json }) => json.zIndex)).toEqual(others.map((_layer, i) => i + 1));
		expect((await difference(await sharp(svg).png().toBuffer(), source)).mean).toBeLessThan(2);
		// What is over the edge has no place among whole pixels.
		if (tags.includes('edge')) return;
		const placed = others.map((item) => {
			const { left, top, width, height } = item.json.box as Record<string, number>;
			return { file: bytesOf(item), edges: [left, top, left + width, top + height] };
		});
		expect((await difference(await compose(bytesOf(base), placed), source)).mean).toBeLessThan(2);
	});
});

describe('Layered SVG', () => {
	it('is one more item: every image in place, in a group with its name', async () => {
		const [first, second, third] = documented();
		const name = '<Ünï & "co"> \u0007\u{1F600}\ud800';
		respondWith([third, { ...second, name, description: 'a < b' }, first]);
		const items = await run({ options: { layeredSvg: true, binaryPropertyOutput: 'file' } });
		expect(items).toHaveLength(4);
		const { json, binary, pairedItem } = items[3];
		expect({ json, pairedItem }).toEqual({
			json: {
				model: IDS['5.0-pro'],
				created: expect.any(Number) as number,
				requestId: expect.any(String) as string,
				mimeType: 'image/svg+xml',
				fileName: expect.stringMatching(/-0-3-layers\.svg$/) as string,
				width: 200,
				height: 100,
			},
			pairedItem: { item: 0 },
		});
		expect(binary?.file).toMatchObject({ mimeType: 'image/svg+xml', fileExtension: 'svg' });

		const svg = bytesOf(items[3], 'file');
		const groups = [...svg.toString().matchAll(/<g ([^>]*)>/g)].map(([, attributes]) => attributes);
		const escaped = '&#60;Ünï &#38; &#34;co&#34;&#62; \u{1F600}';
		expect(groups).toEqual(
			[
				['background', 'background'],
				['_Ünï-co-', escaped],
				['cat', 'cat'],
			].map(
				([id, label]) =>
					`id="${id.replace(/^_/, 'layer--')}" data-name="${label}" inkscape:groupmode="layer" inkscape:label="${label}"`,
			),
		);
		expect(svg.toString()).toContain('<desc>a &#60; b</desc>');
		for (const [i, item] of items.slice(0, 3).entries()) {
			const image = dataUri(i === 0 ? 'jpeg' : 'png', bytesOf(item, 'file'));
			expect(svg.toString()).toContain(`xlink:href="${image}"`);
		}
	});

	it('stretches an image to its box, and places one over the edge by what it shows', async () => {
		const [first, second, third] = documented();
		respondWith([
			first,
			{ ...second, bounding_box: { absolute: [0, 0, 30, 20] } },
			// Shows only what is within: 50 x 50 of 60 x 60.
			{ ...third, bounding_box: { absolute: [150, 50, 210, 110] } },
			{ ...third, z_index: 3, bounding_box: { absolute: [-20, -10, 30, 40] } },
		]);
		const svg = bytesOf((await run({ options: { layeredSvg: true } }))[4]).toString();
		const places = [...svg.matchAll(/<image ([^>]*?) preserveAspectRatio="none"/g)];
		expect(places.map(([, place]) => place)).toEqual([
			'x="0" y="0" width="200" height="100"',
			'x="0" y="0" width="30" height="20"',
			'x="150" y="50" width="50" height="50"',
			'x="-20" y="-10" width="50" height="50"',
		]);
	});

	it('is a further file of the one item, if all images are in one', async () => {
		respondWith(documented());
		const [item, ...more] = await run({ options: { layeredSvg: true, output: 'singleItem' } });
		expect(more).toEqual([]);
		expect(Object.keys(item.binary ?? {})).toEqual(['data', 'data_1', 'data_2', 'data_svg']);
		expect(item.json.images).toMatchObject([
			{ zIndex: 0 },
			{ name: 'red bicycle' },
			{ name: 'cat' },
		]);
		expect(item.json.svg).toMatchObject({ mimeType: 'image/svg+xml', width: 200, height: 100 });
		expect(bytesOf(item, 'data_svg').toString()).toMatch(/^<\?xml[^]*<\/svg>\n$/);
	});

	it('is left out with a warning where the background has no size', async () => {
		respondWith([{ z_index: 0 }, documented()[1]]);
		const items = await run({ options: { layeredSvg: true } });
		expect(items).toHaveLength(2);
		expect(items[0].json.warnings).toEqual([
			'The layered SVG could not be created: the size of the background is not known.',
		]);
	});

	it('two layers of one name have ids of their own', async () => {
		const [first, second, third] = documented();
		respondWith([
			first,
			second,
			{ ...third, name: second.name },
			{ ...third, z_index: 3, name: '3D' },
		]);
		const svg = bytesOf((await run({ options: { layeredSvg: true } }))[4]).toString();
		const ids = [...svg.matchAll(/<g id="([^"]*)" data-name="([^"]*)"/g)].map(
			([, ...pair]) => pair,
		);
		expect(ids.slice(1)).toEqual([
			['red-bicycle', 'red bicycle'],
			['red-bicycle-2', 'red bicycle'],
			['layer-3D', '3D'],
		]);
	});
});
