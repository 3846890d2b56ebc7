import { familyOf, hasEnded, MODEL_FAMILIES, modelId, today, type ModelId } from './models';
import type { OperationId } from './operations';
import type { ParameterName } from './parameters';
import { GATEWAY_002_SIZES, type Resolution, type SizeTable } from './sizes';

/** Where a gateway reads the parameters that OpenAI's image API does not have. */
export type Placement = 'topLevel' | 'extraFields' | 'both';

/** How `image` carries references: `auto` is a string for one and an array for more. */
export type ReferenceForm = 'auto' | 'array';

/**
 * For which models a gateway supports a parameter: `model` means those whose record lists it, `any` means
 * all, a list names families, or single models by id.
 */
export type SupportedModels = 'model' | 'any' | readonly string[];

/** What a gateway's document says where gateways differ. */
export interface Gateway {
	/** Value of the credential's Provider field. */
	id: string;
	name: string;
	/** How the Provider field lists it, where that says more than its name. */
	label?: string;
	/** When to choose it, if the host does not identify it. */
	choose?: string;
	/** Document the record is taken from. */
	source: string;
	/** Base URL in the document's examples, which is the credential's default. */
	baseUrl?: string;
	/** Page on which users create their key, or the provider's website where no such page is known. */
	keyPage?: string;
	/**
	 * Set where `GET /models` is known to list models, so that a 404 is no gateway without a list but a wrong
	 * base URL; `exceptAt` are paths of base URLs that have none.
	 */
	modelList?: { exceptAt: readonly string[] };
	/** Host names of the gateway, including their subdomains. */
	hosts: readonly string[];
	apiPath: '/v1' | '/api/v3';
	/** First-party services spell model ids in their own way. */
	service?: ModelId['service'];
	/** Model ids the document names, as it spells them. */
	models: readonly string[];
	/** What the model Automatic stands for, by operation; `any` for those that are not named. */
	recommended: Readonly<{ any: string } & Partial<Record<OperationId, string>>>;
	/** Optional parameters the document lists. */
	parameters: Readonly<Partial<Record<ParameterName, SupportedModels>>>;
	/** Fields that the document requires in every request. */
	always: Readonly<Record<string, unknown>>;
	placement: Placement;
	referenceForm: ReferenceForm;
	/** Whether references may be URLs; if not, only `data:` URLs are supported. */
	referenceUrls: boolean;
	/** Formats of references, where the document lists fewer than the model supports. */
	referenceFormats?: readonly string[];
	/** Resolutions the document supports by name; absent: those of the model. Others go out as pixels. */
	presets?: readonly Resolution[];
	/** Pixel sizes of the document's own, preferred to the model's. */
	sizes?: SizeTable;
	/** Whether the document offers streams for sets, so that they are the default. */
	streamsSets: boolean;
	/** Whether the document says to retry HTTP 500, which may be returned after an image was generated. */
	retryServerErrors: boolean;
}

const MODEL_PARAMETERS = {
	guidance_scale: 'model',
	optimize_prompt_options: 'model',
	output_format: 'model',
	seed: 'model',
	sequential_image_generation: 'model',
	stream: 'model',
	tools: 'model',
} as const;

function firstPartyModels(service: ModelId['service']): string[] {
	return MODEL_FAMILIES.flatMap((family) => family.ids)
		.filter((model) => model.service === service && model.ends !== 'retired')
		.map((model) => model.id);
}

/** The model that the documents of all gateways list. */
const LISTED_EVERYWHERE = 'doubao-seedream-5-0-260128';

const FIRST_PARTY = {
	// The list is measured, and so is its absence at the base URL of the Agent Plan.
	modelList: { exceptAt: ['/api/plan/v3', '/api/coding/v3'] },
	apiPath: '/api/v3',
	parameters: { ...MODEL_PARAMETERS, background: 'model', layer_decomposition: 'model' },
	always: {},
	placement: 'topLevel',
	referenceForm: 'auto',
	referenceUrls: true,
	streamsSets: true,
	retryServerErrors: false,
} as const;

