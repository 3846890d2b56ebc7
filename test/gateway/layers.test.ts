import sharp from 'sharp';
import { bmp } from '../imageFiles';
import { type Gateway, startGateway } from './index';
import { ask, compose, dataUri, difference, inspect, type Responded } from './testing';

const PRO = 'doubao-seedream-5-0-pro-260628';
const FLASH = 'doubao-seedream-5-0-flash-260915';
const SEEDREAM_5_5 = 'doubao-seedream-5-5-261028';
const LITE = 'doubao-seedream-5-0-260128';

/** Where nothing depends on the size. */
const SMALL = '[pixels:120x90]';

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** A picture in which no two places are alike: stripes of rising frequency over a gradient. */
async function detailed(width: number, height: number): Promise<Buffer> {
	const data = Buffer.alloc(width * height * 3);
	for (let y = 0; y < height; y += 1) {
		for (let x = 0; x < width; x += 1) {
			const stripes = (x * x + y * y * 3) >> 9;
			data.set([(x * 255) / width, (stripes * 37) & 255, (y * 255) / height], (y * width + x) * 3);
		}
	}
	return await sharp(data, { raw: { width, height, channels: 3 } })
		.png()
		.toBuffer();
}

const uri = (file: Buffer, format = 'png') =>
	`data:image/${format};base64,${file.toString('base64')}`;

async function split(body: object): Promise<Responded> {
	const request = { model: PRO, layer_decomposition: true, output_format: 'png', ...body };
	return await ask(gateway, 'volcengine', request);
}

async function fileOf({ url }: Responded['data'][number]): Promise<Buffer> {
	return Buffer.from(await (await fetch(url ?? '')).arrayBuffer());
}

/** The pictures of a response put together, whatever order its entries have. */
async function recomposed({ data }: Responded): Promise<Buffer> {
	const sorted = [...data].sort((a, b) => Number(a.z_index) - Number(b.z_index));
	const files = await Promise.all(sorted.map(fileOf));
	const layers = sorted.slice(1).map(({ bounding_box }, i) => ({
		file: files[i + 1],
		edges: bounding_box?.absolute ?? [],
	}));
	return await compose(files[0], layers);
}

