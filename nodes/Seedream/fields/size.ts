import type { INodeProperties } from 'n8n-workflow';

import { RATIOS, RESOLUTIONS } from '../catalog/sizes';
import { hideFor } from './conditions';

/** Value of the Aspect Ratio field that leaves the ratio to the model. */
export const AUTO_RATIO = 'auto';
/** Value of the Aspect Ratio field that shows Width and Height. */
export const CUSTOM_SIZE = 'custom';

const customSide: Omit<INodeProperties, 'displayName' | 'name'> = {
	type: 'number',
	typeOptions: { minValue: 1, numberPrecision: 0 },
	default: 2048,
	displayOptions: { show: { aspectRatio: [CUSTOM_SIZE] }, hide: hideFor(({ size }) => !size) },
};

export const sizeFields: INodeProperties[] = [
	{
		displayName: 'Aspect Ratio',
		name: 'aspectRatio',
		type: 'options',
		default: AUTO_RATIO,
		displayOptions: { hide: hideFor(({ size }) => !size) },
		options: [
			{
				name: 'Auto',
				value: AUTO_RATIO,
				description: 'The model chooses from the prompt and the reference images',
			},
			...RATIOS.map((ratio) => ({ name: ratio, value: ratio })),
			{ name: 'Custom Width and Height', value: CUSTOM_SIZE },
		],
		description: 'Shape of the image, width to height',
	},
	{
		displayName: 'Resolution',
		name: 'resolution',
		type: 'options',
		default: '2K',
		displayOptions: {
			hide: { aspectRatio: [CUSTOM_SIZE], ...hideFor(({ size }) => !size?.presets.length) },
		},
		options: RESOLUTIONS.map((resolution) => ({
			name: resolution,
			value: resolution,
			displayOptions: {
				hide: hideFor(({ size }) => !!size?.presets.length && !size.presets.includes(resolution)),
			},
		})),
		description: 'How large the image is. An expression may also give pixels, such as 2048x2048.',
	},
	{
		...customSide,
		displayName: 'Width',
		name: 'width',
		description: 'Width of the image in pixels',
	},
	{
		...customSide,
		displayName: 'Height',
		name: 'height',
		description: 'Height of the image in pixels',
	},
];
