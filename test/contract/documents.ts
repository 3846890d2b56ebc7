import {
	GATEWAYS,
	type GatewayFacts,
	type GatewayId,
	type Parameter,
	SEEDREAM_PARAMETERS,
} from '../facts/gateways';
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

/** A field a document lists, and what to try in it. */
export interface Field {
	/** As the document names it, dots for nested ones. */
	name: string;
	/** Every value of a closed list, both ends of a range, or one text where any is taken. */
	values: readonly unknown[];
	/** Families, or single ids, that support it; absent: all. The others must not get it. */
	only?: readonly string[];
}

/** What the cases of one gateway need, out of the facts. */
export interface Document {
	/** How the report calls it. */
	name: string;
	profile: ProfileName;
	credential: { gateway: string; placement?: string };
	apiPath: GatewayFacts['apiPath'];
	/** Model ids it names. The first of a family goes through every case, the others through a few. */
	models: ReadonlyArray<readonly [id: string, family: Family]>;
	referenceForm: GatewayFacts['referenceForm'];
	referenceUrls: boolean;
	/** Formats of references it reads; absent: those of the model. */
	referenceFormats?: readonly string[];
	/** Where sequential_image_generation and the like stand. */
	placement: GatewayFacts['placement'];
	/** Fields it wants in every request. */
	always: Readonly<Record<string, unknown>>;
	/** What becomes of sets; `dropped`: the gateway silently loses the field and generates one image. */
	sets: 'generated' | 'dropped' | 'refused';
	/** Whether sets come as streams, for the models that support streams. */
	streamsSets: boolean;
	/** Sizes it supports by name; absent: those of the model. */
	presets?: readonly Resolution[];
	/** Pixel sizes of its own. */
	sizes?: Table;
	fields: readonly Field[];
	/** Families, fields and values without a case, each with its reason. */
	left: ReadonlyArray<readonly [what: string, why: string]>;
}

/** A body with the parameters that OpenAI's Images API lacks where a gateway reads them. */
export function place(
	body: Record<string, unknown>,
	placement: Document['placement'],
): Record<string, unknown> {
	const isMoved = ([name]: [string, unknown]) => SEEDREAM_PARAMETERS.includes(name);
	const moved = Object.fromEntries(Object.entries(body).filter(isMoved));
	if (placement === 'topLevel' || Object.keys(moved).length === 0) return body;
	const rest = Object.fromEntries(Object.entries(body).filter((field) => !isMoved(field)));
	return { ...(placement === 'both' ? body : rest), extra_fields: moved };
}

const { seed, guidance_scale, max_images } = RANGES;

/** What to try in the fields that a parameter stands for. */
const TRIED: Record<Parameter, ReadonlyArray<{ name: string; values: readonly unknown[] }>> = {
	// The others depend on the model: CHOSEN_BACKGROUNDS and the cases with a transparent picture.
	background: [{ name: 'background', values: ['opaque'] }],
	guidance_scale: [
		{ name: 'guidance_scale', values: [guidance_scale.min, 2.5, guidance_scale.max] },
	],
	layer_decomposition: [{ name: 'layer_decomposition', values: [false] }],
	n: [{ name: 'n', values: [1] }],
	optimize_prompt_options: [
		{ name: 'optimize_prompt_options.mode', values: ['standard'] },
		{ name: 'optimize_prompt_options.mode', values: ['fast'] },
	],
	output_format: [{ name: 'output_format', values: ['png', 'jpeg'] }],
	quality: [{ name: 'quality', values: ['hd'] }],
	seed: [{ name: 'seed', values: [seed.min, 0, seed.max] }],
	sequential_image_generation: [
		{
			name: 'sequential_image_generation_options.max_images',
			values: [max_images.min, max_images.max],
		},
	],
	stream: [{ name: 'stream', values: [true, false] }],
	style: [{ name: 'style', values: ['vivid'] }],
	tools: [{ name: 'tools', values: [[{ type: 'web_search' }]] }],
	user: [{ name: 'user', values: ['customer-42'] }],
};

/** Families that support a value of `optimize_prompt_options.mode`. */
function familiesWithMode(mode: unknown): Family[] {
	return FAMILIES.filter((family) =>
		MODELS[family].parameters.optimize_prompt_options?.includes(String(mode)),
	);
}

/**
 * The fields of a gateway, with what to try in them.
 * @param more values to try instead of the usual one
 */
function fieldsOf(gateway: GatewayId, more: Partial<Record<Parameter, unknown[]>> = {}): Field[] {
	const parameters = Object.entries(GATEWAYS[gateway].parameters) as Array<[Parameter, string[]]>;
	return [
		{ name: 'response_format', values: ['url', 'b64_json'] },
		{ name: 'watermark', values: [true, false] },
		...parameters.flatMap(([parameter, only]) =>
			TRIED[parameter].map((field) => ({
				...field,
				values: more[parameter] ?? field.values,
				only: parameter === 'optimize_prompt_options' ? familiesWithMode(field.values[0]) : only,
			})),
		),
	];
}

/** Models that choose the background themselves, or make it transparent without a transparent picture. */
const CHOSEN_BACKGROUNDS: Field = {
	name: 'background',
	values: ['auto', 'transparent'],
	only: FAMILIES.filter((family) => MODELS[family].parameters.background?.includes('auto')),
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
		credential: { gateway: id },
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
		credential: { gateway: 'other', placement },
		placement,
		sets,
		fields: [
			...fieldsOf('other').filter(({ name }) => name !== 'layer_decomposition'),
			CHOSEN_BACKGROUNDS,
		],
		left: [
			...FIRST_PARTY_LEFT,
			...(sets === 'dropped' ? [NO_LAYERS] : []),
			['n from 2', 'the engine passes it on to a service that has no such field: one image comes'],
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
		fields: fieldsOf('gateway002', { background: ['opaque', 'transparent'] }),
		left: [
			NO_PRO,
			['3.0, SeedEdit', 'not among its available models'],
			['Image Set', 'the document has no field for it; the node rejects it with a message'],
			['n from 2', 'the document advises to send 1'],
		],
	}),
	documentOf('routescope', {
		fields: [
			...fieldsOf('routescope', { n: [RANGES.n.min, RANGES.n.max] }),
			{ name: 'prompt', values: [200_000] },
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
