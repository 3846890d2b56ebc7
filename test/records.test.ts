import type { INodeParameters, INodePropertyOptions } from 'n8n-workflow';

import { SeedreamApi } from '../credentials/SeedreamApi.credentials';
import { choicesShown, entriesShown, fieldsShown, isShown, valuesFor } from './editor';
import { listModels, type CredentialValues } from './engine';
import { TABLES } from './readme/tables';
import { byId, IDS, TINY, urls, useGateway } from './support';

// The catalog with one record more of each kind. Nothing else is changed: whatever follows from a record
// has to be seen here.
jest.mock('../nodes/Seedream/catalog/parameters', () => {
	const actual = jest.requireActual<object>('../nodes/Seedream/catalog/parameters');
	const { PARAMETERS } = actual as { PARAMETERS: object[] };
	PARAMETERS.push(
		{
			name: 'sparkle',
			path: 'sparkle.level',
			label: 'Sparkle',
			isOpenAi: false,
			option: {
				name: 'sparkle',
				description: 'How much the image sparkles',
				input: {
					kind: 'choice',
					default: 'low',
					choices: [
						{ value: 'high', label: 'High' },
						{ value: 'low', label: 'Low' },
					],
				},
			},
		},
		{
			name: 'grain',
			label: 'Grain',
			isOpenAi: true,
			option: {
				name: 'grain',
				description: 'Grain of the image',
				input: { kind: 'number', min: 1, max: 5, isWhole: true, default: 1 },
			},
		},
	);
	return actual;
});

jest.mock('../nodes/Seedream/catalog/operations', () => {
	const actual = jest.requireActual<object>('../nodes/Seedream/catalog/operations');
	const { OPERATIONS } = actual as { OPERATIONS: object[] };
	OPERATIONS.push({
		id: 'collage',
		name: 'Collage',
		action: 'Generate collage',
		description: 'Generate a collage of reference images',
		plural: 'collages',
		references: 'required',
		needs: 'sparkle',
	});
	return actual;
});

jest.mock('../nodes/Seedream/catalog/models', () => {
	const actual = jest.requireActual<object>('../nodes/Seedream/catalog/models');
	const { MODEL_FAMILIES } = actual as { MODEL_FAMILIES: Array<{ references?: object }> };
	const { references } = MODEL_FAMILIES[0];
	MODEL_FAMILIES.unshift({
		id: '9.0',
		name: 'Seedream 9.0',
		names: ['seedream-9-0', 'seedream-9.0'],
		ids: [{ id: 'doubao-seedream-9-0-270101', service: 'volcengine' }],
		operations: ['textToImage', 'collage'],
		references: { ...references, max: 2 },
		size: {
			presets: ['4K'],
			table: {},
			minPixels: 10_000,
			maxPixels: 20_000,
			default: '100x100',
		},
		parameters: { sparkle: ['low'], grain: [] },
	} as object);
	return actual;
});

jest.mock('../nodes/Seedream/catalog/gateways', () => {
	const actual = jest.requireActual<object>('../nodes/Seedream/catalog/gateways');
	const { GATEWAYS } = actual as { GATEWAYS: object[] };
	GATEWAYS.unshift({
		id: 'gate9',
		name: 'Gate Nine',
		source: 'a test',
		baseUrl: 'https://api.gate-nine.example.com/v9',
		keyPage: 'https://gate-nine.example.com/keys',
		hosts: ['gate-nine.example.com'],
		apiPath: '/v9',
		models: ['doubao-seedream-9-0-270101', 'doubao-seedream-4-5-251128'],
		recommended: { any: 'doubao-seedream-9-0-270101' },
		parameters: { sparkle: 'model', grain: 'any' },
		always: { mode: 'fine' },
		placement: 'extraFields',
		referenceForm: 'array',
		referenceUrls: true,
		streamsSets: false,
		retryServerErrors: false,
	});
	return actual;
});

const NEW_MODEL = byId('doubao-seedream-9-0-270101');

const reference = TABLES['docs/reference.md'];

