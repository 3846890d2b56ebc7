import { z } from 'zod/v4';

import { isObject } from '../request/body';

/** What a service says went wrong, in whatever form it says it. */
export interface ServiceError {
	code?: string;
	message?: string;
	/** Whether it is an error beyond doubt; `message` alone may say that all went well. */
	isExplicit: boolean;
}

const scalar = z.union([z.string(), z.number()]).transform((value) => String(value).trim());

/** A text; what is none counts as absent, so that an unexpected field does not hide an error. */
const text = scalar
	.transform((value) => (/^(none|null|undefined)?$/i.test(value) ? undefined : value))
	.optional()
	.catch(undefined);

/** Fields in which services explain themselves: OpenAI's, FastAPI's, problem+json's, and others'. */
const explanation = z.looseObject({
	message: text,
	Message: text,
	msg: text,
	detail: text,
	title: text,
	error_description: text,
	error_msg: text,
	reason: text,
	code: text,
	Code: text,
	error_code: text,
	errcode: text,
});

/** Codes and words of services that say that all is well, or that nothing is there to say. */
const FINE =
	/^(0+|200|succe\w*( .*)?|ok(ay)?|true|false|done|completed?|finished|no errors?|[^不未没]*成功)[.!。！]?$/i;

/** Fields in which services return what was asked for, or the name of a task that will. */
const RESULTS = ['data', 'result', 'results', 'output', 'images', 'response', 'task_id', 'taskId'];

function wordsOf(value: unknown): { code?: string; message?: string } {
	const parsed = explanation.safeParse(value);
	if (!parsed.success) return {};
	const it = parsed.data;
	return {
		message:
			it.message ??
			it.Message ??
			it.msg ??
			it.detail ??
			it.error_description ??
			it.error_msg ??
			it.reason ??
			it.title ??
			listedError((value as { detail?: unknown }).detail)?.message,
		code: it.code ?? it.Code ?? it.error_code ?? it.errcode,
	};
}

/** The first entry of a list of errors that says anything. */
function listedError(list: unknown): ServiceError | undefined {
	if (!Array.isArray(list)) return undefined;
	return list.map(statedError).find((each) => each !== undefined);
}

/** What stands in a field that is there for errors. */
function statedError(value: unknown): ServiceError | undefined {
	if (Array.isArray(value)) return listedError(value);
	if (typeof value === 'string') {
		const { data: message } = text.safeParse(value);
		return message && !FINE.test(message) ? { message, isExplicit: true } : undefined;
	}
	if (!isObject(value)) return undefined;
	const { code, message } = wordsOf(value);
	const type = typeof value.type === 'string' ? value.type : undefined;
	const words = [code, message, type].filter((each) => each && !FINE.test(each));
	const isExplicit = !FINE.test(code ?? '');
	return words.length > 0 ? { code: code ?? type, message, isExplicit } : undefined;
}

/** Whether a value holds something beside words, even where it is not understood. */
function hasResult(value: Record<string, unknown>): boolean {
	return RESULTS.some((name) => {
		const result = value[name];
		return typeof result === 'object' && result !== null
			? Object.keys(result).length > 0
			: !!result;
	});
}

/**
 * The error that a JSON value of a response states.
 * @param holdsImage whether an image stands in it, beside which a message is no error
 */
export function serviceErrorOf(value: unknown, holdsImage = false): ServiceError | undefined {
	if (!isObject(value)) return undefined;
	const stated = statedError(value.error) ?? listedError(value.errors);
	if (stated || holdsImage) return stated;
	const { code, message } = wordsOf(value);
	const isFine = [code, message].some((each) => each !== undefined && FINE.test(each));
	const hasFailed = value.success === false || value.success === 'false' || value.error === true;
	if (hasFailed) return { code, message, isExplicit: true };
	if (isFine || value.success === true || !(code ?? message)) return undefined;
	// Codes have no meaning of their own: beside a result, one may as well say that all went well.
	const isCodeOfError = /^[45]\d\d$|^[a-z][\w.]*[a-z]/i.test(code ?? '');
	return { code, message, isExplicit: isCodeOfError && !hasResult(value) };
}
