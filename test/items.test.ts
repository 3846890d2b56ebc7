import type { INodeParameters } from 'n8n-workflow';
import sharp from 'sharp';

import { bytesOf, dataUri, IDS, parameters, picture, useGateway } from './support';

const bench = useGateway();

/** Small enough to be quick, large enough for the model. */
const SIZE: INodeParameters = { aspectRatio: 'custom', width: 1280, height: 720 };

function text(more: INodeParameters = {}): INodeParameters {
	return parameters('textToImage', IDS['5.0-pro'], { prompt: 'a fox', ...SIZE, ...more });
}

/** A set of tiny pictures at 4.0. */
function set(maxImages: number, options: INodeParameters = {}, prompt = 'foxes [pixels:64x48]') {
	return parameters('imageSet', IDS['4.0'], { prompt, maxImages, options });
}

/** The image that the gateway generated, as anyone with its URL gets it. */
async function original(index = 0): Promise<Buffer> {
	const { url = '' } = bench.gateway.ledger.images[index];
	return Buffer.from(await (await fetch(url)).arrayBuffer());
}

/** A PNG of 64x48 pixels at the gateway. */
const sample = () => `${bench.gateway.url}/samples/64x48.png`;

/** Has the gateway respond with these images, whatever was requested. */
function respondWith(data: object[], more: object = {}): void {
	bench.gateway.inject({ on: 'request', body: JSON.stringify({ ...more, data }) });
}

async function pixels(bytes: Buffer) {
	const { format, width, height } = await sharp(bytes).metadata();
	return { format, width, height };
}

describe('one image', () => {
	it('is an item with JSON, file and a link to its input item', async () => {
		const [item, ...more] = await bench.items(text());
		expect(more).toEqual([]);
		const { requests, images, downloads } = bench.gateway.ledger;
		const fileName = expect.stringMatching(
			/^fox-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{3}-0-0\.jpg$/,
		) as string;
		expect(item.json).toEqual({
			index: 0,
			model: 'doubao-seedream-5-0-pro-260628',
			prompt: 'a fox',
			created: expect.any(Number) as number,
			requestId: requests[0].id,
			size: '1280x720',
			width: 1280,
			height: 720,
			mimeType: 'image/jpeg',
			fileName,
			url: images[0].url,
			usage: { input_images: 0, generated_images: 1, output_tokens: 3600, total_tokens: 3600 },
		});
		expect(Math.abs(Number(item.json.created) - Date.now() / 1000)).toBeLessThan(60);
		expect(item.binary).toEqual({
			data: {
				mimeType: 'image/jpeg',
				fileType: 'image',
				fileExtension: 'jpg',
				fileName: item.json.fileName,
				fileSize: expect.any(String) as string,
				bytes: bytesOf(item).length,
				data: expect.any(String) as string,
			},
		});
		expect(item.pairedItem).toEqual({ item: 0 });
		expect(downloads.map(({ authorization, complete }) => [authorization, complete])).toEqual([
			[false, true],
		]);
		expect(bytesOf(item).equals(await original())).toBe(true);
		expect(await pixels(bytesOf(item))).toEqual({ format: 'jpeg', width: 1280, height: 720 });
	});

	it.each([
		['png', 'image/png', 'png'],
		['webp', 'image/webp', 'webp'],
		['gif', 'image/gif', 'gif'],
		['tiff', 'image/tiff', 'tif'],
		['avif', 'image/avif', 'avif'],
	])('is named by its bytes: %s instead of a JPEG', async (format, mimeType, extension) => {
		const [item] = await bench.items(text({ prompt: `[format:${format}] [pixels:64x48]` }));
		expect(item.json).toMatchObject({ mimeType, width: 64, height: 48 });
		expect(item.binary?.data).toMatchObject({ mimeType, fileExtension: extension });
		expect(item.json.fileName).toMatch(new RegExp(`\\.${extension}$`));
	});

	it('may have 200 kB of metadata before its size', async () => {
		const [item] = await bench.items(text({ prompt: '[exif:200000]' }));
		expect(item.json).toMatchObject({ size: '1280x720', width: 1280, height: 720 });
		expect(bytesOf(item).equals(await original())).toBe(true);
	});

	it('with a seed', async () => {
		const [item] = await bench.items(
			parameters('textToImage', IDS['3.0'], { options: { seed: 11 } }),
		);
		expect(item.json).toMatchObject({ seed: 11, size: '16x16', usage: { generated_images: 1 } });
	});

	it('of another size than requested has a warning', async () => {
		const [item] = await bench.items(text({ prompt: '[pixels:800x600]' }));
		expect(item.json).toMatchObject({ size: '800x600', width: 800, height: 600 });
		expect(item.json.warnings).toEqual(['The image is 800x600 pixels; 1280x720 was requested.']);
	});

	it('of a size that the model chose has no warning', async () => {
		const [item] = await bench.items(
			parameters('textToImage', IDS['4.5'], { prompt: '[pixels:800x600]' }),
		);
		expect(item.json).not.toHaveProperty('warnings');
	});
});

