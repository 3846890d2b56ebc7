import type { IDataObject, INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import type { ProfileName } from './gateway';
import {
	byId,
	DATA_FIELD,
	dataUri,
	FAMILIES,
	IDS,
	parameters,
	picture,
	TINY,
	urls,
	useGateway,
	type Family,
} from './support';

const bench = useGateway();

type Operation = 'textToImage' | 'imageToImage' | 'imageSet';
const ABLE: Record<Operation, Family[]> = {
	textToImage: ['5.5', '5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0', '3.0'],
	imageToImage: ['5.5', '5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0', 'seededit-3.0'],
	imageSet: ['5.0-lite', '4.5', '4.0'],
};

/** What `size` is when the user leaves the size fields alone. */
const DEFAULT_SIZE: Record<Family, string> = {
	'5.5': '2K',
	'5.0-pro': '2K',
	'5.0-flash': '2K',
	'5.0-lite': '2K',
	'4.5': '2K',
	'4.0': '2K',
	'3.0': '1024x1024',
	'seededit-3.0': 'adaptive',
};

const SET = {
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 4 },
};

/** Where the document offers streams, sets come as one. */
const STREAMED_SET = { ...SET, stream: true };

/** What a gateway's document wants otherwise than the first party does, for default parameters. */
interface Difference {
	/** Families whose ids the document names; absent: all of them. */
	families?: Family[];
	imageIsArray?: true;
	pixels?: true;
	always?: object;
	set?: object | 'none';
}

const OTHERS: Record<string, Difference> = {
	volcengine: { set: STREAMED_SET },
	other: {},
	deerapi: { families: ['5.0-lite'], imageIsArray: true },
	gateway001: { families: ['5.0-lite', '4.5', '4.0', '3.0', 'seededit-3.0'] },
	gateway002: {
		families: ['5.0-lite', '4.5', '4.0'],
		imageIsArray: true,
		pixels: true,
		always: { n: 1 },
		set: 'none',
	},
	routescope: { families: ['5.0-lite', '4.5', '4.0', '3.0'], set: STREAMED_SET },
	unode: { families: ['5.0-lite', '4.5'], set: { extra_fields: SET } },
};

function defaultBody(
	operation: Operation,
	family: Family,
	image: string,
	difference: Difference,
): object {
	const preset = DEFAULT_SIZE[family];
	return {
		model: IDS[family],
		prompt: TINY,
		size: difference.pixels && preset === '2K' ? '2048x2048' : preset,
		response_format: 'url',
		watermark: false,
		// Its service would make PNGs.
		...(family === '5.5' ? { output_format: 'jpeg' } : {}),
		...difference.always,
		...(operation === 'imageToImage' ? { image: difference.imageIsArray ? [image] : image } : {}),
		...(operation === 'imageSet' ? ((difference.set as object | undefined) ?? SET) : {}),
	};
}

