import type { INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import { IDS, parameters, picture, TINY, urls, useGateway } from './support';
import { slug } from '../nodes/Seedream/response/fileName';

const bench = useGateway();

const { '4.0': MODEL } = IDS;
const text = (options: INodeParameters = {}, more: INodeParameters = {}) =>
	parameters('textToImage', MODEL, { options, ...more });

const ROW = { sku: 'A-1', title: 'Lamp', prompt: 'of the sheet' };

describe('Include Input Fields', () => {
	it.each([
		['all, under the output’s own fields', '*', { sku: 'A-1', title: 'Lamp', prompt: TINY }],
		['the named ones', 'sku, missing', { sku: 'A-1', title: undefined, prompt: TINY }],
		['none where the option is not set', undefined, { sku: undefined, prompt: TINY }],
	])('copies %s', async (_name, includeInputFields, expected) => {
		const options = includeInputFields === undefined ? {} : { includeInputFields };
		const [{ json }] = await bench.items(text(options), { items: [{ json: ROW }] });
		expect({ sku: json.sku, title: json.title, prompt: json.prompt }).toEqual({
			title: undefined,
			...expected,
		});
	});

	it('keeps warnings first', async () => {
		const [{ json }] = await bench.items(
			parameters('textToImage', IDS['3.0'], { options: { includeInputFields: '*' } }),
			{ items: [{ json: ROW }] },
		);
		expect(Object.keys(json).slice(0, 2)).toEqual(['warnings', 'sku']);
	});

	it.each(['continueRegularOutput', 'continueErrorOutput'] as const)(
		'copies them to failed items too, with On Error: %s',
		async (onError) => {
			bench.gateway.inject({ on: 'request', status: 400, code: 'InvalidParameter', message: 'no' });
			const { items } = await bench.run(text({ includeInputFields: 'sku' }), {
				items: [{ json: ROW }],
				settings: { onError },
			});
			expect(items).toHaveLength(1);
			expect(items[0].json).toMatchObject({
				sku: 'A-1',
				error: 'The provider rejected a parameter [item 0]',
				details: { code: 'InvalidParameter', status: 400, prompt: TINY },
			});
		},
	);
});

describe('File Name', () => {
	it.each([
		['A red bicycle, on a wall!', 'red-bicycle-on-a-wall'],
		['the', 'the'],
		['红色自行车，靠在墙上', '红色自行车-靠在墙上'],
		['Ein Café in Köln', 'ein-café-in-köln'],
		['<bbox>1 2 3 4</bbox> bottle', 'bottle'],
		['word '.repeat(30), 'word-word-word-word-word-word-word-word'],
		['x'.repeat(99), 'x'.repeat(40)],
		['🦊🦊', ''],
	])('shortens the prompt “%s” to “%s”', (prompt, expected) => {
		expect(slug(prompt)).toBe(expected);
	});

	it('begins with the prompt by default', async () => {
		const [{ binary }] = await bench.items(text({}, { prompt: 'A red bicycle [pixels:16x16]' }));
		expect(binary?.data.fileName).toMatch(
			/^red-bicycle-pixels-16x16-\d{4}-\d\d-\d\d_[\d-]+-0-0\.jpg$/,
		);
	});

	it.each([
		['the file', { image: [{ source: 'allBinary' }] }, 'lamp-edited.jpg'],
		['the URL', undefined, '64x48-edited.jpg'],
	])('{name} is that of %s the image is made from', async (_name, references, expected) => {
		const bytes = await picture();
		const file = { bytes, mimeType: 'image/png', fileName: 'lamp.png' };
		const referenceImages = references ?? urls(`${bench.gateway.url}/samples/64x48.png?v=1`);
		const [{ binary }] = await bench.items(
			parameters('imageToImage', MODEL, {
				referenceImages,
				options: { fileName: '{name}-edited' },
			}),
			{ items: [itemWith({ data: file })] },
		);
		expect(binary?.data.fileName).toBe(expected);
	});
});

describe('Link to File', () => {
	it('says why there is no link where n8n keeps files in memory', async () => {
		const [{ json }] = await bench.items(text({ linkToFile: 7 }));
		expect(json.fileUrl).toBeUndefined();
		expect(json.warnings).toEqual([
			'Link to File has no effect: n8n keeps files in memory here, or Download Images is off. Ask your administrator for N8N_DEFAULT_BINARY_DATA_MODE=filesystem.',
		]);
	});
});

describe('token usage', () => {
	it('is reported of a set that fails for a missing image, and not again by Retry On Fail', async () => {
		bench.gateway.inject({ on: 'request', moderate: [1] });
		const values = parameters('imageSet', MODEL, {
			maxImages: 2,
			options: { failedImages: 'fail' },
		});
		const { run, error } = await bench.run(values, {
			settings: { retryOnFail: true, maxTries: 2, waitBetweenTries: 0 },
		});
		expect(error?.message).toMatch(/^1 of 2 images of the set were not generated/);
		const [task] = run.data.resultData.runData.Seedream;
		expect(task.metadata?.tokenUsage).toEqual({ inputTokens: 0, outputTokens: 1 });
	});

	it('is reported to n8n once for each request', async () => {
		const { items, run } = await bench.run(
			parameters('imageSet', MODEL, { maxImages: 2, options: { numberOfImages: 2 } }),
		);
		const usages = items.flatMap(({ json }) => (json.usage as { output_tokens: number }) ?? []);
		expect(usages).toHaveLength(2);
		const [task] = run.data.resultData.runData.Seedream;
		expect(task.metadata?.tokenUsage).toEqual({
			inputTokens: 0,
			outputTokens: usages[0].output_tokens + usages[1].output_tokens,
		});
	});
});
