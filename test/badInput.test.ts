import type { INodeParameters } from 'n8n-workflow';

import type { NodeRun } from './engine';
import { MODELS } from './facts/models';
import type { ProfileName } from './gateway';
import {
	byId,
	DATA_FIELD,
	dataUri,
	IDS,
	KEY,
	onDay,
	picture,
	TINY,
	urls,
	useGateway,
} from './support';

const bench = useGateway();

/** A day before any model is retired, for the models that messages name. */
beforeEach(() => onDay('2026-09-01'));

const text = { operation: 'textToImage', model: byId(IDS['4.5']), prompt: TINY };
const edit = { ...text, operation: 'imageToImage' };
const set = { ...text, operation: 'imageSet' };
const threePointO = { ...text, model: byId(IDS['3.0']) };

const option = (name: string, value: string | number): INodeParameters => ({
	options: { [name]: value },
});
const advanced = (name: string, value: string | number): INodeParameters => ({
	advanced: { [name]: value },
});
const references = (count: number): INodeParameters => ({
	referenceImages: urls(...Array<string>(count).fill('https://example.com/a.png')),
});

/** What to do, the fields in common, and what is set in each case, with the message it leads to. */
type Group = [
	advice: string,
	common: INodeParameters,
	...cases: Array<[fields: INodeParameters, message: string]>,
];

