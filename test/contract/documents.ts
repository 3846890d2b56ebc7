import type { NodeParameterValueType } from 'n8n-workflow';

import { GATEWAYS, type GatewayFacts, type GatewayId, type Parameter } from '../facts/gateways';
import {
	FAMILIES,
	type Family,
	familyOf,
	idsOf,
	MODELS,
	RANGES,
	type Service,
} from '../facts/models';
import type { Resolution, Table } from '../facts/sizes';
import type { ProfileName } from '../gateway';
import { TINY } from '../support';

export type Body = Record<string, unknown>;

/** A field a document lists, and what to try in it. */
export interface Field {
	/** At the top level of the body, or where the gateway wants Seedream's own parameters. */
	name: Parameter | 'response_format' | 'watermark' | 'prompt';
	/** What warnings call it. */
	label: string;
	/** The node's option; `prompt` is a field of its own. */
	option: string;
	/** What the user sets, what stands in the body then (`undefined`: nothing), and what besides. */
	values: ReadonlyArray<readonly [set: NodeParameterValueType, sent: unknown, besides?: Body]>;
	/** Families, or single ids, that support it; absent: all. The others must not get it. */
	only?: readonly string[];
}

/** What the cases of one gateway need, out of the facts. */
export interface Document {
	/** How the report calls it. */
	name: string;
	profile: ProfileName;
	credential: { provider: string; placement?: string };
	apiPath: GatewayFacts['apiPath'];
	/** Model ids it names. The first of a family goes through every case, the others through a few. */
	models: ReadonlyArray<readonly [id: string, family: Family]>;
	referenceForm: GatewayFacts['referenceForm'];
	referenceUrls: boolean;
	/** Formats of references it accepts; absent: those of the model. */
	referenceFormats?: readonly string[];
	/** Where sequential_image_generation and the like stand. */
	placement: GatewayFacts['placement'];
	/** Fields it wants in every request. */
	always: Body;
	/** What becomes of sets; `dropped`: the gateway silently loses the field and generates one image. */
	sets: 'generated' | 'dropped' | 'refused';
	/** Whether sets come as streams, for the models that support streams. */
	streamsSets: boolean;
	/** Sizes it supports by name; absent: those of the model. */
	presets?: readonly Resolution[];
	/** What is sent for resolutions that it does not support by name. */
	squares?: Partial<Record<Resolution, string>>;
	/** Pixel sizes of its own. */
	sizes?: Table;
	fields: readonly Field[];
	/** Families, fields and values without a case, each with its reason. */
	left: ReadonlyArray<readonly [what: string, why: string]>;
}

const { seed, guidance_scale: guidance, n } = RANGES;
const same = (...values: Array<string | number | boolean>) =>
	values.map((value) => [value, value] as const);
const mode = (name: string) => [[name, { mode: name }]] as const;
const FAST = mode('fast');
const FAST_FAMILIES = FAMILIES.filter((family) =>
	MODELS[family].parameters.optimize_prompt_options?.includes('fast'),
);
const LAYERS = [['{"layer_decomposition":false}', false]] as const;
const SEARCH = [[true, [{ type: 'web_search' }]]] as const;
const STREAM = [
	['on', true],
	['off', undefined],
] as const;
/** As long as document 003 allows. */
const LONG_PROMPT = TINY.padEnd(200_000, '.');

/**
 * What to try in each field: every value of a closed list, both ends of a range, or one text where any is
 * accepted. How many images a set has is tried with the references beside them.
 */
const FIELDS = (
	[
		['response_format', '', 'responseFormat', same('url', 'b64_json')],
		['watermark', '', 'watermark', same(true, false)],
		// The other values depend on the model: CHOSEN_BACKGROUNDS and the transparent picture.
		['background', 'Background', 'background', same('opaque')],
		['guidance_scale', 'Guidance Scale', 'guidanceScale', same(guidance.min, 2.5, guidance.max)],
		['layer_decomposition', '', 'additionalBodyFields', LAYERS],
		['n', 'Number of Images', 'numberOfImages', same(1)],
		['optimize_prompt_options', 'Prompt Optimization', 'promptOptimization', mode('standard')],
		['optimize_prompt_options', 'Prompt Optimization', 'promptOptimization', FAST],
		['output_format', 'Output Format', 'outputFormat', same('png', 'jpeg')],
		['quality', 'Quality', 'quality', same('hd')],
		['seed', 'Seed', 'seed', same(seed.min, 0, seed.max)],
		['stream', 'Stream', 'stream', STREAM],
		['style', 'Style', 'style', same('vivid')],
		['tools', 'Web Search', 'webSearch', SEARCH],
		['user', 'User', 'user', same('customer-42')],
	] as const
).map(([name, label, option, values]): Field => ({ name, label, option, values }));

/** What the node can send and some documents do not list. */
export const OPTIONAL = FIELDS.filter(
	({ label, name, values }) => label && name !== 'stream' && values !== FAST,
);

/**
 * The fields of a gateway, with what to try in them.
 * @param more values to try instead of the usual ones
 */
function fieldsOf(
	gateway: GatewayId,
	more: Partial<Record<Field['name'], Field['values']>> = {},
): Field[] {
	const only = {
		response_format: FAMILIES,
		watermark: FAMILIES,
		...GATEWAYS[gateway].parameters,
	} as Partial<Record<Field['name'], readonly string[]>>;
	return FIELDS.filter(({ name }) => only[name]).map((field) => ({
		...field,
		values: more[field.name] ?? field.values,
		only: field.values === FAST ? FAST_FAMILIES : only[field.name],
	}));
}

