import type { INodeProperties } from 'n8n-workflow';

import { MAX_IMAGES } from '../catalog/models';
import { modelFields } from './model';
import { optionFields } from './options';
import { referenceFields } from './references';
import { sizeFields } from './size';

/** The fields after Operation, in the order people think: with what, from what, how large, the rest. */
export const properties: INodeProperties[] = [
	...modelFields,
	{
		displayName: 'Prompt',
		name: 'prompt',
		type: 'string',
		typeOptions: { rows: 4 },
		required: true,
		default: '',
		placeholder: 'e.g. A red bicycle leaning on a sunny white wall, product photo',
		description: 'What the image shows. Up to about 600 English words work best.',
		routing: { send: { type: 'body', property: 'prompt' } },
	},
	...referenceFields,
	{
		displayName: 'Max Images',
		name: 'maxImages',
		type: 'number',
		typeOptions: { minValue: MAX_IMAGES.min, maxValue: MAX_IMAGES.max, numberPrecision: 0 },
		default: 4,
		displayOptions: { show: { operation: ['imageSet'] } },
		description:
			'Most images the set may have, 1 to 15. The model decides how many it makes. Together with the reference images there may be 15.',
		hint: 'Each image of the set is charged',
		routing: {
			send: { type: 'body', property: 'sequential_image_generation_options.max_images' },
		},
	},
	...sizeFields,
	...optionFields,
];
