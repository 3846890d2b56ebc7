import type { INodeProperties } from 'n8n-workflow';

import { MODEL_FAMILIES } from '../catalog/models';
import {
	FEED_RATIO,
	LAYER_SIZES,
	RATIO_USES,
	RATIOS,
	RESOLUTIONS,
	type Resolution,
} from '../catalog/sizes';
import { hideFor, LAYER_OPERATIONS } from './conditions';

/** Value of the Aspect Ratio field that leaves the ratio to the model. */
export const AUTO_RATIO = 'auto';
/** Value of the Aspect Ratio field that shows Width and Height. */
export const CUSTOM_SIZE = 'custom';

/** How many images an image may be split into, by model, in words. */
export function layerCounts(): string {
	const counts = MODEL_FAMILIES.flatMap(({ maxLayerImages }) => maxLayerImages ?? []);
	const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
	const larger = MODEL_FAMILIES.filter(({ maxLayerImages }) => maxLayerImages === most);
	const names = larger.map(({ name }) => name).join(', ');
	return `up to ${fewest}, with ${names} up to ${most}`;
}

/** A square of a resolution, in pixels: 1K is 1024 × 1024. */
function squareOf(resolution: Resolution): string {
	const side = Number.parseFloat(resolution) * 1024;
	return `${side} × ${side}`;
}

const customSide: Omit<INodeProperties, 'displayName' | 'name'> = {
	type: 'number',
	typeOptions: { minValue: 1, numberPrecision: 0 },
	default: 2048,
	displayOptions: {
		show: { aspectRatio: [CUSTOM_SIZE] },
		hide: { operation: LAYER_OPERATIONS, ...hideFor(({ size }) => !size) },
	},
};

export const sizeFields: INodeProperties[] = [
	{
		displayName: 'Aspect Ratio',
		name: 'aspectRatio',
		type: 'options',
		default: AUTO_RATIO,
		displayOptions: { hide: { operation: LAYER_OPERATIONS, ...hideFor(({ size }) => !size) } },
		options: [
			{
				name: 'Auto',
				value: AUTO_RATIO,
				description: 'The model chooses from the prompt and the reference images',
			},
			...([...RATIOS, FEED_RATIO] as const).map((ratio) => ({
				name: `${ratio} (${RATIO_USES[ratio]})`,
				value: ratio,
			})),
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
			hide: {
				operation: LAYER_OPERATIONS,
				aspectRatio: [CUSTOM_SIZE],
				...hideFor(({ size }) => !size?.presets.length),
			},
		},
		options: RESOLUTIONS.map((resolution) => ({
			name: `${resolution} (about ${squareOf(resolution)})`,
			value: resolution,
			displayOptions: {
				hide: hideFor(({ size }) => !!size?.presets.length && !size.presets.includes(resolution)),
			},
		})),
		description: 'How large the image is. An expression may also give pixels, such as 2048x2048.',
	},
	{
		displayName: 'Resolution',
		name: 'resolution',
		type: 'options',
		default: 'auto',
		displayOptions: { show: { operation: LAYER_OPERATIONS } },
		options: LAYER_SIZES.map((size) =>
			size === 'auto'
				? { name: 'Auto', value: size, description: 'About that of the image' }
				: { name: size, value: size },
		),
		description: 'How large the background is. The layers fit it.',
		hint: `Each image of the response is charged: ${layerCounts()}`,
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
