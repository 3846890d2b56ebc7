import type { IDataObject } from 'n8n-workflow';

import { recommendedModel } from '../catalog/automatic';
import { livingModels, modelsFor } from '../catalog/gateways';
import { hasEnded, modelId, SERVICE_NAMES, today, type ModelId } from '../catalog/models';
import { asLines, cut, MAY_BE_CHARGED, RequestFailure } from '../errors';
import type { ImageRequest } from '../request';
import type { ServiceError } from './serviceError';

/** What is known of a response beside its body. */
export interface ResponseContext {
	/** HTTP status. */
	status: number;
	headers: IDataObject;
	/** http(s) URLs in a response below 400 that holds no image: what was charged may be behind them. */
	urls?: string[];
}

/** Characters of the gateway's own words that are shown. */
const MAX_WORDS_LENGTH = 300;

const CHECK_BASE_URL =
	'Check the Base URL of the credential: it must be the URL of the API, such as https://host/v1.';

/**
 * What to do, by the first pattern that the code, or else the message, matches.
 * Codes: Volcengine Ark error codes (2026-08), new-api `types/error.go`.
 */
const ADVICE_BY_CODE: ReadonlyArray<[RegExp, string]> = [
	[
		/Sensitive|RiskDetection|sensitive_words/i,
		'The content filter rejected this. Change the prompt or the reference images; sending the same again rarely helps.',
	],
	[
		/Overdue|InvalidAccountStatus|insufficient_user_quota|QuotaExceeded|SetLimitExceeded|InvalidSubscription|balance|quota/i,
		"The account's balance, quota or spending limit is used up. Top it up or raise the limit at the provider, then run again.",
	],
	[
		/ModelNotOpen|ServiceNotOpen|AccessDisabled|AccessDenied|access_denied|PermissionDenied/i,
		'This account has no access to the model yet. Activate it in the provider’s console.',
	],
	[
		/InvalidImageURL|TosURLInvalid/i,
		'The gateway could not read a reference image. Its URL must be public and show the image itself; or pass the image as a binary field.',
	],
	[
		/RateLimit|Overloaded|BurstTooFast|InflightBatchsize/i,
		'The gateway’s rate limit was reached. Nothing was charged for this request. Raise Wait When Busy, or run again later.',
	],
	[
		/InvalidParameter|MissingParameter|invalid_request/i,
		'The gateway rejected a parameter. Change the field it names.',
	],
];

const ADVICE_BY_STATUS: Readonly<Record<number, string>> = {
	401: 'Check the API key in the credential, and that it belongs to this Base URL.',
	402: 'The account’s balance is used up. Top it up at the provider, then run again.',
	403: 'Check the permissions and the balance of the API key.',
	405: CHECK_BASE_URL,
	413: 'The request is too large for the gateway. Use fewer or smaller reference images, or pass them as URLs.',
	429: 'The gateway’s rate limit was reached. Raise Wait When Busy, or run again later.',
};

/** Schema of BytePlus's models at Comfy Router, `layer_decomposition`. */
const NO_LAYER_IS_KEPT =
	'If one layer fails, the whole request fails, and the service keeps none of the others.';

/** The ids that share the most parts with an unknown one, the nearest first. */
function nearest(unknown: string, ids: readonly string[]): string[] {
	const parts = new Set(unknown.toLowerCase().split(/[^a-z\d]+/));
	const shared = (id: string) =>
		[...new Set(id.split('-'))].filter((part) => parts.has(part)).length;
	return [...ids].sort((a, b) => shared(b) - shared(a)).slice(0, 4);
}

/** When the service of a model ends it or has ended it. */
function endOf(known: ModelId): string | undefined {
	if (!known.ends) return undefined;
	const service = SERVICE_NAMES[known.service];
	if (known.ends === 'retired') return `${service} has retired it.`;
	return hasEnded(known, today())
		? `${service} retired it on ${known.ends}.`
		: `${service} retires it on ${known.ends}.`;
}

function adviceOnModel({ model, gateway, operation }: ImageRequest): string {
	const known = modelId(model);
	const end = known && endOf(known);
	const offering =
		gateway.hosts.length > 0 ? `${gateway.name} is known to offer` : 'Such gateways offer';
	const others = modelsFor(operation.id, livingModels(gateway)).filter((id) => id !== model);
	const successor = [known?.successor, recommendedModel(gateway, operation.id)].find(
		(id) => id && others.includes(id),
	);
	return [
		`The gateway has no model “${model}” for this account. Choose one From List, or activate it in the provider’s console.`,
		end,
		end && successor && `Use ${successor} instead.`,
		others.length > 0 && `${offering} ${nearest(model, others).join(', ')}.`,
	]
		.filter(Boolean)
		.join(' ');
}