describe('the body with default parameters', () => {
	const cases = Object.entries(OTHERS).flatMap(([gateway, difference]) =>
		(Object.keys(ABLE) as Operation[]).flatMap((operation) =>
			ABLE[operation]
				.filter((family) => difference.families?.includes(family) ?? true)
				.filter(() => operation !== 'imageSet' || difference.set !== 'none')
				.map((family) => ({ gateway, operation, family, difference })),
		),
	);

	it.each(cases)('$gateway, $operation, $family', async (each) => {
		const { gateway, operation, family, difference } = each;
		const bytes = await picture();
		const played = (gateway === 'other' ? 'volcengine' : gateway) as ProfileName;
		const body = await bench.body(parameters(operation, IDS[family]), {
			credentials: bench.credentials(played, { gateway }),
			items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
		});

		expect(body).toEqual(defaultBody(operation, family, dataUri('png', bytes), difference));
		const [{ path, headers }] = bench.gateway.ledger.requests;
		const version = played === 'volcengine' ? '/api/v3' : '/v1';
		expect(path).toBe(`/${played}${version}/images/generations`);
		expect(headers).toMatchObject({
			authorization: 'Bearer ***',
			'content-type': 'application/json',
		});
	});

	it.each([
		['5.5', 'dola-seedream-5-5-261028'],
		['5.0-pro', 'dola-seedream-5-0-pro-260628'],
		['5.0-flash', 'dola-seedream-5-0-flash-260915'],
		['5.0-lite', 'seedream-5-0-260128'],
		['4.5', 'seedream-4-5-251128'],
		['4.0', 'seedream-4-0-250828'],
		['3.0', 'seedream-3-0-t2i-250415'],
	] as const)(
		"%s at BytePlus, by BytePlus's id, whichever of the two was chosen",
		async (family, id) => {
			const credentials = bench.credentials('byteplus');
			const expected = {
				model: id,
				prompt: TINY,
				size: DEFAULT_SIZE[family],
				response_format: 'url',
				watermark: false,
				...(family === '5.5' ? { output_format: 'jpeg' } : {}),
			};
			expect(await bench.body(parameters('textToImage', id), { credentials })).toEqual(expected);
			expect(await bench.body(parameters('textToImage', IDS[family]), { credentials })).toEqual(
				expected,
			);
			expect(bench.gateway.ledger.requests[0].path).toBe('/byteplus/api/v3/images/generations');
		},
	);

	it("Volcengine receives its own id instead of BytePlus's", async () => {
		const body = await bench.body(parameters('textToImage', 'dola-seedream-5-0-pro-260628'));
		expect(body.model).toBe('doubao-seedream-5-0-pro-260628');
	});

	it('a node as it is dropped on the canvas sends Seedream 5.5 in 2K', async () => {
		expect(await bench.body({ prompt: TINY })).toEqual({
			model: 'doubao-seedream-5-5-261028',
			prompt: TINY,
			size: '2K',
			output_format: 'jpeg',
			response_format: 'url',
			watermark: false,
		});
	});

	it('gateway 002 does not support image sets', async () => {
		const { message } = await bench.refusal(parameters('imageSet', IDS['4.5']), {
			credentials: bench.credentials('gateway002'),
		});
		expect(message).toBe('Gateway 002 Style does not support image sets [item 0]');
	});
});

/** Each option: what the user sets, and what it is in the body of a model that takes it. */
const OPTIONS: ReadonlyArray<{
	name: string;
	set: INodeParameters;
	sent: IDataObject;
	takenBy: Family[];
	/** Set where the model's document lists no such field. */
	label: string;
}> = [
	{
		name: 'Guidance Scale',
		set: { guidanceScale: 7.5 },
		sent: { guidance_scale: 7.5 },
		takenBy: ['3.0', 'seededit-3.0'],
		label: 'Guidance Scale',
	},
	{
		name: 'Seed',
		set: { seed: 42 },
		sent: { seed: 42 },
		takenBy: ['3.0', 'seededit-3.0'],
		label: 'Seed',
	},
	{
		name: 'Output Format',
		set: { outputFormat: 'png' },
		sent: { output_format: 'png' },
		takenBy: ['5.5', '5.0-pro', '5.0-flash', '5.0-lite'],
		label: 'Output Format',
	},
	{
		name: 'Prompt Optimization Standard',
		set: { promptOptimization: 'standard' },
		sent: { optimize_prompt_options: { mode: 'standard' } },
		takenBy: ['5.5', '5.0-pro', '5.0-flash', '5.0-lite', '4.5', '4.0'],
		label: 'Prompt Optimization',
	},
	{
		name: 'Prompt Optimization Fast',
		set: { promptOptimization: 'fast' },
		sent: { optimize_prompt_options: { mode: 'fast' } },
		takenBy: ['5.0-pro', '4.0'],
		label: 'Prompt Optimization',
	},
	{
		name: 'Web Search',
		set: { webSearch: true },
		sent: { tools: [{ type: 'web_search' }] },
		takenBy: ['5.0-lite'],
		label: 'Web Search',
	},
	{
		name: 'Background',
		set: { background: 'opaque' },
		sent: { background: 'opaque' },
		takenBy: ['5.5', '5.0-pro', '5.0-flash'],
		label: 'Background',
	},
	{
		name: 'Watermark',
		set: { watermark: true },
		sent: { watermark: true },
		takenBy: FAMILIES,
		label: '',
	},
	{
		name: 'Response Format Base64',
		set: { responseFormat: 'b64_json' },
		sent: { response_format: 'b64_json' },
		takenBy: FAMILIES,
		label: '',
	},
	{
		name: 'Response Format URL',
		set: { responseFormat: 'url' },
		sent: { response_format: 'url' },
		takenBy: FAMILIES,
		label: '',
	},
	{
		name: 'Response Format Automatic',
		set: { responseFormat: 'automatic' },
		sent: { response_format: 'url' },
		takenBy: FAMILIES,
		label: '',
	},
	{ name: 'Web Search off', set: { webSearch: false }, sent: {}, takenBy: FAMILIES, label: '' },
	{
		name: 'Quality empty',
		set: { quality: '', style: '', user: '' },
		sent: {},
		takenBy: FAMILIES,
		label: '',
	},
	{
		name: 'what only concerns the items',
		set: {
			binaryPropertyOutput: 'picture',
			downloadImages: false,
			fileName: 'x',
			output: 'singleItem',
			simplify: false,
		},
		sent: {},
		takenBy: FAMILIES,
		label: '',
	},
];

