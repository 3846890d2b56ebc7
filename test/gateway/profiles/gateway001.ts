import { z } from 'zod/v4';
import { checkModelRules } from './ark';
import { documentProfile, GUIDANCE_SCALE, SEED, SET_OPTIONS } from './document';

const TEXT_ONLY = 'doubao-seedream-3-0-t2i-250415';
const EDIT_ONLY = 'doubao-seededit-3-0-i2i-250628';
const LITE = 'doubao-seedream-5-0-260128';
const SETS = [LITE, 'doubao-seedream-4-5-251128', 'doubao-seedream-4-0-250828'];

/**
 * The gateway of seed document 001. Its page has lost the names of the fields and all of `size`;
 * the names are the first party's, and `size` is left to the model.
 */
export const gateway001 = documentProfile({
	name: 'gateway001',
	shape: 'ark',
	stream: 'none',
	listsModels: false,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1),
		response_format: z.enum(['url', 'b64_json']).optional(),
		size: z.string().optional(),
		seed: SEED.optional(),
		guidance_scale: GUIDANCE_SCALE.optional(),
		watermark: z.boolean().optional(),
		image: z.union([z.string(), z.array(z.string())]).optional(),
		sequential_image_generation: z.enum(['auto', 'disabled']).optional(),
		sequential_image_generation_options: SET_OPTIONS.optional(),
		output_format: z.enum(['png', 'jpeg']).optional(),
	}),
	onlyFor: {
		seed: [TEXT_ONLY, EDIT_ONLY],
		guidance_scale: [TEXT_ONLY, EDIT_ONLY],
		image: [EDIT_ONLY, ...SETS],
		sequential_image_generation: SETS,
		sequential_image_generation_options: SETS,
		output_format: [LITE],
	},
	rules: [
		{
			says: `${EDIT_ONLY} edits an image: image is required`,
			broken: ({ model, image }) => model === EDIT_ONLY && (image?.length ?? 0) === 0,
		},
	],
	modelRules: checkModelRules,
	toImageRequest: (request) => request,
});
