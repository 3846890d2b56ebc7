import type { INodeProperties } from 'n8n-workflow';

import { GATEWAYS as CATALOG_GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { idRanges } from '../nodes/Seedream/catalog/modelIds';
import { LAYER_REFERENCES, MODEL_FAMILIES } from '../nodes/Seedream/catalog/models';
import { OPERATIONS } from '../nodes/Seedream/catalog/operations';
import { MAX_IMAGES, PARAMETERS, type Parameter } from '../nodes/Seedream/catalog/parameters';
import {
	LAYER_SIZES,
	RATIOS as CATALOG_RATIOS,
	RESOLUTIONS as CATALOG_RESOLUTIONS,
} from '../nodes/Seedream/catalog/sizes';
import { properties } from '../nodes/Seedream/fields';
import { GATEWAYS, SEEDREAM_PARAMETERS, type GatewayFacts } from './facts/gateways';
import { FAMILIES, familyOf, idsOf, LAYERS, MODELS, PREFIXES, RANGES } from './facts/models';
import { RATIOS, RESOLUTIONS } from './facts/sizes';

const parameters: readonly Parameter[] = PARAMETERS;

/** One line for each value, e.g. `4.0 size minPixels = 921600`; what a list holds has no order. */
function linesOf(value: unknown, path = ''): string[] {
	if (value === undefined) return [];
	if (typeof value !== 'object' || value === null) return [`${path} = ${JSON.stringify(value)}`];
	const entries = Array.isArray(value)
		? value.map((each: unknown) => ['has', each] as const)
		: Object.entries(value);
	// An empty list or record is a statement too.
	if (entries.length === 0) return [`${path} = ${JSON.stringify(value)}`];
	return entries.flatMap(([key, each]) => linesOf(each, path ? `${path} ${key}` : key));
}

/** @returns every line that only one side has, with the side */
function differences(facts: unknown, catalog: unknown): string[] {
	const [left, right] = [linesOf(facts), linesOf(catalog)];
	const without = (lines: string[], others: string[]) => {
		const rest = [...others];
		return lines.filter((line) => {
			const at = rest.indexOf(line);
			if (at >= 0) rest.splice(at, 1);
			return at < 0;
		});
	};
	return [
		...without(left, right).map((line) => `only in the facts: ${line}`),
		...without(right, left).map((line) => `only in the catalog: ${line}`),
	];
}

function byId<T extends { id: string }>(list: readonly T[]): Record<string, Omit<T, 'id'>> {
	return Object.fromEntries(list.map(({ id, ...rest }) => [id, rest]));
}

it('the catalog says of each model what its documents say', () => {
	// The node knows no prices and no seconds, and leaves it to the service what happens without a reference or a
	// guidance scale; sizes to try are the tests' own. All other facts are compared.
	const facts = FAMILIES.map((family) => {
		const { ids, size, references, ...rest } = { ...MODELS[family], guidanceScale: undefined };
		const sizeRules = size && { ...size, atLimits: undefined };
		const limits = references && { ...references, min: undefined };
		const known = {
			...rest,
			references: limits,
			size: sizeRules,
			price: undefined,
			seconds: undefined,
		};
		return [family, { ...known, ids: byId(ids) }];
	});
	const catalog = MODEL_FAMILIES.map(({ id, ids, ...rest }) => [id, { ...rest, ids: byId(ids) }]);
	expect(differences(Object.fromEntries(facts), Object.fromEntries(catalog))).toEqual([]);
});

it('the catalog says of each gateway what its document says', () => {
	const families = MODEL_FAMILIES.map(({ id }) => id);
	const catalog = CATALOG_GATEWAYS.map((gateway) => {
		// Words and advice for users, which no document prescribes.
		const words = {
			choose: undefined,
			label: undefined,
			recommended: undefined,
			source: undefined,
		};
		const { id, parameters, ...rest } = { ...gateway, ...words };
		const recipients = Object.entries(parameters).map(([parameter, who]) => {
			if (who === 'any') return [parameter, families];
			if (who !== 'model') return [parameter, who];
			const supporting = MODEL_FAMILIES.filter((family) => parameter in family.parameters);
			return [parameter, supporting.map((family) => family.id)];
		});
		return [id, { ...rest, parameters: Object.fromEntries(recipients) as object }];
	});
	expect(differences(GATEWAYS, Object.fromEntries(catalog))).toEqual([]);
});

it('each gateway recommends models that are alive today and support the operation', () => {
	// Turns red on the day one of them ends: then the gateway's record needs another.
	const day = new Date().toISOString().slice(0, 10);
	const facts: Readonly<Record<string, GatewayFacts>> = GATEWAYS;
	const problems = CATALOG_GATEWAYS.flatMap(({ id: gateway, recommended }) =>
		OPERATIONS.filter(({ needs }) => !needs || facts[gateway].parameters[needs]).flatMap(
			({ id: operation }) => {
				const model = recommended[operation] ?? recommended.any;
				const { models, service } = facts[gateway];
				const family = familyOf(model);
				const { ends } = idsOf('volcengine')
					.concat(idsOf('byteplus'))
					.find(({ id }) => id === model) ?? { ends: undefined };
				const isOver = service !== undefined && ends !== undefined && !(ends > day);
				const isRight =
					family && models.includes(model) && MODELS[family].operations.includes(operation);
				return isRight && !isOver ? [] : [`${gateway}, ${operation}: ${model}, ends ${ends}`];
			},
		),
	);
	expect(problems).toEqual([]);
});

it('the catalog has the documents’ prefixes, ratios, resolutions and parameters', () => {
	// Options of a set go wherever the set goes.
	const others = ['sequential_image_generation_options'];
	const facts = {
		PREFIXES,
		RATIOS,
		RESOLUTIONS,
		SEEDREAM_PARAMETERS: SEEDREAM_PARAMETERS.filter((name) => !others.includes(name)),
	};
	const catalog = {
		PREFIXES: idRanges('').map(({ from }) => from),
		RATIOS: CATALOG_RATIOS,
		RESOLUTIONS: CATALOG_RESOLUTIONS,
		SEEDREAM_PARAMETERS: parameters.filter(({ isOpenAi }) => !isOpenAi).map(({ name }) => name),
	};
	expect(differences(facts, catalog)).toEqual([]);
});

it('layers have the documents’ image, sizes and refused parameters', () => {
	const { references, sizes, refused } = LAYERS;
	const operation = OPERATIONS.find(({ id }) => id === 'layers');
	// No document has a number of images for layers, and the node sends no further requests for it.
	const facts = {
		references: { ...references, min: undefined },
		sizes,
		refused: [...refused, 'n'],
	};
	const catalog = {
		references: LAYER_REFERENCES,
		sizes: LAYER_SIZES,
		refused: operation?.refuses,
	};
	expect(differences(facts, catalog)).toEqual([]);
});

it('numbers have the documents’ ranges, in the catalog and in the editor', () => {
	const { guidance_scale, max_images, n, seed } = RANGES;
	const numbers = parameters.flatMap(({ name, option }) => {
		if (option?.input.kind !== 'number') return [];
		const { min, max } = option.input;
		return [[name, { min, max }] as const];
	});
	const catalog = { ...Object.fromEntries(numbers), max_images: MAX_IMAGES };
	expect(differences({ guidance_scale, max_images, n, seed }, catalog)).toEqual([]);
	const options = properties.find(({ name }) => name === 'options');
	const fields = [...properties, ...((options?.options ?? []) as INodeProperties[])];
	const rangeOf = (name: string) => {
		const { minValue: min, maxValue: max } =
			fields.find((field) => field.name === name)?.typeOptions ?? {};
		return { min, max };
	};
	const editor = {
		guidance_scale: rangeOf('guidanceScale'),
		max_images: rangeOf('maxImages'),
		n: rangeOf('numberOfImages'),
		seed: rangeOf('seed'),
	};
	expect(differences({ guidance_scale, max_images, n, seed }, editor)).toEqual([]);
});

it('a difference is named, whichever side it is on', () => {
	const facts = { '4.5': { size: { presets: ['2K', '4K'], minPixels: 1 }, stream: [] } };
	const catalog = { '4.5': { size: { presets: ['2K', '3K', '3K'], minPixels: 2, maxRatio: 16 } } };
	expect(differences(facts, catalog)).toEqual([
		'only in the facts: 4.5 size presets has = "4K"',
		'only in the facts: 4.5 size minPixels = 1',
		'only in the facts: 4.5 stream = []',
		'only in the catalog: 4.5 size presets has = "3K"',
		'only in the catalog: 4.5 size presets has = "3K"',
		'only in the catalog: 4.5 size minPixels = 2',
		'only in the catalog: 4.5 size maxRatio = 16',
	]);
});