describe('options, with the model from an expression so that nothing is hidden', () => {
	const operation = (family: Family): Operation =>
		family === 'seededit-3.0' ? 'imageToImage' : 'textToImage';

	it.each(FAMILIES)(
		'each option alone is sent to %s if it supports it, otherwise there is a warning',
		async (family) => {
			const bytes = await picture();
			const json = { model: IDS[family] };
			for (const { name, set, sent, takenBy, label } of OPTIONS) {
				bench.gateway.reset();
				const items = await bench.items(
					{
						operation: operation(family),
						model: byId('={{ $json.model }}'),
						prompt: TINY,
						options: set,
					},
					{ items: [itemWith({ data: { bytes, mimeType: 'image/png' } }, json)] },
				);
				const isTaken = takenBy.includes(family);
				expect([name, bench.bodies()]).toEqual([
					name,
					[
						{
							...defaultBody(operation(family), family, dataUri('png', bytes), {}),
							...(isTaken ? sent : {}),
						},
					],
				]);
				const warnings = (items[0].json.warnings ?? []) as string[];
				expect(warnings.filter((text) => text.includes('not sent'))).toEqual(
					isTaken ? [] : [expect.stringMatching(new RegExp(`^${label} was not sent: Seed.*\\.$`))],
				);
			}
		},
	);

	it.each(FAMILIES)('all options together for %s', async (family) => {
		const bytes = await picture();
		const chosen = OPTIONS.filter(({ name }) => !/Fast|off|empty|URL|Automatic/.test(name));
		const body = await bench.body(
			{
				operation: operation(family),
				model: byId('={{ $json.model }}'),
				prompt: TINY,
				options: Object.assign({}, ...chosen.map(({ set }) => set)) as INodeParameters,
			},
			{ items: [itemWith({ data: { bytes, mimeType: 'image/png' } }, { model: IDS[family] })] },
		);
		expect(body).toEqual({
			...defaultBody(operation(family), family, dataUri('png', bytes), {}),
			...(Object.assign(
				{},
				...chosen.filter(({ takenBy }) => takenBy.includes(family)).map(({ sent }) => sent),
			) as object),
		});
	});

	it('parameters of other gateways are sent only there', async () => {
		const options = { numberOfImages: 1, quality: 'hd', style: 'vivid', user: 'customer-42' };
		const values = parameters('textToImage', IDS['3.0'], { options });
		const common = {
			model: IDS['3.0'],
			prompt: TINY,
			size: '1024x1024',
			response_format: 'url',
			watermark: false,
		};
		const sent = { n: 1, quality: 'hd', style: 'vivid', user: 'customer-42' };
		expect(await bench.body(values)).toEqual(common);
		expect(await bench.body(values, { credentials: bench.credentials('routescope') })).toEqual({
			...common,
			...sent,
		});
		expect(
			await bench.body(values, {
				credentials: bench.credentials('volcengine', { gateway: 'other' }),
			}),
		).toEqual({ ...common, ...sent });
		expect(
			await bench.body(
				// The editor hides a background where the model has none; an expression hides nothing.
				parameters('textToImage', `={{ "${IDS['4.5']}" }}`, {
					options: { ...options, background: 'opaque' },
				}),
				{
					credentials: bench.credentials('gateway002'),
				},
			),
		).toEqual({
			...common,
			model: IDS['4.5'],
			size: '2048x2048',
			n: 1,
			quality: 'hd',
			style: 'vivid',
			background: 'opaque',
		});
	});

	it('a hidden option that is still stored is not sent', async () => {
		const options = { seed: 7, guidanceScale: 3, webSearch: true, outputFormat: 'png' };
		expect(await bench.body(parameters('textToImage', IDS['4.5'], { options }))).toEqual({
			model: IDS['4.5'],
			prompt: TINY,
			size: '2K',
			response_format: 'url',
			watermark: false,
		});
	});

	it('fields of another operation that are still stored are not sent', async () => {
		const stored = { maxImages: 9, referenceImages: urls('https://example.com/a.png') };
		expect(await bench.body(parameters('textToImage', IDS['4.5'], stored))).toEqual({
			model: IDS['4.5'],
			prompt: TINY,
			size: '2K',
			response_format: 'url',
			watermark: false,
		});
	});

	it('a set with the smallest and the largest number of images', async () => {
		for (const maxImages of [1, 15]) {
			const body = await bench.body(parameters('imageSet', IDS['4.0'], { maxImages }));
			expect(body.sequential_image_generation_options).toEqual({ max_images: maxImages });
		}
	});
});

