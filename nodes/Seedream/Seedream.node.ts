import { NodeConnectionTypes, type INodeType, type INodeTypeDescription } from 'n8n-workflow';

import { properties, SUBTITLE } from './fields';
import { LAYER_OPERATIONS } from './fields/conditions';
import { layerCounts } from './fields/size';
import { generateImages } from './generateImages';
import { searchModels } from './listSearch/searchModels';

/** Generates images with ByteDance Seedream through any OpenAI-Images-compatible gateway. */
export class Seedream implements INodeType {
	description: INodeTypeDescription = {
		displayName: 'Seedream',
		name: 'seedream',
		icon: { light: 'file:../../icons/seedream.svg', dark: 'file:../../icons/seedream.dark.svg' },
		group: ['transform'],
		version: 1,
		subtitle: SUBTITLE,
		description: 'Generate and edit images with ByteDance Seedream',
		defaults: { name: 'Seedream' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: 'seedreamApi', required: true }],
		requestDefaults: {
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
					'Each input item sends its own request, and each image is charged. The option Max Images per Run sets a limit. Retry On Fail in Settings is safe: images that already exist are not generated again.',
				displayCondition:
					'={{ $input.all().length > 1 && !$parameter["options"]?.previewRequest }}',
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
			{
				message: `Layers: the response to each input item holds ${layerCounts()} images.`,
				displayCondition: `={{ $input.all().length > 1 && ${JSON.stringify(LAYER_OPERATIONS)}.includes($parameter["operation"]) && !$parameter["options"]?.previewRequest }}`,
				whenToDisplay: 'beforeExecution',
				location: 'outputPane',
			},
		],
		// A copy: n8n adds Request Options to it.
		properties: [...properties],
	};

	methods = { listSearch: { searchModels } };
}
