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

import { errorItem, inputError, RequestFailure, requestError, withoutSecrets } from '../errors';
import { readReply } from '../reply';
import { buildRequest, completeBody, type ImageRequest } from '../request';
import { networkFailure } from './failures';
import { withRetries } from './retry';
import { RunMember, type NodeError } from './run';

/** Milliseconds to wait for one image, and for each further one of a set. */
const TIMEOUT = 300_000;
const TIMEOUT_PER_FURTHER_IMAGE = 40_000;

type RequestData = DeclarativeRestApiSettings.ResultOptions;

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

function timeoutFor(context: IExecuteSingleFunctions, { expectedImages }: ImageRequest): number {
	const { timeout } = context.getNodeParameter('requestOptions', {}) as { timeout?: number };
	return timeout ?? TIMEOUT + (expectedImages - 1) * TIMEOUT_PER_FURTHER_IMAGE;
}

/**
 * Sends one request and reads its answer.
 * @throws RequestFailure
 */
async function exchange(
	context: IExecutePaginationFunctions,
	request: ImageRequest,
	requestData: RequestData,
): Promise<INodeExecutionData[]> {
	const { apiKey } = await context.getCredentials<{ apiKey: string }>('seedreamApi');
	const timeout = timeoutFor(context, request);
	const answer = await context
		.makeRoutingRequest({ ...requestData, options: { ...requestData.options, timeout } })
		.then(
			([{ json }]) => json as unknown as IN8nHttpFullResponse,
			(error: unknown) => networkFailure(error, timeout, apiKey),
		);
	if (answer instanceof RequestFailure) throw answer;
	return await readReply(context, request, answer, timeout, apiKey);
}

function assertNotCancelled(context: IExecuteSingleFunctions): void {
	if (!context.getExecutionCancelSignal()?.aborted) return;
	throw inputError(context, 'The run was cancelled', 'This item was not sent.');
}

/** An error fit to be shown: bound to its item, without key and image data. */
function presentable(context: IExecuteSingleFunctions, cause: unknown): NodeError {
	if (cause instanceof NodeOperationError || cause instanceof NodeApiError) return cause;
	if (cause instanceof RequestFailure) return requestError(context, cause.failure);
	return requestError(context, {
		message: withoutSecrets((cause as Error).message),
		description: 'This node did not expect that. Please report it with the settings of the node.',
		made: 'no',
	});
}

/**
 * Brings one item from its fields to its images, in step with the other items of the run.
 * @throws RequestFailure, or NodeOperationError for input that may not be sent
 */
async function runItem(
	context: IExecutePaginationFunctions,
	member: RunMember,
	requestData: RequestData,
): Promise<INodeExecutionData[]> {
	const { body, baseURL = '' } = requestData.options;
	const request = await member.prepare(
		async () => await buildRequest(context, body as IDataObject, baseURL),
	);
	const fingerprint = JSON.stringify([baseURL, request.body, request.references]);
	const remembered = member.recall(fingerprint);
	if (remembered) return remembered;

	return await member.takeTurn(async () => {
		if (member.isAbandoned()) return [];
		const mayGoOn = () => {
			member.assertNotLost();
			assertNotCancelled(context);
		};
		mayGoOn();
		requestData.options.body = (await completeBody(context, request)) as IDataObject;
		const send = async () => await exchange(context, request, requestData);
		return await member.keep(fingerprint, withRetries(context, request, mayGoOn, send));
	});
}

/**
 * Generates the images of one item: builds its request, sends it, and turns the answer into items.
 * Set as `requestOperations.pagination`, n8n's one place for a node's own way of sending.
 */
export async function generateImages(
	this: IExecutePaginationFunctions,
	requestData: RequestData,
): Promise<INodeExecutionData[]> {
	const member = RunMember.join(this);
	try {
		return await runItem(this, member, requestData);
	} catch (cause) {
		const error = member.fail(presentable(this, cause));
		if (!this.continueOnFail()) throw error;
		return [errorItem(this, error, cause instanceof RequestFailure ? cause.failure : undefined)];
	}
}
