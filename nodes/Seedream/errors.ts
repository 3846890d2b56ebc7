import {
	NodeApiError,
	NodeOperationError,
	type IDataObject,
	type IExecuteSingleFunctions,
	type INodeExecutionData,
} from 'n8n-workflow';

import { redact } from './redact';

export type NodeError = NodeApiError | NodeOperationError;

/** What went wrong with a request, and what users can do about it. */
export interface Failure {
	/** What happened. */
	message: string;
	/** What to do about it. */
	description: string;
	/** The service's own words. */
	words?: string;
	/** The service's own code, e.g. `InvalidParameter`. */
	code?: string;
	/** HTTP status of the response, if there was one. */
	status?: number;
	/** ID under which the service can find the request. */
	requestId?: string;
	/** Milliseconds the service asks to wait before the next attempt. */
	retryAfter?: number;
	/** URLs of images that the description lists: nothing else is left of them. */
	urls?: string[];
	/** Whether an image may have been generated and charged. */
	mayBeCharged: boolean;
	/** Whether the service itself rejected the request, so that nothing was generated. */
	isRefused?: boolean;
	/** Whether no connection could be established, which may succeed later. */
	isUnreachable?: boolean;
}

/** Description of failures after which an image may have been generated. */
export const MAY_BE_CHARGED =
	'The image may have been generated and charged, so the request was not retried. Check the provider’s usage page before running again.';

/** A failed request, before it is bound to a node and an item. */
export class RequestFailure extends Error {
	constructor(readonly failure: Failure) {
		super(failure.message);
	}
}

/** Characters of a message; the editor shows it as a headline. */
const MAX_MESSAGE_LENGTH = 500;

/** Shortens a text for a person to read. @param length in characters */
export function cut(text: string, length: number): string {
	return text.length <= length ? text : `${text.slice(0, length - 1).trimEnd()}…`;
}

/** A number for a person to read: 16,777,216. */
export function grouped(number: number): string {
	return number.toLocaleString('en-US');
}

/** Lines of a description; empty ones are left out. */
export function asLines(lines: Array<string | undefined>): string {
	return lines.filter(Boolean).join('\n');
}

/** A line that is a URL, or names an item before it. What a service says never begins a line. */
const URL_LINE = /^(Item \d+: )?(https?:\/\/\S+)$/i;

/** Nothing in a text may become markup. An `&` cannot, and URLs stay as they are to copy. */
function escapeHtml(text: string): string {
	return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function linkTo(url: string): string {
	const href = url.replaceAll('"', '%22').replaceAll('<', '%3C').replaceAll('>', '%3E');
	return `<a href="${href}" target="_blank">${escapeHtml(url)}</a>`;
}

/**
 * A description as n8n's editor shows it: as HTML, in which a line feed alone is a space, and a long URL
 * that is no link is cut off.
 */
export function asHtml(description: string): string {
	const lines = description.split('\n').map((line) => {
		const [, item = '', url] = URL_LINE.exec(line) ?? [];
		return url ? item + linkTo(url) : escapeHtml(line);
	});
	return lines.join(' <br>\n');
}

/** Creates the error for input that cannot be sent: what happened, and what to do. */
export type Reject = (message: string, description: string) => Error;

/** Names the item exactly as n8n's editor does, which appends this to messages without it. */
function withItem(message: string, itemIndex: number): string {
	return `${cut(message, MAX_MESSAGE_LENGTH)} [item ${itemIndex}]`;
}

/** Set afterwards, because n8n replaces messages that contain a code such as ECONNRESET. */
function withMessage<T extends NodeError>(error: T, message: string): T {
	error.message = message;
	return error;
}

/** The error for input that cannot be sent. */
export function inputError(
	context: IExecuteSingleFunctions,
	message: string,
	description: string,
): NodeOperationError {
	const itemIndex = context.getItemIndex();
	const full = withItem(message, itemIndex);
	const error = new NodeOperationError(context.getNode(), full, { itemIndex, description });
	return withMessage(error, full);
}

/** A failed request as n8n shows it, with code, status and request ID in the description. */
function requestError(context: IExecuteSingleFunctions, failure: Failure): NodeApiError {
	const itemIndex = context.getItemIndex();
	const details = [
		failure.code && `Code: ${cut(failure.code, 100)}`,
		failure.status && `HTTP status: ${failure.status}`,
		failure.requestId && `Request ID: ${cut(failure.requestId, 100)}`,
	].filter(Boolean);
	const message = withItem(failure.message, itemIndex);
	const error = new NodeApiError(
		context.getNode(),
		{},
		{
			message,
			description: asLines([failure.description, details.join(', ')]),
			httpCode: failure.status === undefined ? 'none' : String(failure.status),
			itemIndex,
		},
	);
	return withMessage(error, message);
}

function failureOf(cause: unknown): Failure {
	if (cause instanceof RequestFailure) return cause.failure;
	return {
		message: (cause as Error).message,
		description: 'This node did not expect that. Please report it with the settings of the node.',
		mayBeCharged: false,
	};
}

/**
 * The error for anything thrown: with its item, without key and image data. Its description is plain text.
 * @param key in use, empty where it is not known yet
 */
export function toNodeError(
	context: IExecuteSingleFunctions,
	cause: unknown,
	key: string,
): NodeError {
	const isNodeError = cause instanceof NodeOperationError || cause instanceof NodeApiError;
	const error = isNodeError ? cause : requestError(context, failureOf(cause));
	error.message = redact(error.message, key);
	error.description = redact(error.description, key);
	return error;
}

/**
 * The item for a failure when "On Error" is set to continue. n8n keeps these three fields on its error
 * output too; of an item with an `error` property it keeps only the message.
 */
export function errorItem(
	context: IExecuteSingleFunctions,
	{ message, description }: { message: string; description?: string | null },
	failure: Partial<Failure> & { index?: number; prompt?: unknown } = {},
): INodeExecutionData {
	const { code, status, requestId, index, prompt } = failure;
	return {
		json: {
			error: message,
			message: description ?? '',
			details: { code, status, requestId, index, prompt } as IDataObject,
		},
		pairedItem: { item: context.getItemIndex() },
	};
}
