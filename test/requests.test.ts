import type { INodeParameters } from 'n8n-workflow';

import { itemWith, type CredentialValues } from './engine';
import type { Family } from './facts/models';
import type { ProfileName } from './gateway';
import {
	byId,
	dataItem,
	DATA_FIELD,
	dataUri,
	IDS,
	parameters,
	picture,
	TINY,
	urls,
	useGateway,
} from './support';

// What each gateway's document says of each parameter is in contract/, and stands there once.

const bench = useGateway();

/** The body of a text-to-image request with nothing set. */
const bodyOf = (model: string, size = '2K') => ({
	model,
	prompt: TINY,
	size,
	response_format: 'url',
	watermark: false,
});

const SET = {
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 4 },
};

/** Where the document offers streams, sets come as one. */
const STREAMED_SET = { ...SET, stream: true };

const other = (more: Partial<CredentialValues> = {}) => ({
	credentials: bench.credentials('volcengine', { provider: 'other', ...more }),
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
	expect(bench.gateway.ledger.requests).toMatchObject([
		{
			method: 'POST',
			path: '/volcengine/api/v3/images/generations',
			headers: { authorization: 'Bearer ***', 'content-type': 'application/json' },
		},
	]);
});

it.each<[ProfileName, chosen: string, sent: string, isSaid: boolean]>([
	['volcengine', ' doubao-seedream-4-5-251128 ', 'doubao-seedream-4-5-251128', false],
	['volcengine', 'dola-seedream-5-0-pro-260628', 'doubao-seedream-5-0-pro-260628', false],
	['byteplus', 'doubao-seedream-4-5-251128', 'seedream-4-5-251128', false],
	['byteplus', 'doubao-seedream-5-0-lite-260128', 'seedream-5-0-260128', true],
	['byteplus', 'doubao-seedream-4-0-20260415', 'seedream-4-0-250828', true],
	['deerapi', 'seedream-5-0-260128', 'seedream-5-0-260128', false],
])('%s, for %s, gets %s (with a warning: %s)', async (gateway, chosen, sent, isSaid) => {
	const values = parameters('textToImage', chosen, { options: { previewRequest: true } });
	const [{ json }] = await bench.items(values, { credentials: bench.credentials(gateway) });
	expect(json.body).toEqual(bodyOf(sent));
	expect(json.warnings).toEqual(
		isSaid ? [`BytePlus ModelArk has no model “${chosen}”, so “${sent}” was requested.`] : [],
	);
});

describe('options', () => {
	it.each<[name: string, values: INodeParameters]>([
		['hidden', { options: { seed: 7, guidanceScale: 3, webSearch: true, outputFormat: 'png' } }],
		['of another operation', { maxImages: 9, referenceImages: urls('https://example.com/a.png') }],
		[
			'empty',
			{ options: { webSearch: false }, advanced: { quality: '', style: '={{ null }}', user: '' } },
		],
		['automatic', { advanced: { responseFormat: 'automatic', stream: 'automatic' } }],
		['of sets', { advanced: { stream: 'on' } }],
		[
			'of the output',
			{
				options: {
					binaryPropertyOutput: 'picture',
					downloadImages: false,
					fileName: 'x',
					output: 'singleItem',
					previewRequest: '={{ "false" }}',
				},
				advanced: { simplify: false },
			},
		],
	])('that are %s are not sent', async (_, values) => {
		const body = await bench.body(parameters('textToImage', IDS['4.5'], values), other());
		expect(body).toEqual(bodyOf(IDS['4.5']));
	});

	it.each<[ProfileName, INodeParameters, label: string, reason: string]>([
		['volcengine', { options: { seed: 1 } }, 'Seed', 'Seedream 4.5 does not support it'],
		[
			'volcengine',
			{ options: { promptOptimization: 'fast' } },
			'Prompt Optimization',
			'Seedream 4.5 does not support “fast”',
		],
		['gateway001', { advanced: { user: 'x' } }, 'User', 'No-Streaming Style does not list it'],
		// Of a seed that is not sent, nothing else is said.
		[
			'routescope',
			{ options: { seed: 1, numberOfImages: 2 } },
			'Seed',
			'RouteScope does not list it',
		],
	])('that are not supported at %s have a warning: %j', async (gateway, set, label, reason) => {
		// From an expression, so that n8n hides no option.
		const values = parameters('textToImage', `={{ "${IDS['4.5']}" }}`, set);
		const credentials = bench.credentials(gateway);
		const [{ json }] = await bench.items(values, { credentials });
		expect(bench.bodies()[0]).toEqual(bodyOf(IDS['4.5']));
		expect(json.warnings).toEqual([`${label} was not sent: ${reason}.`]);
	});

	it.each([
		['={{ "true" }}', true],
		['={{ " TRUE " }}', true],
		['={{ "false" }}', false],
		['={{ "" }}', false],
		['={{ null }}', false],
		['={{ $json.nothing }}', false],
	])('that are switches may come from expressions: %s is %s', async (value, isOn) => {
		const options = { watermark: value, webSearch: value.trim() };
		expect(await bench.body(parameters('textToImage', IDS['5.0-lite'], { options }))).toEqual({
			...bodyOf(IDS['5.0-lite']),
			watermark: isOn,
			...(value === '={{ "true" }}' ? { tools: [{ type: 'web_search' }] } : {}),
		});
	});
});

