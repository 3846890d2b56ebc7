import { NodeApiError } from 'n8n-workflow';

import { hostOf } from './baseUrl';
import { cut, MAY_BE_CHARGED, RequestFailure } from '../errors';

/** No connection was made, so nothing was sent. */
const UNREACHABLE = /^(EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND)$/;

/** Given up before anything was sent: a certificate, a proxy, an invalid URL, no TLS. */
const NOT_SENT =
	/^(CERT_|DEPTH_ZERO|ERR_INVALID_|ERR_SSL_WRONG_VERSION|ERR_TLS_|ERR_UNESCAPED|SELF_SIGNED|UNABLE_TO_)/;

/** The same, where only the message says it: no TLS at the other end, or it hung up on the handshake. */
const NOT_SENT_MESSAGE = /wrong version number|before secure TLS connection was established/i;

/** What Node's network errors have beside a message. */
interface NetworkError extends Error {
	code?: unknown;
	httpCode?: unknown;
	/** System call that failed. */
	syscall?: unknown;
	/** One for each IP address of a host. */
	errors?: unknown[];
}

/** An error and its causes. */
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

/** Whether no connection was made. Node reports `ETIMEDOUT` also for one that broke later. */
function isUnreachable(causes: NetworkError[], code: string): boolean {
	// Some errors that n8n passes on have the system call in their message only.
	const syscalls = causes.map((each) => each.syscall ?? /^(\w+) E[A-Z]+/.exec(each.message)?.[1]);
	if (syscalls.includes('connect') || syscalls.includes('getaddrinfo')) return true;
	return UNREACHABLE.test(code) && !syscalls.includes('read') && !syscalls.includes('write');
}

function lossOf(code: string, timeout: number): string {
	switch (code) {
		case 'ECONNABORTED':
		case 'ETIMEDOUT':
			return `No response within ${timeout / 1000} s`;
		case 'ERR_CANCELED':
			return 'The execution was cancelled before a response came';
		default:
			return 'The connection was lost before a response came';
	}
}

/**
 * The failure of a request that got no response.
 * @param error as n8n's HTTP helper throws it
 * @param timeout milliseconds the request was given
 * @param baseUrl whose host is named
 */
export function networkFailure(error: unknown, timeout: number, baseUrl: string): RequestFailure {
	const causes = causesOf(error);
	const code = errorCode(causes);
	if (isUnreachable(causes, code)) {
		return new RequestFailure({
			message: `The host ${hostOf(baseUrl)} cannot be reached`,
			description:
				'Nothing was sent. Check the Base URL of the credential, and that this n8n has access to that host.',
			code,
			mayBeCharged: false,
			isUnreachable: true,
		});
	}
	// Anything else on a connection may have happened after the request was sent.
	const isNotSent =
		NOT_SENT.test(code) || causes.some(({ message }) => NOT_SENT_MESSAGE.test(message));
	if (code && !isNotSent) {
		return new RequestFailure({
			message: lossOf(code, timeout),
			description: MAY_BE_CHARGED,
			code,
			mayBeCharged: true,
		});
	}
	const description = error instanceof NodeApiError ? (error.description ?? '') : '';
	return new RequestFailure({
		message: `The request could not be sent: ${cut((error as Error).message, 300)}`,
		description: description || 'Check the credential and the network of n8n.',
		code: code || undefined,
		mayBeCharged: false,
	});
}
