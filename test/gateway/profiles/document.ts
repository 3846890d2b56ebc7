import { z } from 'zod/v4';
import { familyOf, type ModelFamily } from '../../../nodes/Seedream/catalog/models';
import type { AnswerShape } from '../answer';
import { checkTotal, placeOrder, type Wish } from '../order';
import { Refusal } from '../refusal';
import { EXAMPLE, openAiModels, parseBody, type Profile, type ProfileName } from './profile';

/** What a gateway's own document says of its requests; everything else is refused. */
export interface GatewayDocument<Body extends { model: string }> {
	name: ProfileName;
	shape: AnswerShape;
	stream: Profile['stream'];
	/** The model ids it names. */
	models: readonly string[];
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
	/** The image formats it names, where they are fewer than the model's. */
	formats?: readonly string[];
	/** Rules of the model itself, for what the document leaves open. */
	modelRules?: (body: Body, family: ModelFamily) => void;
	/** The request in the first party's names. */
	wish: (body: Body) => Wish;
}

/**
 * A gateway that is held to its document. What the document leaves open, the model behind it
 * decides: pixels of explicit sizes, contents of references, the total of a set.
 */
export function documentProfile<Body extends { model: string }>(
	document: GatewayDocument<Body>,
): Profile {
	const { name, shape, stream, models, rules = [], onlyFor = {} } = document;
	return {
		name,
		basePath: '/v1',
		errors: 'new-api',
		shape,
		stream,
		...(document.listsModels ? { models: openAiModels(models) } : {}),
		accepts: {
			models,
			body: z.toJSONSchema(document.body),
			onlyFor,
			example: { model: 'doubao-seedream-4-5-251128', ...EXAMPLE, ...document.required },
			rules: rules.map(({ says }) => says),
		},
		async order(body) {
			const request = parseBody(document.body, body, refusal);
			const { model } = request;
			if (!models.includes(model)) throw noChannel(400, model);
			for (const [field, takers] of Object.entries(onlyFor)) {
				if (valueAt(request, field) !== undefined && !takers.includes(model)) {
					throw refusal(field, `the field is not documented for ${model}`);
				}
			}
			const broken = rules.find((rule) => rule.broken(request));
			if (broken) throw refusal('', broken.says);
			const family = familyOf(model);
			if (!family) throw noChannel(400, model);
			document.modelRules?.(request, family);
			const wish = document.wish(request);
			checkTotal(wish, family);
			return await placeOrder(wish, withFormats(family, document.formats));
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

function withFormats(family: ModelFamily, formats?: readonly string[]): ModelFamily {
	if (!formats || !family.references) return family;
	return { ...family, references: { ...family.references, formats } };
}
