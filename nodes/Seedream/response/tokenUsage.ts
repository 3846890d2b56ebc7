import {
	accumulateTokenUsage,
	type IDataObject,
	type IExecuteFunctions,
	type IExecuteSingleFunctions,
} from 'n8n-workflow';

/**
 * Tells n8n's evaluations the tokens of a request, where n8n can count them: older ones cannot.
 * @param usage as the service returns it; Seedream's `total_tokens` are all output (Volcengine Ark)
 */
export function reportTokens(context: IExecuteSingleFunctions, usage: IDataObject = {}): void {
	const { output_tokens: output, total_tokens: total = output } = usage;
	if (typeof output !== 'number' || typeof total !== 'number') return;
	const report = accumulateTokenUsage as typeof accumulateTokenUsage | undefined;
	report?.(context as unknown as IExecuteFunctions, Math.max(0, total - output), output);
}
