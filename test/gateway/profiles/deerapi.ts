import { z } from 'zod/v4';
import { GATEWAYS } from '../../facts/gateways';
import { checkModelRules } from './ark';
import { documentProfile, GUIDANCE_SCALE, SEED, SET_OPTIONS, sizeSchema } from './document';

/** The one model that the document names; its rules are the document's own. */
const DOCUMENTED = GATEWAYS.deerapi.models;

/** DeerAPI, seed document 000. */
export const deerapi = documentProfile({
	name: 'deerapi',
	shape: 'ark',
	stream: 'none',
	// "See the Models page for current ids": those that Volcengine has not retired.
	moreModels: GATEWAYS.volcengine.models.filter((id) => !DOCUMENTED.includes(id)),
	listsModels: true,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1),
		response_format: z.enum(['url', 'b64_json']).optional(),
		size: sizeSchema('deerapi').optional(),
		image: z
			.array(z.string().regex(/^(?:https?:\/\/|data:image\/)/))
			.max(14)
			.optional(),
		watermark: z.boolean().optional(),
		guidance_scale: GUIDANCE_SCALE.optional(),
		seed: SEED.optional(),
		sequential_image_generation: z.enum(['auto', 'disabled']).optional(),
		sequential_image_generation_options: SET_OPTIONS.optional(),
		output_format: z.enum(['png', 'jpeg']).optional(),
	}),
	modelRules(request, family) {
		if (DOCUMENTED.includes(request.model)) return;
		// Seed and guidance scale are ignored by newer models, says the document; they go no further.
		checkModelRules({ ...request, seed: undefined, guidance_scale: undefined }, family);
	},
	toImageRequest: (request) => request,
});