describe('a set', () => {
	it('is one item per image, in order, usage and warnings once', async () => {
		const items = await bench.items(set(3));
		const { images, requests } = bench.gateway.ledger;
		expect(items.map(({ json }) => [json.index, json.url, json.requestId])).toEqual(
			images.map(({ url }, index) => [index, url, requests[0].id]),
		);
		expect(items.map(({ json }) => json.usage)).toEqual([
			{ generated_images: 3, output_tokens: 36, total_tokens: 36 },
			undefined,
			undefined,
		]);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual([
			{ item: 0 },
			{ item: 0 },
			{ item: 0 },
		]);
		for (const [index, item] of items.entries()) {
			expect(bytesOf(item).equals(await original(index))).toBe(true);
			expect(item.json).toMatchObject({ width: 64, height: 48, model: IDS['4.0'] });
			expect(item.json).not.toHaveProperty('warnings');
		}
		expect(new Set(items.map((item) => bytesOf(item).toString('base64'))).size).toBe(3);
		expect(new Set(items.map(({ json }) => json.fileName)).size).toBe(3);
	});

	it('with fewer images than requested has one warning', async () => {
		const items = await bench.items(set(4, {}, 'foxes [images:2] [pixels:64x48]'));
		expect(items.map(({ json }) => json.warnings)).toEqual([
			[expect.stringMatching(/^Requested 4 images, received 2\./)],
			undefined,
		]);
	});

	it('as a single item', async () => {
		const [item, ...more] = await bench.items(set(3, { output: 'singleItem' }));
		expect(more).toEqual([]);
		const { images, requests } = bench.gateway.ledger;
		expect(item.json).toEqual({
			model: IDS['4.0'],
			prompt: 'foxes [pixels:64x48]',
			created: expect.any(Number) as number,
			requestId: requests[0].id,
			usage: { generated_images: 3, output_tokens: 36, total_tokens: 36 },
			images: images.map(({ url }, index) => ({
				index,
				size: '64x48',
				width: 64,
				height: 48,
				mimeType: 'image/jpeg',
				fileName: expect.stringMatching(new RegExp(`-0-${index}\\.jpg$`)) as string,
				url,
			})),
		});
		expect(Object.keys(item.binary ?? {})).toEqual(['data', 'data_1', 'data_2']);
		for (const [index, field] of ['data', 'data_1', 'data_2'].entries()) {
			expect(bytesOf(item, field).equals(await original(index))).toBe(true);
		}
		expect(item.pairedItem).toEqual({ item: 0 });
	});
});

describe('several input items', () => {
	it('each keeps its own images, in order, whichever finished first', async () => {
		const prompts = ['one', 'two', 'three', 'four', 'five'].map((name) => `${name} [pixels:64x48]`);
		bench.gateway.inject({ on: 'request', match: { prompt: 'one' }, delay: 100 });
		const items = await bench.items(
			parameters('imageSet', IDS['4.0'], { prompt: '={{ $json.prompt }}', maxImages: 2 }),
			{ items: prompts.map((prompt) => ({ json: { prompt } })) },
		);
		expect(items.map(({ json, pairedItem }) => [json.prompt, json.index, pairedItem])).toEqual(
			prompts.flatMap((prompt, item) => [
				[prompt, 0, { item }],
				[prompt, 1, { item }],
			]),
		);
		const { images } = bench.gateway.ledger;
		for (const item of items) {
			const place = images.findIndex(({ url }) => url === item.json.url);
			expect(images[place].prompt).toBe(item.json.prompt);
			expect(bytesOf(item).equals(await original(place))).toBe(true);
		}
		expect(new Set(items.map(({ json }) => json.fileName)).size).toBe(10);
	});
});

