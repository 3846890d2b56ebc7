import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import { hurry, IDS, parameters, picture, TINY, useGateway } from './support';

const bench = useGateway();

const { '4.0': MODEL } = IDS;
const three = (more: INodeParameters = {}) =>
	parameters('textToImage', MODEL, {
		...more,
		options: { numberOfImages: 3, ...(more.options as object) },
	});

const names = (items: INodeExecutionData[]) => items.map(({ binary }) => binary?.data.fileName);

describe('Number of Images', () => {
	it('is that many requests where the gateway does not support n', async () => {
		const items = await bench.items(three({ options: { fileName: 'bike-{index}' } }));
		const body = {
			model: MODEL,
			prompt: TINY,
			response_format: 'url',
			size: '2K',
			watermark: false,
		};
		expect(bench.bodies()).toEqual([body, body, body]);
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2]);
		expect(names(items)).toEqual(['bike-0.jpg', 'bike-1.jpg', 'bike-2.jpg']);
		expect(new Set(items.map(({ json }) => json.url)).size).toBe(3);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(Array(3).fill({ item: 0 }));
	});

	it('works with Automatic, for which the editor hides what some models lack', async () => {
		const model = { __rl: true, mode: 'list', value: 'automatic' };
		expect(await bench.items({ ...three(), model })).toHaveLength(3);
	});

	it('is n where the gateway supports it', async () => {
		const model = 'doubao-seedream-3-0-t2i-250415';
		const values = parameters('textToImage', model, { options: { numberOfImages: 3 } });
		const items = await bench.items(values, { credentials: bench.credentials('routescope') });
		expect(bench.bodies()).toEqual([
			{
				model,
				prompt: TINY,
				n: 3,
				response_format: 'url',
				size: '1024x1024',
				watermark: false,
			},
		]);
		expect(items).toHaveLength(3);
	});

	it.each(['gateway002', 'other'] as const)('is that many requests at %s', async (gateway) => {
		const credentials = bench.credentials(gateway === 'other' ? 'new-api' : gateway);
		await bench.items(three(), { credentials });
		const n = gateway === 'gateway002' ? 1 : undefined;
		expect(bench.bodies().map((body) => body.n)).toEqual([n, n, n]);
	});

	it('is that many sets in an image set, numbered on', async () => {
		const set = parameters('imageSet', MODEL, { maxImages: 2, options: { numberOfImages: 2 } });
		const items = await bench.items(set);
		expect(bench.bodies()).toHaveLength(2);
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2, 3]);
	});

	it('warns once of a seed that all requests share', async () => {
		const model = 'doubao-seedream-3-0-t2i-250415';
		const items = await bench.items(
			parameters('textToImage', model, { options: { numberOfImages: 2, seed: 7 } }),
		);
		expect(items.map(({ json }) => json.warnings)).toEqual([
			[
				'Each of the 2 requests has the seed 7, so their images may be alike. Set Seed to -1 for different ones.',
				'The image is 16x16 pixels; 1024x1024 was requested.',
			],
			['The image is 16x16 pixels; 1024x1024 was requested.'],
		]);
	});

	it('counts for Max Images per Run, and Preview says how often the request is sent', async () => {
		const { message } = await bench.refusal(three({ options: { maxImagesPerRun: 2 } }));
		expect(message).toBe(
			'This run would generate up to 3 images, more than the 2 of Max Images per Run [item 0]',
		);
		const previews = await bench.items(three({ options: { previewRequest: true } }));
		expect(previews.map(({ json }) => [json.requests, json.maxImages])).toEqual([[3, 3]]);
	});

	it('puts all images into one item, with their usage added up', async () => {
		const [item, ...more] = await bench.items(three({ options: { output: 'singleItem' } }));
		expect(more).toEqual([]);
		expect(Object.keys(item.binary ?? {})).toEqual(['data', 'data_1', 'data_2']);
		expect((item.json.images as unknown[]).length).toBe(3);
		expect(item.json.usage).toMatchObject({ generated_images: 3 });
		expect(new Set(item.json.requestIds as string[]).size).toBe(3);
	});

	it('sends 19 requests for 5 items of 3 images of which 4 are refused once', async () => {
		hurry();
		const refused = { on: 'request', status: 429, code: 'ServerOverloaded' } as const;
		for (const nth of [2, 5, 8, 11]) bench.gateway.inject({ ...refused, nth });
		const items = await bench.items(three(), { items: Array(5).fill({ json: {} }) });
		expect(items).toHaveLength(15);
		expect(bench.bodies()).toHaveLength(19);
		expect(bench.gateway.ledger.images).toHaveLength(15);
	});
});

/** A refused prompt among others; the second request of its item in a run of three. */
const FILTERED = {
	on: 'request',
	status: 400,
	code: 'InputTextSensitiveContentDetected',
	message: 'The request failed because the input text may contain sensitive information.',
	nth: 2,
} as const;

