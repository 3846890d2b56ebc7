import {
	NodeApiError,
	NodeOperationError,
	type IExecuteSingleFunctions,
	type INodeExecutionData,
} from 'n8n-workflow';

/** What went wrong with an item, in words a user can act on. */
export interface Failure {
	/** What happened. */
	message: string;
	/** What to do about it. */
	description: string;
	/** The service's own code, e.g. `InvalidParameter`. */
	code?: string;
	/** HTTP status, where an answer came. */
	status?: number;
	/** Id under which the service can find the request. */
	requestId?: string;
	/** Milliseconds the service asks to wait before another try. */
	retryAfter?: number;
	/** Whether an image may have been made, and charged. */
	made: 'no' | 'unknown';
	/** Whether no connection came about, which may be otherwise soon. */
	isUnreached?: boolean;
}

/** What to say where nobody knows whether an image was made. */
export const MAY_BE_CHARGED =
	'An image may have been made and charged nevertheless, so this node does not send the request again. The provider’s usage page shows it; look there before running again.';

/** A failed request, before it is bound to a node and an item. */
export class RequestFailure extends Error {
	constructor(readonly failure: Failure) {
		super(failure.message);
	}
}

const LONG_BASE64 = /(https?:\/\/[^\s"'<>]+)|[A-Za-z0-9+/_-]{40,}={0,2}/g;

/**
 * Makes a foreign text fit to be shown: base64 and bearer keys are cut out, addresses stay whole.
 * @param secret the key in use, which a service may echo
 */
export function withoutSecrets(text: string, secret = ''): string {
	const open = secret ? text.split(secret).join('***') : text;
	return open
		.replace(/Bearer\s+[^\s"',]+/gi, 'Bearer ***')
		.replace(/data:[\w/+.-]*;base64,[A-Za-z0-9+/=_-]*/gi, 'data:…')
		.replace(LONG_BASE64, (_match, url: string | undefined) => url ?? '…');
}

/** n8n's editor shows descriptions as HTML, in which a line feed alone is a space. */
const LINE_BREAK = ' <br>\n';

/** Lines of a description; empty ones are left out. */
export function asLines(lines: Array<string | undefined>): string {
	return lines.filter(Boolean).join(LINE_BREAK);
}

/** Makes the error for input that may not be sent: what happened, and what to do. */
export type Refusal = (message: string, description: string) => Error;

/** Names the item as n8n's editor does, which adds this where a message lacks it, in these very letters. */
function withItem(message: string, itemIndex: number): string {
	return `${message} [item ${itemIndex}]`;
}

/** A failure that bad input causes, found before anything was sent. */
export function inputError(
	context: IExecuteSingleFunctions,
	message: string,
	description: string,
): NodeOperationError {
	const itemIndex = context.getItemIndex();
	return new NodeOperationError(context.getNode(), withItem(message, itemIndex), {
		itemIndex,
		description,
	});
}

/** A failure of a request, as n8n shows it: code, status and request id stand in the description. */
export function requestError(context: IExecuteSingleFunctions, failure: Failure): NodeApiError {
	const itemIndex = context.getItemIndex();
	const details = [
		failure.code && `Code: ${failure.code}`,
		failure.status && `HTTP status: ${failure.status}`,
		failure.requestId && `Request ID: ${failure.requestId}`,
	].filter(Boolean);
	return new NodeApiError(
		context.getNode(),
		{},
		{
			message: withItem(failure.message, itemIndex),
			description: asLines([failure.description, details.join(', ')]),
			httpCode: failure.status === undefined ? 'none' : String(failure.status),
			itemIndex,
		},
	);
}

/**
 * The item that stands for a failure when "On Error" is set to continue. n8n keeps these three fields
 * on its error output too, and cuts an item with an `error` property down to its message.
 */
export function errorItem(
	context: IExecuteSingleFunctions,
	{ message, description }: { message: string; description?: string | null },
	failure?: Partial<Failure> & { index?: number },
): INodeExecutionData {
	const { code, status, requestId, index } = failure ?? {};
	return {
		json: {
			error: message,
			message: (description ?? '').replaceAll(LINE_BREAK, '\n'),
			details: { code, status, requestId, index },
		},
		pairedItem: { item: context.getItemIndex() },
	};
}