const COMPATIBLE = {
	apiPath: '/v1',
	recommended: { any: LISTED_EVERYWHERE },
	always: {},
	placement: 'topLevel',
	referenceForm: 'auto',
	referenceUrls: true,
	streamsSets: false,
	retryServerErrors: false,
} as const;

/** Every known gateway, in the order of the Provider field; `other` stands for the rest. */
export const GATEWAYS: readonly Gateway[] = [
	{
		...FIRST_PARTY,
		id: 'byteplus',
		name: 'BytePlus ModelArk',
		source: 'BytePlus ModelArk "Image generation API"',
		baseUrl: 'https://ark.ap-southeast.bytepluses.com/api/v3',
		// Linked from "API Key Management", docs.byteplus.com/en/docs/ModelArk/1361424.
		keyPage: 'https://console.byteplus.com/ark/region:ark+ap-southeast-1/apiKey',
		hosts: ['bytepluses.com'],
		service: 'byteplus',
		models: firstPartyModels('byteplus'),
		recommended: { any: 'dola-seedream-5-5-261028', imageSet: 'seedream-5-0-260128' },
	},
	{
		...FIRST_PARTY,
		id: 'volcengine',
		name: 'Volcengine Ark',
		source: 'Volcengine Ark "Image generation API"',
		baseUrl: 'https://ark.cn-beijing.volces.com/api/v3',
		// Linked from "Get and configure an API key", volcengine.com/docs/82379/1541594.
		keyPage: 'https://console.volcengine.com/ark/region:ark+cn-beijing/apiKey',
		hosts: ['volces.com'],
		service: 'volcengine',
		models: firstPartyModels('volcengine'),
		recommended: {
			any: 'doubao-seedream-5-5-261028',
			imageSet: 'doubao-seedream-4-0-20260415',
		},
	},
	{
		...COMPATIBLE,
		id: 'deerapi',
		name: 'DeerAPI',
		source: 'DeerAPI "Seedream image generation" (document 000)',
		baseUrl: 'https://api.deerapi.com/v1',
		// Key page and list: DeerAPI in github.com/labring/FastGPT/issues/5631.
		keyPage: 'https://api.deerapi.com/token',
		modelList: { exceptAt: [] },
		hosts: ['deerapi.com'],
		models: ['doubao-seedream-5-0-260128'],
		parameters: {
			guidance_scale: 'model',
			output_format: 'model',
			seed: 'model',
			sequential_image_generation: 'model',
		},
		referenceForm: 'array',
		referenceFormats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'],
		presets: ['2K', '4K'],
		retryServerErrors: true,
	},
	{
		...COMPATIBLE,
		id: 'routescope',
		name: 'RouteScope',
		source: 'RouteScope "Doubao Seedream image generation API" (document 003)',
		baseUrl: 'https://api.routescope.ai/v1',
		keyPage: 'https://www.routescope.ai',
		// Its API basics speak of "the model list endpoint".
		modelList: { exceptAt: [] },
		hosts: ['routescope.ai'],
		models: [
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
			'doubao-seedream-3-0-t2i-250415',
		],
		parameters: {
			guidance_scale: 'model',
			n: ['3.0'],
			quality: 'any',
			sequential_image_generation: 'model',
			// "Seedream 5.0 Lite does not list stream" is about the id with `lite` in it.
			stream: ['4.0', '4.5', 'doubao-seedream-5-0-260128'],
			style: 'any',
			user: 'any',
		},
		presets: ['1K', '2K', '4K'],
		streamsSets: true,
	},
	{
		...COMPATIBLE,
		id: 'unode',
		name: 'Unode',
		source: 'Unode "Seedream Image Format" (document 004)',
		baseUrl: 'https://www.unodetech.xyz/v1',
		keyPage: 'https://www.unodetech.xyz',
		hosts: ['unodetech.xyz'],
		models: ['doubao-seedream-5-0-260128', 'doubao-seedream-4-5-251128'],
		parameters: {
			optimize_prompt_options: 'model',
			output_format: 'model',
			sequential_image_generation: 'model',
			// The router does not stream, so that requesting it gains nothing.
			stream: 'model',
			tools: 'model',
		},
		placement: 'extraFields',
		referenceUrls: false,
		presets: ['2K', '3K', '4K'],
	},
	{
		...COMPATIBLE,
		id: 'other',
		name: 'Other (OpenAI Compatible)',
		choose: 'Sends what you set; for any gateway that is not in this list',
		source: 'none; what the user sets is sent',
		hosts: [],
		models: MODEL_FAMILIES.flatMap((family) => family.ids)
			.filter((model) => model.service === 'volcengine')
			.map((model) => model.id),
		recommended: { any: LISTED_EVERYWHERE, layers: 'doubao-seedream-5-5-261028' },
		parameters: {
			...MODEL_PARAMETERS,
			background: 'model',
			layer_decomposition: 'model',
			quality: 'any',
			style: 'any',
			user: 'any',
		},
	},
	{
		...COMPATIBLE,
		id: 'gateway001',
		name: 'No-Streaming Style',
		label: 'Image Sets Without Streaming, with Seed, Guidance Scale',
		choose: 'Supports image sets without streaming, and seed and guidance_scale for the 3.0 models',
		source: '"Create Image" (document 001)',
		hosts: [],
		models: [
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
			'doubao-seedream-3-0-t2i-250415',
			'doubao-seededit-3-0-i2i-250628',
		],
		parameters: {
			guidance_scale: 'model',
			output_format: 'model',
			seed: 'model',
			sequential_image_generation: 'model',
		},
	},
	{
		...COMPATIBLE,
		id: 'gateway002',
		name: 'Pixels-Only Style',
		label: 'Pixels Only, with Quality, Style, Background',
		choose: 'Supports sizes in pixels only, and n, quality, style and background; no image sets',
		source: '"Doubao Seedream Image Generation API" (document 002)',
		hosts: [],
		models: [
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
			'seedream-4-0-250828',
		],
		parameters: { background: 'any', quality: 'any', style: 'any' },
		// "It is recommended to pass 1."
		always: { n: 1 },
		referenceForm: 'array',
		presets: [],
		sizes: GATEWAY_002_SIZES,
	},
];

