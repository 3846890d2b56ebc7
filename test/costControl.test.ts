import { itemWith } from './engine';
import { IDS, KEY, parameters, picture, TINY, useGateway } from './support';

const bench = useGateway();

const items = (count: number) => Array.from({ length: count }, (_, n) => ({ json: { n } }));

describe('Preview Request', () => {
	it('returns the request with shortened references and without the key', async () => {
		const bytes = await picture();
		const values = parameters('imageSet', IDS['4.5'], {
			maxImages: 3,
			referenceImages: {
				image: [
					{ source: 'binary', binaryPropertyName: 'data' },
					{ source: 'url', url: 'https://example.com/a.png' },
				],
			},
			options: { previewRequest: true, style: 'vivid' },
		});
		const result = await bench.run(values, {
			items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
		});
		expect(result.items).toEqual([
			{
				json: {
					method: 'POST',
					url: `${bench.credentials().baseUrl.replace(/\/api\/v3$/, '')}/api/v3/images/generations`,
					gateway: 'Volcengine Ark',
					modelFamily: 'Seedream 4.5',
					body: {
						model: IDS['4.5'],
						prompt: TINY,
						size: '2K',
						response_format: 'url',
						watermark: false,
						sequential_image_generation: 'auto',
						sequential_image_generation_options: { max_images: 3 },
						stream: true,
						image: [
							`data:image/png;base64,… (${Math.ceil((bytes.toString('base64').length * 3) / 4 / 1000)} kB)`,
							'https://example.com/a.png',
						],
					},
					maxImages: 3,
					warnings: ['Style was not sent: Volcengine Ark does not list it.'],
				},
				pairedItem: { item: 0 },
			},
		]);
		expect(JSON.stringify(result.items)).not.toContain(KEY);
		expect(bench.gateway.ledger.requests).toEqual([]);
	});

	it('still rejects invalid input', async () => {
		const { error } = await bench.run(
			parameters('textToImage', IDS['4.5'], { prompt: ' ', options: { previewRequest: true } }),
		);
		expect(error?.message).toBe('The Prompt is empty [item 0]');
	});
});

describe('Max Images per Run', () => {
	const set = (maxImagesPerRun: number) =>
		parameters('imageSet', IDS['4.0'], {
			maxImages: 2,
			options: { maxImagesPerRun, concurrentRequests: 1 },
		});

	it('stops a run that would generate more before anything is sent', async () => {
		const { error } = await bench.run(set(5), { items: items(3) });
		expect(error?.message).toBe(
			'This run would generate up to 6 images, more than the 5 of Max Images per Run [item 0]',
		);
		expect(error?.description).toContain('Nothing was sent.');
		expect(bench.gateway.ledger.requests).toEqual([]);
	});

	it('allows a run that generates exactly that many', async () => {
		const result = await bench.run(set(6), { items: items(3) });
		expect(result.error).toBeUndefined();
		expect(result.items).toHaveLength(6);
	});

	it.each([
		['={{ "ten" }}', 'ten'],
		['={{ "" }}', 'empty'],
		['={{ null }}', 'empty'],
		['={{ $json.nothing }}', 'empty'],
		[-1, '-1'],
	])('rejects %s, which is not a limit', async (maxImagesPerRun, shown) => {
		const options = { maxImagesPerRun };
		const values = parameters('textToImage', IDS['4.0'], { options });
		const { message } = await bench.refusal(values);
		expect(message).toBe(`Max Images per Run is ${shown} [item 0]`);
	});

	it('counts 15 images for a set without a number', async () => {
		const additionalBodyFields = '{"sequential_image_generation":"auto"}';
		const options = { maxImagesPerRun: 14, additionalBodyFields };
		const values = parameters('textToImage', IDS['4.0'], { options });
		const { message } = await bench.refusal(values);
		expect(message).toContain('would generate up to 15 images');
	});

	it('adds up items that request different numbers', async () => {
		// 29 / 7 * 7 is a little more than 29.
		const counts = [4, 4, 4, 4, 4, 4, 5];
		const { error } = await bench.run(
			parameters('imageSet', IDS['4.0'], {
				prompt: 'foxes [pixels:64x48]',
				maxImages: '={{ $json.images }}',
				options: { maxImagesPerRun: 29 },
			}),
			{ items: counts.map((images) => ({ json: { images } })) },
		);
		expect(error).toBeUndefined();
		expect(bench.gateway.ledger.images).toHaveLength(29);
	});

	it.each([{}, { onError: 'continueRegularOutput' } as const])(
		'counts the items of all batches (%o)',
		async (settings) => {
			const requestOptions = { batching: { batch: { batchSize: 1, batchInterval: 50 } } };
			const batched = (limit: number) => ({ ...set(limit), requestOptions });
			const refused = await bench.run(batched(5), { items: items(3), settings });
			expect(JSON.stringify(refused.error ?? refused.items)).toContain(
				'This run would generate up to 6 images',
			);
			expect(bench.gateway.ledger.requests).toEqual([]);
			const through = await bench.run(batched(6), { items: items(3), settings });
			expect(through.items).toHaveLength(6);
		},
	);

	it('counts the items of later batches before the first is sent', async () => {
		const { error } = await bench.run(
			parameters('imageSet', IDS['4.0'], {
				maxImages: '={{ $json.images }}',
				options: { maxImagesPerRun: 5 },
				requestOptions: { batching: { batch: { batchSize: 1, batchInterval: 200 } } },
			}),
			{ items: [1, 1, 9].map((images) => ({ json: { images } })) },
		);
		expect(error?.message).toContain('This run would generate up to 11 images');
		expect(error?.description).toContain('Nothing was sent.');
		expect(bench.gateway.ledger.requests).toEqual([]);
	});

	it('counts all items also with On Error: Continue', async () => {
		const { items: out } = await bench.run(set(5), {
			items: items(3),
			settings: { onError: 'continueRegularOutput' },
		});
		expect(out.map(({ json }) => String(json.error))).toEqual([
			expect.stringContaining('up to 6 images'),
			expect.stringContaining('up to 6 images'),
			expect.stringContaining('up to 6 images'),
		]);
		expect(bench.gateway.ledger.requests).toEqual([]);
	});
});
