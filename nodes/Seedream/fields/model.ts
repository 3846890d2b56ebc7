import type { INodeProperties } from 'n8n-workflow';

import { MODEL_FAMILIES, modelLabel } from '../catalog/models';
import { hideFor, NO_FAMILY } from './conditions';

/** The model that the documents of all gateways list. */
const DEFAULT_MODEL = 'doubao-seedream-5-0-260128';

export const modelFields: INodeProperties[] = [
	{
		displayName: 'Model',
		name: 'model',
		type: 'resourceLocator',
		required: true,
		default: {
			mode: 'list',
			value: DEFAULT_MODEL,
			cachedResultName: modelLabel(DEFAULT_MODEL),
		},
		description: 'The Seedream model that generates the images',
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
		displayOptions: { hide: { model: hideFor(() => true).model } },
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
