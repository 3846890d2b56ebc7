import { NodeConnectionTypes, type INodeType, type INodeTypeDescription } from 'n8n-workflow';

import { API_BASE_URL_EXPRESSION } from './catalog/gateways';
import { properties } from './fields';
import { searchModels } from './searchModels';
import { generateImages } from './sending';

/** Generates images with ByteDance Seedream through any OpenAI-Images-compatible gateway. */
export class Seedream implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Seedream',
		name: 'seedream',
		icon: { light: 'file:../../icons/seedream.svg', dark: 'file:../../icons/seedream.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle:
			'={{ ({ textToImage: "Text-to-Image", imageToImage: "Image-to-Image", imageSet: "Image Set" })[$parameter["operation"]] }}',
		description: 'Generate and edit images with ByteDance Seedream',
		defaults: { name: 'Seedream' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'seedreamApi', required: true }],
		requestDefaults: {
			baseURL: API_BASE_URL_EXPRESSION,
			method: 'POST',
			url: '/images/generations',
			body: { response_format: 'url', watermark: false },
			encoding: 'stream',
			ignoreHttpStatusErrors: true,
			// A redirected POST loses its body or carries the key to another host.
			disableFollowRedirect: true,
		},
		requestOperations: { pagination: generateImages },
		hints: [
			{
				message:
					'Each input item makes a request of its own, and each image is charged. The option Max Images per Run sets a limit. Retry On Fail in Settings is safe: images that were made are not made again.',
				displayCondition:
					'={{ $input.all().length > 1 && !$parameter["options"]?.previewRequest }}',
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
		],
		properties: [
			{
				displayName: 'Operation',
				name: 'operation',
				type: 'options',
				noDataExpression: true,
				default: 'textToImage',
				options: [
					{
						name: 'Image Set',
						value: 'imageSet',
						action: 'Generate image set',
						description: 'Make several images that belong together from one prompt',
					},
					{
						name: 'Image-to-Image',
						value: 'imageToImage',
						action: 'Generate image from images',
						description: 'Edit or combine reference images as the prompt says',
					},
					{
						name: 'Text-to-Image',
						value: 'textToImage',
						action: 'Generate image from text',
						description: 'Make an image from a prompt',
					},
				],
				routing: { send: { paginate: true } },
			},
			...properties,
		],
	};

	methods = { listSearch: { searchModels } };
}