describe('the credential of another gateway', () => {
	const set = (options: INodeParameters = {}) =>
		parameters('imageSet', IDS['5.0-lite'], { maxImages: 2, options });
	const plain = {
		model: IDS['5.0-lite'],
		prompt: TINY,
		size: '2K',
		response_format: 'url',
		watermark: false,
	};
	const seedreamOnly = {
		sequential_image_generation: 'auto',
		sequential_image_generation_options: { max_images: 2 },
		tools: [{ type: 'web_search' }],
		output_format: 'png',
		optimize_prompt_options: { mode: 'standard' },
	};

	it.each([
		['topLevel', { ...plain, ...seedreamOnly }],
		['extraFields', { ...plain, extra_fields: seedreamOnly }],
		['both', { ...plain, ...seedreamOnly, extra_fields: seedreamOnly }],
	])('Seedream Parameters: %s', async (placement, expected) => {
		const options = { webSearch: true, outputFormat: 'png', promptOptimization: 'standard' };
		const credentials = bench.credentials('volcengine', { gateway: 'other', placement });
		expect(await bench.body(set(options), { credentials })).toEqual(expected);
	});

	it('Reference Images: always an array', async () => {
		const bytes = await picture();
		const credentials = bench.credentials('volcengine', {
			gateway: 'other',
			referenceForm: 'array',
		});
		const items = [itemWith({ data: { bytes, mimeType: 'image/png' } })];
		const body = await bench.body(parameters('imageToImage', IDS['4.5']), { credentials, items });
		expect(body.image).toEqual([dataUri('png', bytes)]);
	});

	it('settings for unknown gateways do not affect a known one', async () => {
		const credentials = bench.credentials('volcengine', {
			placement: 'extraFields',
			referenceForm: 'array',
		});
		expect(await bench.body(set(), { credentials })).toEqual({
			...plain,
			sequential_image_generation: 'auto',
			sequential_image_generation_options: { max_images: 2 },
			stream: true,
		});
	});
});

