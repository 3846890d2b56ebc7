import type { INodeProperties } from 'n8n-workflow';

import { AUTOMATIC, AUTOMATIC_NAME } from '../catalog/automatic';
import { MODEL_FAMILIES } from '../catalog/models';
import { hideFor, NO_FAMILY } from './conditions';

export const modelFields: INodeProperties[] = [
	{
		displayName: 'Model',
		name: 'model',
		type: 'resourceLocator',
		required: true,
		default: {
			mode: 'list',
			value: AUTOMATIC,
			cachedResultName: AUTOMATIC_NAME,
		},
		description:
			'The Seedream model that generates the images. Automatic is the one recommended for the operation at this gateway.',
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select a model...',
				typeOptions: { searchListMethod: 'searchModels', searchable: true },
			},
			{
				displayName: 'By ID',
				name: 'id',
				type: 'string',
				placeholder: 'e.g. seedream-4-5-251128 or ep-20260101000000-abcde',
				hint: 'Any model ID the gateway supports, or an endpoint ID (ep-…) from the Ark console. For those, choose a Model Family below.',
			},
		],
		routing: { send: { type: 'body', property: 'model' } },
	},
	{
		displayName: 'Model Family',
		name: 'modelFamily',
		type: 'options',
		default: NO_FAMILY,
		// Neither without a model nor where its rules are known.
		displayOptions: { hide: { model: ['', ...(hideFor(() => true).model ?? [])] } },
		options: [
			{
				name: 'Unknown (No Limits)',
				value: NO_FAMILY,
			},
			...MODEL_FAMILIES.map(({ id, name }) => ({ name, value: id })),
		],
		description:
			'Whose fields and limits apply to a model ID that this node does not know, such as an endpoint ID',
	},
];
