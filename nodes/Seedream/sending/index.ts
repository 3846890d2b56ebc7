import {
	NodeApiError,
	NodeOperationError,
	type DeclarativeRestApiSettings,
	type IDataObject,
	type IExecutePaginationFunctions,
	type IExecuteSingleFunctions,
	type IN8nHttpFullResponse,
	type INodeExecutionData,
} from 'n8n-workflow';

import { RequestFailure, requestError, withoutSecrets } from '../errors';
import { readReply } from '../reply';
import { buildRequest, completeBody } from '../request';

/** Milliseconds to wait for one image, and for each further one of a set. */
const TIMEOUT = 300_000;
const TIMEOUT_PER_FURTHER_IMAGE = 40_000;

/**
 * Keeps an answer whole: n8n gives a pagination function the items that postReceive makes of it, and
 * status and headers are needed too.
 */
export async function wholeAnswer(
	this: IExecuteSingleFunctions,
	_items: INodeExecutionData[],
	response: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
	return [{ json: response as unknown as IDataObject }];
}

function timeoutFor(context: IExecuteSingleFunctions, images: number): number {
	const { timeout } = context.getNodeParameter('requestOptions', {}) as { timeout?: number };
	return timeout ?? TIMEOUT + (images - 1) * TIMEOUT_PER_FURTHER_IMAGE;
}

async function sendItem(
	context: IExecutePaginationFunctions,
	requestData: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
	const { options } = requestData;
	const { apiKey } = await context.getCredentials<{ apiKey: string }>('seedreamApi');
	const request = await buildRequest(context, options.body as IDataObject, options.baseURL ?? '');
	options.body = (await completeBody(context, request)) as IDataObject;
	options.timeout = timeoutFor(context, request.expectedImages);
	const [{ json: response }] = await context.makeRoutingRequest(requestData);
	return await readReply(context, request, response as unknown as IN8nHttpFullResponse, apiKey);
}

/** An error fit to be shown: bound to its item, without the key, without the request's body. */
function presentable(context: IExecuteSingleFunctions, error: unknown): Error {
	if (error instanceof RequestFailure) return requestError(context, error.failure);
	if (error instanceof NodeOperationError) return error;
	return requestError(context, {
		message: withoutSecrets((error as Error).message),
		description:
			error instanceof NodeApiError ? withoutSecrets(error.description ?? '') : 'Run again.',
	});
}

/**
 * Generates the images of one item: builds its request, sends it, and turns the answer into items.
 * Set as `requestOperations.pagination`, n8n's one place for a node's own way of sending.
 */
export async function generateImages(
	this: IExecutePaginationFunctions,
	requestData: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
	try {
		return await sendItem(this, requestData);
	} catch (cause) {
		const error = presentable(this, cause);
		if (!this.continueOnFail()) throw error;
		return [
			{
				json: { error: error.message },
				error: error as NodeApiError,
				pairedItem: { item: this.getItemIndex() },
			},
		];
	}
}
