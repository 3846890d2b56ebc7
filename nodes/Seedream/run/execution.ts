import type { IExecuteSingleFunctions } from 'n8n-workflow';

/** Whether the execution data belongs to an agent that calls this node as a tool. */
export function isAgentTool(context: IExecuteSingleFunctions): boolean {
	return context.getExecuteData().node.name !== context.getNode().name;
}

/** How many items n8n starts in one pass. */
export function itemCount(context: IExecuteSingleFunctions): number {
	const { node, data } = context.getExecuteData();
	if (isAgentTool(context) || node.executeOnce) return 1;
	return (data.main ?? data.ai_tool)?.[0]?.length ?? 0;
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
