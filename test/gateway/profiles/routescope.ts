import { z } from 'zod/v4';
import { referenceValues } from '../plan';
import { asDataUri } from '../references';
import { documentProfile, GUIDANCE_SCALE, N, SET_OPTIONS, sizeSchema } from './document';

const SEEDREAM_3 = 'doubao-seedream-3-0-t2i-250415';
const LITE = 'doubao-seedream-5-0-lite-260128';
const NEWER = [
	'doubao-seedream-4-0-250828',
	'doubao-seedream-4-5-251128',
	'doubao-seedream-5-0-260128',
	LITE,
];

/** RouteScope, seed document 003. */
export const routescope = documentProfile({
	name: 'routescope',
	shape: 'openai-null',
	stream: 'new-api',
	listsModels: true,
	body: z.strictObject({
		model: z.string(),
		prompt: z.string().min(1).max(200_000),
		image: z.union([z.string(), z.array(z.string()).max(14)]).optional(),
		size: sizeSchema('routescope').optional(),
		response_format: z.enum(['url', 'b64_json']).optional(),
		watermark: z.boolean().optional(),
		sequential_image_generation: z.enum(['disabled', 'auto']).optional(),
		sequential_image_generation_options: SET_OPTIONS.optional(),
		stream: z.boolean().optional(),
		user: z.string().optional(),
		n: N.optional(),
		guidance_scale: GUIDANCE_SCALE.optional(),
		quality: z.string().optional(),
		style: z.string().optional(),
	}),
	onlyFor: {
		image: NEWER,
		sequential_image_generation: NEWER,
		sequential_image_generation_options: NEWER,
		n: [SEEDREAM_3],
		guidance_scale: [SEEDREAM_3],
		stream: [SEEDREAM_3, ...NEWER.filter((model) => model !== LITE)],
	},
	rules: [
		{
			says: `size: ${SEEDREAM_3} supports formats such as 1024x1024`,
			broken: ({ model, size }) => model === SEEDREAM_3 && size !== undefined && !/x/.test(size),
		},
		{
			says: 'reference and generated images must total no more than 15',
			broken: (request) =>
				request.sequential_image_generation === 'auto' &&
				referenceValues(request).length +
					(request.sequential_image_generation_options?.max_images ?? 1) >
					15,
		},
	],
	toImageRequest({
		image,
		n,
		size,
		model,
		sequential_image_generation_options: options,
		...request
	}) {
		const images = image === undefined ? undefined : [image].flat().map(asDataUri);
		return {
			...request,
			model,
			image: images,
			size: size ?? (model === SEEDREAM_3 ? '1024x1024' : '2K'),
			sequential_image_generation_options: { max_images: options?.max_images ?? 1 },
			count: n,
		};
	},
});
