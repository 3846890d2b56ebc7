import type { INodeProperties } from 'n8n-workflow';

import { GUIDANCE_SCALE, SEED, type ModelFamily, type ModelParameter } from '../catalog/models';
import { hideFor } from './conditions';

/** What File Name stands at when the user leaves it alone. */
export const DEFAULT_FILE_NAME = '{model}-{date}-{item}-{index}';

const lacks = (parameter: ModelParameter) => (family: ModelFamily) => !family.parameters[parameter];

const options: INodeProperties[] = [
	{
		displayName: 'Additional Body Fields',
		name: 'additionalBodyFields',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "layer_decomposition": true }',
		description: 'JSON object merged into the request last, for what this node does not know yet',
	},
	{
		displayName: 'Background',
		name: 'background',
		type: 'options',
		default: 'opaque',
		options: [
			{ name: 'Opaque', value: 'opaque' },
			{
				name: 'Transparent',
				value: 'transparent',
				description: 'Needs one reference image, a PNG with transparent pixels',
			},
		],
		description:
			'What is behind the subject. Seedream 5.0 Pro and Flash take it, and gateways that list it.',
		routing: { send: { type: 'body', property: 'background' } },
	},
	{
		displayName: 'Concurrent Requests',
		name: 'concurrentRequests',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 100, numberPrecision: 0 },
		default: 3,
		description: 'How many requests may be under way at once. Taken from the first item.',
	},
	{
		displayName: 'Download Images',
		name: 'downloadImages',
		type: 'boolean',
		default: true,
		description:
			'Whether to fetch each image as a file. If off, the item holds only the URL, which ends after 24 hours.',
	},
	{
		displayName: 'File Name',
		name: 'fileName',
		type: 'string',
		default: DEFAULT_FILE_NAME,
		placeholder: 'e.g. campaign-{date}-{index}',
		description:
			'Name of the files without extension, which follows the image itself. {model}, {date}, {item} and {index} are filled in; names of a set stay distinct.',
	},
	{
		displayName: 'Guidance Scale',
		name: 'guidanceScale',
		type: 'number',
		typeOptions: {
			minValue: GUIDANCE_SCALE.min,
			maxValue: GUIDANCE_SCALE.max,
			numberPrecision: 1,
		},
		default: 2.5,
		displayOptions: { hide: hideFor(lacks('guidance_scale'), '/') },
		description:
			'How closely the image follows the prompt, 1 to 10. Seedream 3.0 uses 2.5 and SeedEdit 5.5 when not set.',
		routing: { send: { type: 'body', property: 'guidance_scale' } },
	},
	{
		displayName: 'Max Images per Run',
		name: 'maxImagesPerRun',
		type: 'number',
		typeOptions: { minValue: 0, numberPrecision: 0 },
		default: 0,
		description:
			'The run stops before anything is sent when all items together ask for more images than this. 0 is no limit.',
	},
	{
		displayName: 'Max Tries',
		name: 'maxTries',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 20, numberPrecision: 0 },
		default: 8,
		description:
			'How often a request is sent at most while the gateway is busy (429, 503) or cannot be reached; nothing was made then. A request that may have been charged is not sent again. Retry On Fail in Settings starts the count anew.',
	},
	{
		displayName: 'Missing Images of a Set',
		name: 'failedImages',
		type: 'options',
		default: 'keep',
		displayOptions: { show: { '/operation': ['imageSet'] } },
		options: [
			{
				name: 'Fail the Item',
				value: 'fail',
				description: 'The images that were made are charged all the same; the message lists them',
			},
			{ name: 'Keep the Others', value: 'keep' },
		],
		description: 'What to do when the gateway refuses some images of a set',
	},
	{
		displayName: 'Number of Images',
		name: 'numberOfImages',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 10, numberPrecision: 0 },
		default: 1,
		description:
			'How many images one request makes, sent as n where the gateway takes it. Each image is charged.',
		routing: { send: { type: 'body', property: 'n' } },
	},
	{
		displayName: 'Output',
		name: 'output',
		type: 'options',
		default: 'itemPerImage',
		options: [
			{
				name: 'All Images in One Item',
				value: 'singleItem',
				description:
					'One item per request: files in data, data_1, data_2 and so on, the rest in images',
			},
			{ name: 'One Item per Image', value: 'itemPerImage' },
		],
		description: 'How images are spread over output items',
	},
	{
		displayName: 'Output Format',
		name: 'outputFormat',
		type: 'options',
		default: 'jpeg',
		displayOptions: { hide: hideFor(lacks('output_format'), '/') },
		options: [
			{ name: 'JPEG', value: 'jpeg' },
			{ name: 'PNG', value: 'png' },
		],
		description: 'File format of the images',
		routing: { send: { type: 'body', property: 'output_format' } },
	},
	{
		displayName: 'Preview Request',
		name: 'previewRequest',
		type: 'boolean',
		default: false,
		description:
			'Whether to return the request instead of sending it. Nothing is made and nothing is charged; the API key is left out.',
	},
	{
		displayName: 'Prompt Optimization',
		name: 'promptOptimization',
		type: 'options',
		default: 'standard',
		displayOptions: { hide: hideFor(lacks('optimize_prompt_options'), '/') },
		options: [
			{
				name: 'Fast',
				value: 'fast',
				displayOptions: {
					hide: hideFor(({ parameters }) => {
						const modes = parameters.optimize_prompt_options;
						return !!modes && !modes.includes('fast');
					}, '/'),
				},
			},
			{ name: 'Standard', value: 'standard' },
		],
		description: 'How the gateway rewrites the prompt: standard is better, fast is quicker',
		routing: { send: { type: 'body', property: 'optimize_prompt_options.mode' } },
	},
	{
		displayName: 'Put Output in Field',
		name: 'binaryPropertyOutput',
		type: 'string',
		default: 'data',
		placeholder: 'e.g. data',
		hint: 'The name of the output field to put the binary file data in',
	},
	{
		displayName: 'Quality',
		name: 'quality',
		type: 'string',
		default: '',
		placeholder: 'e.g. hd',
		description: 'Sent only to gateways that list it; Seedream itself has no such setting',
		routing: { send: { type: 'body', property: 'quality' } },
	},
	{
		displayName: 'Response Format',
		name: 'responseFormat',
		type: 'options',
		default: 'automatic',
		options: [
			{ name: 'Automatic', value: 'automatic' },
			{ name: 'Base64', value: 'b64_json', description: 'The images come inside the answer' },
			{ name: 'URL', value: 'url', description: 'The images are fetched from their URLs' },
		],
		description: 'How the gateway hands over the images. Files come out either way.',
		routing: {
			send: {
				type: 'body',
				property: 'response_format',
				value: '={{ $value === "b64_json" ? $value : "url" }}',
			},
		},
	},
	{
		displayName: 'Retry on Status 500',
		name: 'retryServerErrors',
		type: 'options',
		default: 'automatic',
		options: [
			{ name: 'Always', value: 'always' },
			{
				name: 'Automatic',
				value: 'automatic',
				description: "Where the gateway's document says to",
			},
			{ name: 'Never', value: 'never' },
		],
		description:
			'Whether to send a request again after the gateway broke down. If it had made an image already, that is charged twice.',
	},
	{
		displayName: 'Seed',
		name: 'seed',
		type: 'number',
		typeOptions: { minValue: SEED.min, maxValue: SEED.max, numberPrecision: 0 },
		default: -1,
		displayOptions: { hide: hideFor(lacks('seed'), '/') },
		description: 'The same seed gives similar images for the same request; -1 is random',
		routing: { send: { type: 'body', property: 'seed' } },
	},
	{
		displayName: 'Simplify',
		name: 'simplify',
		type: 'boolean',
		default: true,
		description: 'Whether to return a simplified version of the response instead of the raw data',
	},
	{
		displayName: 'Stream',
		name: 'stream',
		type: 'options',
		default: 'automatic',
		displayOptions: { show: { '/operation': ['imageSet'] }, hide: hideFor(lacks('stream'), '/') },
		options: [
			{
				name: 'Automatic',
				value: 'automatic',
				description: "Where the gateway's document offers it",
			},
			{ name: 'Off', value: 'off' },
			{ name: 'On', value: 'on' },
		],
		description:
			'Whether the images of a set come one by one as they are made. This keeps the connection open, and those that came are kept if it breaks.',
	},
	{
		displayName: 'Style',
		name: 'style',
		type: 'string',
		default: '',
		placeholder: 'e.g. vivid',
		description:
			'Sent only to gateways that list it; Seedream itself takes the style from the prompt',
		routing: { send: { type: 'body', property: 'style' } },
	},
	{
		displayName: 'User',
		name: 'user',
		type: 'string',
		default: '',
		placeholder: 'e.g. customer-42',
		description: 'Name of your end user, sent only to gateways that list it',
		routing: { send: { type: 'body', property: 'user' } },
	},
	{
		displayName: 'Watermark',
		name: 'watermark',
		type: 'boolean',
		default: false,
		description:
			'Whether to mark the image "AI generated" in its corner. The mark stays: an image without it has to be made and paid anew.',
		routing: { send: { type: 'body', property: 'watermark' } },
	},
	{
		displayName: 'Web Search',
		name: 'webSearch',
		type: 'boolean',
		default: false,
		displayOptions: { hide: hideFor(lacks('tools'), '/') },
		description: 'Whether the model may search the web for current facts, which takes longer',
		routing: {
			send: {
				type: 'body',
				property: 'tools',
				value: '={{ String($value) === "true" ? [{ type: "web_search" }] : undefined }}',
			},
		},
	},
];

export const optionFields: INodeProperties[] = [
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options,
	},
];