describe('the image comes', () => {
	it('as base64, without a URL', async () => {
		const [item] = await bench.items(text({ advanced: { responseFormat: 'b64_json' } }));
		expect(bench.bodies()[0].response_format).toBe('b64_json');
		expect(item.json).not.toHaveProperty('url');
		expect(await pixels(bytesOf(item))).toEqual({ format: 'jpeg', width: 1280, height: 720 });
		expect(bench.gateway.ledger.images[0].delivered).toBe(1);
		expect(bench.gateway.ledger.downloads).toEqual([]);
	});

	it.each(['deerapi', 'gateway001', 'routescope', 'unode'] as const)(
		'as %s sends it, as URL and base64',
		async (gateway) => {
			const credentials = bench.credentials(gateway);
			for (const responseFormat of ['url', 'b64_json']) {
				const [item] = await bench.items(
					parameters('textToImage', IDS['5.0-lite'], {
						prompt: '[pixels:64x48]',
						advanced: { responseFormat },
					}),
					{ credentials },
				);
				expect(await pixels(bytesOf(item))).toEqual({ format: 'jpeg', width: 64, height: 48 });
				expect(item.json).toMatchObject({ size: '64x48', mimeType: 'image/jpeg' });
			}
		},
	);

	it('with a revised prompt', async () => {
		respondWith([{ url: sample(), revised_prompt: 'a red fox' }], { created: 1_757_323_224 });
		const [item] = await bench.items(text());
		expect(item.json).toMatchObject({ revisedPrompt: 'a red fox', created: 1_757_323_224 });
	});
});

describe('Download Images off', () => {
	const options = { downloadImages: false };

	it('returns the URL and what the response says about the image', async () => {
		const [item] = await bench.items(text({ options }));
		const { requests, images, downloads } = bench.gateway.ledger;
		expect(item).toEqual({
			json: {
				index: 0,
				model: 'doubao-seedream-5-0-pro-260628',
				prompt: 'a fox',
				created: expect.any(Number) as number,
				requestId: requests[0].id,
				size: '1280x720',
				width: 1280,
				height: 720,
				url: images[0].url,
				usage: { input_images: 0, generated_images: 1, output_tokens: 3600, total_tokens: 3600 },
			},
			pairedItem: { item: 0 },
		});
		expect(downloads).toEqual([]);
	});

	it('stores image data, which has no URL', async () => {
		const [item] = await bench.items(
			text({ options: { ...options }, advanced: { responseFormat: 'b64_json' } }),
		);
		expect(await pixels(bytesOf(item))).toEqual({ format: 'jpeg', width: 1280, height: 720 });
	});

	it('as a single item has no files', async () => {
		const [item] = await bench.items(set(2, { ...options, output: 'singleItem' }));
		expect((item.json.images as object[]).length).toBe(2);
		expect(item.binary ?? {}).toEqual({});
	});
});

describe('Put Output in Field', () => {
	it('is the name of the field, also in a single item', async () => {
		const items = await bench.items(set(2, { binaryPropertyOutput: 'picture' }));
		expect(items.map(({ binary }) => Object.keys(binary ?? {}))).toEqual([
			['picture'],
			['picture'],
		]);
		const [item] = await bench.items(
			set(2, { binaryPropertyOutput: 'picture', output: 'singleItem' }),
		);
		expect(Object.keys(item.binary ?? {})).toEqual(['picture', 'picture_1']);
	});
});

describe('File Name', () => {
	const names = async (fileName: string, count = 2) => {
		const items = await bench.items(set(count, { fileName }));
		for (const { json, binary } of items) expect(binary?.data.fileName).toBe(json.fileName);
		return items.map(({ json }) => json.fileName);
	};

	it('replaces its placeholders', async () => {
		expect(await names('{model}_{item}_{index}')).toEqual([
			`${IDS['4.0']}_0_0.jpg`,
			`${IDS['4.0']}_0_1.jpg`,
		]);
		expect(await names('{index}-{date}')).toEqual([
			expect.stringMatching(/^0-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{3}\.jpg$/),
			expect.stringMatching(/^1-\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d-\d{3}\.jpg$/),
		]);
	});

	it('gives the images of a set distinct names', async () => {
		expect(await names('campaign')).toEqual(['campaign-0.jpg', 'campaign-1.jpg']);
		expect(await names('campaign', 1)).toEqual(['campaign.jpg']);
	});

	it('gives distinct names to more images than requested', async () => {
		respondWith([{ url: sample() }, { url: sample() }]);
		const items = await bench.items(text({ options: { fileName: 'campaign' } }));
		expect(items.map(({ json }) => json.fileName)).toEqual(['campaign.png', 'campaign-1.png']);
	});

	it('keeps unknown placeholders, and never creates folders', async () => {
		expect(await names('{constructor}{name} {{x}}', 1)).toEqual(['{constructor} {{x}}.jpg']);
		expect(await names('../a/b\\c:d*e?f"g<h>i|j\nk', 1)).toEqual(['..-a-b-c-d-e-f-g-h-i-j-k.jpg']);
	});

	it('is short enough for a file system', async () => {
		const [name] = await names('x '.repeat(200), 1);
		expect(Buffer.byteLength(String(name))).toBeLessThanOrEqual(255);
		expect(name).toMatch(/^(x )+\.jpg$/);
		const both = await names('é'.repeat(300));
		expect(new Set(both).size).toBe(2);
		for (const each of both) expect(Buffer.byteLength(String(each))).toBeLessThanOrEqual(255);
	});

	it('comes from an expression for each item', async () => {
		const items = await bench.items(
			parameters('textToImage', IDS['4.0'], { options: { fileName: '={{ $json.name }}' } }),
			{ items: ['first', 'second'].map((name) => ({ json: { name } })) },
		);
		expect(items.map(({ json }) => json.fileName)).toEqual(['first.jpg', 'second.jpg']);
	});

	it('contains no slash for a model with a vendor prefix', async () => {
		const model = 'bytedance/seedream-4.5';
		respondWith([{ url: sample() }]);
		const [item] = await bench.items(
			parameters('textToImage', model, { options: { fileName: '{model}' } }),
		);
		expect(item.json).toMatchObject({ model, fileName: 'bytedance-seedream-4.5.png' });
	});
});

