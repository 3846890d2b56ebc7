import { NodeApiError } from 'n8n-workflow';

import { RequestFailure, withoutSecrets } from '../errors';

/** Connection never made: nothing was sent. */
const NOT_REACHED = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];

/** Connection lost or given up after the request may have gone out. */
const UNKNOWN = [
	'ECONNABORTED',
	'ECONNRESET',
	'EPIPE',
	'ERR_BAD_RESPONSE',
	'ERR_NETWORK',
	'ERR_STREAM_PREMATURE_CLOSE',
	'ETIMEDOUT',
];

function errorCode(error: unknown): string {
	for (let each = error; each instanceof Error; each = each.cause) {
		const { code, httpCode } = each as { code?: unknown; httpCode?: unknown };
		for (const value of [code, httpCode]) {
			if (typeof value === 'string' && /^[A-Z_]{3,}$/.test(value)) return value;
		}
	}
	return '';
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
	if (NOT_REACHED.includes(code)) {
		return new RequestFailure({
			// Without the code: n8n replaces a message that holds one by words of its own.
			message: 'The gateway cannot be reached',
			description:
				'Nothing was sent. Check the Base URL of the credential, and that this n8n may reach that address.',
			code,
			made: 'no',
		});
	}
	if (UNKNOWN.includes(code)) {
		const isTimeout = code === 'ECONNABORTED' || code === 'ETIMEDOUT';
		return new RequestFailure({
			message: isTimeout
				? `The gateway did not answer within ${timeout / 1000} s`
				: 'The connection to the gateway was lost before it answered',
			description:
				'The image may have been made and charged nevertheless, so this node does not send the request again. The provider’s usage page shows it; look there before running again.',
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
