import type { INodeParameters, INodeProperties, INodePropertyOptions } from 'n8n-workflow';

import {
	choicesShown,
	description,
	entriesShown,
	fieldsShown,
	isShown,
	optionsOf,
	valuesFor,
} from './editor';
import {
	FAMILIES,
	familiesWith,
	LAYERS,
	MODELS,
	type Family,
	type ModelParameter,
	type Operation,
} from './facts/models';
import { RESOLUTIONS } from './facts/sizes';
import { byId, IDS } from './support';

/** Values of Prompt Optimization, in the editor's order. */
function optimizationsOf(family: Family): string[] {
	return [...(MODELS[family].parameters.optimize_prompt_options ?? [])].sort();
}

/** Options that do not depend on the model. */
const ALWAYS = [
	'additionalBodyFields',
	'binaryPropertyOutput',
	'concurrentRequests',
	'downloadImages',
	'fileName',
	'maxImagesPerRun',
	'numberOfImages',
	'output',
	'previewRequest',
	'quality',
	'responseFormat',
	'retryServerErrors',
	'simplify',
	'style',
	'user',
	'waitWhenBusy',
	'watermark',
];

function expectedFields(operation: Operation, family: Family | undefined): string[] {
	const { references, size } = family ? MODELS[family] : { references: true, size: undefined };
	const hasReferences = operation !== 'textToImage' && references;
	if (operation === 'layers') {
		const own = ['imageSource', 'imageField', 'prompt', 'resolution', 'options'];
		return ['operation', 'model', ...(family ? [] : ['modelFamily']), ...own];
	}
	const hasSize = !family || size;
	const hasResolution = !family || (size && size.presets.length > 0);
	return [
		'operation',
		'model',
		...(family ? [] : ['modelFamily']),
		'prompt',
		...(hasReferences ? ['referenceImages'] : []),
		...(operation === 'imageSet' ? ['maxImages'] : []),
		...(hasSize ? ['aspectRatio'] : []),
		...(hasResolution ? ['resolution'] : []),
		'options',
	];
}

function expectedEntries(operation: Operation, family: Family | undefined): string[] {
	const isSet = operation === 'imageSet';
	const isLayers = operation === 'layers';
	const refused: readonly string[] = isLayers ? LAYERS.refused : [];
	const supports = (parameter: ModelParameter) =>
		!refused.includes(parameter) && (!family || familiesWith(parameter).includes(family));
	return [
		...ALWAYS,
		...(supports('background') ? ['background'] : []),
		...(supports('guidance_scale') ? ['guidanceScale'] : []),
		...(supports('seed') ? ['seed'] : []),
		...(supports('output_format') ? ['outputFormat'] : []),
		...(supports('optimize_prompt_options') ? ['promptOptimization'] : []),
		...(supports('tools') ? ['webSearch'] : []),
		...(isSet ? ['failedImages'] : []),
		...(isLayers ? ['layeredSvg'] : []),
		...(isSet && supports('stream') ? ['stream'] : []),
	].sort();
}

/** Known ids in each spelling, and unknown ids. */
const SPELLED: Array<[model: string, family: Family | undefined, chosen?: Family]> = [
	...FAMILIES.map((family): [string, Family] => [IDS[family], family]),
	['dola-seedream-5-5-261028', '5.5'],
	['dola-seedream-5-0-pro-260628', '5.0-pro'],
	['bytedance/seedream-5.0-flash', '5.0-flash'],
	['seedream-5-0-lite-260128', '5.0-lite'],
	['bytedance/seedream-4.5', '4.5'],
	['doubao-seedream-4-0-20260415', '4.0'],
	['seedream-3.0', '3.0'],
	['seededit-3-0-i2i-250628', 'seededit-3.0'],
	['ep-20260101000000-abcde', undefined],
	['doubao-seedream-6-0-270101', undefined],
	['={{ $json.model }}', undefined],
	...FAMILIES.map((family): [string, undefined, Family] => ['ep-x', undefined, family]),
];

const CASES = (['textToImage', 'imageToImage', 'imageSet', 'layers'] as const).flatMap(
	(operation) => SPELLED.map(([model, family, chosen]) => ({ operation, model, family, chosen })),
);

describe.each(CASES)('$operation with $model $chosen', ({ operation, model, family, chosen }) => {
	const set: INodeParameters = {
		operation,
		model: byId(model),
		...(chosen ? { modelFamily: chosen } : {}),
	};
	const rules = family ?? chosen;

	it('shows the documented fields and resolutions', () => {
		const expected = expectedFields(operation, rules);
		if (chosen) expected.splice(2, 0, 'modelFamily');
		expect(fieldsShown(set)).toEqual(expected);
		if (!expected.includes('resolution')) return;
		const ofModel = rules ? MODELS[rules].size?.presets : RESOLUTIONS;
		expect(choicesShown(set, 'resolution')).toEqual(
			operation === 'layers' ? LAYERS.sizes : ofModel,
		);
	});

	it('offers the documented options and values', () => {
		const entries = entriesShown(set);
		expect(entries.map(({ name }) => name).sort()).toEqual(expectedEntries(operation, rules));
		const optimization = entries.find(({ name }) => name === 'promptOptimization');
		if (!optimization) return;
		const values = valuesFor(set);
		const choices = (optimization.options as INodePropertyOptions[])
			.filter((choice) => isShown({}, choice, values))
			.map(({ value }) => value);
		expect(choices).toEqual(rules ? optimizationsOf(rules) : ['fast', 'standard']);
	});
});