describe('the credential of an unknown gateway', () => {
	const values = parameters('imageSet', IDS['5.0-lite'], {
		options: { webSearch: true, outputFormat: 'png', promptOptimization: 'standard' },
		advanced: { user: 'me' },
	});
	const seedreamOnly = {
		...SET,
		tools: [{ type: 'web_search' }],
		output_format: 'png',
		optimize_prompt_options: { mode: 'standard' },
	};
	const plain = { ...bodyOf(IDS['5.0-lite']), user: 'me' };

	it.each([
		['topLevel', { ...plain, ...seedreamOnly }],
		['extraFields', { ...plain, extra_fields: seedreamOnly }],
		['both', { ...plain, ...seedreamOnly, extra_fields: seedreamOnly }],
	])('puts Seedream Parameters at: %s', async (placement, expected) => {
		expect(await bench.body(values, other({ placement }))).toEqual(expected);
	});

	it('may ask for references in an array always', async () => {
		const bytes = await picture();
		const body = await bench.body(parameters('imageToImage', IDS['4.5']), {
			...other({ referenceForm: 'array' }),
			items: [dataItem(bytes)],
		});
		expect(body).toEqual({ ...bodyOf(IDS['4.5']), image: [dataUri('png', bytes)] });
	});

	it('does not affect a known one', async () => {
		const bytes = await picture();
		const body = await bench.body(
			parameters('imageSet', IDS['4.5'], { referenceImages: DATA_FIELD }),
			{
				credentials: bench.credentials('volcengine', { placement: 'both', referenceForm: 'array' }),
				items: [dataItem(bytes)],
			},
		);
		expect(body).toEqual({
			...bodyOf(IDS['4.5']),
			image: dataUri('png', bytes),
			...STREAMED_SET,
		});
	});
});

