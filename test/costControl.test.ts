import { itemWith, type NodeRun } from './engine';
import { IDS, KEY, parameters, picture, TINY, useGateway } from './support';

const bench = useGateway();

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
			options: { previewRequest: true },
			advanced: { style: 'vivid' },
		});
		const result = await bench.run(values, {
			items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
		});
		expect(result.items).toEqual([
			{
				json: {
					method: 'POST',
					url: `${bench.credentials().baseUrl}/images/generations`,
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
					requests: 1,
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
	const CONTINUE = { onError: 'continueRegularOutput' } as const;
	const BATCHING = { batching: { batch: { batchSize: 1, batchInterval: 20 } } };

	/** Runs sets of so many images each. */
	async function runSets(
		counts: number[],
		maxImagesPerRun: number,
		more: Partial<NodeRun> = {},
		requestOptions = {},
	) {
		const values = parameters('imageSet', IDS['4.0'], {
			maxImages: '={{ $json.images }}',
			options: { maxImagesPerRun },
			requestOptions,
		});
		const items = counts.map((images) => ({ json: { images } }));
		return await bench.run(values, { items, ...more });
	}

	it.each([
		['equal sets', [2, 2, 2], 6],
		// 29 / 7 * 7 is a little more than 29.
		['different sets', [4, 4, 4, 4, 4, 4, 5], 29],
	])('allows exactly that many: %s', async (_, counts, total) => {
		const { error, items } = await runSets(counts, total);
		expect([error, items.length]).toEqual([undefined, total]);
	});

	it.each<[string, Partial<NodeRun>, object]>([
		['in one go', {}, {}],
		['in batches', {}, BATCHING],
		['with On Error: Continue', { settings: CONTINUE }, {}],
		['with On Error: Continue, in batches', { settings: CONTINUE }, BATCHING],
	])(
		'stops a run that would generate more before anything is sent, %s',
		async (_, more, batching) => {
			const { error, items } = await runSets([1, 1, 4], 5, more, batching);
			const message =
				'This run would generate up to 6 images, more than the 5 of Max Images per Run [item 0]';
			const messages = more.settings ? items.map(({ json }) => json.error) : [error?.message];
			expect(messages).toEqual(
				more.settings ? [0, 1, 2].map((i) => message.replace('0]', `${i}]`)) : [message],
			);
			expect(error?.description ?? items[0].json.message).toMatch(
				/^Nothing was sent\. Input items: 3\./,
			);
			expect(bench.gateway.ledger.requests).toEqual([]);
		},
	);

	it.each([
		['={{ "ten" }}', 'ten'],
		['={{ "" }}', 'empty'],
		['={{ null }}', 'empty'],
		['={{ $json.nothing }}', 'empty'],
		[-1, '-1'],
	])('rejects %s, which is not a limit', async (maxImagesPerRun, shown) => {
		const values = parameters('textToImage', IDS['4.0'], { options: { maxImagesPerRun } });
		const { message } = await bench.refusal(values);
		expect(message).toBe(`Max Images per Run is ${shown} [item 0]`);
	});

	it('counts 15 images for a set without a number', async () => {
		const additionalBodyFields = '{"sequential_image_generation":"auto"}';
		const more = { options: { maxImagesPerRun: 14 }, advanced: { additionalBodyFields } };
		const { message } = await bench.refusal(parameters('textToImage', IDS['4.0'], more));
		expect(message).toContain('would generate up to 15 images');
	});
});
