import { z } from 'zod/v4';
import { MODEL_FAMILIES } from '../../../nodes/Seedream/catalog/models';
import { checkModelRules } from './ark';
import { documentProfile } from './document';

/** The one model that the document names; its rules are the document's own. */
const DOCUMENTED = 'doubao-seedream-5-0-260128';

/** "See the Models page for current ids": those that Volcengine has not retired. */
const models = MODEL_FAMILIES.flatMap(({ ids }) => ids)
	.filter(({ service, ends }) => service === 'volcengine' && ends !== 'retired')
	.map(({ id }) => id);

/** DeerAPI, seed document 000. */
export const deerapi = documentProfile({
	name: 'deerapi',
	shape: 'ark',
	stream: 'none',
	models,
	listsModels: true,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1),
		response_format: z.enum(['url', 'b64_json']).optional(),
		size: z
			.string()
			.regex(/^(?:2K|4K|\d+x\d+)$/)
			.optional(),
		image: z
			.array(z.string().regex(/^(?:https?:\/\/|data:image\/)/))
			.max(14)
			.optional(),
		watermark: z.boolean().optional(),
		guidance_scale: z.number().min(1).max(10).optional(),
		seed: z.int().min(-1).max(2_147_483_647).optional(),
		sequential_image_generation: z.enum(['auto', 'disabled']).optional(),
		sequential_image_generation_options: z
			.strictObject({ max_images: z.int().min(1).max(15).optional() })
			.optional(),
		output_format: z.enum(['png', 'jpeg']).optional(),
	}),
	formats: ['jpeg', 'png', 'webp', 'bmp', 'tiff', 'gif'],
	modelRules(request, family) {
		if (request.model === DOCUMENTED) return;
		// Seed and guidance scale are ignored by newer models, says the document; they go no further.
		checkModelRules({ ...request, seed: undefined, guidance_scale: undefined }, family);
	},
	wish: (request) => request,
});
