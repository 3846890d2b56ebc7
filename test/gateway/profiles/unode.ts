import { z } from 'zod/v4';
import { referenceValues } from '../plan';
import { documentProfile, SET_OPTIONS, sizeSchema } from './document';

const SEEDREAM_5 = 'doubao-seedream-5-0-260128';

const dataUrl = z.string().regex(/^data:image\/[a-z]+;base64,/);

/** Unode, seed document 004. Its model table names 4.5 and 5.0; 4.0 appears in a column only. */
export const unode = documentProfile({
	name: 'unode',
	shape: 'ark',
	stream: 'none',
	listsModels: true,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1),
		image: z.union([dataUrl, z.array(dataUrl).min(2).max(14)]).optional(),
		size: sizeSchema('unode').optional(),
		response_format: z.enum(['url', 'b64_json']).optional(),
		watermark: z.boolean().optional(),
		extra_fields: z
			.strictObject({
				sequential_image_generation: z.enum(['auto', 'disabled']).optional(),
				sequential_image_generation_options: SET_OPTIONS.optional(),
				tools: z.array(z.strictObject({ type: z.literal('web_search') })).optional(),
				stream: z.boolean().optional(),
				output_format: z.enum(['jpeg', 'png']).optional(),
				optimize_prompt_options: z
					.strictObject({ mode: z.enum(['standard', 'fast']).optional() })
					.optional(),
			})
			.optional(),
	}),
	onlyFor: {
		'extra_fields.tools': [SEEDREAM_5],
		'extra_fields.output_format': [SEEDREAM_5],
	},
	rules: [
		{
			says: 'optimize_prompt_options.mode: fast is not supported on 5.0 or 4.5',
			broken: ({ extra_fields: extra }) => extra?.optimize_prompt_options?.mode === 'fast',
		},
		{
			says: 'input reference images + generated images must be at most 15',
			broken: ({ extra_fields: extra, ...request }) =>
				extra?.sequential_image_generation === 'auto' &&
				referenceValues(request).length +
					(extra.sequential_image_generation_options?.max_images ?? 1) >
					15,
		},
	],
	toImageRequest: ({ extra_fields: extra, ...request }) => ({ ...request, ...extra }),
});
