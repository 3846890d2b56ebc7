import type { INodeProperties } from 'n8n-workflow';

import { GATEWAYS, type Gateway } from '../../nodes/Seedream/catalog/gateways';
import { MODEL_FAMILIES, type ModelFamily } from '../../nodes/Seedream/catalog/models';
import { operationOf } from '../../nodes/Seedream/catalog/operations';
import type { ParameterName } from '../../nodes/Seedream/catalog/parameters';
import { RATIOS, RESOLUTIONS } from '../../nodes/Seedream/catalog/sizes';
import { properties } from '../../nodes/Seedream/fields';
import { MODELS } from '../facts/models';

function table(head: string[], rows: string[][]): string {
	const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string) => `\`${text}\``;

function ids(family: ModelFamily, service: 'volcengine' | 'byteplus'): string {
	return family.ids
		.filter((model) => model.service === service)
		.map(({ id, ends }) => {
			const note = ends === 'retired' ? ' (retired)' : ends ? ` (retires ${ends})` : '';
			return code(id) + note;
		})
		.join('<br>');
}

/** Every model family: ids, what it does, how many references it supports. */
function models(): string {
	return table(
		['Model', 'Volcengine Ark', 'BytePlus', 'Operations', 'Reference images'],
		MODEL_FAMILIES.map((family) => [
			family.name,
			ids(family, 'volcengine'),
			ids(family, 'byteplus'),
			family.operations.map((id) => operationOf(id)?.name).join(', '),
			family.references ? `up to ${family.references.max}` : 'none',
		]),
	);
}

/** What a model is chosen for, in a few words. */
const BEST_FOR: Readonly<Record<string, string>> = {
	'5.5': 'most things; layers; transparent images',
	'5.0-pro': 'demanding edits, text in images',
	'5.0-flash': 'drafts, the lowest price',
	'5.0-lite': 'sets, current facts (web search)',
	'4.5': 'sets, large prints',
	'4.0': 'sets, the lowest price for 4K',
};

/** The models that are not retired, for somebody who chooses one. */
function choice(): string {
	const yes = (value: unknown) => (value ? 'yes' : '');
	const both = (sign: string, prices: readonly number[] = []) =>
		[...new Set(prices)].map((price) => `${sign}${price}`).join(' / ');
	const rows = MODEL_FAMILIES.flatMap(({ id, name, size, references, ...family }) => {
		if (family.ids.every(({ ends }) => ends === 'retired')) return [];
		const { price, seconds = '' } = MODELS[id as keyof typeof MODELS];
		return [
			[
				name.replace(/^Seedream /, ''),
				BEST_FOR[id],
				size?.presets.at(-1) ?? '',
				String(references?.max ?? ''),
				yes(family.operations.includes('imageSet')),
				yes(family.operations.includes('layers')),
				yes(family.parameters.background?.includes('transparent')),
				seconds,
				both('$', price?.usd),
				both('¥', price?.cny),
			],
		];
	});
	return table(
		[
			...['Seedream', 'Best for', 'Largest', 'References', 'Sets', 'Layers', 'Transparent'],
			...['Seconds', 'BytePlus', 'Volcengine'],
		],
		rows,
	);
}

/** What sizes each family supports. */
function limits(): string {
	const number = (value: number) => value.toLocaleString('en-US');
	return table(
		['Model', 'Resolutions', 'Custom size: width × height', 'Longest ratio'],
		MODEL_FAMILIES.map(({ name, size }) =>
			size
				? [
						name,
						size.presets.join(', ') || '(pixels only)',
						`${number(size.minPixels)} to ${number(size.maxPixels)} pixels`,
						size.maxRatio ? `1:${size.maxRatio}` : 'not documented',
					]
				: [name, '(follows the reference image)', 'not possible', ''],
		),
	);
}

/** The pixels behind each resolution and aspect ratio. */
function sizes(): string {
	const rows = MODEL_FAMILIES.flatMap((family) =>
		RESOLUTIONS.flatMap((resolution) => {
			const ratios = family.size?.table[resolution];
			return ratios ? [{ family, resolution, cells: RATIOS.map((ratio) => ratios[ratio]) }] : [];
		}),
	);
	const groups = new Map<string, { names: string[]; resolution: string; cells: string[] }>();
	for (const { family, resolution, cells } of rows) {
		const key = [resolution, ...cells].join();
		const group = groups.get(key) ?? { names: [], resolution, cells };
		group.names.push(family.name.replace(/^Seedream /, ''));
		groups.set(key, group);
	}
	return table(
		['Resolution', 'Seedream', ...RATIOS],
		[...groups.values()].map(({ names, resolution, cells }) => [
			resolution,
			names.join(', '),
			...cells,
		]),
	);
}

