import type { IDataObject } from 'n8n-workflow';

import { asLines, cut, MAY_BE_CHARGED, RequestFailure } from '../errors';
import type { ImageRequest } from '../request';
import { adviceOn, CHECK_BASE_URL } from './advice';
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

/** Schema of BytePlus's models at Comfy Router, `layer_decomposition`. */
const NO_LAYER_IS_KEPT =
	'If one layer fails, the whole request fails, and the service keeps none of the others.';

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

/** What came instead of JSON, for a person to read. */
export function describe(text: string): string {
	if (WEB_PAGE.test(text)) {
		const title = /<title>([^<]+)<\/title>/i.exec(text)?.[1].trim();
		return title
			? `a web page instead of JSON (“${cut(title, 80)}”)`
			: 'a web page instead of JSON';
	}
	return text.trim() ? cut(text.trim().replace(/\s+/g, ' '), MAX_WORDS_LENGTH) : 'no content';
}

/** The service's own words as a line, without the request ID, which has its own place. */
function quote(text = ''): string | undefined {
	const words = text
		.replace(/[\s(]*\brequest[ _]id: *[A-Za-z0-9-]+\)?/i, '')
		.trim()
		.replace(/\s+/g, ' ');
	return words ? `Provider: ${cut(words, MAX_WORDS_LENGTH)}` : undefined;
}

function failure(
	message: string,
	lines: Array<string | undefined>,
	mayBeCharged: boolean,
	{ status, headers, urls = [] }: ResponseContext,
	error?: ServiceError,
): RequestFailure {
	const hidden = urls.filter((url) => !message.includes(url));
	return new RequestFailure({
		message,
		description: asLines([
			...lines,
			...(hidden.length > 0 ? ['URLs in the response; they may expire after 24 hours:'] : []),
			...hidden,
		]),
		words: error?.message,
		code: error?.code || undefined,
		status,
		requestId: requestIdOf(headers, error?.message),
		retryAfter: retryAfterOf(headers),
		urls: hidden,
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
	const isLost = (status < 400 || status >= 500) && isLostUpstream(error);
	const mayBeCharged = isGivenUp(status) || isLost || (status < 400 && !error.isExplicit);
	const { headline, todo } = mayBeCharged
		? { headline: `The provider did not finish the request (HTTP ${status})`, todo: MAY_BE_CHARGED }
		: adviceOn(error, status, request);
	const message =
		count > 1
			? `None of the ${count} images was generated: ${headline[0].toLowerCase()}${headline.slice(1)}`
			: headline;
	// Not where the request was rejected before anything was generated.
	const isOfLayer = status < 400 || status >= 500 || /^Output/i.test(error.code ?? '');
	const loss = request.operation.isLayers && isOfLayer ? [NO_LAYER_IS_KEPT] : [];
	const lines = [[todo, ...loss].join(' '), quote(error.message)];
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
	const isPage = WEB_PAGE.test(text);
	const error = { message: isPage ? undefined : text, isExplicit: false };
	const mayBeCharged =
		status < 400 ||
		isGivenUp(status) ||
		(status === 503 && !isRefused) ||
		(status >= 500 && isLostUpstream(error));
	const todo = mayBeCharged
		? [MAY_BE_CHARGED, ...(status < 400 ? [`If this always happens: ${CHECK_BASE_URL}`] : [])]
		: [adviceOn(error, status, request).todo];
	const words = isPage ? undefined : quote(text);
	const what = words ? 'a text instead of JSON' : describe(text);
	const message = `Unexpected response (HTTP ${status}): ${what}`;
	const lines = [todo.join(' '), words];
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
		[mayBeCharged ? MAY_BE_CHARGED : adviceOn(undefined, status, request).todo],
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
