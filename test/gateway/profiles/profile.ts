import type { BodyShape } from '../body';
import type { Plan } from '../plan';
import { type ErrorStyle, Refusal } from '../refusal';
import { z } from 'zod/v4';

export type ProfileName =
	| 'volcengine'
	| 'byteplus'
	| 'deerapi'
	| 'gateway001'
	| 'gateway002'
	| 'routescope'
	| 'unode'
	| 'new-api';

/** A service the stand-in gateway plays. */
export interface Profile {
	name: ProfileName;
	/** What stands before `/images/generations` and `/models`. */
	basePath: '/v1' | '/api/v3';
	errors: ErrorStyle;
	shape: BodyShape;
	/** Whose events a stream request gets; `none`: plain JSON. */
	stream: 'ark' | 'new-api' | 'none';
	/** The response of the model list; absent where the document states none. @param day ISO date, as in `plan` */
	models?: (day?: string) => object;
	/** What a request may contain, for people and tests to read. */
	accepts: {
		models: readonly string[];
		/** JSON schema of the body. */
		body: object;
		/** Fields that only some models support, with those models. */
		onlyFor?: Readonly<Record<string, readonly string[]>>;
		rules: readonly string[];
		/** A body that is accepted. */
		example: object;
	};
	/**
	 * Checks a request body by the rules of the service.
	 * @param day ISO date on which it plays: models that have ended are gone; absent: before every end
	 * @throws Refusal
	 */
	plan(body: unknown, day?: string): Promise<Plan>;
}

/** The rest of a body, beside the model, that every service here accepts. */
export const EXAMPLE = { prompt: 'a sea otter', size: '2048x2048' };

/**
 * Parses a body, and words what is wrong with it.
 * @param refuse makes the refusal from the field's path and what is wrong with it
 */
export function parseBody<Schema extends z.ZodType>(
	schema: Schema,
	body: unknown,
	refuse: (field: string, reason: string, missing: boolean) => Refusal,
): z.infer<Schema> {
	const result = schema.safeParse(body);
	if (result.success) return result.data;
	const issue = result.error.issues[0];
	if (issue.code === 'unrecognized_keys') {
		const field = [...issue.path, issue.keys[0]].join('.');
		throw refuse(field, 'the field is not documented', false);
	}
	const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
	throw refuse(issue.path.join('.'), issue.message, missing);
}

/** The model list as OpenAI-compatible engines write it; newest engines add `success`. */
export function openAiModels(ids: readonly string[]): object {
	const others = ['gpt-4o-mini', 'deepseek-v3', 'doubao-seed-1-6-250615', 'text-embedding-3-small'];
	return {
		success: true,
		object: 'list',
		data: [...others, ...ids].map((id) => ({
			id,
			object: 'model',
			created: 1_626_777_600,
			owned_by: id.startsWith('gpt') || id.startsWith('text') ? 'openai' : 'volcengine',
			supported_endpoint_types: [ids.includes(id) ? 'image-generation' : 'openai'],
		})),
	};
}
