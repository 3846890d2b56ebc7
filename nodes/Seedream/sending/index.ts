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

import { apiBaseUrl } from '../catalog/gateways';
import { Connection } from '../connection';
import { errorItem, RequestFailure, requestError, withoutSecrets } from '../errors';
import { readReply } from '../reply';
import { buildRequest, completeBody, type Credential, type ImageRequest } from '../request';
import { isPreview, previewRequest } from '../request/preview';
import { failureAfterAnswer, networkFailure } from './failures';
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
 * @param apiKey kept out of messages
 * @throws RequestFailure
 */
async function exchange(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	options: RequestOptions,
	apiKey: string,
): Promise<INodeExecutionData[]> {
	const timeout = timeoutFor(context, request);
	const connection = new Connection(context);
	const outcome = await send(context, options, timeout, connection)
		.then(
			async (answer) =>
				await readReply(context, request, answer, connection, timeout, apiKey).then(
					(items) => items,
					(error: unknown) => failureAfterAnswer(error, apiKey),
				),
			(error: unknown) => networkFailure(error, timeout, apiKey),
		)
		.finally(() => connection.close());
	if (outcome instanceof RequestFailure) throw outcome;
	return outcome;
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
	const { body: declared } = options;
	const { request, apiKey, baseURL, fingerprint, remembered } = await member.prepare(async () => {
		const credential = await context.getCredentials<Credential>('seedreamApi');
		const { apiKey, baseUrl, gateway = 'automatic' } = credential;
		// The item's own: n8n takes the address of all items from the credential of the first, which may
		// hold expressions, and would send the key of one item to the gateway of another.
		const url = apiBaseUrl(String(baseUrl ?? ''), gateway);
		const built = buildRequest(context, credential, declared as IDataObject, url);
		const words = () => JSON.stringify([url, built.body, built.references]);
		member.expect(built.expectedImages);
		const known = member.recall(words);
		return { request: built, apiKey, baseURL: url, fingerprint: words, remembered: known };
	});
	if (remembered) return remembered;

	return await member.takeTurn(async () => {
		if (isPreview(context)) return await previewRequest(context, request, baseURL);
		member.assertWithinLimit();
		// Not kept in what n8n holds until the run ends: references are large.
		const body = (await completeBody(context, request)) as IDataObject;
		const step = async () =>
			await exchange(context, request, { ...options, baseURL, body }, apiKey);
		return await member.keep(fingerprint, withRetries(context, request, member, step));
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
	const member = new RunMember(this);
	try {
		return await runItem(this, member, options);
	} catch (cause) {
		const failure = cause instanceof RequestFailure ? cause.failure : undefined;
		const error = member.fail(presentable(this, cause), failure?.made);
		// n8n does not listen to failures before.
		await member.allStarted();
		if (!this.continueOnFail()) throw error;
		return [errorItem(this, error, failure)];
	}
}