function advice(
	error: ServiceError | undefined,
	{ status }: ResponseContext,
	request: ImageRequest,
): string {
	const { code = '', message = '' } = error ?? {};
	const text = `${code} ${message}`;
	if (/Invalid URL|no route|Cannot POST/i.test(text)) return CHECK_BASE_URL;
	if (
		/InvalidEndpointOrModel\.NotFound|model_not_found|UnsupportedModel|no available channel/i.test(
			text,
		)
	) {
		return adviceOnModel(request);
	}
	const byCode = ADVICE_BY_CODE.find(([pattern]) => pattern.test(code));
	const byMessage = ADVICE_BY_CODE.find(([pattern]) => pattern.test(message));
	// A key that is rejected is not helped by what else the message may speak of.
	const byText = status === 401 ? undefined : (byCode ?? byMessage);
	if (byText) return byText[1];
	if (status === 404) return error?.isExplicit ? adviceOnModel(request) : CHECK_BASE_URL;
	if (ADVICE_BY_STATUS[status]) return ADVICE_BY_STATUS[status];
	if (status >= 500) {
		return 'The gateway or the service behind it failed. Check the provider’s usage page for images generated nevertheless before running again.';
	}
	return 'Turn on Preview Request and compare what it shows with the provider’s document.';
}

/** The request's ID: from the headers gateways use, else out of the message. */
export function requestIdOf(headers: IDataObject, message = ''): string | undefined {
	const names = ['x-request-id', 'x-oneapi-request-id', 'x-tt-logid'];
	const header = names.map((name) => headers[name]).find((value) => typeof value === 'string');
	return (header as string | undefined) ?? /request id: *([A-Za-z0-9-]+)/i.exec(message)?.[1];
}

