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
import { FAMILIES, type Family } from './facts/models';
import { byId, IDS } from './support';

/** The fields of each operation, for a model that has all of them. */
const FIELDS = {
	textToImage: 'operation model prompt aspectRatio resolution options advanced',
	imageToImage: 'operation model prompt referenceImages aspectRatio resolution options advanced',
	imageSet:
		'operation model prompt referenceImages maxImages aspectRatio resolution options advanced',
	// Whatever the model: those that split no images are refused with a message.
	layers: 'operation model imageSource imageField prompt resolution options advanced',
};
const OPERATIONS = Object.keys(FIELDS) as Array<keyof typeof FIELDS>;

function fieldsOf(operation: keyof typeof FIELDS, hidden: string[] = []): string[] {
	const fields = FIELDS[operation].split(' ');
	return operation === 'layers' ? fields : fields.filter((field) => !hidden.includes(field));
}

/** Options that do not depend on the model. */
const ALWAYS =
	'binaryPropertyOutput downloadImages fileName includeInputFields linkToFile maxImagesPerRun output previewRequest watermark'.split(
		' ',
	);
const ADVANCED =
	'additionalBodyFields concurrentRequests responseFormat retryServerErrors simplify waitWhenBusy'.split(
		' ',
	);
/** Advanced options that gateways have, not models. */
const OF_GATEWAYS = ['quality', 'style', 'user'];

/** Options of an operation, and those that it does not have. */
const OF_OPERATION: Record<keyof typeof FIELDS, { own: string[]; without: string[] }> = {
	textToImage: { own: ['numberOfImages'], without: [] },
	imageToImage: { own: ['numberOfImages'], without: [] },
	imageSet: { own: ['numberOfImages', 'failedImages'], without: [] },
	layers: { own: ['layeredSvg'], without: ['background', 'webSearch'] },
};

/** What the editor shows for a model. */
interface Shown {
	/** Fields that the model does not have. */
	hidden?: string[];
	resolutions?: string[];
	/** Options beside {@link ALWAYS}. */
	options: string[];
	optimizations?: string[];
	/** Whether sets may be streamed. */
	streams?: boolean;
}

const PRO: Shown = {
	resolutions: ['1K', '1.5K', '2K'],
	options: ['background', 'outputFormat', 'promptOptimization'],
	optimizations: ['standard'],
};

const SHOWN: Record<Family | 'unknown', Shown> = {
	'5.5': PRO,
	'5.0-pro': { ...PRO, optimizations: ['fast', 'standard'] },
	'5.0-flash': PRO,
	'5.0-lite': {
		resolutions: ['2K', '3K', '4K'],
		options: ['outputFormat', 'promptOptimization', 'webSearch'],
		optimizations: ['standard'],
		streams: true,
	},
	'4.5': {
		resolutions: ['2K', '4K'],
		options: ['promptOptimization'],
		optimizations: ['standard'],
		streams: true,
	},
	'4.0': {
		resolutions: ['1K', '2K', '4K'],
		options: ['promptOptimization'],
		optimizations: ['fast', 'standard'],
		streams: true,
	},
	'3.0': { hidden: ['referenceImages', 'resolution'], options: ['guidanceScale', 'seed'] },
	'seededit-3.0': { hidden: ['aspectRatio', 'resolution'], options: ['guidanceScale', 'seed'] },
	unknown: {
		resolutions: ['1K', '1.5K', '2K', '3K', '4K'],
		options: [
			'background',
			'guidanceScale',
			'outputFormat',
			'promptOptimization',
			'seed',
			'webSearch',
		],
		optimizations: ['fast', 'standard'],
		streams: true,
	},
};

/** Names of the options that the editor offers, in both collections. */
function offered(set: INodeParameters): { options: string[]; advanced: string[] } {
	const names = (collection: 'options' | 'advanced') =>
		entriesShown(set, collection)
			.map(({ name }) => name)
			.sort();
	return { options: names('options'), advanced: names('advanced') };
}

