import type { INodeProperties, INodePropertyCollection, INodePropertyOptions } from 'n8n-workflow';

import { OPERATIONS, type Operation } from '../catalog/operations';
import { hideFor } from './conditions';

const withReferences = (references: Operation['references']) =>
	OPERATIONS.filter((operation) => operation.references === references).map(({ id }) => id);

/** One entry of the Reference Images field, as the user fills it in. */
export interface ReferenceEntry {
	source?: 'allBinary' | 'allItems' | 'binary' | 'url';
	binaryPropertyName?: unknown;
	url?: unknown;
}

const entry: INodePropertyCollection = {
	displayName: 'Image',
	name: 'image',
	values: [
		{
			displayName: 'Source',
			name: 'source',
			type: 'options',
			default: 'allBinary',
			options: [
				{
					name: 'All Images of the Item',
					value: 'allBinary',
					description: 'Every file of the input item that is an image',
				},
				{
					name: 'Binary Field',
					value: 'binary',
					description: 'Files that a previous node put into the input item',
				},
				{
					name: 'Images of All Input Items',
					value: 'allItems',
					description: 'One request for the whole run, with the fields of the first item',
				},
				{
					name: 'URL',
					value: 'url',
					description: 'Images on the web, or data URIs',
				},
			],
		},
		{
			displayName: 'Binary Field Name',
			name: 'binaryPropertyName',
			type: 'string',
			default: 'data',
			placeholder: 'e.g. data, data_1',
			hint: 'The name of the input field containing the binary file data to be processed',
			description: 'Separate several names with commas: data, data_1',
			displayOptions: { show: { source: ['binary'] } },
		},
		{
			displayName: 'URL',
			name: 'url',
			type: 'string',
			default: '',
			typeOptions: { rows: 2 },
			placeholder: 'e.g. https://example.com/product.png',
			description:
				'Public URLs or data URIs, separated by commas or line breaks. An expression may also give a list or a file.',
			displayOptions: { show: { source: ['url'] } },
		},
	],
};

const referenceImages: INodeProperties = {
	displayName: 'Reference Images',
	name: 'referenceImages',
	type: 'fixedCollection',
	typeOptions: { multipleValues: true, sortable: true },
	placeholder: 'Add Image',
	default: {},
	options: [entry],
};

export const referenceFields: INodeProperties[] = [
	{
		...referenceImages,
		default: { image: [{ source: 'allBinary' }] },
		displayOptions: {
			show: { operation: withReferences('required') },
			hide: hideFor(({ references }) => !references),
		},
		description: 'The images to work from, in the order in which the prompt refers to them',
	},
	{
		...referenceImages,
		displayOptions: {
			show: { operation: withReferences('optional') },
			hide: hideFor(({ references }) => !references),
		},
		description: 'Images to work from, if any, in the order in which the prompt refers to them',
	},
];

const sources = entry.values[0].options as INodePropertyOptions[];

const one = { operation: withReferences('one') };

/** The fields of an operation on exactly one image: an entry of Reference Images, without a list. */
export const imageFields: INodeProperties[] = [
	{
		displayName: 'Image Source',
		name: 'imageSource',
		type: 'options',
		default: 'binary',
		displayOptions: { show: one },
		options: sources.filter(({ value }) => value === 'binary' || value === 'url'),
		description: 'Where the image is',
	},
	{
		displayName: 'Binary Field Name',
		name: 'imageField',
		type: 'string',
		default: 'data',
		placeholder: 'e.g. data',
		hint: 'The name of the input field containing the binary file data to be processed',
		displayOptions: { show: { ...one, imageSource: ['binary'] } },
	},
	{
		displayName: 'Image URL',
		name: 'imageUrl',
		type: 'string',
		default: '',
		placeholder: 'e.g. https://example.com/product.png',
		description: 'Public URL or data URI of the image',
		displayOptions: { show: { ...one, imageSource: ['url'] } },
	},
];