const GROUPS: Group[] = [
	[
		'Describe the image in the Prompt field. If it comes from an expression, check that the input item has that field.',
		text,
		[{ prompt: '={{ "" }}' }, 'The Prompt is empty'],
		[{ prompt: ' \n ' }, 'The Prompt is empty'],
		[{ prompt: '={{ undefined }}' }, 'The Prompt is empty'],
		[{ prompt: '\u200b\u200d\u2060\ufeff \u00ad' }, 'The Prompt is empty'],
		[{ prompt: '={{ ["a"] }}' }, 'The Prompt is not a text'],
		[{ prompt: '={{ true }}' }, 'The Prompt is “true”, which is not a text'],
		[{ prompt: '={{ NaN }}' }, 'The Prompt is “NaN”, which is not a text'],
		[{ prompt: '={{ -Infinity }}' }, 'The Prompt is “-Infinity”, which is not a text'],
		[{ prompt: '=a {{ ({}) }}' }, 'The Prompt is not a text: it contains “[object Object]”'],
		[
			{ prompt: '=a {{ String(({}).nothing) }} fox' },
			'The Prompt is incomplete: it contains “undefined”',
		],
	],
	[
		'Choose a Model from the list or enter its ID.',
		text,
		[{ model: byId('={{ " " }}') }, 'No model is chosen'],
		[{ model: byId('={{ null }}') }, 'No model is chosen'],
	],
	[
		'Choose another Model: Seedream 5.0 Lite, Seedream 4.5, Seedream 4.0.',
		set,
		[{ model: byId(IDS['5.0-pro']) }, 'Seedream 5.0 Pro does not support image sets'],
		[
			{ model: byId('={{ "doubao-seedream-5-0-flash-260915" }}') },
			'Seedream 5.0 Flash does not support image sets',
		],
		[
			{ model: byId('ep-x'), modelFamily: '5.0-flash' },
			'Seedream 5.0 Flash does not support image sets',
		],
	],
	[
		'Set it to a whole number from 1 to 15.',
		set,
		[{ maxImages: 0 }, 'Max Images is 0'],
		[{ maxImages: 16 }, 'Max Images is 16'],
		[{ maxImages: 2.5 }, 'Max Images is 2.5'],
		[{ maxImages: '={{ undefined }}' }, 'Max Images is empty'],
	],
	[
		'Set it to a whole number from -1 to 2,147,483,647.',
		threePointO,
		[option('seed', 2_147_483_648), 'Seed is 2147483648'],
		[option('seed', -2), 'Seed is -2'],
		[option('seed', 1.5), 'Seed is 1.5'],
	],
	[
		'Set it to a number from 1 to 10.',
		threePointO,
		[option('guidanceScale', 10.5), 'Guidance Scale is 10.5'],
		[option('guidanceScale', 0.5), 'Guidance Scale is 0.5'],
		[option('guidanceScale', '={{ "high" }}'), 'Guidance Scale is high'],
	],
	[
		'Set it to a whole number from 1 to 10.',
		text,
		...[0, 11, 2.5].map((count): [INodeParameters, string] => [
			option('numberOfImages', count),
			`Number of Images is ${count}`,
		]),
	],
	[
		'Set it to a number from 0 to 3,650 days.',
		text,
		[option('linkToFile', '={{ "soon" }}'), 'Link to File is soon'],
	],
	[
		'Set it to a whole number from 1 to 100.',
		text,
		[advanced('concurrentRequests', 0), 'Concurrent Requests is 0'],
		[advanced('concurrentRequests', 101), 'Concurrent Requests is 101'],
	],
	[
		'Set it to a number from 0 to 86,400.',
		text,
		[advanced('waitWhenBusy', '={{ "many" }}'), 'Wait When Busy is many'],
		[advanced('waitWhenBusy', '={{ Infinity }}'), 'Wait When Busy is Infinity'],
		[advanced('waitWhenBusy', '={{ [3] }}'), 'Wait When Busy is not a number'],
		[advanced('waitWhenBusy', '={{ true }}'), 'Wait When Busy is true'],
	],
	[
		'Set it to a whole number of at least 0; 0 means no limit.',
		text,
		[option('maxImagesPerRun', -1), 'Max Images per Run is -1'],
		[option('maxImagesPerRun', '={{ {} }}'), 'Max Images per Run is not a number'],
	],
	[
		'Set it to a number from 1 to 2,147,483,647 ms.',
		text,
		[{ requestOptions: { timeout: -1 } }, 'Timeout is -1'],
		[{ requestOptions: { timeout: 2 ** 31 } }, 'Timeout is 2147483648'],
		[{ requestOptions: { timeout: '={{ "soon" }}' } }, 'Timeout is soon'],
	],
	[
		'Set it to on or off, or to true or false.',
		text,
		[option('watermark', '={{ "perhaps" }}'), 'Watermark is “perhaps”'],
	],
	[
		'Enter a JSON object, for example { "optimize_prompt_options": { "thinking": "enabled" } }.',
		text,
		[advanced('additionalBodyFields', '{ "a": '), 'Additional Body Fields is not valid JSON'],
		[advanced('additionalBodyFields', '[1]'), 'Additional Body Fields is not a JSON object'],
		[advanced('additionalBodyFields', 'null'), 'Additional Body Fields is not a JSON object'],
	],
	[
		'Image-to-Image needs at least one, and Reference Images finds none in the input. Put a node before this one that outputs the image as a file, or set Source to URL. AI Agents pass no files, so give them URLs.',
		edit,
		[{}, 'There is no reference image'],
		...[[], [{ source: 'allBinary' }], [{ source: 'allItems' }]].map(
			(image): [INodeParameters, string] => [
				{ referenceImages: { image } },
				'There is no reference image',
			],
		),
	],
	[
		'It has no files at all. Put a node before this one that outputs the image as a file, or set Source to URL. AI Agents pass no files, so give them URLs.',
		edit,
		[
			{ referenceImages: DATA_FIELD },
			'Reference Images: the input item has no binary field “data”',
		],
	],
	[
		'Set Source to All Images of the Item, Binary Field or URL; in an expression these are allBinary, binary and url. Images of All Input Items cannot come from an expression.',
		edit,
		...['file', 'constructor', 'allItems'].map((source): [INodeParameters, string] => [
			{ referenceImages: { image: [{ source: `={{ "${source}" }}` }] } },
			`Reference Images: “${source}” is not a Source`,
		]),
	],
	[
		'Use Image-to-Image with one PNG that has transparent pixels, choose Seedream 5.5, or set Background to Opaque.',
		{ ...text, ...option('background', 'transparent') },
		[
			{ model: byId(IDS['5.0-pro']) },
			'Seedream 5.0 Pro needs exactly one Reference Image for a transparent Background, not 0',
		],
		[
			{ operation: 'imageToImage', model: byId(IDS['5.0-flash']), ...references(2) },
			'Seedream 5.0 Flash needs exactly one Reference Image for a transparent Background, not 2',
		],
	],
	[
		'Set Output Format to PNG or remove it, or set Background to Opaque.',
		{ ...text, model: byId(IDS['5.5']) },
		[
			{ options: { background: 'transparent', outputFormat: 'jpeg' } },
			'A transparent Background needs PNG, but Output Format is JPEG',
		],
	],
];

const CASES = GROUPS.flatMap(([advice, common, ...cases]) =>
	cases.map(([fields, message]) => ({
		advice,
		message,
		shown: JSON.stringify(fields),
		values: { ...common, ...fields },
	})),
);

describe.each<[string, Partial<NodeRun>]>([
	['in a workflow', {}],
	['as a tool of an AI Agent', { toolCall: {} }],
])('%s, input is rejected before anything is sent', (_, run) => {
	it.each(CASES)('$message: $shown', async ({ values, message, advice }) => {
		expect(await bench.refusal(values, run)).toEqual({
			message: `${message} [item 0]`,
			description: advice,
		});
	});
});

