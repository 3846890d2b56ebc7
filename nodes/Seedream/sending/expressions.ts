import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { inputError } from '../errors';

/** All expressions in a parameter's value, however deep. */
function expressionsIn(value: unknown): string[] {
	if (typeof value === 'string') return value.startsWith('=') ? [value.slice(1)] : [];
	if (typeof value !== 'object' || value === null) return [];
	return Object.values(value).flatMap(expressionsIn);
}

/**
 * Resolves the node's expressions for all items. With batching, n8n does so only when an item's batch
 * comes, and stops there with words of its own: what it had sent before would be paid for and lost.
 * @param count items n8n brings to the node
 * @throws NodeOperationError
 */
export function assertResolvable(context: IExecuteSingleFunctions, count: number): void {
	const expressions = expressionsIn(context.getNode().parameters);
	for (let index = 0; index < count; index += 1) {
		for (const expression of expressions) {
			try {
				context.evaluateExpression(expression, index);
			} catch (error) {
				throw inputError(
					context,
					`An expression cannot be resolved: ${(error as Error).message}`,
					'Nothing was sent. Correct the expression, or the item.',
				);
			}
		}
	}
}
