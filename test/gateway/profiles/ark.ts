import sharp from 'sharp';
import { z } from 'zod/v4';
import { GATEWAYS } from '../../facts/gateways';
import {
	FAMILIES,
	type Family,
	familyOf,
	idsOf,
	LAYERS,
	type ModelId,
	type ModelParameter,
	MODELS,
	RANGES,
	type Service,
} from '../../facts/models';
import {
	checkTotal,
	type Plan,
	planImages,
	referenceValues,
	sizeForms,
	sizeRefusal,
} from '../plan';
import { checkLayers, splitPicture } from '../layers';
import { invalid, missing, Refusal } from '../refusal';
import { EXAMPLE, parseBody, type Profile } from './profile';

/** The body fields that Ark knows, by type. What it does not know it ignores. */
const arkBody = z.looseObject({
	model: z.string(),
	/** Required but for layers. */
	prompt: z.string().default(''),
	image: z.union([z.string(), z.array(z.string())]).optional(),
	size: z.string().optional(),
	response_format: z.enum(['url', 'b64_json']).optional(),
	watermark: z.boolean().optional(),
	sequential_image_generation: z.enum(['auto', 'disabled']).optional(),
	sequential_image_generation_options: z
		.looseObject({
			max_images: z.int().min(RANGES.max_images.min).max(RANGES.max_images.max).optional(),
		})
		.optional(),
	stream: z.boolean().optional(),
	tools: z.array(z.looseObject({ type: z.literal('web_search') })).optional(),
	output_format: z.string().optional(),
	optimize_prompt_options: z
		.looseObject({
			mode: z.string().optional(),
			thinking: z.enum(['auto', 'enabled', 'disabled']).optional(),
		})
		.optional(),
	layer_decomposition: z.boolean().optional(),
	background: z.string().optional(),
	seed: z.int().min(RANGES.seed.min).max(RANGES.seed.max).optional(),
	guidance_scale: z
		.number()
		.min(RANGES.guidance_scale.min)
		.max(RANGES.guidance_scale.max)
		.optional(),
});
export type ArkBody = z.infer<typeof arkBody>;

/** Fields that only some models support, each with the parameter it belongs to. */
const GATED: ReadonlyArray<[field: keyof ArkBody & string, parameter: ModelParameter]> = [
	['sequential_image_generation', 'sequential_image_generation'],
	['sequential_image_generation_options', 'sequential_image_generation'],
	['stream', 'stream'],
	['tools', 'tools'],
	['output_format', 'output_format'],
	['optimize_prompt_options', 'optimize_prompt_options'],
	['layer_decomposition', 'layer_decomposition'],
	['background', 'background'],
	['guidance_scale', 'guidance_scale'],
];

/** Measured: this id accepts `guidance_scale` without effect, against the documents. */
const LENIENT_MODEL = 'doubao-seedream-4-0-20260415';

/** Family behind `ep-…` endpoint ids that do not name one, as `ep-4.0-test` does. */
const ENDPOINT_FAMILY: Family = '4.5';

/**
 * Volcengine Ark or BytePlus ModelArk: the same rules, each with its own model ids. `seed` is not
 * documented for 4.x and 5.x, and accepted (measured).
 */
export function arkProfile(service: Service): Profile {
	return {
		name: service,
		basePath: GATEWAYS[service].apiPath,
		errors: 'ark',
		shape: 'ark',
		stream: 'ark',
		models: (day) => modelList(service, day),
		accepts: {
			models: idsOf(service).map(({ id }) => id),
			body: z.toJSONSchema(arkBody),
			example: { model: idsOf(service).find(({ id }) => id.includes('4-5'))?.id, ...EXAMPLE },
			rules: [
				'Unknown fields are ignored; known ones that the model does not support are rejected.',
			],
		},
		plan: async (body, day) => await planArk(body, service, day),
	};
}

/**
 * Checks a body as the first party does and plans what it generates.
 * @throws Refusal
 */
export async function planArk(body: unknown, service: Service, day?: string): Promise<Plan> {
	const { model } = parseBody(arkBody.pick({ model: true }), body, refuse);
	const family = familyBehind(model, service, day);
	const imageRequest = parseBody(arkBody, body, refuse);
	checkModelRules(imageRequest, family);
	if (imageRequest.layer_decomposition) {
		const { size, ...rest } = imageRequest;
		return await splitPicture(await planImages(rest, family, LAYERS.references), size);
	}
	const plan = await planImages(imageRequest, family);
	if (plan.transparent) await checkTransparency(plan, family, imageRequest.output_format);
	return plan;
}

/**
 * What the model itself supports, whichever way a request came to it.
 * @throws Refusal
 */
