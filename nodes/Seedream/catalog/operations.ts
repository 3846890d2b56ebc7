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
	/** Reference images. */
	references: 'none' | 'optional' | 'required';
	/** Parameter that a gateway must support for the operation. */
	needs?: ParameterName;
	/** Whether the response holds several images, as many as Max Images. */
	isSet?: boolean;
}

const RECORDS = [
	{
		id: 'imageSet',
		name: 'Image Set',
		action: 'Generate image set',
		description: 'Generate several related images from one prompt',
		plural: 'image sets',
		references: 'optional',
		needs: 'sequential_image_generation',
		isSet: true,
	},
	{
		id: 'imageToImage',
		name: 'Image-to-Image',
		action: 'Generate image from images',
		description: 'Edit or combine reference images as the prompt says',
		plural: 'image-to-image',
		references: 'required',
	},
	{
		id: 'textToImage',
		name: 'Text-to-Image',
		action: 'Generate image from text',
		description: 'Generate an image from a prompt',
		plural: 'text-to-image',
		references: 'none',
	},
] as const satisfies readonly OperationRecord[];

export type OperationId = (typeof RECORDS)[number]['id'];

/** What the node can do with a model. */
export interface Operation extends OperationRecord {
	id: OperationId;
}

/** Every operation, in the order of the editor. */
export const OPERATIONS: readonly Operation[] = RECORDS;

/** An operation by its id. @returns undefined for any other value, which an expression may return */
export function operationOf(id: unknown): Operation | undefined {
	return OPERATIONS.find((operation) => operation.id === id);
}
