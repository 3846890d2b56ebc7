import { randomBytes } from 'node:crypto';

/** How a service words its errors: Volcengine Ark's envelope, or the one of the engine new-api. */
export type ErrorStyle = 'ark' | 'new-api';

const TYPES: Readonly<Record<number, string>> = {
	400: 'BadRequest',
	401: 'Unauthorized',
	403: 'Forbidden',
	404: 'NotFound',
	429: 'TooManyRequests',
	500: 'InternalServerError',
};

/** A request that is rejected before anything is generated. */
export class Refusal extends Error {
	readonly type: string;
	readonly param: string;

	constructor(
		readonly status: number,
		readonly code: string,
		message: string,
		more: { type?: string; param?: string } = {},
	) {
		super(message);
		this.type = more.type ?? TYPES[status] ?? '';
		this.param = more.param ?? '';
	}
}

/** The first party's refusal of one parameter's value; the text before the colon is its own. */
export function invalid(param: string, reason: string): Refusal {
	return new Refusal(
		400,
		'InvalidParameter',
		`The parameter \`${param}\` specified in the request are not valid: ${reason}.`,
		{ param },
	);
}

/** The first party's refusal of a request without a parameter that it requires. */
export function missing(param: string): Refusal {
	const message = `The request failed because it is missing one or multiple required parameters: \`${param}\`.`;
	return new Refusal(400, 'MissingParameter', message, { param });
}

/** A request id in the form the service gives it. */
export function requestId(style: ErrorStyle): string {
	const random = randomBytes(12).toString('hex');
	return style === 'ark'
		? `02${Date.now()}${random}`
		: `${new Date().toISOString().replace(/\D/g, '')}${random.slice(0, 12)}`;
}

/** The header a service repeats the request id in. */
export function requestIdHeader(style: ErrorStyle): string {
	return style === 'ark' ? 'X-Request-Id' : 'X-Oneapi-Request-Id';
}

/** The error body in the words of the service, its request id at the end of the message. */
export function errorBody(refusal: Refusal, style: ErrorStyle, id: string): object {
	const { code, message, param, type } = refusal;
	return style === 'ark'
		? { error: { code, message: `${message} Request id: ${id}`, param, type } }
		: { error: { message: `${message} (request id: ${id})`, type, param, code } };
}
