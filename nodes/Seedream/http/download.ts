import type {
	IExecuteSingleFunctions,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
} from 'n8n-workflow';

import { openConnection } from './connection';
import { LimitedStream, type ByteStream } from './limitedStream';

/** How to download; n8n's Request Options count here as they do for the request itself. */
export interface DownloadOptions
	extends Pick<IHttpRequestOptions, 'proxy' | 'skipSslCertificateValidation'> {
	/** Milliseconds without progress after which a download is given up. */
	idle: number;
}

/** Progress can be slow ten times over before a download has taken too long. */
const TOTAL_PER_IDLE = 10;

/** Milliseconds that n8n's HTTP helper waits longer for bytes. */
const HTTP_MARGIN_MS = 500;

/**
 * Downloads a file, without the key: URLs are signed, and their host may belong to someone else.
 * @param maxBytes bytes of the file at most
 * @param read gets the bytes and their number as far as the store names it
 * @throws what `read` throws; Error where the file cannot be had
 */
export async function download<T>(
	context: IExecuteSingleFunctions,
	url: string,
	{ idle, ...options }: DownloadOptions,
	maxBytes: number,
	read: (bytes: LimitedStream, length: number) => Promise<T>,
): Promise<T> {
	const connection = openConnection(context);
	try {
		const response = (await context.helpers.httpRequest({
			...options,
			url,
			encoding: 'stream',
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
			// Later than the stream's own limit, whose message says more.
			timeout: idle + HTTP_MARGIN_MS,
			abortSignal: connection.signal,
		})) as IN8nHttpFullResponse;
		const limits = { idle, total: idle * TOTAL_PER_IDLE, bytes: maxBytes };
		const body = response.body as unknown as ByteStream;
		const bytes = new LimitedStream(body, limits, connection.close);
		if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`);
		return await read(bytes, Number(response.headers['content-length']));
	} finally {
		connection.close();
	}
}
