import type { ParameterName } from './parameters';

interface OperationRecord {
	/** Value of the node's Operation field. */
	id: string;
	name: string;
	/** Text in n8n's node panel. */
	action: string;
	description: string;
	/** Plural, for messages. */
	plural: string;
	/** Reference images; `one` is exactly one, in fields of its own. */
	references: 'none' | 'optional' | 'required' | 'one';
	/** Parameter that a gateway must support for the operation. */
	needs?: ParameterName;
	/** What to do at a gateway that does not support it, beside using another. */
	instead?: string;
	/** Whether the response holds several images, as many as Max Images. */
	isSet?: boolean;
	/** Whether the response holds the layers of the image: without a prompt if need be, and sized like it. */
	isLayers?: boolean;
	/** Parameters that are an error in this operation, whatever the model. */
	refuses?: readonly ParameterName[];
}

const RECORDS = [
	{
		id: 'textToImage',
		name: 'Text-to-Image',
		action: 'Generate image from text',
		description: 'Generate an image from a prompt',
		plural: 'text-to-image',
		references: 'none',
	},
	{
		id: 'imageToImage',
		name: 'Image-to-Image',
		action: 'Edit or combine images',
		description: 'Edit or combine reference images as the prompt says',
		plural: 'image-to-image',
		references: 'required',
	},
	{
		id: 'imageSet',
		name: 'Image Set',
		action: 'Generate set of images',
		description: 'Generate several related images from one prompt',
		plural: 'image sets',
		references: 'optional',
		needs: 'sequential_image_generation',
		instead: 'Use the Text-to-Image operation, once for each image',
		isSet: true,
	},
	// Schema of BytePlus's models at Comfy Router, 2026-11: 5.0 Pro, 5.0 Flash and 5.5.
	{
		id: 'layers',
		name: 'Layers',
		action: 'Split image into layers',
		description: 'Split an image into a background and transparent layers',
		plural: 'layers',
		references: 'one',
		needs: 'layer_decomposition',
		isLayers: true,
		refuses: ['background', 'n', 'sequential_image_generation', 'stream', 'tools'],
	},
] as const satisfies readonly OperationRecord[];

export type OperationId = (typeof RECORDS)[number]['id'];

/** What the node can do with a model. */
export interface Operation extends OperationRecord {
	id: OperationId;
}

/** Every operation, in the order of use, which is that of the editor. */
export const OPERATIONS: readonly Operation[] = RECORDS;

/** An operation by its id. @returns undefined for any other value, which an expression may return */
export function operationOf(id: unknown): Operation | undefined {
	return OPERATIONS.find((operation) => operation.id === id);
}
