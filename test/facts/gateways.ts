import { FAMILIES, familiesWith, idsOf, type ModelParameter, type Service } from './models';
import { GATEWAY_002_SIZES, type Resolution, type Table } from './sizes';

/**
 * What the gateways' documents say, written by hand from them: the judge of the catalog in `nodes/`,
 * from which nothing here may be taken. Numbered documents are the five that came with the project;
 * "Sheet" is its collection of what others document, § its section.
 */

/** Optional body fields, beside `image`, `size`, `response_format` and `watermark`. */
export type Parameter = ModelParameter | 'n' | 'quality' | 'style' | 'user';

export interface GatewayFacts {
	name: string;
	/** Base URL of its examples. */
	baseUrl?: string;
	/** Where it says that keys are created; else its website. */
	keyPage?: string;
	/** Set where `GET /models` is measured or documented, but for base URLs with these paths. */
	modelList?: { exceptAt: readonly string[] };
	/** Domains of its hosts. */
	hosts: readonly string[];
	/** What stands before `/images/generations`. */
	apiPath: '/v1' | '/api/v3';
	/** Set for ByteDance's own services, which spell model ids in their own ways. */
	service?: Service;
	/** Model ids it names and has not retired. */
	models: readonly string[];
	/** Listed parameters, with the families or single ids that may get them. */
	parameters: Readonly<Partial<Record<Parameter, readonly string[]>>>;
	/** Fields it requires beside `model` and `prompt`. */
	always: Readonly<Record<string, unknown>>;
	/** Where parameters stand that OpenAI's Images API does not have. */
	placement: 'topLevel' | 'extraFields' | 'both';
	/** Whether a single reference is a string, or an array in any case. */
	referenceForm: 'auto' | 'array';
	/** Whether a reference may be a URL. */
	referenceUrls: boolean;
	/** Formats of references, where the document lists them. */
	referenceFormats?: readonly string[];
	/** What `size` may be by name, where the document says so whatever the model is. */
	presets?: readonly Resolution[];
	/** Pixel sizes of its own. */
	sizes?: Table;
	/** Whether sets come as streams. */
	streamsSets: boolean;
	/** Whether it advises to retry HTTP 500. */
	retryServerErrors: boolean;
}

/** Parameters that OpenAI's Images API does not have: what `placement` is about. Sheet §11.3. */
export const SEEDREAM_PARAMETERS = [
	'guidance_scale',
	'layer_decomposition',
	'optimize_prompt_options',
	'output_format',
	'seed',
	'sequential_image_generation',
	'sequential_image_generation_options',
	'stream',
	'tools',
];

const live = (service: Service) =>
	idsOf(service)
		.filter(({ ends }) => ends !== 'retired')
		.map(({ id }) => id);

/** Sheet §5.1 and the matrix of §3. */
const FIRST_PARTY_PARAMETERS = {
	background: familiesWith('background'),
	guidance_scale: familiesWith('guidance_scale'),
	layer_decomposition: familiesWith('layer_decomposition'),
	optimize_prompt_options: familiesWith('optimize_prompt_options'),
	output_format: familiesWith('output_format'),
	seed: familiesWith('seed'),
	sequential_image_generation: familiesWith('sequential_image_generation'),
	stream: familiesWith('stream'),
	tools: familiesWith('tools'),
};

/** Sheet §1, §5 and §8: the same for both services. */
const FIRST_PARTY = {
	// Sheet §10: works at /api/v3, is 404 at the Agent Plan's base; nothing is known of the Coding Plan's.
	modelList: { exceptAt: ['/api/plan/v3', '/api/coding/v3'] },
	apiPath: '/api/v3',
	parameters: FIRST_PARTY_PARAMETERS,
	always: {},
	placement: 'topLevel',
	referenceForm: 'auto',
	referenceUrls: true,
	streamsSets: true,
	// Sheet §7.4: not idempotent, and not said of images.
	retryServerErrors: false,
} as const;