const TRANSPARENT = ['transparent', 'transparent', { output_format: 'png' }] as const;

/** Models that choose the background themselves, or make it transparent without a transparent picture. */
const CHOSEN_BACKGROUNDS: Field = {
	name: 'background',
	label: 'Background',
	option: 'background',
	values: [['auto', 'auto'], TRANSPARENT],
	only: FAMILIES.filter((family) => MODELS[family].parameters.background?.includes('auto')),
};

/** For models that make the background transparent with a transparent picture. */
export const TRANSPARENT_BACKGROUND: Field = {
	...CHOSEN_BACKGROUNDS,
	values: [TRANSPARENT],
	only: undefined,
};

/** The document of a gateway, but for what its cases add or leave out. */
function documentOf(
	id: GatewayId,
	more: Pick<Document, 'left'> & Partial<Document>,
	ids: readonly string[] = GATEWAYS[id].models,
): Document {
	const facts = GATEWAYS[id];
	return {
		...facts,
		name: id,
		profile: id === 'other' ? 'new-api' : id,
		credential: { provider: id },
		models: ids.map((model) => [model, familyOf(model) as Family]),
		sets: facts.parameters.sequential_image_generation ? 'generated' : 'refused',
		fields: fieldsOf(id),
		...more,
	};
}

const NO_DISABLED = [
	'sequential_image_generation: disabled',
	'the default, which single images leave out; models without sets reject the field as such',
] as const;
const SINGLE_STREAM = [
	'stream without a set',
	'a single image comes in one piece either way; the node streams sets only',
] as const;
const NO_PRO = [
	'5.5, 5.0 pro, 5.0 flash',
	'the document does not name them; the model list may, then the rules of the model apply',
] as const;

const NO_LAYERS = [
	'layers without a prompt, or of size auto',
	'the engine loses layer_decomposition, and the service rejects such a request for one image',
] as const;

const FIRST_PARTY_LEFT: Document['left'] = [NO_DISABLED, SINGLE_STREAM];

/** ByteDance's own services, with the ids they have retired. */
function firstParty(service: Service): Document {
	const ids = idsOf(service).map(({ id }) => id);
	const fields = [...fieldsOf(service), CHOSEN_BACKGROUNDS];
	return documentOf(service, { fields, left: FIRST_PARTY_LEFT }, ids);
}

/** The engine new-api behind a host the node does not know, by where the parameters are put. */
function newApi(placement: Document['placement'], sets: Document['sets']): Document {
	return documentOf('other', {
		name: `new-api, placement: ${placement}`,
		credential: { provider: 'other', placement },
		placement,
		sets,
		fields: [
			...fieldsOf('other').filter(({ name }) => name !== 'layer_decomposition'),
			CHOSEN_BACKGROUNDS,
		],
		left: [
			...FIRST_PARTY_LEFT,
			...(sets === 'dropped' ? [NO_LAYERS] : []),
			['n', 'the engine passes it on to a service that has no such field: one image comes'],
			[
				'moderation, output_compression, partial_images, images, mask, input_fidelity, watermark_enabled, user_id',
				'fields of other makers’ models in the engine’s type; Seedream has none of them',
			],
		],
	});
}

export const DOCUMENTS: readonly Document[] = [
	firstParty('volcengine'),
	firstParty('byteplus'),
	documentOf('deerapi', {
		squares: { '3K': '3072x3072' },
		left: [
			NO_DISABLED,
			[
				'every family but 5.0 lite',
				'the document names one id and refers to a live page for the others',
			],
		],
	}),
	documentOf('gateway001', { left: [NO_DISABLED, NO_PRO] }),
	documentOf('gateway002', {
		squares: { '1K': '1024x1024', '2K': '2048x2048', '3K': '3072x3072', '4K': '4096x4096' },
		fields: fieldsOf('gateway002', { background: same('opaque', 'transparent') }),
		left: [
			NO_PRO,
			['3.0, SeedEdit', 'not among its available models'],
			['Image Set', 'the document has no field for it; the node rejects it with a message'],
			['n from 2', 'the document advises to send 1: more images take more requests'],
		],
	}),
	documentOf('routescope', {
		squares: { '3K': '3072x3072' },
		fields: [
			...fieldsOf('routescope', { n: same(n.min, n.max) }),
			{ name: 'prompt', label: '', option: '', values: same(LONG_PROMPT) },
		],
		left: [
			NO_DISABLED,
			SINGLE_STREAM,
			NO_PRO,
			['SeedEdit', 'not among its models'],
			['1K with an aspect ratio on 4.5 and 5.0', 'those models have no pixels for 1K'],
			[
				'stream on doubao-seedream-5-0-lite-260128',
				'"Seedream 5.0 Lite does not list stream": it must not be sent',
			],
		],
	}),
	documentOf('unode', {
		left: [
			NO_DISABLED,
			SINGLE_STREAM,
			NO_PRO,
			['4.0', 'stands in a column of its table, but not among its supported models'],
			['3.0, SeedEdit', 'not among its supported models'],
			['3K with an aspect ratio on 4.5', 'the model has no pixels for 3K'],
		],
	}),
	newApi('topLevel', 'dropped'),
	newApi('extraFields', 'generated'),
	newApi('both', 'generated'),
];