describe('an unknown model', () => {
	const EVERYTHING = {
		guidanceScale: 7.5,
		seed: 42,
		outputFormat: 'png',
		promptOptimization: 'fast',
		webSearch: true,
		background: 'opaque',
	};

	it('receives everything that is set, unchecked', async () => {
		const model = 'ep-20260101000000-abcde';
		bench.gateway.inject({ on: 'request', status: 400, code: 'InvalidParameter', message: 'no' });
		await bench.run(
			parameters('textToImage', model, {
				aspectRatio: 'custom',
				width: 3,
				height: 9999,
				options: EVERYTHING,
			}),
		);
		expect(bench.bodies()).toEqual([
			{
				model,
				prompt: TINY,
				size: '3x9999',
				response_format: 'url',
				watermark: false,
				guidance_scale: 7.5,
				seed: 42,
				output_format: 'png',
				optimize_prompt_options: { mode: 'fast' },
				tools: [{ type: 'web_search' }],
				background: 'opaque',
			},
		]);
	});

	it.each([
		[
			'5.0-pro',
			{ output_format: 'png', background: 'opaque', optimize_prompt_options: { mode: 'fast' } },
		],
		['5.5', { output_format: 'png', background: 'opaque' }],
		['5.0-flash', { output_format: 'png', background: 'opaque' }],
		['5.0-lite', { output_format: 'png', tools: [{ type: 'web_search' }] }],
		['4.5', {}],
		['4.0', { optimize_prompt_options: { mode: 'fast' } }],
		['3.0', { seed: 42, guidance_scale: 7.5 }],
	] as const)('Model Family %s: its limits apply', async (family, sent) => {
		const model = `ep-${family}-test`;
		const body = await bench.body(
			parameters('textToImage', model, { modelFamily: family, options: EVERYTHING }),
		);
		expect(body).toEqual({
			model,
			prompt: TINY,
			size: DEFAULT_SIZE[family],
			response_format: 'url',
			watermark: false,
			...sent,
		});
	});

	it('Model Family SeedEdit 3.0', async () => {
		const bytes = await picture();
		const model = 'ep-seededit-3.0-test';
		const body = await bench.body(
			parameters('imageToImage', model, { modelFamily: 'seededit-3.0', options: EVERYTHING }),
			{ items: [itemWith({ data: { bytes, mimeType: 'image/png' } })] },
		);
		expect(body).toEqual({
			model,
			prompt: TINY,
			image: dataUri('png', bytes),
			size: 'adaptive',
			response_format: 'url',
			watermark: false,
			seed: 42,
			guidance_scale: 7.5,
		});
	});
});