describe('a picture that is split', () => {
	it.each([
		['by its own choice', {}, 4],
		['by regions', { prompt: '<bbox>0 0 500 400</bbox> <bbox>300 200 1000 1000</bbox>' }, 3],
		['into many', { model: SEEDREAM_5_5, prompt: '[images:100]' }, 100],
		['with 5.0 Flash', { model: FLASH, size: 'auto' }, 4],
		['with boxes over the edge', { prompt: '[odd:edge]' }, 4],
		['out of order, numbered by strings', { prompt: '[odd:unordered,strings]' }, 4],
	])('%s is the same again when put together', async (_, body, images) => {
		const picture = await detailed(1200, 900);
		const response = await split({ ...body, image: uri(picture) });
		expect(response.data).toHaveLength(images);
		expect((await difference(await recomposed(response), picture)).max).toBeLessThanOrEqual(3);
		expect(response.usage).toMatchObject({ generated_images: images, input_images: 1 });
		expect(gateway.ledger.images.filter(({ billed }) => billed)).toHaveLength(images);
	});

	it('has a base without its subjects, and layers with soft edges', async () => {
		const picture = await detailed(1200, 900);
		const { data } = await split({ image: uri(picture), prompt: '<bbox>250 250 750 750</bbox>' });
		const edges = [300, 225, 900, 675];
		expect(data).toEqual([
			{ z_index: 0, url: expect.any(String), size: '1200x900', output_format: 'png' },
			{
				z_index: 1,
				name: 'headline',
				description: 'The headline, a region of the prompt',
				bounding_box: { absolute: edges, normalized: [250, 250, 750, 750] },
				url: expect.any(String),
				size: '600x450',
				output_format: 'png',
			},
		]);
		const [base, layer] = await Promise.all(data.map(fileOf));
		const box = { left: 400, top: 325, width: 400, height: 250 };
		const [filled, seen] = await Promise.all(
			[base, picture].map(async (file) => await sharp(file).extract(box).png().toBuffer()),
		);
		expect((await difference(filled, seen)).mean).toBeGreaterThan(20);
		const alpha = await sharp(layer).extractChannel('alpha').raw().toBuffer();
		expect(alpha[225 * 600 + 300]).toBe(255);
		expect(alpha[0]).toBe(0);
		expect(new Set(alpha).size).toBeGreaterThan(100);
	});

	it.each([
		['its own pixels', { from: [1200, 900] }, 1200, 900],
		['1K, as measured', { size: '1K', from: [1500, 1920] }, 912, 1168],
		['a resolution in lower case', { from: [1200, 900], size: '1.5k' }, 1776, 1344],
		['no fewer than 1280x720 pixels', { from: [600, 600] }, 960, 960],
		['no more than about 2048²', { from: [3000, 3000] }, 2048, 2048],
	])('has %s', async (_, body: { from?: number[] }, width, height) => {
		const [w, h] = body.from ?? [1200, 900];
		const { data } = await split({ ...body, image: await dataUri(w, h) });
		expect(data[0].size).toBe(`${width}x${height}`);
		expect(await inspect(await fileOf(data[0]))).toMatchObject({ width, height, hasAlpha: false });
	});

	it.each([
		[{ model: PRO, output_format: undefined }, ['jpeg', 'png']],
		[{ model: SEEDREAM_5_5, output_format: undefined }, ['png', 'png']],
		[{ model: SEEDREAM_5_5, output_format: 'jpeg' }, ['jpeg', 'png']],
	])('%j is about the base alone: %j', async (body, formats) => {
		const picture = await detailed(1200, 900);
		const response = await split({ ...body, image: uri(picture), prompt: '[images:2]' });
		const files = await Promise.all(response.data.map(fileOf));
		const found = await Promise.all(files.map(async (file) => (await inspect(file)).format));
		expect(found).toEqual(formats);
		expect((await difference(await recomposed(response), picture)).mean).toBeLessThan(2);
	});

	it('comes as base64 on request, every image of as many bytes as the prompt says', async () => {
		const picture = await dataUri(1024, 1024);
		const b64 = { response_format: 'b64_json', prompt: `[images:3] [bytes:300000] ${SMALL}` };
		const { data } = await split({ image: picture, ...b64 });
		const sizes = data.map(({ b64_json }) => Buffer.from(b64_json ?? '', 'base64').length);
		expect(sizes).toEqual([300_000, 300_000, 300_000]);
	});

	it.each(['jpeg', 'png', 'webp', 'gif', 'tiff'] as const)('may be %s', async (format) => {
		const { data } = await split({ image: await dataUri(600, 500, format), prompt: SMALL });
		expect(data).toHaveLength(4);
	});

	it('may be BMP, which is no colour of its own', async () => {
		const response = await split({ image: uri(bmp(1000, 1000), 'bmp'), prompt: SMALL });
		const black = sharp({ create: { width: 120, height: 90, channels: 3, background: '#000' } });
		expect(await difference(await recomposed(response), await black.png().toBuffer())).toEqual({
			mean: 0,
			max: 0,
		});
	});
});