const bench = useGateway();

/** A credential for the new gateway, played by one that has no model list. */
function gateNine(): CredentialValues {
	return bench.credentials('gateway001', { provider: 'gate9' });
}

/** Lets the next request succeed, whatever is in it. */
function acceptAnything(): void {
	const body = JSON.stringify({ data: [{ url: `${bench.gateway.url}/samples/16x16.png` }] });
	bench.gateway.inject({ on: 'request', status: 200, body });
}

describe('a new model', () => {
	it('has the fields, resolutions and options of its record', () => {
		const set = { operation: 'textToImage', model: NEW_MODEL };
		expect(fieldsShown(set)).not.toContain('modelFamily');
		expect(choicesShown(set, 'resolution')).toEqual(['4K']);
		const options = entriesShown(set).map(({ name }) => name);
		expect(options).toEqual(expect.arrayContaining(['sparkle', 'grain']));
		expect(options).not.toContain('outputFormat');
		expect(
			choicesShown({ operation: 'textToImage', model: byId('ep-x') }, 'modelFamily'),
		).toContain('9.0');
	});

	it('is the first in the list of its service and of gateways without a document', async () => {
		for (const credentials of [bench.credentials(), bench.credentials('new-api')]) {
			const { results } = await listModels(credentials, { operation: 'textToImage' }, '9.0');
			expect(results).toEqual([{ name: 'Seedream 9.0', value: 'doubao-seedream-9-0-270101' }]);
		}
	});

	it('has its own limits', async () => {
		const size = { aspectRatio: 'custom', width: 200, height: 200 };
		const refused = await bench.refusal({
			operation: 'textToImage',
			model: NEW_MODEL,
			prompt: TINY,
			...size,
		});
		expect(refused.message).toBe('The size 200x200 is too large for Seedream 9.0 [item 0]');
		expect(refused.description).toMatch('The nearest size it supports is 141x141.');
	});

	it('stands in the reference', () => {
		expect(reference.models()).toContain(
			'| Seedream 9.0 | `doubao-seedream-9-0-270101` |  | Text-to-Image, Collage | up to 2 |',
		);
		expect(reference.limits()).toContain('| Seedream 9.0 | 4K | 10,000 to 20,000 pixels |');
	});
});

describe('a new gateway', () => {
	it('can be chosen in the credential', () => {
		const { options } = new SeedreamApi().properties.find(({ name }) => name === 'provider') ?? {};
		expect((options as INodePropertyOptions[]).map(({ value }) => value)).toContain('gate9');
	});

	it('lists the models of its record', async () => {
		const { results } = await listModels(gateNine(), { operation: 'textToImage' });
		expect(results.map(({ value }) => value)).toEqual([
			'automatic',
			'doubao-seedream-9-0-270101',
			'doubao-seedream-4-5-251128',
		]);
	});

	it('is recognized by its host, and has its own path', async () => {
		const credentials = { ...gateNine(), provider: 'byBaseUrl', baseUrl: 'gate-nine.example.com' };
		const [{ json }] = await bench.items(
			{
				operation: 'textToImage',
				model: NEW_MODEL,
				prompt: TINY,
				resolution: '4K',
				options: { previewRequest: true },
			},
			{ credentials },
		);
		expect(json.url).toBe('https://gate-nine.example.com/v9/images/generations');
		expect(json.gateway).toBe('Gate Nine');
	});

	it('stands in the reference', () => {
		expect(reference.gateways()).toContain(
			"| Gate Nine | `gate-nine.example.com` | `/v9/images/generations` | inside `extra_fields` | array; URLs or files | the model's |",
		);
	});
});

