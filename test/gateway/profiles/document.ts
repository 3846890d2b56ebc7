import { z } from 'zod/v4';
import { GATEWAYS } from '../../facts/gateways';
import { type Family, familyOf, MODELS, RANGES, type ReferenceRules } from '../../facts/models';
import type { BodyShape } from '../body';
import { checkTotal, planImages, type ImageRequest } from '../plan';
import { Refusal } from '../refusal';
import { EXAMPLE, openAiModels, parseBody, type Profile, type ProfileName } from './profile';

/** Schema of a parameter that is a number in a documented range. */
export const SEED = z.int().min(RANGES.seed.min).max(RANGES.seed.max);
export const GUIDANCE_SCALE = z
	.number()
	.min(RANGES.guidance_scale.min)
	.max(RANGES.guidance_scale.max);
export const N = z.int().min(RANGES.n.min).max(RANGES.n.max);
export const SET_OPTIONS = z.strictObject({
	max_images: z.int().min(RANGES.max_images.min).max(RANGES.max_images.max).optional(),
});

/** Schema of `size` where a document lists presets: one of them, or pixels. */
export function sizeSchema(name: DocumentName): z.ZodType<string> {
	const forms = [...(GATEWAYS[name].presets ?? []), '\\d+x\\d+'];
	return z.string().regex(new RegExp(`^(?:${forms.join('|')})$`));
}

export type DocumentName = Exclude<ProfileName, 'volcengine' | 'byteplus' | 'new-api'>;

/** What a gateway's own document says of its requests; everything else is refused. */
export interface GatewayDocument<Body extends { model: string }> {
	name: DocumentName;
	shape: BodyShape;
	stream: Profile['stream'];
	/** Model ids it has beside those that the document names. */
	moreModels?: readonly string[];
	/** Whether it speaks of a model list. */
	listsModels: boolean;
	/** Its fields, as a strict object. */
	body: z.ZodType<Body>;
	/** What it requires beside model and prompt. */
	required?: object;
	/** Fields (dots for nested ones) that it lists for some models only, with those models. */
	onlyFor?: Readonly<Record<string, readonly string[]>>;
	/** Combinations it rules out: what the refusal says, and when. */
	rules?: ReadonlyArray<{ says: string; broken: (body: Body) => boolean }>;
	/** Rules of the model itself, for what the document leaves open. */
	modelRules?: (body: Body, family: Family) => void;
	/** The request in the first party's names. */
	toImageRequest: (body: Body) => ImageRequest;
}

/**
 * A gateway that is held to its document. What the document leaves open, the model behind it
 * decides: pixels of explicit sizes, contents of references, the total of a set.
 */
export function documentProfile<Body extends { model: string }>(
	document: GatewayDocument<Body>,
): Profile {
	const { name, shape, stream, rules = [], onlyFor = {} } = document;
	const { apiPath, models: named, referenceFormats } = GATEWAYS[name];
	const models = [...named, ...(document.moreModels ?? [])];
	return {
		name,
		basePath: apiPath,
		errors: 'new-api',
		shape,
		stream,
		...(document.listsModels ? { models: () => openAiModels(models) } : {}),
		accepts: {
			models,
			body: z.toJSONSchema(document.body),
			onlyFor,
			example: { model: 'doubao-seedream-4-5-251128', ...EXAMPLE, ...document.required },
			rules: rules.map(({ says }) => says),
		},
		async plan(body) {
			const request = parseBody(document.body, body, refusal);
			const { model } = request;
			if (!models.includes(model)) throw noChannel(400, model);
			for (const [field, supporting] of Object.entries(onlyFor)) {
				if (valueAt(request, field) !== undefined && !supporting.includes(model)) {
					throw refusal(field, `the field is not documented for ${model}`);
				}
			}
			const broken = rules.find((rule) => rule.broken(request));
			if (broken) throw refusal('', broken.says);
			const family = familyOf(model);
			if (!family) throw noChannel(400, model);
			document.modelRules?.(request, family);
			const imageRequest = document.toImageRequest(request);
			checkTotal(imageRequest, family);
			return await planImages(imageRequest, family, referenceRules(family, referenceFormats));
		},
	};
}

/** new-api's refusal of a model that it has no upstream for. */
export function noChannel(status: number, model: string): Refusal {
	const message = `No available channel for model ${model} under group default (distributor)`;
	return new Refusal(status, 'model_not_found', message, { type: 'new_api_error' });
}

/** A refusal by the gateway itself, before any upstream sees the request. */
export function refusal(field: string, reason: string): Refusal {
	const message = field === '' ? reason : `${field}: ${reason}`;
	return new Refusal(400, 'invalid_request', message, { type: 'new_api_error', param: field });
}

function valueAt(body: object, field: string): unknown {
	return field
		.split('.')
		.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], body);
}

function referenceRules(family: Family, formats?: readonly string[]): ReferenceRules | undefined {
	const { references } = MODELS[family];
	return references && formats ? { ...references, formats } : references;
}
