import type {
	DeclarativeRestApiSettings,
	IAllExecuteFunctions,
	IExecuteSingleFunctions,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
} from 'n8n-workflow';

import type { Connection } from './connection';

export type RequestOptions = DeclarativeRestApiSettings.HttpRequestOptions;

/**
 * Sends a request with the item's own credential.
 * @param timeout milliseconds until the response begins
 * @returns status, headers and the body unread, whatever the status
 * @throws what n8n's HTTP helper throws where no response came
 */
export async function send(
	context: IExecuteSingleFunctions,
	options: RequestOptions,
	timeout: number,
	{ signal }: Connection,
): Promise<IN8nHttpFullResponse> {
	// n8n has the signal of the execution end an authenticated request, whatever signal is passed; here
	// the connection's has to.
	const sender = Object.create(context, {
		getExecutionCancelSignal: { value: () => signal },
	}) as IAllExecuteFunctions;
	return (await context.helpers.httpRequestWithAuthentication.call(sender, 'seedreamApi', {
		...(options as IHttpRequestOptions),
		timeout,
		returnFullResponse: true,
	})) as IN8nHttpFullResponse;
}