describe('every item by itself', () => {
	it('model, prompt, size and references from expressions', async () => {
		const [small, large] = [await picture(20, 20), await picture(40, 30, 'jpeg')];
		await bench.items(
			{
				operation: 'imageToImage',
				model: byId('={{ $json.model }}'),
				prompt: '={{ $json.prompt }} [pixels:16x16]',
				referenceImages: {
					image: [{ source: 'binary', binaryPropertyName: '={{ $json.fields }}' }],
				},
				aspectRatio: '={{ $json.ratio }}',
				resolution: '={{ $json.resolution }}',
				options: { seed: '={{ $json.seed }}', promptOptimization: '={{ $json.mode }}' },
			},
			{
				items: [
					itemWith(
						{ one: { bytes: small, mimeType: 'image/png' } },
						{
							model: IDS['4.0'],
							prompt: 'first',
							fields: 'one',
							ratio: '16:9',
							resolution: '1K',
							seed: 5,
							mode: 'fast',
						},
					),
					itemWith(
						{
							one: { bytes: small, mimeType: 'image/png' },
							two: { bytes: large, mimeType: 'image/jpeg' },
						},
						{
							model: IDS['5.0-pro'],
							prompt: 'second',
							fields: 'two, one',
							ratio: 'auto',
							resolution: '1.5K',
							seed: 6,
							mode: 'standard',
						},
					),
					itemWith(
						{ two: { bytes: large, mimeType: 'image/jpeg' } },
						{
							model: IDS['seededit-3.0'],
							prompt: 'third',
							fields: 'two',
							ratio: '1:1',
							resolution: '4K',
							seed: 7,
							mode: 'fast',
						},
					),
				],
			},
		);
		const byPrompt = (a: { prompt?: unknown }, b: { prompt?: unknown }) =>
			String(a.prompt) < String(b.prompt) ? -1 : 1;
		const common = { response_format: 'url', watermark: false };
		expect(bench.bodies().sort(byPrompt)).toEqual([
			{
				...common,
				model: IDS['4.0'],
				prompt: 'first [pixels:16x16]',
				image: dataUri('png', small),
				size: '1280x720',
				optimize_prompt_options: { mode: 'fast' },
			},
			{
				...common,
				model: IDS['5.0-pro'],
				prompt: 'second [pixels:16x16]',
				image: [dataUri('jpeg', large), dataUri('png', small)],
				size: '1.5K',
				optimize_prompt_options: { mode: 'standard' },
			},
			{
				...common,
				model: IDS['seededit-3.0'],
				prompt: 'third [pixels:16x16]',
				image: dataUri('jpeg', large),
				size: 'adaptive',
				seed: 7,
			},
		]);
	});
});

describe('Additional Body Fields', () => {
	const send = async (additionalBodyFields: string | IDataObject, more: INodeParameters = {}) =>
		await bench.body(
			parameters('imageSet', IDS['4.0'], {
				options: { additionalBodyFields: additionalBodyFields as string, ...more },
			}),
		);

	it('are merged last and recursively', async () => {
		const fields = {
			prompt: 'another [pixels:16x16]',
			watermark: true,
			sequential_image_generation_options: { more: 1 },
			optimize_prompt_options: { thinking: null },
			new_thing: { deep: ['a'] },
		};
		const expected = {
			model: IDS['4.0'],
			prompt: 'another [pixels:16x16]',
			size: '2K',
			response_format: 'url',
			watermark: true,
			sequential_image_generation: 'auto',
			sequential_image_generation_options: { max_images: 4, more: 1 },
			stream: true,
			optimize_prompt_options: { mode: 'fast', thinking: null },
			new_thing: { deep: ['a'] },
		};
		bench.gateway.inject({ on: 'request', nth: 'every', status: 400, message: 'seen' });
		await bench.run(
			parameters('imageSet', IDS['4.0'], {
				options: { additionalBodyFields: JSON.stringify(fields), promptOptimization: 'fast' },
			}),
		);
		expect(bench.bodies()).toEqual([expected]);
	});

	it('may be empty, or an object from an expression', async () => {
		const plain = {
			model: IDS['4.0'],
			prompt: TINY,
			size: '2K',
			response_format: 'url',
			watermark: false,
			...STREAMED_SET,
		};
		expect(await send('')).toEqual(plain);
		expect(await send('{}')).toEqual(plain);
		expect(await send('={{ { new_thing: [1] } }}')).toEqual({ ...plain, new_thing: [1] });
	});

	it('are merged into extra_fields for gateways that read parameters there', async () => {
		const body = await bench.body(
			parameters('imageSet', IDS['4.5'], {
				options: {
					additionalBodyFields:
						'{"extra_fields":{"sequential_image_generation_options":{"max_images":2}}}',
				},
			}),
			{ credentials: bench.credentials('unode') },
		);
		expect(body.extra_fields).toEqual({
			sequential_image_generation: 'auto',
			sequential_image_generation_options: { max_images: 2 },
		});
	});

	it('are used in what items say about the request', async () => {
		const fields = {
			model: 'seedream-4-0-250828',
			sequential_image_generation_options: { max_images: 2 },
		};
		const options = { additionalBodyFields: JSON.stringify(fields) };
		const items = await bench.items(parameters('imageSet', 'bytedance/seedream-4.0', { options }), {
			credentials: bench.credentials('byteplus'),
		});
		expect(items.map(({ json }) => [json.model, json.warnings])).toEqual([
			['seedream-4-0-250828', undefined],
			['seedream-4-0-250828', undefined],
		]);
	});

	it('replace references too', async () => {
		const body = await bench.body(
			parameters('imageToImage', IDS['4.5'], {
				referenceImages: DATA_FIELD,
				options: { additionalBodyFields: `{"image":["${bench.gateway.url}/samples/32x32.png"]}` },
			}),
			{ items: [itemWith({ data: { bytes: await picture(), mimeType: 'image/png' } })] },
		);
		expect(body.image).toEqual([`${bench.gateway.url}/samples/32x32.png`]);
	});
});