describe('a new parameter', () => {
	const set = (model: INodeParameters, options: INodeParameters): INodeParameters => ({
		operation: 'textToImage',
		model,
		prompt: TINY,
		resolution: '4K',
		options,
	});

	it('is an option with the choices of the model, hidden for models without it', () => {
		const values = { operation: 'textToImage', model: NEW_MODEL };
		const option = entriesShown(values).find(({ name }) => name === 'sparkle');
		const choices = (option?.options as INodePropertyOptions[]).filter((choice) =>
			isShown({}, choice, valuesFor(values)),
		);
		expect(option?.displayName).toBe('Sparkle');
		expect(choices.map(({ value }) => value)).toEqual(['low']);
		const others = entriesShown({ ...values, model: byId(IDS['4.5']) }).map(({ name }) => name);
		expect(others).not.toContain('sparkle');
		// A gateway lists it for any model, but it is one of those that models differ in.
		expect(others).not.toContain('grain');
	});

	it('is sent where the gateway reads it', async () => {
		acceptAnything();
		await bench.items(set(NEW_MODEL, { sparkle: 'low', grain: 3 }), { credentials: gateNine() });
		expect(bench.bodies()).toEqual([
			{
				model: 'doubao-seedream-9-0-270101',
				prompt: TINY,
				size: '4K',
				response_format: 'url',
				watermark: false,
				mode: 'fine',
				grain: 3,
				extra_fields: { sparkle: { level: 'low' } },
			},
		]);
	});

	it('is not sent, with a warning, where model or gateway does not support it', async () => {
		const preview = { sparkle: 'high', grain: 3, previewRequest: true };
		const run = async (model: INodeParameters, credentials: CredentialValues) => {
			const [{ json }] = await bench.items(set(model, preview), { credentials });
			return json.warnings;
		};
		expect(await run(NEW_MODEL, gateNine())).toEqual([
			'Sparkle was not sent: Seedream 9.0 does not support “high”.',
		]);
		expect(await run(NEW_MODEL, bench.credentials())).toEqual([
			'Sparkle was not sent: Volcengine Ark does not list it.',
			'Grain was not sent: Volcengine Ark does not list it.',
		]);
	});

	it('is checked against its range', async () => {
		const values = set(NEW_MODEL, { grain: 6 });
		const { message, description } = await bench.refusal(values, { credentials: gateNine() });
		expect(message).toBe('Grain is 6 [item 0]');
		expect(description).toBe('Set it to a whole number from 1 to 5.');
	});

	it('stands in the reference', () => {
		expect(reference.parameters()).toContain('| `sparkle.level` | Sparkle | 9.0 | Gate Nine |');
		expect(reference.options()).toContain('| Sparkle | Low | How much the image sparkles |');
	});
});

describe('a new operation', () => {
	const collage = (more: INodeParameters = {}): INodeParameters => ({
		operation: 'collage',
		model: NEW_MODEL,
		prompt: TINY,
		resolution: '4K',
		referenceImages: urls('https://example.com/a.png'),
		...more,
	});

	it('can be chosen, with the fields it needs', () => {
		expect(choicesShown({}, 'operation')).toContain('collage');
		expect(fieldsShown(collage())).toContain('referenceImages');
		expect(fieldsShown(collage())).not.toContain('maxImages');
	});

	it('lists only the models that support it', async () => {
		const { results } = await listModels(gateNine(), { operation: 'collage' });
		expect(results.map(({ value }) => value)).toEqual(['automatic', 'doubao-seedream-9-0-270101']);
	});

	it('needs references, a model and a gateway that support it', async () => {
		const credentials = gateNine();
		const empty = await bench.refusal(collage({ referenceImages: {} }), { credentials });
		expect(empty.description).toMatch('Collage needs at least one, ');
		const model = await bench.refusal(collage({ model: byId(IDS['4.5']) }), { credentials });
		expect(model.message).toBe('Seedream 4.5 does not support collages [item 0]');
		expect(model.description).toBe('Choose another Model: Seedream 9.0.');
		const gateway = await bench.refusal(collage());
		expect(gateway.message).toBe('Volcengine Ark does not support collages [item 0]');
	});

	it('is sent with its references', async () => {
		acceptAnything();
		await bench.items(collage(), { credentials: gateNine() });
		expect(bench.bodies()).toEqual([
			expect.objectContaining({ image: ['https://example.com/a.png'], size: '4K' }),
		]);
	});
});
