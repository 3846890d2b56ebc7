import { NodeApiError } from 'n8n-workflow';

import { MAY_BE_CHARGED, RequestFailure, withoutSecrets } from '../errors';

/** Connection never made: nothing was sent. */
const NOT_REACHED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Given up before anything was sent: a certificate, a proxy, an address that is none, no TLS. */
const NOT_SENT =
	/^(CERT_|DEPTH_ZERO|ERR_INVALID_|ERR_SSL_WRONG_VERSION|ERR_TLS_|ERR_UNESCAPED|SELF_SIGNED|UNABLE_TO_)/;

/** The same, where only the message tells it: no TLS at the other end, or it hung up on the greeting. */
const NOT_SENT_IN_WORDS = /wrong version number|before secure TLS connection was established/i;

/** What an error of Node's network says beside its message. */
interface NetworkError extends Error {
	code?: unknown;
	httpCode?: unknown;
	/** What the system was asked to do. */
	syscall?: unknown;
	/** One for each address of a host. */
	errors?: unknown[];
}

/** An error with all that caused it. */
function causesOf(error: unknown): NetworkError[] {
	if (!(error instanceof Error)) return [];
	const { cause, errors = [] } = error as NetworkError;
	return [error, ...[cause, ...errors].flatMap(causesOf)];
}

function errorCode(causes: NetworkError[]): string {
	const codes = causes.flatMap(({ code, httpCode }) => [code, httpCode]);
	const isCode = (code: unknown): code is string =>
		typeof code === 'string' && /^[A-Z_]{3,}$/.test(code);
	return codes.find(isCode) ?? '';
}

/** Whether no connection came about. Node says `ETIMEDOUT` also of one that broke later. */
function isUnreached(causes: NetworkError[], code: string): boolean {
	// Some of the errors that n8n hands over have it in their message only.
	const syscalls = causes.map((each) => each.syscall ?? /^(\w+) E[A-Z]+/.exec(each.message)?.[1]);
	if (syscalls.includes('connect')) return true;
	return NOT_REACHED.includes(code) && !syscalls.includes('read') && !syscalls.includes('write');
}

function lossOf(code: string, timeout: number): string {
	switch (code) {
		case 'ECONNABORTED':
		case 'ETIMEDOUT':
			return `The gateway did not answer within ${timeout / 1000} s`;
		case 'ERR_CANCELED':
			return 'The run was cancelled before the gateway answered';
		default:
			return 'The connection to the gateway was lost before it answered';
	}
}

/**
 * The failure of a request that got no answer.
 * @param error as n8n's HTTP helper throws it
 * @param timeout milliseconds the request was given
 * @param secret the key in use, kept out of the message
 */
export function networkFailure(error: unknown, timeout: number, secret: string): RequestFailure {
	const causes = causesOf(error);
	const code = errorCode(causes);
	const words = withoutSecrets((error as Error).message, secret);
	if (isUnreached(causes, code)) {
		return new RequestFailure({
			// Without the code: n8n replaces a message that holds one by words of its own.
			message: 'The gateway cannot be reached',
			description:
				'Nothing was sent. Check the Base URL of the credential, and that this n8n may reach that address.',
			code,
			made: 'no',
			isUnreached: true,
		});
	}
	// Whatever else went wrong on a connection may have done so after the request went out.
	const isNotSent =
		NOT_SENT.test(code) || causes.some(({ message }) => NOT_SENT_IN_WORDS.test(message));
	if (code && !isNotSent) {
		return new RequestFailure({
			message: lossOf(code, timeout),
			description: MAY_BE_CHARGED,
			code,
			made: 'unknown',
		});
	}
	const description = error instanceof NodeApiError ? (error.description ?? '') : '';
	return new RequestFailure({
		message: `The request could not be sent: ${words}`,
		description:
			withoutSecrets(description, secret) || 'Check the credential and the network of n8n.',
		code: code || undefined,
		made: 'no',
	});
}

/** The failure to make items of an answer. Only the unforeseen is not one already; images may be in it. */
export function failureAfterAnswer(error: unknown, secret: string): RequestFailure {
	if (error instanceof RequestFailure) return error;
	return new RequestFailure({
		message: `The answer could not be used: ${withoutSecrets((error as Error).message, secret)}`,
		description: `${MAY_BE_CHARGED} This node did not expect that; please report it.`,
		made: 'unknown',
	});
}
