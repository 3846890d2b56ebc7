import type { INodeParameters } from 'n8n-workflow';

import { IDS, parameters, useGateway } from './support';

const bench = useGateway();

const set = (advanced: INodeParameters, options: INodeParameters = {}) =>
	parameters('imageSet', IDS['4.0'], { maxImages: 4, advanced, options });

const CODE = 'OutputImageSensitiveContentDetected';

describe.each<[string, INodeParameters]>([
	['as JSON', { stream: 'off' }],
	['as a stream', { stream: 'on' }],
	['as base64', { stream: 'off', responseFormat: 'b64_json' }],
	['as a stream of base64', { stream: 'on', responseFormat: 'b64_json' }],
])('a set %s', (_, advanced) => {
	const moderate = (...places: number[]) =>
		bench.gateway.inject({ on: 'request', moderate: places });

	it('keeps the other images when one is moderated, with a warning', async () => {
		moderate(1);
		const items = await bench.items(set(advanced));
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
		moderate(1);
		const { outputs } = await bench.run(set(advanced), { settings: { onError } });
		expect(outputs.map(({ length }) => length)).toEqual(counts);
		expect(outputs.flat().at(-1)).toMatchObject({
			json: {
				error: expect.stringMatching(/^Image 1 was not generated: /) as string,
				details: { code: CODE, index: 1, requestId: bench.gateway.ledger.requests[0].id },
			},
			pairedItem: { item: 0 },
		});
		expect(outputs[0][0].json.warnings).toBeUndefined();
	});

	it('fails as a whole if the user chose that, once, with the URLs of the other images', async () => {
		moderate(1);
		const { error, items } = await bench.run(set(advanced, { failedImages: 'fail' }), {
			settings: { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
		});
		expect(items).toEqual([]);
		expect(error?.message).toMatch(/^1 of 4 images of the set were not generated\. Image 1 /);
		const urls = bench.gateway.ledger.images.flatMap(({ url }) => url ?? []);
		for (const url of urls) expect(error?.description).toContain(url);
		expect(bench.bodies()).toHaveLength(1);
	});

	it('fails when all images are moderated', async () => {
		moderate(0, 1, 2, 3);
		const { error } = await bench.run(set(advanced));
		expect(error?.message).toMatch(/the content filter rejected the generated image \[item 0\]$/i);
		expect(error?.description).toMatch(
			/^Change the prompt.*\nProvider: .*may contain sensitive information.*Code: OutputImageSens/s,
		);
		expect(bench.bodies()).toHaveLength(1);
	});
});

it('the message of a set without an image says how many failed', async () => {
	const data = [0, 1, 2].map(() => ({ error: { code: CODE, message: 'Refused.' } }));
	bench.gateway.inject({ on: 'request', body: JSON.stringify({ data }) });
	const { error } = await bench.run(set({ stream: 'off' }));
	expect(error?.message).toBe(
		'None of the 3 images was generated: the content filter rejected the generated image [item 0]',
	);
	expect(error?.description).toMatch(/^Change the prompt.*\nProvider: Refused\./s);
});

it('a stream that is cut short keeps its images', async () => {
	bench.gateway.inject({ on: 'request', stream: { cutAfterImages: 3 } });
	const items = await bench.items(set({ stream: 'on' }));
	expect(items.map(({ binary }) => !!binary)).toEqual([true, true, true]);
	expect(items[0].json.warnings).toEqual([
		expect.stringMatching(/^The response was cut short .* may have been generated and charged/),
	]);
});
