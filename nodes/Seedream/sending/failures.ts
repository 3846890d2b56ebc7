import { NodeApiError } from 'n8n-workflow';

import { MAY_BE_CHARGED, RequestFailure, withoutSecrets } from '../errors';

/** Connection never made: nothing was sent. */
const NOT_REACHED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Given up before anything was sent: a certificate, a proxy, an address that is none. */
const NOT_SENT = /^(CERT_|DEPTH_ZERO|ERR_INVALID_|ERR_TLS_|ERR_UNESCAPED|SELF_SIGNED|UNABLE_TO_)/;

/** Whether a request failed with a code that says that the gateway never got it, and may do so soon. */
export function wasNotReached(code: string): boolean {
	return NOT_REACHED.includes(code);
}

function errorCode(error: unknown): string {
	for (let each = error; each instanceof Error; each = each.cause) {
		const { code, httpCode } = each as { code?: unknown; httpCode?: unknown };
		for (const value of [code, httpCode]) {
			if (typeof value === 'string' && /^[A-Z_]{3,}$/.test(value)) return value;
		}
	}
	return '';
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
	const code = errorCode(error);
	const words = withoutSecrets((error as Error).message, secret);
	if (wasNotReached(code)) {
		return new RequestFailure({
			// Without the code: n8n replaces a message that holds one by words of its own.
			message: 'The gateway cannot be reached',
			description:
				'Nothing was sent. Check the Base URL of the credential, and that this n8n may reach that address.',
			code,
			made: 'no',
		});
	}
	// Whatever else went wrong on a connection may have done so after the request went out.
	if (code && !NOT_SENT.test(code)) {
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
