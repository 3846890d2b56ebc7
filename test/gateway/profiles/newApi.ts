import { z } from 'zod/v4';
import { GATEWAYS } from '../../facts/gateways';
import { Refusal, requestId } from '../refusal';
import { planArk } from './ark';
import { noChannel, refusal } from './document';
import { EXAMPLE, openAiModels, parseBody, type Profile } from './profile';

/** The fields of new-api's `dto.ImageRequest`; parsing silently drops all others. */
const imageRequest = z.object({
	model: z.string(),
	prompt: z.string().optional(),
	n: z.int().nonnegative().optional(),
	size: z.string().optional(),
	quality: z.string().optional(),
	response_format: z.string().optional(),
	style: z.unknown().optional(),
	user: z.unknown().optional(),
	extra_fields: z.record(z.string(), z.unknown()).optional(),
	background: z.unknown().optional(),
	moderation: z.unknown().optional(),
	output_format: z.unknown().optional(),
	output_compression: z.unknown().optional(),
	partial_images: z.unknown().optional(),
	stream: z.boolean().optional(),
	images: z.unknown().optional(),
	mask: z.unknown().optional(),
	input_fidelity: z.unknown().optional(),
	watermark: z.boolean().optional(),
	watermark_enabled: z.unknown().optional(),
	user_id: z.unknown().optional(),
	image: z.unknown().optional(),
});

const { models, apiPath } = GATEWAYS.other;

/**
 * The open-source engine new-api in front of Volcengine Ark. This operator's channel flattens
 * `extra_fields` into the upstream body; the plain engine forwards it as it is.
 */
export const newApi: Profile = {
	name: 'new-api',
	basePath: apiPath,
	errors: 'new-api',
	shape: 'openai-empty',
	stream: 'new-api',
	models: () => openAiModels(models),
	accepts: {
		models,
		body: z.toJSONSchema(imageRequest),
		example: { model: 'doubao-seedream-4-5-251128', ...EXAMPLE },
		rules: ['Other top-level fields are dropped; the rest follows the rules of volcengine.'],
	},
	async plan(body, day) {
		const { extra_fields: extra, ...request } = parseBody(imageRequest, body, refusal);
		if (!models.includes(request.model)) throw noChannel(503, request.model);
		if (request.size?.includes('×')) {
			throw refusal(
				'',
				'size an unexpected error occurred in the parameter, please use x instead of ×',
			);
		}
		try {
			return await planArk({ ...extra, n: 1, ...request }, 'volcengine', day);
		} catch (error) {
			if (!(error instanceof Refusal)) throw error;
			const { status, code, message, type, param } = error;
			throw new Refusal(status, code, `${message} Request id: ${requestId('ark')}`, {
				type: type === '' ? 'upstream_error' : type,
				param,
			});
		}
	},
};
