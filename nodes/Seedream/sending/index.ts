import {
	NodeApiError,
	NodeOperationError,
	type DeclarativeRestApiSettings,
	type IAllExecuteFunctions,
	type IDataObject,
	type IExecutePaginationFunctions,
	type IExecuteSingleFunctions,
	type IHttpRequestOptions,
	type IN8nHttpFullResponse,
	type INodeExecutionData,
} from 'n8n-workflow';

import { errorItem, inputError, RequestFailure, requestError, withoutSecrets } from '../errors';
import { readReply } from '../reply';
import { Connection } from '../reply/connection';
import { buildRequest, completeBody, type ImageRequest } from '../request';
import { networkFailure } from './failures';
import { withRetries } from './retry';
import { RunMember, type NodeError } from './run';

/** Milliseconds to wait for one image, and for each further one of a set. */
const TIMEOUT = 300_000;
const TIMEOUT_PER_FURTHER_IMAGE = 40_000;

type RequestOptions = DeclarativeRestApiSettings.HttpRequestOptions;

function timeoutFor(context: IExecuteSingleFunctions, { expectedImages }: ImageRequest): number {
	const { timeout } = context.getNodeParameter('requestOptions', {}) as { timeout?: number };
	return timeout || TIMEOUT + (expectedImages - 1) * TIMEOUT_PER_FURTHER_IMAGE;
}

/** Sends a request as n8n does, which makes the run's own signal end it: here the connection's does. */
async function send(
	context: IExecuteSingleFunctions,
	options: RequestOptions,
	timeout: number,
	{ signal }: Connection,
): Promise<IN8nHttpFullResponse> {
	const sender = Object.create(context, {
		getExecutionCancelSignal: { value: () => signal },
	}) as IAllExecuteFunctions;
	return (await context.helpers.httpRequestWithAuthentication.call(sender, 'seedreamApi', {
		...(options as IHttpRequestOptions),
		timeout,
		returnFullResponse: true,
	})) as IN8nHttpFullResponse;
}

/**
 * Sends one request and reads its answer.
 * @throws RequestFailure
 */
async function exchange(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	options: RequestOptions,
): Promise<INodeExecutionData[]> {
	const { apiKey } = await context.getCredentials<{ apiKey: string }>('seedreamApi');
	const timeout = timeoutFor(context, request);
	const connection = new Connection(context);
	try {
		const answer = await send(context, options, timeout, connection).then(
			(response) => response,
			(error: unknown) => networkFailure(error, timeout, apiKey),
		);
		if (answer instanceof RequestFailure) throw answer;
		return await readReply(context, request, answer, connection, timeout, apiKey);
	} finally {
		connection.close();
	}
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
	context: IExecuteSingleFunctions,
	member: RunMember,
	options: RequestOptions,
): Promise<INodeExecutionData[]> {
	const { body: declared, baseURL = '' } = options;
	const request = await member.prepare(
		async () => await buildRequest(context, declared as IDataObject, baseURL),
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
		// Not kept in what n8n holds until the run ends: references are large.
		const body = (await completeBody(context, request)) as IDataObject;
		const step = async () => await exchange(context, request, { ...options, body });
		return await member.keep(fingerprint, withRetries(context, request, mayGoOn, step));
	});
}

/**
 * Generates the images of one item: builds its request, sends it, and turns the answer into items.
 * Set as `requestOperations.pagination`, n8n's one place for a node's own way of sending.
 */
export async function generateImages(
	this: IExecutePaginationFunctions,
	{ options }: DeclarativeRestApiSettings.ResultOptions,
): Promise<INodeExecutionData[]> {
	const member = RunMember.join(this);
	try {
		return await runItem(this, member, options);
	} catch (cause) {
		const error = member.fail(presentable(this, cause));
		if (!this.continueOnFail()) throw error;
		return [errorItem(this, error, cause instanceof RequestFailure ? cause.failure : undefined)];
	}
}