/** Ids in each spelling, and unknown ones, with and without a Model Family. */
const SPELLED: Array<[model: string, family: keyof typeof SHOWN, chosen?: Family]> = [
	...FAMILIES.map((family): [string, Family] => [IDS[family], family]),
	['dola-seedream-5-5-261028', '5.5'],
	['bytedance/seedream-5.0-flash', '5.0-flash'],
	['seedream-5-0-lite-260128', '5.0-lite'],
	['doubao-seedream-4-0-20260415', '4.0'],
	['seedream-3.0', '3.0'],
	['seededit-3-0-i2i-250628', 'seededit-3.0'],
	['ep-20260101000000-abcde', 'unknown'],
	['doubao-seedream-6-0-270101', 'unknown'],
	['={{ $json.model }}', 'unknown'],
	...FAMILIES.map((family): [string, Family, Family] => ['ep-x', family, family]),
];

it.each(SPELLED)('%s shows the fields and options of %s (Model Family: %s)', (...spelled) => {
	const [model, family, chosen] = spelled;
	const { hidden, resolutions, options, optimizations, streams } = SHOWN[family];
	for (const operation of OPERATIONS) {
		const set: INodeParameters = { operation, model: byId(model) };
		if (chosen) set.modelFamily = chosen;

		const fields = fieldsOf(operation, hidden);
		if (chosen || family === 'unknown') fields.splice(2, 0, 'modelFamily');
		expect([operation, fieldsShown(set)]).toEqual([operation, fields]);
		const sizes = operation === 'layers' ? ['auto', '1K', '1.5K', '2K'] : resolutions;
		if (sizes) expect(choicesShown(set, 'resolution')).toEqual(sizes);

		const { own, without } = OF_OPERATION[operation];
		const ofModel = options.filter((name) => !without.includes(name));
		const ofStream = operation === 'imageSet' && streams ? ['stream'] : [];
		expect([operation, offered(set)]).toEqual([
			operation,
			{
				options: [...ALWAYS, ...ofModel, ...own].sort(),
				advanced: [...ADVANCED, ...OF_GATEWAYS, ...ofStream].sort(),
			},
		]);
		const optimization = entriesShown(set).find(({ name }) => name === 'promptOptimization');
		const choices = (optimization?.options as INodePropertyOptions[] | undefined)
			?.filter((choice) => isShown({}, choice, valuesFor(set)))
			.map(({ value }) => value);
		expect(choices).toEqual(optimizations);
	}
});

describe('Automatic', () => {
	const set = { model: { __rl: true, mode: 'list', value: 'automatic' } };

	it('is what a new node stands at, and needs no Model Family', () => {
		expect(optionsOf('model').default).toMatchObject({ mode: 'list', value: 'automatic' });
		expect(fieldsShown({})).toEqual(fieldsShown(set));
	});

	it('shows what every recommended model supports', () => {
		for (const operation of OPERATIONS) {
			expect(fieldsShown({ ...set, operation })).toEqual(fieldsOf(operation));
			// Not what a gateway may lack; a number of images is no matter of the gateway.
			const { own } = OF_OPERATION[operation];
			expect(offered({ ...set, operation })).toEqual({
				options: [...ALWAYS, ...own, 'promptOptimization'].sort(),
				advanced: ADVANCED,
			});
		}
		// 5.5, 5.0 Lite and 4.0 have no other in common.
		expect(choicesShown(set, 'resolution')).toEqual(['2K']);
	});
});

it.each([
	['operation', 'Text-to-Image', 'Image-to-Image', 'Image Set', 'Layers'],
	[
		'aspectRatio',
		'Auto',
		'1:1 (Square, Product Photo)',
		'4:3 (Presentation)',
		'3:4 (Portrait, Pin)',
		'16:9 (Video, Slide)',
		'9:16 (Story, Reel)',
		'3:2 (Photo)',
		'2:3 (Poster)',
		'21:9 (Banner)',
		'4:5 (Feed Post)',
		'Custom Width and Height',
	],
	[
		'resolution',
		'1K (about 1024 × 1024)',
		'1.5K (about 1536 × 1536)',
		'2K (about 2048 × 2048)',
		'3K (about 3072 × 3072)',
		'4K (about 4096 × 4096)',
	],
	['source', 'All Images of the Item', 'Binary Field', 'Images of All Input Items', 'URL'],
])('%s has its choices in the order of use, by what they are for', (name, ...labels) => {
	const [entry] = optionsOf('referenceImages').options as Array<{ values: INodeProperties[] }>;
	const { options } = name === 'source' ? entry.values[0] : optionsOf(name);
	expect((options as INodePropertyOptions[]).map((choice) => choice.name)).toEqual(labels);
});

