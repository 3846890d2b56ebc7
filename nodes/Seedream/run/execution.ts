import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { inputItems, isAgentTool } from '../request/inputItems';

/** How many items n8n starts in one pass. */
export function itemCount(context: IExecuteSingleFunctions): number {
	const isOne = isAgentTool(context) || context.getExecuteData().node.executeOnce;
	return isOne ? 1 : inputItems(context).length;
}

/**
 * Milliseconds after the first item at which n8n's Batching starts an item. n8n starts batch after batch
 * without waiting for what they do.
 */
export function batchDelay(context: IExecuteSingleFunctions, index: number): number {
	const { batching } = context.getNodeParameter('requestOptions', {}) as {
		batching?: { batch?: { batchSize?: number; batchInterval?: number } };
	};
	const { batchSize = 1, batchInterval = 0 } = batching?.batch ?? {};
	const batch = Math.floor(index / (batchSize > 0 ? batchSize : 1));
	return batchInterval > 0 ? batch * batchInterval : 0;
}
