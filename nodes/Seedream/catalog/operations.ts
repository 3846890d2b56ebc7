/** What a user can ask for; a value of the node's Operation field. */
export interface Operation {
	id: OperationId;
	name: string;
	/** What n8n's node panel offers. */
	action: string;
	description: string;
	/** What its plural is called in messages. */
	plural: string;
	/** Reference images. */
	references: 'none' | 'optional' | 'required';
	/** Parameter without which a gateway does not support the operation. */
	needs?: 'sequential_image_generation';
	/** Whether the response holds several images, as many as Max Images. */
	isSet?: boolean;
}

export type OperationId = 'textToImage' | 'imageToImage' | 'imageSet';

/** Every operation, in the order of the editor. */
export const OPERATIONS: readonly Operation[] = [
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
];

/** An operation by its id. @returns undefined for a value that is none, such as an expression may give */
export function operationOf(id: unknown): Operation | undefined {
	return OPERATIONS.find((operation) => operation.id === id);
}
