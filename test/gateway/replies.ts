import type { Fault } from './faults';

/** An answer before it is sent. */
export interface Reply {
	status: number;
	headers: Record<string, string>;
	/** The body; the head is sent with its first piece. */
	pieces: Iterable<Buffer> | AsyncIterable<Buffer>;
	/** Bytes of the body, where they are known beforehand. */
	length?: number;
}

export function jsonReply(status: number, body: object): Reply {
	return textReply(status, JSON.stringify(body), 'application/json; charset=utf-8');
}

export function textReply(status: number, text: string, type: string): Reply {
	const body = Buffer.from(text);
	return { status, headers: { 'Content-Type': type }, pieces: [body], length: body.length };
}

/**
 * The answers a fault can put in place of any proper one: a redirect, an HTML page, a given body.
 * @param path path and query that were asked for
 */
export function substituteReply(
	{ status, body, html, redirect }: Pick<Fault, 'status' | 'body' | 'html' | 'redirect'>,
	path: string,
): Reply | undefined {
	if (redirect !== undefined) {
		const headers = { Location: redirect.replace('{path}', path) };
		return { status: status ?? 302, headers, pieces: [], length: 0 };
	}
	if (html) {
		const title = `${status ?? 502} Bad Gateway`;
		const page = `<!DOCTYPE html><html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>`;
		return textReply(status ?? 502, page, 'text/html');
	}
	return body === undefined ? undefined : textReply(status ?? 200, body, 'application/json');
}
