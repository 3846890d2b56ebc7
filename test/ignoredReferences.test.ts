import type { INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import { DATA_FIELD, IDS, parameters, picture, urls, useGateway } from './support';

const bench = useGateway();

/** A response of one image whose `usage` is given, whatever was sent. */
function respondWith(usage: object | undefined): void {
	const url = `${bench.gateway.url}/samples/16x16.png`;
	bench.gateway.inject({ on: 'request', body: JSON.stringify({ data: [{ url }], usage }) });
}

const REFERENCES = urls('https://example.com/1.png', 'https://example.com/2.png');

/** Warnings of the one item that an Image-to-Image run with two references puts out. */
async function warnings(more: INodeParameters = {}): Promise<unknown> {
	const values = { referenceImages: REFERENCES, ...more };
	const [item] = await bench.items(parameters('imageToImage', IDS['5.0-pro'], values));
	return item.json.warnings;
}

it.each([
	[0, 'The gateway ignored 2 reference images: 2 sent, 0 used (usage.input_images).'],
	[1, 'The gateway ignored 1 reference image: 2 sent, 1 used (usage.input_images).'],
])('an item carries a warning when only %i of 2 references were used', async (used, warning) => {
	respondWith({ generated_images: 1, input_images: used });
	expect(await warnings()).toEqual([warning]);
});

it.each([
	['all references were used', { generated_images: 1, input_images: 2 }],
	['the response does not count references', { generated_images: 1 }],
	['the response has no usage', undefined],
	['the count is not a number', { input_images: null }],
])('an item carries no warning when %s', async (_, usage) => {
	respondWith(usage);
	expect(await warnings()).toBeUndefined();
});

it('counts the references that Additional Body Fields set', async () => {
	respondWith({ generated_images: 1, input_images: 1 });
	const image = 'https://example.com/3.png';
	expect(await warnings({ advanced: { additionalBodyFields: { image } } })).toBeUndefined();
});

it.each(['5.0-pro', '5.0-flash'] as const)(
	'the stand-in gateway counts the references that %s used',
	async (family) => {
		const item = itemWith({ data: { bytes: await picture(), mimeType: 'image/png' } });
		const values = parameters('imageToImage', IDS[family], { referenceImages: DATA_FIELD });
		const [{ json }] = await bench.items(values, { items: [item] });
		expect(json).toMatchObject({ usage: { input_images: 1 } });
		expect(json).not.toHaveProperty('warnings');
	},
);