/**
 * The models a gateway is known to have: those that its document names, but for what its service has
 * ended. For suggestions only: ends get postponed, so that nothing is rejected for them.
 * @param day ISO date
 */
export function livingModels({ models, service }: Gateway, day = today()): string[] {
	return models.filter((id) => {
		const known = modelId(id);
		return !known || known.service !== service || !hasEnded(known, day);
	});
}

/** Ids among `models` whose family supports an operation. */
export function modelsFor(operation: OperationId, models: readonly string[]): string[] {
	return models.filter((id) => familyOf(id)?.operations.includes(operation));
}

/** Provider of a credential that goes by the host of its base URL. */
export const BY_BASE_URL = 'byBaseUrl';

const OTHER = GATEWAYS.find(({ id }) => id === 'other') as Gateway;

/** The provider chosen in a credential. @returns undefined where the base URL decides */
export function chosenGateway(provider: string | undefined): Gateway | undefined {
	return GATEWAYS.find(({ id }) => id === provider);
}

/**
 * The gateway behind a base URL.
 * @param baseUrl as `apiBaseUrl` returns it
 * @param provider the credential's Provider field: a gateway's id; anything else goes by the host
 */
export function gatewayOf(baseUrl: string, provider: string | undefined): Gateway {
	const host = /^https?:\/\/(?:[^/@]*@)?([^/:]+)/i.exec(baseUrl)?.[1].toLowerCase() ?? '';
	return (
		chosenGateway(provider) ??
		GATEWAYS.find(({ hosts }) =>
			hosts.some((name) => host === name || host.endsWith(`.${name}`)),
		) ??
		OTHER
	);
}

/** Whether a gateway is known to list its models at a base URL. */
export function hasModelList({ modelList }: Gateway, baseUrl: string): boolean {
	return !!modelList && !modelList.exceptAt.some((path) => baseUrl.endsWith(path));
}