const RECORDS = {
	volcengine: {
		...FIRST_PARTY,
		name: 'Volcengine Ark',
		// Sheet §1.
		baseUrl: 'https://ark.cn-beijing.volces.com/api/v3',
		// Documentation 82379/1541594, "Open the API Key Management page".
		keyPage: 'https://console.volcengine.com/ark/region:ark+cn-beijing/apiKey',
		hosts: ['volces.com'],
		service: 'volcengine',
		models: live('volcengine'),
	},
	byteplus: {
		...FIRST_PARTY,
		name: 'BytePlus ModelArk',
		// Sheet §1; Europe has another.
		baseUrl: 'https://ark.ap-southeast.bytepluses.com/api/v3',
		// ModelArk/1361424, "Open and log in to the API Key Management page".
		keyPage: 'https://console.byteplus.com/ark/region:ark+ap-southeast-1/apiKey',
		hosts: ['bytepluses.com'],
		service: 'byteplus',
		models: live('byteplus'),
	},
	// Document 000.
	deerapi: {
		name: 'DeerAPI',
		// "Use the DeerAPI base URL", with the path of its example.
		baseUrl: 'https://api.deerapi.com/v1',
		// FastGPT issue 5631 names both the page and the list; sheet §10.
		keyPage: 'https://api.deerapi.com/token',
		modelList: { exceptAt: [] },
		hosts: ['deerapi.com'],
		apiPath: '/v1',
		models: ['doubao-seedream-5-0-260128'],
		parameters: {
			// "Not supported by Seedream 5.0 (ignored)"; "legacy parameter".
			guidance_scale: familiesWith('guidance_scale'),
			// Names no models; sheet §11.2, point 11: send it to those that have it.
			output_format: familiesWith('output_format'),
			seed: familiesWith('seed'),
			sequential_image_generation: familiesWith('sequential_image_generation'),
		},
		always: {},
		placement: 'topLevel',
		// "string[]"
		referenceForm: 'array',
		referenceUrls: true,
		referenceFormats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'],
		presets: ['2K', '4K'],
		streamsSets: false,
		// "Retry 429, 500, and 503 responses with exponential backoff."
		retryServerErrors: true,
	},
	// Document 001.
	gateway001: {
		name: 'No-Streaming Style',
		hosts: [],
		apiPath: '/v1',
		models: [
			'doubao-seedream-3-0-t2i-250415',
			'doubao-seededit-3-0-i2i-250628',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
		],
		parameters: {
			guidance_scale: familiesWith('guidance_scale'),
			output_format: familiesWith('output_format'),
			seed: familiesWith('seed'),
			sequential_image_generation: familiesWith('sequential_image_generation'),
		},
		always: {},
		placement: 'topLevel',
		referenceForm: 'auto',
		referenceUrls: true,
		streamsSets: false,
		retryServerErrors: false,
	},
	// Document 002.
	gateway002: {
		name: 'Pixels-Only Style',
		hosts: [],
		apiPath: '/v1',
		models: [
			'doubao-seedream-4-0-250828',
			'seedream-4-0-250828',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-5-0-260128',
		],
		// "Supports accepting it", whatever the model.
		parameters: { background: FAMILIES, quality: FAMILIES, style: FAMILIES },
		// "It is recommended to pass 1."
		always: { n: 1 },
		placement: 'topLevel',
		referenceForm: 'array',
		referenceUrls: true,
		// "Pass the pixel dimension string directly in size."
		presets: [],
		sizes: GATEWAY_002_SIZES,
		streamsSets: false,
		retryServerErrors: false,
	},
	// Document 003.
	routescope: {
		name: 'RouteScope',
		baseUrl: 'https://api.routescope.ai/v1',
		keyPage: 'https://www.routescope.ai',
		// Sheet §10: mentioned on its page of API basics.
		modelList: { exceptAt: [] },
		hosts: ['routescope.ai'],
		apiPath: '/v1',
		models: [
			'doubao-seedream-3-0-t2i-250415',
			'doubao-seedream-4-0-250828',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
		],
		parameters: {
			// "Supported by Seedream 3.0. Do not send it to 4.0 or later."
			guidance_scale: familiesWith('guidance_scale'),
			n: ['3.0'],
			quality: FAMILIES,
			sequential_image_generation: familiesWith('sequential_image_generation'),
			// "Seedream 5.0 Lite does not list stream": the id with `lite`; 3.0 makes no sets to stream.
			stream: ['4.0', '4.5', 'doubao-seedream-5-0-260128'],
			style: FAMILIES,
			user: FAMILIES,
		},
		always: {},
		placement: 'topLevel',
		referenceForm: 'auto',
		referenceUrls: true,
		presets: ['1K', '2K', '4K'],
		streamsSets: true,
		retryServerErrors: false,
	},
	// Document 004.
	unode: {
		name: 'Unode',
		baseUrl: 'https://www.unodetech.xyz/v1',
		keyPage: 'https://www.unodetech.xyz',
		hosts: ['unodetech.xyz'],
		apiPath: '/v1',
		models: ['doubao-seedream-4-5-251128', 'doubao-seedream-5-0-260128'],
		parameters: {
			optimize_prompt_options: familiesWith('optimize_prompt_options'),
			output_format: familiesWith('output_format'),
			sequential_image_generation: familiesWith('sequential_image_generation'),
			stream: familiesWith('stream'),
			tools: familiesWith('tools'),
		},
		always: {},
		placement: 'extraFields',
		referenceForm: 'auto',
		// "Must be base64 data URL."
		referenceUrls: false,
		presets: ['2K', '3K', '4K'],
		// "The router responds non-streamingly."
		streamsSets: false,
		retryServerErrors: false,
	},
	// No document: the first party's parameters, and those of new-api's type (sheet §11.3).
	other: {
		name: 'Other (OpenAI Compatible)',
		hosts: [],
		apiPath: '/v1',
		models: idsOf('volcengine').map(({ id }) => id),
		parameters: {
			...FIRST_PARTY_PARAMETERS,
			quality: FAMILIES,
			style: FAMILIES,
			user: FAMILIES,
		},
		always: {},
		placement: 'topLevel',
		referenceForm: 'auto',
		referenceUrls: true,
		streamsSets: false,
		retryServerErrors: false,
	},
} satisfies Record<string, GatewayFacts>;

export type GatewayId = keyof typeof RECORDS;

/** Every gateway. A new one is one more record. */
export const GATEWAYS: Readonly<Record<GatewayId, GatewayFacts>> = RECORDS;