describe('Automatic', () => {
	const set = { model: { __rl: true, mode: 'list', value: 'automatic' } };

	it('is what a new node stands at, and needs no Model Family', () => {
		expect(optionsOf('model').default).toMatchObject({ mode: 'list', value: 'automatic' });
		expect(fieldsShown({})).toEqual(fieldsShown(set));
	});

	it('shows the fields and choices that every recommended model supports', () => {
		const fields = ['operation', 'model', 'prompt', 'aspectRatio', 'resolution', 'options'];
		expect(fieldsShown({ ...set, operation: 'textToImage' })).toEqual(fields);
		expect(fieldsShown({ ...set, operation: 'imageSet' })).toEqual([
			...fields.slice(0, 3),
			'referenceImages',
			'maxImages',
			...fields.slice(3),
		]);
		// 5.5, 5.0 Lite and 4.0 have no other in common.
		expect(choicesShown(set, 'resolution')).toEqual(['2K']);
		const ofModels = ['background', 'numberOfImages', 'quality', 'style', 'user'];
		expect(
			entriesShown({ ...set, operation: 'textToImage' })
				.map(({ name }) => name)
				.sort(),
		).toEqual([...ALWAYS.filter((name) => !ofModels.includes(name)), 'promptOptimization'].sort());
	});
});

it('there is no Model Family before a model is chosen', () => {
	for (const mode of ['id', 'list']) {
		expect(fieldsShown({ model: { __rl: true, mode, value: '' } })).not.toContain('modelFamily');
	}
});

it('a custom size shows Width and Height instead of Resolution', () => {
	for (const family of FAMILIES.filter((each) => each !== 'seededit-3.0')) {
		const shown = fieldsShown({
			operation: 'textToImage',
			model: byId(IDS[family]),
			aspectRatio: 'custom',
		});
		expect(shown).toEqual([
			'operation',
			'model',
			'prompt',
			'aspectRatio',
			'width',
			'height',
			'options',
		]);
	}
});

it('the editor forgets a Model Family once the model is known', () => {
	const set = { operation: 'imageToImage', model: byId(IDS['4.5']), modelFamily: '3.0' };
	const values = valuesFor(set);
	expect(values).not.toHaveProperty('modelFamily');
	expect(fieldsShown(values)).toContain('referenceImages');
});

it.each([
	[{ source: 'binary' }, ['source', 'binaryPropertyName']],
	[{ source: 'allBinary' }, ['source']],
	[{ source: 'url' }, ['source', 'url']],
])('a reference from %j', (values, expected) => {
	const [entry] = optionsOf('referenceImages').options as Array<{ values: INodeProperties[] }>;
	const shown = entry.values.filter((field) => isShown(values, field)).map(({ name }) => name);
	expect(shown).toEqual(expected);
});

describe('every field by n8n’s guidelines', () => {
	/** Every property, wherever it stands. */
	function all(properties: INodeProperties[]): INodeProperties[] {
		return properties.flatMap((property) => [
			property,
			...(property.type === 'collection' ? all(property.options as INodeProperties[]) : []),
			...(property.type === 'fixedCollection'
				? (property.options as Array<{ values: INodeProperties[] }>).flatMap(({ values }) =>
						all(values),
					)
				: []),
		]);
	}
	const properties = all(description.properties);
	const MINOR = /^(?:a|an|and|as|at|by|for|in|of|on|or|per|the|to|with|x)$/;
	const isTitle = (text: string) =>
		text
			.split(/[ -]/)
			.every((word, i) => /^[^a-z]/.test(word) || (i > 0 && MINOR.test(word)) || /_/.test(word));

	it.each(properties.map((property) => [property.displayName, property] as const))(
		'%s',
		(_name, property) => {
			expect([property.displayName, isTitle(property.displayName)]).toEqual([
				property.displayName,
				true,
			]);
			const text = property.description ?? property.hint ?? '';
			if (property.type === 'boolean') expect(text).toMatch(/^Whether /);
			if (property.type === 'string' || property.type === 'json') {
				expect(property.placeholder).toMatch(/^e\.g\. /);
			}
			if (!['operation', 'options', 'source'].includes(property.name)) {
				expect(text).toMatch(/^\S.{10,}/s);
			}
			if (property.type === 'options') {
				for (const { name } of property.options as INodePropertyOptions[]) {
					expect([name, isTitle(name)]).toEqual([name, true]);
				}
			}
		},
	);

	it('operation comes before model in every condition', () => {
		for (const { displayOptions } of properties) {
			const keys = Object.keys(displayOptions?.show ?? {});
			expect(keys.slice(1)).not.toContain('operation');
		}
	});

	it('options are in alphabetical order', () => {
		const names = (optionsOf('options').options as INodeProperties[]).map(
			({ displayName }) => displayName,
		);
		expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
	});
});
