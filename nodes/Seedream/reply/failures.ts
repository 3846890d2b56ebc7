import type { IDataObject } from 'n8n-workflow';

import { familyOf, SERVICE_NAMES } from '../catalog/models';
import { MAY_BE_CHARGED, RequestFailure, withoutSecrets } from '../errors';
import type { ImageRequest } from '../request';

/** A service's complaint, as its answer tells it. */
export interface Complaint {
	code?: string;
	message?: string;
	/** Whether it may be no complaint at all. */
	isVague?: boolean;
}

const CHECK_BASE_URL =
	'Check the Base URL of the credential: it must be the address of the API, such as https://host/v1.';

/** What is known of an answer beside its body. */
export interface AnswerContext {
	/** HTTP status. */
	status: number;
	headers: IDataObject;
	/** Key in use, cut out of what the service echoes. */
	secret: string;
}

/**
 * What to do, by the first pattern that the code, or else the message, matches.
 * Codes: Volcengine Ark error codes (2026-08), new-api `types/error.go`.
 */
const ADVICE_BY_CODE: ReadonlyArray<[RegExp, string]> = [
	[
		/Sensitive|RiskDetection|sensitive_words/i,
		'The content filter refused this. Change the prompt or the reference images; sending the same again rarely helps.',
	],
	[
		/Overdue|InvalidAccountStatus|insufficient_user_quota|QuotaExceeded|SetLimitExceeded|InvalidSubscription|balance|quota/i,
		"The account's balance, quota or spending limit is used up. Top it up or raise the limit at the provider, then run again.",
	],
	[
		/ModelNotOpen|ServiceNotOpen|AccessDisabled|AccessDenied|access_denied|PermissionDenied/i,
		'The account may not use this model yet. Activate it in the provider’s console.',
	],
	[
		/InvalidImageURL|TosURLInvalid/i,
		'The gateway could not read a reference image. Its address must be public and show the image itself; or pass the image as a binary field.',
	],
	[
		/RateLimit|Overloaded|BurstTooFast|InflightBatchsize/i,
		'The gateway gets more requests than it takes at a time. Nothing was charged for this one. Lower Concurrent Requests, raise Max Tries, or run again later.',
	],
	[
		/InvalidParameter|MissingParameter|invalid_request/i,
		'The gateway does not take a value of this request. Change the field it names.',
	],
];

/** Those of some ids that share the most parts with one that is unknown, the nearest first. */
function nearest(unknown: string, ids: readonly string[]): string[] {
	const parts = new Set(unknown.toLowerCase().split(/[^a-z\d]+/));
	const shared = (id: string) => id.split('-').filter((part) => parts.has(part)).length;
	return [...ids].sort((a, b) => shared(b) - shared(a)).slice(0, 4);
}

function adviceOnModel({ model, gateway }: ImageRequest): string {
	const known = familyOf(model)?.ids.find(({ id }) => id === model);
	const service = known && SERVICE_NAMES[known.service];
	const offering =
		gateway.hosts.length > 0 ? `${gateway.name} is known to offer` : 'Such gateways offer';
	const others = gateway.models.filter((id) => id !== model);
	return [
		`The gateway has no model “${model}” for this account. Choose one From List, or activate it in the provider’s console.`,
		known?.ends === 'retired' && `${service} has retired it.`,
		known?.ends && known.ends !== 'retired' && `Its last day at ${service} is ${known.ends}.`,
		known?.successor && `Its successor is ${known.successor}.`,
		others.length > 0 && `${offering} ${nearest(model, others).join(', ')}.`,
	]
		.filter(Boolean)
		.join(' ');
}

