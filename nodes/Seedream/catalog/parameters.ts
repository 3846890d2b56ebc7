/** One choice of a parameter. */
export interface Choice {
	value: string;
	label: string;
	description?: string;
}

/** How the editor lets the user set a parameter. */
export type ParameterInput =
	| { kind: 'number'; min: number; max: number; isWhole: boolean; default: number }
	| { kind: 'choice'; choices: readonly Choice[]; default: string }
	| { kind: 'text'; placeholder: string }
	/** A switch that sends a value when on. */
	| { kind: 'switch'; sends: unknown };

/** An optional parameter of the request body. */
interface ParameterRecord {
	/** Field of the body. */
	name: string;
	/** Path of its value in the body, if it is not the field itself: `optimize_prompt_options.mode`. */
	path?: string;
	/** Name in the editor, messages and documentation. */
	label: string;
	/** Whether gateways treat it as a parameter of OpenAI's Images API; some expect the others elsewhere. */
	isOpenAi: boolean;
	/** The option that sets it; absent if it follows from other fields. */
	option?: {
		name: string;
		description: string;
		input: ParameterInput;
		/** Whether it stands among the options that few people need. */
		isAdvanced?: true;
		/** Whether this node does without the parameter where a model or gateway lacks it. */
		isForAll?: true;
	};
}

const RECORDS = [
	{
		name: 'background',
		label: 'Background',
		isOpenAi: true,
		option: {
			name: 'background',
			description:
				'Background of the image. Supported by 5.5, 5.0 Pro and 5.0 Flash; for another model whose gateway supports it, use Additional Body Fields.',
			input: {
				kind: 'choice',
				default: 'opaque',
				choices: [
					{
						value: 'auto',
						label: 'Auto',
						description: 'The model decides from the prompt and the reference images',
					},
					{ value: 'opaque', label: 'Opaque' },
					{
						value: 'transparent',
						label: 'Transparent',
						description:
							'The image is a PNG. 5.0 Pro and Flash need one reference image, a PNG with transparent pixels.',
					},
				],
			},
		},
	},
	{
		name: 'guidance_scale',
		label: 'Guidance Scale',
		isOpenAi: false,
		option: {
			name: 'guidanceScale',
			description:
				'How closely the image follows the prompt, 1 to 10. Seedream 3.0 uses 2.5 and SeedEdit 5.5 when not set.',
			// Gateway 001 and Cloudsway documents.
			input: { kind: 'number', min: 1, max: 10, isWhole: false, default: 2.5 },
		},
	},
	{ name: 'layer_decomposition', label: 'Layers', isOpenAi: false },
	{
		name: 'n',
		label: 'Number of Images',
		isOpenAi: true,
		option: {
			name: 'numberOfImages',
			description:
				'How many images to generate from the prompt: as n where the gateway supports it, else as that many requests. In a set, how many sets. Each image is charged.',
			// RouteScope's document.
			input: { kind: 'number', min: 1, max: 10, isWhole: true, default: 1 },
			isForAll: true,
		},
	},
	{
		name: 'optimize_prompt_options',
		path: 'optimize_prompt_options.mode',
		label: 'Prompt Optimization',
		isOpenAi: false,
		option: {
			name: 'promptOptimization',
			description: 'How the gateway rewrites the prompt: standard is better, fast is quicker',
			input: {
				kind: 'choice',
				default: 'standard',
				choices: [
					{ value: 'fast', label: 'Fast' },
					{ value: 'standard', label: 'Standard' },
				],
			},
		},
	},
	{
		name: 'output_format',
		label: 'Output Format',
		isOpenAi: false,
		option: {
			name: 'outputFormat',
			description: 'File format of the images. Transparent images are PNG in any case.',
			input: {
				kind: 'choice',
				default: 'jpeg',
				choices: [
					{ value: 'jpeg', label: 'JPEG' },
					{ value: 'png', label: 'PNG' },
				],
			},
		},
	},
	{
		name: 'quality',
		label: 'Quality',
		isOpenAi: true,
		option: {
			name: 'quality',
			description: 'Sent only to gateways that list it; Seedream itself has no such setting',
			input: { kind: 'text', placeholder: 'e.g. hd' },
			isAdvanced: true,
		},
	},
	{
		name: 'seed',
		label: 'Seed',
		isOpenAi: false,
		option: {
			name: 'seed',
			description: 'The same seed gives similar images for the same request; -1 is random',
			// Gateway 001 and DeerAPI documents.
			input: { kind: 'number', min: -1, max: 2_147_483_647, isWhole: true, default: -1 },
		},
	},
	{
		name: 'sequential_image_generation',
		label: 'Image Set',
		isOpenAi: false,
	},
	{
		name: 'stream',
		label: 'Stream',
		isOpenAi: false,
	},
	{
		name: 'style',
		label: 'Style',
		isOpenAi: true,
		option: {
			name: 'style',
			description:
				'Sent only to gateways that list it; Seedream itself follows the style in the prompt',
			input: { kind: 'text', placeholder: 'e.g. vivid' },
			isAdvanced: true,
		},
	},
	{
		name: 'tools',
		label: 'Web Search',
		isOpenAi: false,
		option: {
			name: 'webSearch',
			description: 'Whether the model may search the web for current facts, which is slower',
			input: { kind: 'switch', sends: [{ type: 'web_search' }] },
		},
	},
	{
		name: 'user',
		label: 'User',
		isOpenAi: true,
		option: {
			name: 'user',
			description: 'Name of your end user, sent only to gateways that list it',
			input: { kind: 'text', placeholder: 'e.g. customer-42' },
			isAdvanced: true,
		},
	},
] as const satisfies readonly ParameterRecord[];

export type ParameterName = (typeof RECORDS)[number]['name'];

export interface Parameter extends ParameterRecord {
	name: ParameterName;
}

/**
 * Every optional parameter, in the order in which warnings name them. The records of models and gateways
 * say which of them they support.
 */
export const PARAMETERS: readonly Parameter[] = RECORDS;

export function parameterNamed(wanted: ParameterName): Parameter {
	return PARAMETERS.find(({ name }) => name === wanted) as Parameter;
}

/** `max_images`: Volcengine Ark "Image generation API", `sequential_image_generation_options`. */
export const MAX_IMAGES = { min: 1, max: 15 } as const;
