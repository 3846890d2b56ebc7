import type { INodeProperties } from 'n8n-workflow';

import { hideFor, LAYER_OPERATIONS, SET_OPERATIONS } from './conditions';
import { advancedParameterOptions, parameterOptions } from './parameters';

/** Default of File Name. */
export const DEFAULT_FILE_NAME = '{prompt}-{date}-{item}-{index}';

/** The same for layers, which have names. */
export const DEFAULT_LAYER_FILE_NAME = `${DEFAULT_FILE_NAME}-{name}`;

/** Options that are not a parameter of the request body, or more than that. */
const ownOptions: INodeProperties[] = [
	{
		displayName: 'Download Images',
		name: 'downloadImages',
		type: 'boolean',
		default: true,
		description:
			'Whether to download each image as a file. If off, items hold only the URL, which expires after 24 hours.',
	},
	{
		displayName: 'File Name',
		name: 'fileName',
		type: 'string',
		default: DEFAULT_FILE_NAME,
		placeholder: 'e.g. campaign-{date}-{index}',
		description:
			'Name of the files without extension, which is the one of the image itself. {prompt} (its first words), {name} (of the reference image or layer), {model}, {date}, {item} and {index} are replaced; names within an item stay distinct.',
	},
	{
		displayName: 'Include Input Fields',
		name: 'includeInputFields',
		type: 'string',
		default: '*',
		placeholder: 'e.g. sku, title',
		description:
			'Names of fields of the input item to copy to its output items, separated by commas, or * for all. The fields of the output itself win.',
	},
	{
		displayName: 'Link to File',
		name: 'linkToFile',
		type: 'options',
		default: 7,
		options: [
			{ name: '1 Day', value: 1 },
			{ name: '30 Days', value: 30 },
			{ name: '7 Days', value: 7 },
		],
		description:
			'Adds fileUrl, a link to the file that n8n stores, for chats, sheets and e-mails. It works for this long, as long as n8n keeps the execution, and for anyone who has it.',
	},
	{
		displayName: 'Layered SVG',
		name: 'layeredSvg',
		type: 'boolean',
		default: false,
		displayOptions: { show: { '/operation': LAYER_OPERATIONS } },
		description:
			'Whether to add an SVG file with all layers in place, each a named group, for Figma, Illustrator, Inkscape or a browser',
	},
	{
		displayName: 'Max Images per Run',
		name: 'maxImagesPerRun',
		type: 'number',
		typeOptions: { minValue: 0, numberPrecision: 0 },
		default: 0,
		description:
			'Stops the run before sending anything if its items together request more images than this. 0 means no limit.',
	},
	{
		displayName: 'Missing Images of a Set',
		name: 'failedImages',
		type: 'options',
		default: 'keep',
		displayOptions: { show: { '/operation': SET_OPERATIONS } },
		options: [
			{
				name: 'Fail the Item',
				value: 'fail',
				description:
					'The images that were generated are charged all the same; the message lists them',
			},
			{ name: 'Keep the Others', value: 'keep' },
		],
		description: 'What to do when the gateway rejects some images of a set',
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
		description: 'Whether to return one item per image or one item per request',
	},
	{
		displayName: 'Preview Request',
		name: 'previewRequest',
		type: 'boolean',
		default: false,
		description:
			'Whether to return the request instead of sending it. Nothing is generated or charged. The API key is left out.',
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
		displayName: 'Watermark',
		name: 'watermark',
		type: 'boolean',
		default: false,
		description:
			'Whether to mark the image "AI generated" in its corner. It cannot be removed later.',
		routing: { send: { type: 'body', property: 'watermark' } },
	},
];

/** What is about the gateway or about how requests are sent. */
const ownAdvancedOptions: INodeProperties[] = [
	{
		displayName: 'Additional Body Fields',
		name: 'additionalBodyFields',
		type: 'json',
		default: '{}',
		placeholder: 'e.g. { "optimize_prompt_options": { "thinking": "enabled" } }',
		description:
			'JSON object merged into the request body last, for API parameters this node does not offer',
	},
	{
		displayName: 'Concurrent Requests',
		name: 'concurrentRequests',
		type: 'number',
		typeOptions: { minValue: 1, maxValue: 100, numberPrecision: 0 },
		default: 8,
		description: 'Maximum number of parallel requests. The value of the first item applies to all.',
	},
	{
		displayName: 'Response Format',
		name: 'responseFormat',
		type: 'options',
		default: 'automatic',
		options: [
			{ name: 'Automatic', value: 'automatic' },
			{ name: 'Base64', value: 'b64_json', description: 'The images are part of the response' },
			{ name: 'URL', value: 'url', description: 'The images are downloaded from their URLs' },
		],
		description: 'How the gateway returns images. The output is files either way.',
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
			'Whether to retry a request after an internal error of the gateway. If it had already generated an image, you are charged twice.',
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
		displayOptions: {
			show: { '/operation': SET_OPERATIONS },
			hide: hideFor(({ parameters }) => !parameters.stream, '/'),
		},
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
			'Whether the gateway sends the images of a set one by one. Images already received are kept if the connection drops.',
	},
	{
		displayName: 'Wait When Busy',
		name: 'waitWhenBusy',
		type: 'number',
		typeOptions: { minValue: 0, maxValue: 86400 },
		default: 180,
		description:
			'Seconds to wait for a gateway that is busy (429, 503) and lets nothing of this account through. Requests at a rate limit are slowed down and retried by themselves; a request that may have been charged is never retried.',
	},
];

function byName(options: INodeProperties[]): INodeProperties[] {
	return options.sort((a, b) => a.displayName.localeCompare(b.displayName));
}

export const optionFields: INodeProperties[] = [
	{
		displayName: 'Options',
		name: 'options',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: byName([...ownOptions, ...parameterOptions]),
	},
	{
		displayName: 'Advanced',
		name: 'advanced',
		type: 'collection',
		placeholder: 'Add option',
		default: {},
		options: byName([...ownAdvancedOptions, ...advancedParameterOptions]),
	},
];