describe('an unknown model', () => {
	const options = {
		guidanceScale: 7.5,
		seed: 42,
		outputFormat: 'png',
		promptOptimization: 'fast',
		webSearch: true,
		background: 'opaque',
	};
	const model = 'ep-20260101000000-abcde';

	it('receives everything that is set, unchecked', async () => {
		const size = { aspectRatio: 'custom', width: 3, height: 9999 };
		bench.gateway.inject({ on: 'request', status: 400, message: 'seen' });
		await bench.run(parameters('textToImage', model, { ...size, options }));
		expect(bench.bodies()).toEqual([
			{
				...bodyOf(model, '3x9999'),
				guidance_scale: 7.5,
				seed: 42,
				output_format: 'png',
				optimize_prompt_options: { mode: 'fast' },
				tools: [{ type: 'web_search' }],
				background: 'opaque',
			},
		]);
	});

	it.each<[Family, size: string, sent: object]>([
		['5.5', '2K', { output_format: 'png', background: 'opaque' }],
		[
			'5.0-pro',
			'2K',
			{ output_format: 'png', background: 'opaque', optimize_prompt_options: { mode: 'fast' } },
		],
		['5.0-flash', '2K', { output_format: 'png', background: 'opaque' }],
		['5.0-lite', '2K', { output_format: 'png', tools: [{ type: 'web_search' }] }],
		['4.5', '2K', {}],
		['4.0', '2K', { optimize_prompt_options: { mode: 'fast' } }],
		['3.0', '1024x1024', { seed: 42, guidance_scale: 7.5 }],
	])('has the limits of its Model Family %s', async (modelFamily, size, sent) => {
		const id = `ep-${modelFamily}-test`;
		const body = await bench.body(parameters('textToImage', id, { modelFamily, options }));
		expect(body).toEqual({ ...bodyOf(id, size), ...sent });
	});

	it('has the limits of its Model Family SeedEdit 3.0', async () => {
		const bytes = await picture();
		const id = 'ep-seededit-3.0-test';
		const values = parameters('imageToImage', id, { modelFamily: 'seededit-3.0', options });
		const items = [dataItem(bytes)];
		expect(await bench.body(values, { items })).toEqual({
			...bodyOf(id, 'adaptive'),
			image: dataUri('png', bytes),
			seed: 42,
			guidance_scale: 7.5,
		});
	});
});

it('each item has its own model, prompt, size and references', async () => {
	const small = { bytes: await picture(20, 20), mimeType: 'image/png' };
	const large = { bytes: await picture(40, 30, 'jpeg'), mimeType: 'image/jpeg' };
	const [png, jpeg] = [dataUri('png', small.bytes), dataUri('jpeg', large.bytes)];
	const [pro, seedEdit, four] = [IDS['5.0-pro'], IDS['seededit-3.0'], IDS['4.0']];
	const rows = [
		{ model: four, fields: 'one', ratio: '16:9', resolution: '1K', seed: 5, mode: 'fast' },
		{
			model: pro,
			fields: 'two, one',
			ratio: 'auto',
			resolution: '1.5K',
			seed: 6,
			mode: 'standard',
		},
		{ model: seedEdit, fields: 'two', ratio: '1:1', resolution: '4K', seed: 7, mode: 'fast' },
	];
	const image = [{ source: 'binary', binaryPropertyName: '={{ $json.fields }}' }];
	await bench.items(
		{
			operation: 'imageToImage',
			model: byId('={{ $json.model }}'),
			prompt: `=${TINY} {{ $json.seed }}`,
			referenceImages: { image },
			aspectRatio: '={{ $json.ratio }}',
			resolution: '={{ $json.resolution }}',
			options: { seed: '={{ $json.seed }}', promptOptimization: '={{ $json.mode }}' },
			advanced: { concurrentRequests: 1 },
		},
		{ items: rows.map((json) => itemWith({ one: small, two: large }, json)) },
	);
	const body = (model: string, size: string, seed: number) => ({
		...bodyOf(model, size),
		prompt: `${TINY} ${seed}`,
	});
	expect(bench.bodies()).toEqual([
		{ ...body(four, '1280x720', 5), image: png, optimize_prompt_options: { mode: 'fast' } },
		{ ...body(pro, '1.5K', 6), image: [jpeg, png], optimize_prompt_options: { mode: 'standard' } },
		{ ...body(seedEdit, 'adaptive', 7), image: jpeg, seed: 7 },
	]);
});