export function checkModelRules(body: unknown, family: Family): void {
	const imageRequest = parseBody(arkBody, body, refuse);
	const { parameters } = MODELS[family];
	for (const [field, parameter] of GATED) {
		if (imageRequest[field] === undefined || parameters[parameter]) continue;
		if (field === 'guidance_scale' && imageRequest.model === LENIENT_MODEL) continue;
		throw unsupported(field);
	}
	if (imageRequest.layer_decomposition) {
		checkLayers(imageRequest);
	} else {
		if (imageRequest.prompt === '') throw missing('prompt');
		checkSize(imageRequest.size, family);
		checkImageField(imageRequest, family);
	}
	checkValue('output_format', imageRequest.output_format, family);
	checkValue('background', imageRequest.background, family);
	const { mode, thinking } = imageRequest.optimize_prompt_options ?? {};
	const modes = parameters.optimize_prompt_options ?? [];
	if (mode !== undefined && !modes.includes(mode)) {
		const listed = modes.map((name) => `'${name}'`).join(' or ');
		throw invalid('optimize_prompt_options.mode', `optimize_prompt_options.mode must be ${listed}`);
	}
	if (thinking !== undefined && family !== '5.0-pro') {
		throw unsupported('optimize_prompt_options.thinking');
	}
	checkTotal(imageRequest, family);
}

function refuse(field: string, reason: string, isMissing: boolean): Refusal {
	return isMissing ? missing(field) : invalid(field, reason);
}

function unsupported(field: string): Refusal {
	return invalid(field, `the parameter \`${field}\` is not supported by the current model`);
}

function familyBehind(model: string, service: Service, day: string | undefined): Family {
	if (model.startsWith('ep-')) {
		return FAMILIES.find((family) => model.startsWith(`ep-${family}-`)) ?? ENDPOINT_FAMILY;
	}
	const isThere = idsOf(service).some((each) => each.id === model && !hasEnded(each, day));
	const family = isThere ? familyOf(model) : undefined;
	if (family) return family;
	throw new Refusal(
		404,
		'InvalidEndpointOrModel.NotFound',
		`The model or endpoint ${model} does not exist or you do not have access to it.`,
	);
}

function checkSize(size: string | undefined, family: Family): void {
	const { size: rules } = MODELS[family];
	if (size === undefined) return;
	if (!rules) {
		if (size !== 'adaptive') throw sizeRefusal("size must be 'adaptive'");
		return;
	}
	const presets = rules.presets.map((preset) => preset.toLowerCase());
	if (!/^\d+x\d+$/.test(size) && !presets.includes(size.toLowerCase())) {
		throw sizeRefusal(sizeForms(rules));
	}
}

function checkImageField(imageRequest: ArkBody, family: Family): void {
	const { references } = MODELS[family];
	if (imageRequest.image !== undefined && !references) throw unsupported('image');
	if (references && referenceValues(imageRequest).length < references.min) {
		throw missing('image');
	}
}

function checkValue(
	parameter: 'output_format' | 'background',
	value: string | undefined,
	family: Family,
): void {
	const values = MODELS[family].parameters[parameter] ?? [];
	if (value !== undefined && !values.includes(value)) {
		throw invalid(parameter, `must be one of: ${values.join(', ')}`);
	}
}

async function checkTransparency(plan: Plan, family: Family, outputFormat?: string): Promise<void> {
	if (MODELS[family].transparencyNeedsAlpha) await checkTransparentReference(plan);
	if (outputFormat === 'jpeg') {
		throw invalid('output_format', 'transparent background requires png');
	}
}

async function checkTransparentReference(plan: Plan): Promise<void> {
	const [reference, ...more] = plan.references;
	if (!reference || more.length > 0) {
		throw invalid('background', 'transparent background requires exactly one input image');
	}
	if (reference.format !== 'png' || (await sharp(reference.bytes).stats()).isOpaque) {
		throw invalid(
			'background',
			'transparent background requires a PNG input with at least one transparent pixel',
		);
	}
}

/** Whether a model is gone; on no day in particular, none is. */
function hasEnded({ ends }: ModelId, day: string | undefined): boolean {
	return !!day && !!ends && (ends === 'retired' || ends <= day);
}

/** Ark's model list: live models have no status, and image models are some among many. */
function modelList(service: Service, day: string | undefined): object {
	const others = [
		{ id: 'doubao-seed-1-6-250615', domain: 'LLM', task: 'TextGeneration' },
		{ id: 'doubao-seedance-1-0-pro-250528', domain: 'VideoGeneration', task: 'TextToVideo' },
		{ id: 'doubao-embedding-large-text-250515', domain: 'Embedding', task: 'TextEmbedding' },
	];
	const status = (id: ModelId) =>
		id.ends === 'retired' || hasEnded(id, day) ? 'Shutdown' : id.ends && 'Retiring';
	const entry = (id: string, domain: string, task_type: string[]) => ({
		id,
		object: 'model',
		name: id.replace(/-\d{6,8}$/, ''),
		version: /\d{6,8}$/.exec(id)?.[0] ?? '',
		created: 1_757_323_224,
		domain,
		task_type,
	});
	// Measured: the BytePlus list leaves out this alias, which works all the same.
	const listed = idsOf(service).filter(({ id }) => id !== 'seedream-5-0-lite-260128');
	return {
		object: 'list',
		data: [
			...others.map(({ id, domain, task }) => entry(id, domain, [task])),
			...listed.map((id) => ({
				...entry(id.id, 'ImageGeneration', ['TextToImage', 'ImageToImage']),
				...(status(id) ? { status: status(id) } : {}),
			})),
		],
	};
}
