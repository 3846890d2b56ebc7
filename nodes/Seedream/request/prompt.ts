import type { IExecuteSingleFunctions } from 'n8n-workflow';

import type { Operation } from '../catalog/operations';
import { inputError } from '../errors';

/** Whether a text is empty to a reader; zero-width characters are not blanks to `trim`. */
function isBlank(text: unknown): boolean {
	if (typeof text === 'object' && text !== null) return false;
	return !String(text ?? '').replace(/[\s\p{Cf}\p{Cc}]/gu, '');
}

/** What is wrong with a prompt, which may come from an expression. */
function promptProblem(context: IExecuteSingleFunctions, prompt: unknown): string | undefined {
	if (typeof prompt === 'boolean' || typeof prompt === 'number') {
		return `“${prompt}”, which is not a text`;
	}
	if (typeof prompt === 'object' && prompt !== null) return 'not a text';
	if (isBlank(prompt)) return 'empty';
	const text = String(prompt);
	if (text.includes('[object Object]')) return 'not a text: it contains “[object Object]”';
	const isUndefined = (value: unknown) => /\bundefined\b/.test(JSON.stringify(value) ?? '');
	const raw = context.getNode().parameters.prompt;
	const isBroken =
		typeof raw === 'string' &&
		raw.startsWith('=') &&
		isUndefined(text) &&
		![raw, context.getInputData().json].some(isUndefined);
	return isBroken ? 'incomplete: it contains “undefined”' : undefined;
}

/**
 * The prompt to send.
 * @returns undefined where the operation needs none and there is none
 * @throws NodeOperationError for a prompt that is empty or no text
 */
export function promptOf(
	context: IExecuteSingleFunctions,
	{ isLayers }: Operation,
	prompt: unknown,
): string | undefined {
	if (isLayers && isBlank(prompt)) return undefined;
	if (typeof prompt === 'number' && Number.isFinite(prompt)) return String(prompt);
	const reason = promptProblem(context, prompt);
	if (!reason) return String(prompt);
	throw inputError(
		context,
		`The Prompt is ${reason}`,
		'Describe the image in the Prompt field. If it comes from an expression, check that the input item has that field.',
	);
}
