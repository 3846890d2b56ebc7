import type { INodeProperties } from 'n8n-workflow';

import { OPERATIONS } from '../catalog/operations';
import { MAX_IMAGES } from '../catalog/parameters';
import { LAYER_OPERATIONS, SET_OPERATIONS } from './conditions';
import { modelFields } from './model';
import { optionFields } from './options';
import { imageFields, referenceFields } from './references';
import { sizeFields } from './size';

/** The operation's name, as the canvas shows it. */
export const SUBTITLE = `={{ (${JSON.stringify(
	Object.fromEntries(OPERATIONS.map(({ id, name }) => [id, name])),
)})[$parameter["operation"]] }}`;

const prompt: INodeProperties = {
	displayName: 'Prompt',
	name: 'prompt',
	type: 'string',
	typeOptions: { rows: 4 },
	default: '',
	routing: { send: { type: 'body', property: 'prompt' } },
};

/** The fields, in the order people think: what, with what, from what, how large, the rest. */
export const properties: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		default: 'textToImage',
		options: OPERATIONS.map(({ id, name, action, description }) => ({
			name,
			value: id,
			action,
			description,
		})),
		routing: { send: { paginate: true } },
	},
	...modelFields,
	...imageFields,
	{
		...prompt,
		required: true,
		displayOptions: { hide: { operation: LAYER_OPERATIONS } },
		placeholder: 'e.g. A red bicycle leaning on a sunny white wall, product photo',
		description: 'What the image shows. Up to about 600 English words work best.',
	},
	{
		...prompt,
		displayOptions: { show: { operation: LAYER_OPERATIONS } },
		placeholder: 'e.g. The bottle, the headline and the leaves in front',
		description: 'Which elements to separate; leave it empty to find the main ones',
		// n8n renders hints as HTML.
		hint: 'A region: &lt;bbox&gt;left top right bottom&lt;/bbox&gt;, each from 0 to 1000',
	},
	...referenceFields,
	{
		displayName: 'Max Images',
		name: 'maxImages',
		type: 'number',
		typeOptions: { minValue: MAX_IMAGES.min, maxValue: MAX_IMAGES.max, numberPrecision: 0 },
		default: 4,
		displayOptions: { show: { operation: SET_OPERATIONS } },
		description:
			'Maximum number of images, 1 to 15; the model decides how many it generates. Reference images count toward the limit of 15.',
		hint: 'Each image of the set is charged',
		routing: {
			send: { type: 'body', property: 'sequential_image_generation_options.max_images' },
		},
	},
	...sizeFields,
	...optionFields,
];