function advice(complaint: Complaint, status: number, request: ImageRequest): string {
	const text = `${complaint.code ?? ''} ${complaint.message ?? ''}`;
	if (/Invalid URL|no route|Cannot POST/i.test(text) || status === 405) {
		return CHECK_BASE_URL;
	}
	if (
		/InvalidEndpointOrModel\.NotFound|model_not_found|UnsupportedModel|no available channel/i.test(
			text,
		)
	) {
		return adviceOnModel(request);
	}
	if (status === 401) {
		return 'Check the API key in the credential, and that it belongs to this Base URL.';
	}
	const byCode =
		ADVICE_BY_CODE.find(([pattern]) => pattern.test(complaint.code ?? '')) ??
		ADVICE_BY_CODE.find(([pattern]) => pattern.test(complaint.message ?? ''));
	if (byCode) return byCode[1];
	if (status === 403) return 'Check the permissions and the balance of the API key.';
	if (status === 404) return adviceOnModel(request);
	if (status === 413) {
		return 'The request is too large for the gateway. Use fewer or smaller reference images, or pass them as URLs.';
	}
	if (status === 429) {
		return 'The gateway gets more requests than it takes at a time. Lower Concurrent Requests, raise Max Tries, or run again later.';
	}
	if (status >= 500) {
		return 'The gateway or the service behind it broke down. If images were made nevertheless, the provider’s usage page shows them; look there before running again.';
	}
	return 'Turn on Preview Request and compare what it shows with the provider’s document.';
}

/** The request's id: from the headers gateways use, else out of the message. */
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
	return [408, 502, 504].includes(status) || (status >= 520 && status <= 527);
}

/**
 * Whether a gateway says that it lost the service's answer: new-api `types/error.go`. The service may
 * have made the image by then.
 */
function isLostOnTheWay({ code = '' }: Complaint, status: number): boolean {
	return (
		status >= 500 &&
		/^(do_request_failed|bad_response|bad_response_body|read_response_body_failed)$/.test(code)
	);
}

/**
 * The failure a complaint stands for.
 * @param count failed images of a set, 0 when the complaint is about the request
 */
export function complaintFailure(
	complaint: Complaint,
	count: number,
	{ status, headers, secret }: AnswerContext,
	request: ImageRequest,
): RequestFailure {
	const words = withoutSecrets(complaint.message ?? '', secret).trim();
	const mayBeMade = isGivenUp(status) || complaint.isVague || isLostOnTheWay(complaint, status);
	const reason = words || `The gateway answered with HTTP status ${status} and no explanation`;
	return new RequestFailure({
		message: count > 1 ? `None of ${count} images was made: ${reason}` : reason,
		description: mayBeMade ? MAY_BE_CHARGED : advice(complaint, status, request),
		code: complaint.code || undefined,
		status,
		requestId: requestIdOf(headers, complaint.message),
		retryAfter: retryAfterOf(headers),
		made: mayBeMade ? 'unknown' : 'no',
	});
}

/** The failure of an answer that is a redirect, which is not followed. */
export function redirected({ status, headers }: AnswerContext): RequestFailure {
	return new RequestFailure({
		message: `The gateway redirects to ${String(headers.location ?? 'another address')} instead of answering`,
		description: `The request was not sent on, so that the key goes nowhere else. ${CHECK_BASE_URL}`,
		status,
		requestId: requestIdOf(headers),
		made: 'no',
	});
}

/** The failure of an answer that is cut off, or is none of the API's. */
export function brokenOff(
	what: string,
	{ status, headers, secret }: AnswerContext,
): RequestFailure {
	const isRefused = status >= 400 && !isGivenUp(status);
	return new RequestFailure({
		message: `The gateway did not answer as it should (HTTP status ${status}): ${withoutSecrets(what, secret)}`,
		description: isRefused
			? CHECK_BASE_URL
			: `${MAY_BE_CHARGED} If it never works, check the Base URL of the credential.`,
		status,
		requestId: requestIdOf(headers),
		retryAfter: retryAfterOf(headers),
		made: isRefused ? 'no' : 'unknown',
	});
}

/** The failure of an answer that is well-formed, complains of nothing and holds no image. */
export function noAnswer(isTask: boolean, { status, headers }: AnswerContext): RequestFailure {
	const isRefused = status >= 400 && !isGivenUp(status);
	return new RequestFailure({
		...(isTask
			? {
					message: 'This gateway answers with a task to ask about later instead of images',
					description:
						'This node needs a gateway that answers POST /images/generations with the images themselves. The task may be charged; look it up at the provider.',
				}
			: {
					message: isRefused
						? `The gateway answered with HTTP status ${status} and no explanation`
						: 'The answer holds no images',
					description: isRefused ? CHECK_BASE_URL : MAY_BE_CHARGED,
				}),
		status,
		requestId: requestIdOf(headers),
		retryAfter: retryAfterOf(headers),
		made: isRefused ? 'no' : 'unknown',
	});
}
