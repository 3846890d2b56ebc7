import type { INodeParameters } from 'n8n-workflow';

import { IDS, parameters, useGateway } from './support';

const bench = useGateway();

const set = (options: INodeParameters = {}) =>
	parameters('imageSet', IDS['4.0'], { maxImages: 4, options });

const CODE = 'OutputImageSensitiveContentDetected';

describe.each([
	['as JSON', { stream: 'off' }],
	['streamed', { stream: 'on' }],
	['as base64', { stream: 'off', responseFormat: 'b64_json' }],
	['streamed as base64', { stream: 'on', responseFormat: 'b64_json' }],
])('a set %s of which moderation rejects one image', (_, options) => {
	beforeEach(() => bench.gateway.inject({ on: 'request', moderate: [1] }));

	it('keeps the other images, with a warning', async () => {
		const items = await bench.items(set(options));
		expect(items.map(({ json, binary }) => [json.index, !!binary])).toEqual([
			[0, true],
			[2, true],
			[3, true],
		]);
		expect(items[0].json.warnings).toEqual([
			expect.stringMatching(new RegExp(`^Image 1 was not generated: ${CODE}: .+\\.$`)),
		]);
	});

	it.each([
		['continueRegularOutput', [4]],
		['continueErrorOutput', [3, 1]],
	] as const)('has an error item for it with On Error: %s', async (onError, counts) => {
		const { outputs } = await bench.run(set(options), { settings: { onError } });
		expect(outputs.map(({ length }) => length)).toEqual(counts);
		const [request] = bench.gateway.ledger.requests;
		expect(outputs.flat().at(-1)).toMatchObject({
			json: {
				error: expect.stringMatching(/^Image 1 was not generated: /) as string,
				details: { code: CODE, index: 1, requestId: request.id },
			},
			pairedItem: { item: 0 },
		});
		expect(outputs[0][0].json.warnings).toBeUndefined();
	});

	it('fails as a whole if the user chose that, with the URLs of the other images', async () => {
		const values = set({ ...options, failedImages: 'fail' });
		const { error, items } = await bench.run(values, {
			settings: { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
		});
		expect(items).toEqual([]);
		expect(error?.message).toMatch(/^1 of 4 images of the set were not generated\. Image 1 /);
		const urls = bench.gateway.ledger.images.flatMap(({ url }) => url ?? []);
		for (const url of urls) expect(error?.description).toContain(url);
		expect(bench.bodies()).toHaveLength(1);
	});
});

describe.each([
	['as JSON', { stream: 'off' }],
	['streamed', { stream: 'on' }],
])('a set %s of which moderation rejects all images', (_, options) => {
	beforeEach(() => bench.gateway.inject({ on: 'request', moderate: [0, 1, 2, 3] }));

	it('fails with the first cause', async () => {
		const { error } = await bench.run(set(options));
		expect(error?.message).toContain('may contain sensitive information');
		expect(error?.description).toMatch(/content filter.*Code: OutputImageSensitive/s);
		expect(bench.bodies()).toHaveLength(1);
	});

	it('is one error item with On Error set to continue', async () => {
		const { items } = await bench.run(set(options), {
			settings: { onError: 'continueRegularOutput' },
		});
		expect(items).toEqual([
			{
				json: {
					error: expect.stringContaining('may contain sensitive information') as string,
					message: expect.any(String) as string,
					details: expect.objectContaining({ code: CODE }) as object,
				},
				pairedItem: { item: 0 },
			},
		]);
	});
});

it('says how many images failed when none was generated', async () => {
	const data = [0, 1, 2].map(() => ({ error: { code: CODE, message: 'Refused.' } }));
	bench.gateway.inject({ on: 'request', body: JSON.stringify({ data }) });
	const { error } = await bench.run(set({ stream: 'off' }));
	expect(error?.message).toBe('None of the 3 images was generated: Refused. [item 0]');
});

it('keeps the images of a stream that is cut short', async () => {
	bench.gateway.inject({ on: 'request', stream: { cutAfterImages: 3 } });
	const items = await bench.items(set({ stream: 'on' }));
	expect(items.map(({ binary }) => !!binary)).toEqual([true, true, true]);
	expect(items[0].json.warnings).toEqual([
		expect.stringMatching(/^The response was cut short .* may have been generated and charged/),
	]);
});