describe('Additional Body Fields', () => {
	const set = (additionalBodyFields: string, more: INodeParameters = {}, model = IDS['4.0']) =>
		parameters('imageSet', model, { options: { ...more }, advanced: { additionalBodyFields } });
	const plain = { ...bodyOf(IDS['4.0']), ...STREAMED_SET };

	it('are merged last and recursively', async () => {
		const fields = {
			prompt: 'another',
			watermark: true,
			sequential_image_generation_options: { more: 1 },
			optimize_prompt_options: { thinking: null },
			new_thing: { deep: ['a'] },
		};
		bench.gateway.inject({ on: 'request', status: 400, message: 'seen' });
		await bench.run(set(JSON.stringify(fields), { promptOptimization: 'fast' }));
		expect(bench.bodies()).toEqual([
			{
				...plain,
				prompt: 'another',
				watermark: true,
				sequential_image_generation_options: { max_images: 4, more: 1 },
				optimize_prompt_options: { mode: 'fast', thinking: null },
				new_thing: { deep: ['a'] },
			},
		]);
	});

	it.each([
		['', {}],
		['{}', {}],
		['={{ { new_thing: [1] } }}', { new_thing: [1] }],
	])('may be empty, or an object from an expression: %s', async (fields, added) => {
		expect(await bench.body(set(fields))).toEqual({ ...plain, ...added });
	});

	it('are merged into extra_fields for gateways that read parameters there', async () => {
		const options = { max_images: 2 };
		const fields = { extra_fields: { sequential_image_generation_options: options } };
		const values = set(JSON.stringify(fields), {}, IDS['4.5']);
		const body = await bench.body(values, { credentials: bench.credentials('unode') });
		expect(body).toEqual({
			...bodyOf(IDS['4.5']),
			extra_fields: { ...SET, sequential_image_generation_options: options },
		});
	});

	it('decide what items say about the request', async () => {
		const options = { max_images: 2 };
		const fields = { model: 'seedream-4-0-250828', sequential_image_generation_options: options };
		const values = set(JSON.stringify(fields), {}, 'bytedance/seedream-4.0');
		const items = await bench.items(values, { credentials: bench.credentials('byteplus') });
		expect(items.map(({ json }) => [json.model, json.warnings])).toEqual([
			['seedream-4-0-250828', undefined],
			['seedream-4-0-250828', undefined],
		]);
	});

	it('replace references too', async () => {
		const image = [`${bench.gateway.url}/samples/32x32.png`];
		const advanced = { additionalBodyFields: JSON.stringify({ image }) };
		const body = await bench.body(parameters('imageToImage', IDS['4.5'], { advanced }), {
			items: [dataItem(await picture())],
		});
		expect(body).toEqual({ ...bodyOf(IDS['4.5']), image });
	});

	it.each([[null], [{ a: 1 }], [[1, null]], [7], ['data:,']])(
		'may set an image that a preview shows, whatever it is: %j',
		async (image) => {
			const [{ json }] = await bench.items(
				set(JSON.stringify({ image }), { previewRequest: true }),
			);
			expect(json.body).toEqual({ ...plain, image: image === 'data:,' ? 'data:,… (0 kB)' : image });
		},
	);
});

it.each<[ProfileName, model: string, stream: string, sent: object, warning: string]>([
	['volcengine', 'ep-4.5-20260101', 'automatic', SET, ''],
	['volcengine', 'ep-4.5-20260101', 'on', STREAMED_SET, ''],
	['deerapi', IDS['5.0-lite'], 'on', SET, 'DeerAPI does not list it.'],
	// RouteScope's document says "Seedream 5.0 Lite does not list stream" of this id, not of the family.
	[
		'routescope',
		'doubao-seedream-5-0-lite-260128',
		'on',
		SET,
		'RouteScope does not list it for Seedream 5.0 Lite.',
	],
])('a set of %s, %s, with Stream %s', async (gateway, model, stream, sent, warning) => {
	const values = parameters('imageSet', model, { advanced: { stream } });
	const items = await bench.items(values, { credentials: bench.credentials(gateway) });
	expect(bench.bodies()).toEqual([{ ...bodyOf(model), ...sent }]);
	expect(items).toHaveLength(4);
	expect(items[0].json.warnings).toEqual(warning ? [`Stream was not sent: ${warning}`] : undefined);
});