describe('Number of Images, when one of the requests fails', () => {
	const filtered = 'The content filter rejected this prompt [item 0]';

	it('with On Error: Continue the other images and the failure are items', async () => {
		bench.gateway.inject(FILTERED);
		const { items, error } = await bench.run(three(), {
			settings: { onError: 'continueRegularOutput' },
		});
		expect(error).toBeUndefined();
		expect(items.map(({ json }) => json.error)).toEqual([undefined, filtered, undefined]);
		expect(bench.gateway.ledger.images).toHaveLength(2);
		expect(items.filter(({ binary }) => binary)).toHaveLength(2);
	});

	it('without, the message has the URLs of the other images', async () => {
		bench.gateway.inject(FILTERED);
		const { error } = await bench.run(three({ options: {}, advanced: { concurrentRequests: 1 } }));
		expect(error?.message).toBe(filtered);
		const urls = bench.gateway.ledger.images.map(({ url }) => url);
		expect(urls).toHaveLength(1);
		expect(error?.description).toContain(`<a href="${urls[0]}" target="_blank">`);
	});

	it('with Retry On Fail the images that exist are not generated again', async () => {
		bench.gateway.inject(FILTERED);
		const settings = { retryOnFail: true, maxTries: 2, waitBetweenTries: 0 };
		const items = await bench.items(three(), { settings });
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2]);
		expect(bench.bodies()).toHaveLength(4);
		expect(bench.gateway.ledger.images).toHaveLength(3);
	});

	it('when the run is cancelled, what was billed is in the log or in the items', async () => {
		bench.gateway.inject({ on: 'request', nth: 2, delay: 300 });
		let cancel = () => {};
		const running = bench.run(three({ options: {}, advanced: { concurrentRequests: 1 } }), {
			onStart: (stop) => (cancel = stop),
		});
		setTimeout(() => cancel(), 150);
		await running;
		expect(bench.bodies().length).toBeLessThan(3);
	});
});

describe('Images of All Input Items', () => {
	const all = (more: INodeParameters = {}) =>
		parameters('imageToImage', MODEL, {
			referenceImages: { image: [{ source: 'allItems' }] },
			...more,
		});

	async function inputs(count: number): Promise<INodeExecutionData[]> {
		return await Promise.all(
			Array.from({ length: count }, async (_, i) =>
				itemWith(
					{
						data: { bytes: await picture(32 + i), mimeType: 'image/png', fileName: `pic${i}.png` },
					},
					{ sku: `S${i}` },
				),
			),
		);
	}

	const uri = async (width: number) =>
		`data:image/png;base64,${(await picture(width)).toString('base64')}`;

	it('is one request with the images of all items in their order, paired with all', async () => {
		const [item, ...more] = await bench.items(all({ prompt: '={{ $json.sku }} [pixels:16x16]' }), {
			items: await inputs(3),
		});
		expect(more).toEqual([]);
		expect(bench.bodies()).toEqual([
			{
				model: MODEL,
				prompt: 'S0 [pixels:16x16]',
				image: [await uri(32), await uri(33), await uri(34)],
				response_format: 'url',
				size: '2K',
				watermark: false,
			},
		]);
		expect(item.pairedItem).toEqual([{ item: 0 }, { item: 1 }, { item: 2 }]);
	});

	it.each([
		['Execute Once', { executeOnce: true }],
		['On Error: Continue', { onError: 'continueRegularOutput' as const }],
		['Retry On Fail', { retryOnFail: true, waitBetweenTries: 0 }],
	])('works with %s', async (_name, settings) => {
		if ('retryOnFail' in settings) bench.gateway.inject({ ...FILTERED, nth: 1 });
		const items = await bench.items(all(), { items: await inputs(2), settings });
		expect(items).toHaveLength(1);
		expect(bench.bodies().at(-1)?.image).toEqual([await uri(32), await uri(33)]);
		expect(bench.gateway.ledger.images).toHaveLength(1);
	});

	it('stands beside other sources, with Max Images per Run and Preview', async () => {
		const image = [
			{ source: 'allItems' },
			{ source: 'url', url: bench.gateway.url + '/samples/64x64.png' },
		];
		const options = { maxImagesPerRun: 1, previewRequest: true };
		const [{ json }, ...more] = await bench.items(all({ referenceImages: { image }, options }), {
			items: await inputs(2),
		});
		expect(more).toEqual([]);
		expect((json.body as { image: string[] }).image).toHaveLength(3);
	});

	it('checks the limit of references over all items', async () => {
		const { message } = await bench.refusal(all(), { items: await inputs(15) });
		expect(message).toMatch(/^15 Reference Images are too many for Seedream 4.0/);
	});

	it('names the item and the field of a file that is no image', async () => {
		const items = await inputs(2);
		const bad = itemWith({ photo: { bytes: Buffer.from('text'), mimeType: 'image/png' } });
		const { message } = await bench.refusal(all(), { items: [...items, bad] });
		expect(message).toBe(
			'Reference Images: image 3 (field “photo” of item 2) is not an image [item 0]',
		);
	});

	it('is refused from an expression, which other items would not know of', async () => {
		const image = [{ source: '={{ "allItems" }}' }];
		const { message } = await bench.refusal(all({ referenceImages: { image } }));
		expect(message).toBe('Reference Images: “allItems” is not a Source [item 0]');
	});
});