describe('what others met in such responses', () => {
	const odd = async (name: string) =>
		(await split({ image: await dataUri(1200, 900), prompt: `[odd:${name}] ${SMALL}` })).data;

	it('entries from the top down', async () => {
		expect((await odd('unordered')).map(({ z_index }) => z_index)).toEqual([3, 2, 1, 0]);
	});

	it('numbers as strings, and none at all', async () => {
		expect((await odd('strings')).map(({ z_index }) => z_index)).toEqual(['0', '1', '2', '3']);
		expect((await odd('unnumbered')).filter((entry) => 'z_index' in entry)).toEqual([]);
	});

	it('boxes that lie partly outside', async () => {
		const boxes = (await odd('edge')).slice(1).map(({ bounding_box }) => bounding_box?.absolute);
		expect(boxes).toEqual([
			[-50, -13, 50, 13],
			[10, 32, 110, 58],
			[70, 77, 170, 103],
		]);
	});

	it('files of half the pixels of their boxes', async () => {
		const [, layer] = await odd('pixels');
		expect(layer).toMatchObject({
			size: '50x13',
			bounding_box: { absolute: [10, 2, 110, 28] },
		});
		expect(await inspect(await fileOf(layer))).toMatchObject({ width: 50, height: 13 });
	});

	it('an entry without an image', async () => {
		const data = await odd('lost');
		expect(data.map(({ url }) => url !== undefined)).toEqual([true, true, true, false]);
	});

	it('fields that no document names', async () => {
		const [base, layer] = await odd('unknown');
		expect(layer).toMatchObject({ text: { lines: ['SALE', '50 %'] }, name: 'headline' });
		expect(base).not.toHaveProperty('text');
	});
});

describe('what is refused', () => {
	const refusals: Array<[body: object, message: string, code?: string]> = [
		[{ model: LITE }, 'is not supported by the current model'],
		[{ image: undefined }, '`image`', 'MissingParameter'],
		[{ image: [] }, '`image`', 'MissingParameter'],
		[{ image: ['a', 'b'] }, 'requires exactly one input image'],
		[{ background: 'opaque' }, '`background` is not supported with layer_decomposition'],
		[{ model: SEEDREAM_5_5, background: 'auto' }, '`background` is not supported with'],
		[{ sequential_image_generation: 'disabled' }, '`sequential_image_generation` is not supported'],
		[{ stream: false }, '`stream` is not supported'],
		[{ tools: [] }, '`tools` is not supported'],
		[{ size: '2048x2048' }, "size must be one of 'auto', '1k', '1.5k', or '2k'"],
		[{ size: '4K' }, "size must be one of 'auto'"],
		[{ output_format: 'webp' }, 'must be one of: jpeg, png'],
		[{ model: FLASH, optimize_prompt_options: { mode: 'fast' } }, "must be 'standard'"],
		[{ image: 'data:image/heic;base64,AAAA' }, '`heic` is not supported'],
		[{ image: 'data:image/png;base64,AAAA' }, 'is no image'],
		[{ layer_decomposition: 'yes' }, 'expected boolean'],
	];

	it.each(refusals)('%j', async (body, message, code = 'InvalidParameter') => {
		const { status, error } = await split({ image: await dataUri(600, 600), ...body });
		expect([status, error?.code]).toEqual([400, code]);
		expect(error?.message).toContain(message);
		expect(gateway.ledger.images).toEqual([]);
	});

	it.each([
		[511, 512, '262144 to 36000000 pixels'],
		[6001, 6000, '262144 to 36000000 pixels'],
		[5000, 300, 'aspect ratio'],
	])('a picture of %ix%i', async (width, height, message) => {
		const { error } = await split({ image: await dataUri(width, height) });
		expect(error?.message).toContain(message);
	});

	it('an empty prompt where nothing is split', async () => {
		const body = { image: await dataUri(600, 600), layer_decomposition: false, prompt: '' };
		expect((await split(body)).error?.code).toBe('MissingParameter');
	});

	it('all of it when one layer fails', async () => {
		gateway.inject({ on: 'request', moderate: [2] });
		const { status, error } = await split({ image: await dataUri(600, 600), prompt: SMALL });
		expect([status, error?.code]).toEqual([400, 'OutputImageSensitiveContentDetected']);
		expect(gateway.ledger.images.filter(({ billed }) => billed)).toEqual([]);
	});
});
