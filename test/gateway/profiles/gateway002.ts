import { z } from 'zod/v4';
import { asDataUri } from '../references';
import { documentProfile, sizeSchema } from './document';

/** The gateway of seed document 002. */
export const gateway002 = documentProfile({
	name: 'gateway002',
	shape: 'openai-empty',
	stream: 'none',
	listsModels: false,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1),
		n: z.literal(1),
		size: sizeSchema('gateway002').optional(),
		image: z.array(z.string()).optional(),
		response_format: z.enum(['url', 'b64_json']).optional(),
		quality: z.string().optional(),
		style: z.string().optional(),
		background: z.string().optional(),
		watermark: z.boolean().optional(),
	}),
	required: { n: 1 },
	toImageRequest: ({ model, prompt, size, image, response_format, watermark }) => ({
		model,
		prompt,
		size,
		image: image?.map(asDataUri),
		response_format,
		watermark,
	}),
});