/** Milliseconds the service asks to wait: seconds or a date in Retry-After, or `retry-after-ms`. */
function retryAfterOf(headers: IDataObject): number | undefined {
	const milliseconds = Number(headers['retry-after-ms'] ?? NaN);
	if (milliseconds >= 0) return milliseconds;
	const value = headers['retry-after'];
	if (typeof value !== 'string') return undefined;
	const seconds = Number(value);
	const wait = Number.isNaN(seconds) ? Date.parse(value) - Date.now() : seconds * 1000;
	return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** Statuses with which a proxy gives up on a service that may still be working. */
function isGivenUp(status: number): boolean {
	return [408, 499, 502, 504, 598, 599].includes(status) || (status >= 520 && status <= 527);
}

/** Codes with which a gateway says that it lost the service's response: new-api `types/error.go`. */
const LOST_CODE =
	/^(do_request_failed|bad_response(_body|_status_code)?|read_response_body_failed|empty_response|channel:response_time_exceeded|E?(TIMEDOUT|CONNRESET|PIPE))$/i;

/** Words of proxies (Envoy, Istio, nginx) and of HTTP clients (Go, Node, Python) that lost a connection. */
const LOST_WORDS =
	/upstream connect error|before headers|reset reason|upstream (request |response )?time(d )?out|prematurely closed|connection (was )?(aborted|closed|lost|reset|terminated)|closed connection|broken pipe|socket hang up|disconnected|unexpected EOF|: EOF\b|ECONNRESET|ETIMEDOUT|deadline exceeded|awaiting (response )?headers|i\/o timeout|read time(d )?out|gateway time-?out|bad gateway/i;

/** Whether a gateway or proxy lost the service's response; the service may have generated the image. */
function isLostUpstream({ code = '', message = '' }: ServiceError): boolean {
	return LOST_CODE.test(code) || LOST_WORDS.test(message);
}

/** nginx's own page for requests beyond its limits, which it does not forward. */
const NGINX_REFUSAL = /<title>503 Service Temporarily Unavailable<\/title>[^]*<center>nginx/i;

/** Whether the service itself rejected the request, so that nothing was generated. */
function isRefusal(
	error: ServiceError | undefined,
	text: string,
	{ status, headers }: ResponseContext,
): boolean {
	if (status === 429) return true;
	if (status !== 503) return false;
	return !!error || NGINX_REFUSAL.test(text) || retryAfterOf(headers) !== undefined;
}

const WEB_PAGE = /<(!doctype|html|\?xml|head|body)/i;

/** A text that is no JSON, for a person to read. */
function describe(text: string): string {
	if (WEB_PAGE.test(text)) {
		const title = /<title>([^<]+)<\/title>/i.exec(text)?.[1].trim();
		return title
			? `a web page instead of JSON (“${cut(title, 80)}”)`
			: 'a web page instead of JSON';
	}
	return text.trim() ? cut(text.trim().replace(/\s+/g, ' '), MAX_WORDS_LENGTH) : 'no content';
}

function failure(
	message: string,
	lines: string[],
	mayBeCharged: boolean,
	{ status, headers, urls = [] }: ResponseContext,
	error?: ServiceError,
): RequestFailure {
	const hidden = urls.filter((url) => !message.includes(url));
	return new RequestFailure({
		message,
		description: asLines([
			lines.join(' '),
			...(hidden.length > 0 ? ['URLs in the response; they may expire after 24 hours:'] : []),
			...hidden,
		]),
		code: error?.code || undefined,
		status,
		requestId: requestIdOf(headers, error?.message),
		retryAfter: retryAfterOf(headers),
		mayBeCharged,
	});
}

/**
 * The failure that an error of the service stands for.
 * @param count failed images of a set, 0 when the error is about the request
 */
export function serviceFailure(
	error: ServiceError,
	count: number,
	context: ResponseContext,
	request: ImageRequest,
): RequestFailure {
	const { status } = context;
	const words = cut((error.message ?? '').trim(), MAX_WORDS_LENGTH);
	const isLost = (status < 400 || status >= 500) && isLostUpstream(error);
	const mayBeCharged = isGivenUp(status) || isLost || (status < 400 && !error.isExplicit);
	const reason = words || error.code || `HTTP status ${status} without an explanation`;
	const message = count > 1 ? `None of the ${count} images was generated: ${reason}` : reason;
	const line = mayBeCharged ? MAY_BE_CHARGED : advice(error, context, request);
	// Not where the request was rejected before anything was generated.
	const isOfLayer = status < 400 || status >= 500 || /^Output/i.test(error.code ?? '');
	const lines = request.operation.isLayers && isOfLayer ? [line, NO_LAYER_IS_KEPT] : [line];
	const result = failure(message, lines, mayBeCharged, context, error);
	result.failure.isRefused = !mayBeCharged && isRefusal(error, '', context);
	return result;
}

/** The failure of a response that is a redirect, which is not followed. */
export function redirectFailure(context: ResponseContext): RequestFailure {
	const location = String(context.headers.location ?? '') || 'another URL';
	return failure(
		`The gateway redirects to ${cut(location, 200)} instead of responding`,
		[`The redirect was not followed, so that the key is not sent elsewhere. ${CHECK_BASE_URL}`],
		false,
		context,
	);
}

/**
 * The failure of a response that is not the API's.
 * @param text what came instead of JSON
 */
export function unexpectedFailure(
	text: string,
	context: ResponseContext,
	request: ImageRequest,
): RequestFailure {
	const { status } = context;
	const isRefused = isRefusal(undefined, text, context);
	const error = { message: WEB_PAGE.test(text) ? undefined : text, isExplicit: false };
	const mayBeCharged =
		status < 400 ||
		isGivenUp(status) ||
		(status === 503 && !isRefused) ||
		(status >= 500 && isLostUpstream(error));
	const lines = mayBeCharged
		? [MAY_BE_CHARGED, ...(status < 400 ? [`If this always happens: ${CHECK_BASE_URL}`] : [])]
		: [advice(error, context, request)];
	const message = `Unexpected response (HTTP ${status}): ${describe(text)}`;
	const result = failure(message, lines, mayBeCharged, context);
	result.failure.isRefused = isRefused && !mayBeCharged;
	return result;
}

/** The failure of a response that ends too early. @param reason why it ended */
export function interruptedFailure(
	reason: string,
	context: ResponseContext,
	request: ImageRequest,
): RequestFailure {
	const { status } = context;
	const mayBeCharged = status < 400 || isGivenUp(status) || status === 503;
	return failure(
		`The response was cut short (HTTP ${status}): ${cut(reason, MAX_WORDS_LENGTH)}`,
		[mayBeCharged ? MAY_BE_CHARGED : advice(undefined, context, request)],
		mayBeCharged,
		context,
	);
}

/** The failure of a gateway that returns a task instead of images. */
export function taskFailure(context: ResponseContext): RequestFailure {
	return failure(
		'This gateway returned a task to poll instead of images',
		[
			'This node needs a gateway whose POST /images/generations returns the images themselves. The task may be charged; look it up at the provider.',
		],
		true,
		context,
	);
}

/** The failure of a response without an image and without an error. */
export function emptyFailure(context: ResponseContext): RequestFailure {
	return failure('The response contains no images', [MAY_BE_CHARGED], true, context);
}