it('there is no Model Family before a model is chosen', () => {
	for (const mode of ['id', 'list']) {
		expect(fieldsShown({ model: { __rl: true, mode, value: '' } })).not.toContain('modelFamily');
	}
});

it.each(FAMILIES.filter((family) => family !== 'seededit-3.0'))(
	'%s: a custom size shows Width and Height instead of Resolution',
	(family) => {
		const set = { operation: 'textToImage', model: byId(IDS[family]), aspectRatio: 'custom' };
		const fields = 'operation model prompt aspectRatio width height options advanced';
		expect(fieldsShown(set)).toEqual(fields.split(' '));
	},
);

it('the editor forgets a Model Family once the model is known', () => {
	const set = { operation: 'imageToImage', model: byId(IDS['4.5']), modelFamily: '3.0' };
	const values = valuesFor(set);
	expect(values).not.toHaveProperty('modelFamily');
	expect(fieldsShown(values)).toContain('referenceImages');
});

it.each([
	[{ source: 'binary' }, ['source', 'binaryPropertyName']],
	[{ source: 'allBinary' }, ['source']],
	[{ source: 'allItems' }, ['source']],
	[{ source: 'url' }, ['source', 'url']],
])('a reference from %j shows %j', (values, expected) => {
	const [entry] = optionsOf('referenceImages').options as Array<{ values: INodeProperties[] }>;
	const shown = entry.values.filter((field) => isShown(values, field)).map(({ name }) => name);
	expect(shown).toEqual(expected);
});

describe('n8n’s guidelines for fields', () => {
	/** Every property, wherever it stands. */
	function all(properties: INodeProperties[]): INodeProperties[] {
		return properties.flatMap((property) => {
			const { type, options = [] } = property;
			if (type === 'collection') return [property, ...all(options as INodeProperties[])];
			if (type !== 'fixedCollection') return [property];
			const groups = options as Array<{ values: INodeProperties[] }>;
			return [property, ...groups.flatMap(({ values }) => all(values))];
		});
	}
	const properties = all(description.properties);
	const MINOR = /^(?:a|an|and|as|at|by|for|in|of|on|or|per|the|to|with|x)$/;
	const isTitle = (text: string) =>
		text
			.split(/[ -]/)
			.every((word, i) => /^[^a-z]/.test(word) || (i > 0 && MINOR.test(word)) || /_/.test(word));

	it('names are in title case, choices too', () => {
		const choices = properties
			.filter(({ type }) => type === 'options')
			.flatMap(({ options }) => (options as INodePropertyOptions[]).map(({ name }) => name));
		const names = [...properties.map(({ displayName }) => displayName), ...choices];
		expect(names).toEqual(expect.arrayContaining(['Reference Images', 'All Images of the Item']));
		expect(names.filter((name) => !isTitle(name))).toEqual([]);
	});

	it.each(properties.map((property) => [property.displayName, property] as const))(
		'%s has a description, and an example where text is entered',
		(_, { name, type, description: text, hint = '', placeholder }) => {
			if (type === 'boolean') expect(text).toMatch(/^Whether /);
			if (type === 'string' || type === 'json') expect(placeholder).toMatch(/^e\.g\. /);
			if (['operation', 'options', 'advanced', 'source'].includes(name)) return;
			expect((text ?? hint).length).toBeGreaterThan(10);
		},
	);

	it('operation comes before model in every condition', () => {
		for (const { displayOptions } of properties) {
			const keys = Object.keys(displayOptions?.show ?? {});
			expect(keys.slice(1)).not.toContain('operation');
		}
	});

	it.each(['options', 'advanced'])('%s are in alphabetical order', (collection) => {
		const entries = optionsOf(collection).options as INodeProperties[];
		const names = entries.map(({ displayName }) => displayName);
		expect(names).toEqual([...names].sort((a, b) => a.localeCompare(b)));
	});
});
