import type { Fault } from './faults';

/** A response before it is sent. */
export interface HttpResponse {
	status: number;
	headers: Record<string, string>;
	/** The body; the head is sent with its first piece. */
	pieces: Iterable<Buffer> | AsyncIterable<Buffer>;
	/** Bytes of the body, where they are known beforehand. */
	length?: number;
}

export function jsonResponse(status: number, body: object): HttpResponse {
	return textResponse(status, JSON.stringify(body), 'application/json; charset=utf-8');
}

export function textResponse(status: number, text: string, type: string): HttpResponse {
	const body = Buffer.from(text);
	return { status, headers: { 'Content-Type': type }, pieces: [body], length: body.length };
}

/**
 * The responses a fault can put in place of any proper one: a redirect, an HTML page, a given body.
 * @param path path and query that were asked for
 */
export function substituteResponse(
	{ status, body, html, redirect }: Pick<Fault, 'status' | 'body' | 'html' | 'redirect'>,
	path: string,
): HttpResponse | undefined {
	if (redirect !== undefined) {
		const headers = { Location: redirect.replace('{path}', path) };
		return { status: status ?? 302, headers, pieces: [], length: 0 };
	}
	if (html) {
		const title = `${status ?? 502} Bad Gateway`;
		const page = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
		return textResponse(status ?? 502, page, 'text/html');
	}
	return body === undefined ? undefined : textResponse(status ?? 200, body, 'application/json');
}