/** What each gateway's document says, as far as it differs. */
function gateways(): string {
	const placement: Record<Gateway['placement'], string> = {
		topLevel: 'top level',
		extraFields: 'inside `extra_fields`',
		both: 'both',
	};
	const list = (gateway: Gateway) => {
		const form = gateway.referenceForm === 'array' ? 'array' : 'string for one, array for more';
		return `${form}; ${gateway.referenceUrls ? 'URLs or files' : 'files only, URLs are downloaded first'}`;
	};
	return table(
		[
			'Gateway',
			'Found by host',
			'Path',
			'Seedream parameters',
			'Reference images',
			'Resolutions by name',
		],
		GATEWAYS.map((gateway) => [
			gateway.name,
			gateway.hosts.map((host) => code(host)).join(', ') ||
				(gateway.id === 'other' ? 'any other host' : `choose *${gateway.label}* in the credential`),
			code(`${gateway.apiPath}/images/generations`),
			gateway.id === 'other' ? 'top level; can be changed' : placement[gateway.placement],
			gateway.id === 'other' ? `${list(gateway)}; can be changed` : list(gateway),
			gateway.presets?.join(', ') ?? "the model's",
		]).map((row) => row.map((cell) => cell || 'none, pixels only')),
	);
}

/** Body fields that more than one field of the node, or none alone, decides. */
const COMPOSED: Record<string, string> = {
	image: 'Reference Images, Image Source (Layers)',
	layer_decomposition: 'Operation: Layers',
	sequential_image_generation: 'Operation: Image Set',
	size: 'Aspect Ratio, Resolution, Width, Height',
	stream: 'Stream (Image Set)',
};

/** The parameter of the catalog that stands for a body field such as `optimize_prompt_options.mode`. */
function parameterOf(field: string): ParameterName {
	const name = field.split('.')[0];
	return (
		name === 'sequential_image_generation_options' ? 'sequential_image_generation' : name
	) as ParameterName;
}

function modelsWith(field: string): string {
	const name = parameterOf(field);
	const names = (families: readonly ModelFamily[]) =>
		families.length === MODEL_FAMILIES.length
			? 'all'
			: families.map((family) => family.name.replace(/^Seedream /, '')).join(', ');
	if (name === ('image' as ParameterName)) {
		return names(MODEL_FAMILIES.filter(({ references }) => references));
	}
	const supporting = MODEL_FAMILIES.filter(({ parameters }) => name in parameters);
	return names(supporting.length > 0 ? supporting : MODEL_FAMILIES);
}

function gatewaysWith(field: string): string {
	const name = parameterOf(field);
	const isOptional = GATEWAYS.some(({ parameters }) => name in parameters);
	if (!isOptional) return 'all';
	const supporting = GATEWAYS.filter(({ parameters }) => name in parameters);
	if (supporting.length === GATEWAYS.length) return 'all';
	const isModelRule = MODEL_FAMILIES.some(({ parameters }) => name in parameters);
	return supporting
		.map((gateway) => {
			const models = gateway.parameters[name];
			if (Array.isArray(models)) return `${gateway.name} (${models.join(', ')} only)`;
			return models === 'any' && isModelRule ? `${gateway.name} (all models)` : gateway.name;
		})
		.join(', ');
}

function bodyFields(): Array<[string, string]> {
	const fields = (list: INodeProperties[]): Array<[string, string]> =>
		list.flatMap((property) => {
			const name = property.routing?.send?.property;
			const inner = property.type === 'collection' ? (property.options as INodeProperties[]) : [];
			return [
				...(name ? [[name, property.displayName] as [string, string]] : []),
				...fields(inner),
			];
		});
	const all = new Map([...Object.entries(COMPOSED), ...fields(properties)]);
	return [...all].sort(([a], [b]) => a.localeCompare(b));
}

/** Each request parameter, the field that sets it, and who supports it. */
function parameters(): string {
	return table(
		['Request parameter', 'Field of the node', 'Models', 'Gateways'],
		bodyFields().map(([field, label]) => [
			code(field),
			label,
			modelsWith(field),
			gatewaysWith(field),
		]),
	);
}

/** Each option of a collection with its default. */
function options(name: 'options' | 'advanced'): string {
	const collection = properties.find((property) => property.name === name);
	return table(
		['Option', 'Default', 'What it does'],
		(collection?.options as INodeProperties[]).map((option) => {
			const choices = (option.type === 'options' ? option.options : undefined) as
				| Array<{ name: string; value: unknown }>
				| undefined;
			const chosen = choices?.find(({ value }) => value === option.default)?.name;
			const value = option.type === 'boolean' ? (option.default ? 'on' : 'off') : option.default;
			const text = option.description ?? option.hint ?? '';
			return [option.displayName, chosen ?? (value === '' ? '' : String(value)), text];
		}),
	);
}

/** Markdown of each generated part, by the page and the name of its marker. */
export const TABLES: Readonly<Record<string, Readonly<Record<string, () => string>>>> = {
	'README.md': { choice },
	'docs/reference.md': {
		models,
		limits,
		sizes,
		gateways,
		parameters,
		options: () => options('options'),
		advanced: () => options('advanced'),
	},
};

/**
 * A page with its generated parts up to date: what stands between `<!-- name -->` and `<!-- /name -->`.
 * @throws Error when a marker is missing
 */
export function withTables(page: string, markdown: string): string {
	return Object.entries(TABLES[page]).reduce((text, [name, make]) => {
		const part = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
		if (!part.test(text)) throw new Error(`${page} has no part called ${name}`);
		return text.replace(
			part,
			(_all, start: string, end: string) => `${start}\n${make()}\n\n${end}`,
		);
	}, markdown);
}
