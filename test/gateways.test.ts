import { bytesOf, IDS, parameters, TINY, useGateway } from './support';
import type { ProfileName } from './gateway';

const bench = useGateway();

const MODEL = IDS['4.5'];
const SET = {
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 3 },
};
const BODY = { model: MODEL, prompt: TINY, size: '2K', response_format: 'url', watermark: false };

const DECIDED = 'The model decides how many it generates.';
const DROPPED =
	'Many gateways silently drop sequential_image_generation: if a set is always one image,';

describe('new-api, the engine behind many gateways', () => {
	const set = parameters('imageSet', MODEL, { maxImages: 3 });

	it('drops the parameters of a set: one image is returned, with a warning that says what to change', async () => {
		const items = await bench.items(set, { credentials: bench.credentials('new-api') });
		expect(bench.bodies()).toEqual([{ ...BODY, ...SET }]);
		expect(items.map(({ json }) => json.warnings)).toEqual([
			[
				`Requested 3 images, received 1. ${DECIDED} ${DROPPED} set Provider to Other in the credential and Seedream Parameters to Both.`,
			],
		]);
		expect(bench.gateway.ledger.images).toHaveLength(1);
	});

	it.each([
		['both', { ...BODY, ...SET, extra_fields: SET }],
		['extraFields', { ...BODY, extra_fields: SET }],
	])('returns the whole set with Seedream Parameters: %s', async (placement, body) => {
		// By its host, which nobody knows.
		const credentials = bench.credentials('new-api', { provider: 'automatic', placement });
		const items = await bench.items(set, { credentials });
		expect(bench.bodies()).toEqual([body]);
		expect(items.map(({ json }) => [json.index, json.warnings])).toEqual([
			[0, undefined],
			[1, undefined],
			[2, undefined],
		]);
	});

	it.each(['url', 'b64_json'])(
		'puts empty texts in place of absent fields, which are ignored (%s)',
		async (responseFormat) => {
			const values = parameters('textToImage', MODEL, { advanced: { responseFormat } });
			const [item] = await bench.items(values, { credentials: bench.credentials('new-api') });
			const [{ id }] = bench.gateway.ledger.requests;
			const [{ url }] = bench.gateway.ledger.images;
			expect(item.json).toEqual({
				index: 0,
				model: MODEL,
				prompt: TINY,
				created: expect.any(Number) as number,
				requestId: id,
				size: '16x16',
				width: 16,
				height: 16,
				mimeType: 'image/jpeg',
				fileName: item.binary?.data.fileName,
				...(responseFormat === 'url' ? { url } : {}),
			});
			expect(bytesOf(item).subarray(0, 3).toString('hex')).toBe('ffd8ff');
		},
	);
});

it.each<[ProfileName, placement: string, advice: string]>([
	['volcengine', 'topLevel', ''],
	[
		'deerapi',
		'topLevel',
		` ${DROPPED} set Provider to Other in the credential and Seedream Parameters to Both.`,
	],
	// The advice was followed already.
	['new-api', 'both', ` ${DROPPED} ask its operator to let the field through.`],
])('a set of which %s returns one image has a warning (%s)', async (gateway, placement, advice) => {
	const prompt = `${TINY} [images:1]`;
	const values = parameters('imageSet', IDS['5.0-lite'], { maxImages: 3, prompt });
	const credentials = bench.credentials(gateway, { placement });
	const items = await bench.items(values, { credentials });
	expect(items.map(({ json }) => json.warnings)).toEqual([
		[`Requested 3 images, received 1. ${DECIDED}${advice}`],
	]);
});

it('the raw response of a stream is the list of its events', async () => {
	const values = parameters('imageSet', MODEL, { maxImages: 2, advanced: { simplify: false } });
	const items = await bench.items(values);
	expect(bench.bodies()).toHaveProperty([0, 'stream'], true);
	const [first, second] = items.map(({ json }) => json.url);
	expect(items[0].json.response).toMatchObject([
		{ type: 'image_generation.partial_succeeded', image_index: 0, url: first },
		{ type: 'image_generation.partial_succeeded', image_index: 1, url: second },
		{ type: 'image_generation.completed', usage: { generated_images: 2 } },
	]);
});
