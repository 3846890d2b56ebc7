import type { IHttpRequestHelper, IN8nHttpFullResponse } from 'n8n-workflow';

import { hasModelList, type Gateway } from './catalog/gateways';
import { cut } from './errors';
import { networkFailure } from './http/networkFailure';
import { MODEL_LIST_REQUEST, modelsIn } from './listSearch/liveModels';
import { redact } from './redact';
import { describe } from './response/failures';

const CHECK_BASE_URL = 'Check the Base URL: it must be the URL of the API, not of a website.';

/** What a request without a response says against a credential. */
function unreachable(error: unknown, baseUrl: string): string {
	const { failure } = networkFailure(error, MODEL_LIST_REQUEST.timeout, baseUrl);
	// A list costs nothing, whatever became of the request.
	const advice = failure.mayBeCharged ? 'Check the Base URL, or try again.' : failure.description;
	return `${failure.message}. ${advice}`;
}

/** What the response to a request for models says against a credential, if anything. */
function objection(
	{ statusCode: status, headers, body }: IN8nHttpFullResponse,
	baseUrl: string,
	gateway: Gateway,
): string | undefined {
	if (status === 401) {
		return 'The provider rejected the API key. Check the key, and that it belongs to this Base URL: regions and plans have their own.';
	}
	if (status === 403) {
		return 'The provider rejected the API key (HTTP 403). Check its permissions, balance and status.';
	}
	if (status >= 300 && status < 400) {
		const target = cut(String(headers.location || 'another URL'), 200);
		return `${baseUrl} redirects to ${target}. The redirect was not followed, so that the key is not sent elsewhere. ${CHECK_BASE_URL}`;
	}
	if (status < 300 && modelsIn(body)) return undefined;
	const text = typeof body === 'string' ? body : JSON.stringify(body ?? '');
	const isWebsite = status < 300 && /^\s*</.test(text);
	// Elsewhere, other responses may mean no more than that there is no such list.
	if (!isWebsite && !hasModelList(gateway, baseUrl)) return undefined;
	if (status === 404) {
		return `${baseUrl} is not a URL of ${gateway.name} (HTTP 404). ${CHECK_BASE_URL}`;
	}
	const advice = status < 400 || status === 405 ? CHECK_BASE_URL : 'Try again later.';
	return `Unexpected response (HTTP ${status}) from ${baseUrl}: ${describe(text)}. ${advice}`;
}

/**
 * Finds out what a credential's Test can without charge, by requesting the list of models.
 * @param baseUrl as the API is called
 * @throws Error whose message says what happened and what to do
 */
export async function checkConnection(
	{ helpers }: IHttpRequestHelper,
	baseUrl: string,
	apiKey: string,
	gateway: Gateway,
): Promise<void> {
	const request = {
		...MODEL_LIST_REQUEST,
		// Websites, such as n8n's own, show their page only to requests that do not insist on JSON.
		json: false,
		baseURL: baseUrl,
		headers: { Authorization: `Bearer ${apiKey}` },
	};
	const problem = await helpers.httpRequest(request).then(
		(response) => objection(response as IN8nHttpFullResponse, baseUrl, gateway),
		(error: unknown) => unreachable(error, baseUrl),
	);
	// With an HTTP code, n8n keeps messages that speak of a bad gateway.
	if (problem) throw Object.assign(new Error(redact(problem, apiKey)), { httpCode: 'none' });
}