describe('Stream', () => {
	const LITE_AT_ROUTESCOPE = 'doubao-seedream-5-0-lite-260128';
	const cases: Array<[ProfileName, string, string, object]> = [
		// "Seedream 5.0 Lite does not list stream", says RouteScope's document of the id with lite in it.
		['routescope', LITE_AT_ROUTESCOPE, 'automatic', SET],
		['routescope', LITE_AT_ROUTESCOPE, 'on', SET],
		['routescope', IDS['5.0-lite'], 'automatic', STREAMED_SET],
		['volcengine', IDS['4.5'], 'off', SET],
		['volcengine', IDS['4.5'], 'on', STREAMED_SET],
		['volcengine', 'ep-4.5-20260101', 'automatic', SET],
		['volcengine', 'ep-4.5-20260101', 'on', STREAMED_SET],
		['deerapi', IDS['5.0-lite'], 'automatic', SET],
		['deerapi', IDS['5.0-lite'], 'on', SET],
		['unode', IDS['4.5'], 'automatic', { extra_fields: SET }],
		['unode', IDS['4.5'], 'on', { extra_fields: STREAMED_SET }],
	];

	it.each(cases)('%s, %s, %s', async (gateway, model, stream, expected) => {
		const result = await bench.run(
			parameters('imageSet', model, { maxImages: 4, options: { stream } }),
			{ credentials: bench.credentials(gateway) },
		);
		expect(result.error?.message).toBeUndefined();
		expect(result.items).toHaveLength(4);
		expect(bench.bodies()).toEqual([
			{
				model,
				prompt: TINY,
				size: '2K',
				response_format: 'url',
				watermark: false,
				...expected,
			},
		]);
		const isRefused = stream === 'on' && expected === SET;
		expect(result.items[0].json.warnings).toEqual(
			isRefused ? [expect.stringMatching(/^Stream was not sent: \w+ does not list it/)] : undefined,
		);
	});

	it('is not requested for a single image', async () => {
		const body = await bench.body(
			parameters('textToImage', IDS['4.5'], { options: { stream: 'on' } }),
		);
		expect(body).not.toHaveProperty('stream');
	});
});

describe('switches set by expressions', () => {
	const sent = async (options: INodeParameters) =>
		await bench.body(parameters('textToImage', IDS['5.0-lite'], { options }));

	it.each([
		['={{ "true" }}', true],
		['={{ " TRUE " }}', true],
		['={{ "false" }}', false],
		['={{ "" }}', false],
		['={{ null }}', false],
		['={{ $json.nothing }}', false],
	])('send %s as %s', async (value, expected) => {
		const { watermark, tools } = await sent({ watermark: value, webSearch: value.trim() });
		expect(watermark).toBe(expected);
		if (value === '={{ "true" }}') expect(tools).toEqual([{ type: 'web_search' }]);
		if (!expected) expect(tools).toBeUndefined();
	});

	it('reject values that are neither on nor off', async () => {
		const options = { watermark: '={{ "perhaps" }}' };
		const { message } = await bench.refusal(
			parameters('textToImage', IDS['5.0-lite'], { options }),
		);
		expect(message).toBe('Watermark is “perhaps” [item 0]');
	});
});