it.each([
	['5.5', 10],
	['5.0-pro', 10],
	['5.0-flash', 10],
	['5.0-lite', 14],
	['4.5', 14],
	['4.0', 14],
	['seededit-3.0', 1],
] as const)('%s supports up to %d reference images', async (family, max) => {
	const values = { ...edit, model: byId(IDS[family]), ...references(max + 1) };
	expect(await bench.refusal(values)).toEqual({
		message: `${max + 1} Reference Images are too many for ${MODELS[family].name} [item 0]`,
		description: `The model supports up to ${max}. Remove some, or choose another Model.`,
	});
});

it.each([
	[14, 4, 1],
	[14, 2, 1],
	[1, 15, 14],
])('%d references and a set of %d are more than 15', async (count, maxImages, most) => {
	expect(await bench.refusal({ ...set, maxImages, ...references(count) })).toEqual({
		message: `${count} Reference Images and ${maxImages} Max Images are more than 15 together [item 0]`,
		description: `Seedream 4.5 counts both. Set Max Images to ${most} or fewer, or remove references.`,
	});
});

it.each<[ProfileName, INodeParameters, message: string, advice: string]>([
	[
		'routescope',
		{ ...threePointO, ...option('numberOfImages', 11) },
		'Number of Images is 11',
		'Set it to a whole number from 1 to 10.',
	],
	...[IDS['4.5'], 'ep-20260101000000-abcde'].map(
		(model): [ProfileName, INodeParameters, string, string] => [
			'gateway002',
			{ ...set, model: byId(model) },
			'Pixels-Only Style does not support image sets',
			'Use the Text-to-Image operation, once for each image, or a credential for another gateway, such as BytePlus ModelArk or Volcengine Ark.',
		],
	),
])('%s: %j', async (gateway, values, message, description) => {
	const credentials = bench.credentials(gateway);
	const refusal = await bench.refusal(values, { credentials });
	expect(refusal).toEqual({ message: `${message} [item 0]`, description });
});

it.each([
	[
		'ftp://example.com',
		'The Base URL of the credential is not a valid HTTP(S) URL [item 0]',
		'Open the credential and enter a URL that starts with https://, for example https://ark.ap-southeast.bytepluses.com/api/v3.',
	],
	[
		'https://example.com:99999',
		'The request could not be sent: Invalid URL [item 0]',
		'Check the credential and the network of n8n. <br>\nCode: ERR_INVALID_URL',
	],
])('the base URL “%s” is rejected', async (baseUrl, message, description) => {
	const { error } = await bench.run(text, { credentials: { baseUrl, apiKey: KEY } });
	expect(error).toMatchObject({ message, description });
});

it.each([
	['Prompt', { ...text, prompt: '' }],
	['Model', { ...text, model: byId('') }],
])('n8n itself does not start the node while %s is empty', async (field, values) => {
	await expect(bench.run(values)).rejects.toThrow(`Parameter "${field}" is required`);
	expect(bench.gateway.ledger.requests).toEqual([]);
});

it.each<[INodeParameters, sent: object]>([
	[{ prompt: '={{ 42 }}' }, { prompt: '42' }],
	[{ prompt: 'the word undefined' }, { prompt: 'the word undefined' }],
	[{ prompt: '={{ "undefined" }} art' }, { prompt: 'undefined art' }],
	[advanced('waitWhenBusy', '={{ "3" }}'), { prompt: TINY }],
	[advanced('additionalBodyFields', '{"n": 1e15}'), { n: 1e15 }],
])('odd input that can be sent is sent: %j', async (fields, sent) => {
	bench.gateway.inject({ on: 'request', status: 400, message: 'seen' });
	const { error } = await bench.run({ ...text, ...fields });
	expect(error?.description).toMatch(/Provider: seen/);
	expect(bench.bodies()).toEqual([expect.objectContaining(sent)]);
});

it('an AI Agent can pass a URL instead of a file', async () => {
	const uri = dataUri('png', await picture());
	const { items } = await bench.run({ ...edit, referenceImages: urls(uri) }, { toolCall: {} });
	expect(bench.bodies().map(({ image }) => image)).toEqual([uri]);
	expect(items[0].json).toMatchObject({ index: 0, width: 16, height: 16 });
});

it('of many invalid items, the message is about the first, and the description has 20 more', async () => {
	const values = { ...text, prompt: '={{ $json.prompt }}' };
	const items = Array.from({ length: 50 }, () => ({ json: {} }));
	const { message, description } = await bench.refusal(values, { items });
	expect(message).toBe('The Prompt is empty [item 0]');
	expect(description.split(' <br>\n').slice(1)).toEqual([
		'Also:',
		...Array.from({ length: 20 }, (_, i) => `The Prompt is empty [item ${i + 1}]`),
		'… and 29 more.',
	]);
});