describe('Simplify off', () => {
	it('adds the response without image data, once', async () => {
		const uri = dataUri('png', await picture());
		const data = [
			{ b64_json: uri.split(',')[1], size: '32x32', odd: 1 },
			{ url: uri, size: '32x32' },
		];
		respondWith(data, {
			created: 5,
			model: 'x',
			usage: { generated_images: 2 },
			extra: { a: [uri] },
		});
		const items = await bench.items(text({ advanced: { simplify: false } }));
		expect(items).toHaveLength(2);
		expect(items[0].json.response).toEqual({
			created: 5,
			model: 'x',
			usage: { generated_images: 2 },
			extra: { a: [] },
			data: [{ size: '32x32', odd: 1 }, { size: '32x32' }],
		});
		expect(items[1].json).not.toHaveProperty('response');
	});

	it('holds no image data of a stream either', async () => {
		// new-api sends the images of a stream in the events that close it.
		const advanced = { stream: 'on', simplify: false, responseFormat: 'b64_json' };
		const [item] = await bench.items(
			{ ...set(1), advanced },
			{ credentials: bench.credentials('new-api') },
		);
		expect(bench.bodies()[0].stream).toBe(true);
		expect((await pixels(bytesOf(item))).width).toBe(64);
		expect(item.json.response).toMatchObject({ type: 'image_generation.completed' });
		expect(item.json.response).not.toHaveProperty('b64_json');
	});
});

it('an AI Agent gets complete JSON', async () => {
	const { items } = await bench.run(text(), { toolCall: { prompt: 'a fox' } });
	expect(items.map(({ json }) => json)).toEqual([
		expect.objectContaining({
			url: bench.gateway.ledger.images[0].url,
			width: 1280,
			height: 720,
			model: 'doubao-seedream-5-0-pro-260628',
		}),
	]);
});

it('an image returned as both data and URL keeps its URL', async () => {
	respondWith([{ url: sample(), b64_json: (await picture()).toString('base64') }]);
	const [item] = await bench.items(text());
	expect(item.json.url).toBe(sample());
	expect(bytesOf(item)).toEqual(await picture());
	expect(bench.gateway.ledger.downloads).toEqual([]);
});

it('image data of an unknown format is stored as it is, and the item says so', async () => {
	const bytes = Buffer.from('not an image at all, but charged');
	respondWith([{ b64_json: bytes.toString('base64') }]);
	const [item] = await bench.items(text());
	expect(bytesOf(item)).toEqual(bytes);
	expect(item.json).toMatchObject({
		mimeType: 'application/octet-stream',
		downloadError: expect.stringContaining('in an unknown format'),
	});
});

it('names that expressions leave empty have their defaults', async () => {
	for (const nothing of ['={{ $json.nothing }}', '={{ null }}', '={{ "" }}']) {
		const options = { fileName: nothing, binaryPropertyOutput: nothing };
		const [{ binary }] = await bench.items(parameters('textToImage', IDS['4.0'], { options }));
		expect(Object.keys(binary ?? {})).toEqual(['data']);
		expect(binary?.data.fileName).toMatch(/^red-bicycle-.*-0-0\.jpg$/);
	}
});
