import {
	type IBinaryData,
	type IExecuteSingleFunctions,
	type IN8nHttpFullResponse,
} from 'n8n-workflow';

import { Connection, type ByteStream } from '../connection';
import { readImageHeader, type ImageHeader } from '../imageHeader';
import { wait } from '../wait';
import type { ImageRecord } from './answer';
import { readAhead, reasonOf, release } from './stream';

/** What is known of an image after its bytes were stored, or could not be. */
export interface StoredImage {
	/** Reference to n8n's binary store; absent when there are no bytes. */
	binary?: IBinaryData;
	mimeType?: string;
	fileName?: string;
	/** Pixels, by the bytes. */
	width?: number;
	height?: number;
	/** Why the bytes could not be had; the image's URL still works. */
	downloadError?: string;
}

const EXTENSIONS: Partial<Record<ImageHeader['format'], string>> = { jpeg: 'jpg', tiff: 'tif' };

/** Fetching an image costs nothing, so it is tried again; milliseconds before each further try. */
const WAITS = [500, 2_000];

/** Milliseconds without a byte after which a download is given up. */
const IDLE = 60_000;

/** Bytes; the largest image the models make, as PNG without compression, is half of this. */
const LARGEST_IMAGE = 128 * 1024 * 1024;

/** Bytes up to which an image is stored in one go, which is faster. */
const SMALL_IMAGE = 2 * 1024 * 1024;

async function store(
	context: IExecuteSingleFunctions,
	bytes: Buffer | ByteStream,
	header: ImageHeader,
	name: string,
): Promise<StoredImage> {
	const mimeType = `image/${header.format}`;
	const fileName = `${name}.${EXTENSIONS[header.format] ?? header.format}`;
	const binary = await context.helpers.prepareBinaryData(
		bytes as Parameters<typeof context.helpers.prepareBinaryData>[0],
		fileName,
		mimeType,
	);
	const { width, height } = header;
	return { binary, mimeType, fileName, width, height };
}

async function download(
	context: IExecuteSingleFunctions,
	url: string,
	name: string,
): Promise<StoredImage> {
	const settings = context.getNodeParameter('requestOptions', {}) as { timeout?: number };
	const idle = Math.min(settings.timeout || IDLE, IDLE);
	const connection = new Connection(context);
	try {
		// No key goes along: the address is signed, and the store behind it may belong to someone else.
		const response = (await context.helpers.httpRequest({
			url,
			encoding: 'stream',
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
			timeout: idle,
			abortSignal: connection.signal,
		})) as IN8nHttpFullResponse;
		const stream = response.body as unknown as ByteStream;
		connection.watch(stream, idle, LARGEST_IMAGE);
		if (response.statusCode !== 200) throw new Error(`HTTP status ${response.statusCode}`);
		const length = Number(response.headers['content-length']);
		const isSmall = length <= SMALL_IMAGE;
		const { header, head, isWhole } = await readAhead(stream, isSmall ? SMALL_IMAGE : -1);
		if (!header) throw new Error('what the address shows is not an image');
		const stored = await store(context, isWhole ? head : stream, header, name);
		release(head);
		return stored;
	} finally {
		connection.close();
	}
}

async function downloadWithRetries(
	context: IExecuteSingleFunctions,
	url: string,
	name: string,
): Promise<StoredImage> {
	if (!/^https?:\/\//i.test(url)) {
		return { downloadError: 'The image was made, but its address is not one to download from' };
	}
	const signal = context.getExecutionCancelSignal();
	let reason = '';
	for (const pause of [0, ...WAITS]) {
		await wait(pause, signal);
		if (signal?.aborted && reason) break;
		try {
			return await download(context, url, name);
		} catch (error) {
			reason = reasonOf(error);
		}
	}
	return {
		downloadError: `The image was made, but could not be downloaded: ${reason}. Its URL works for 24 hours.`,
	};
}

/**
 * Puts the bytes of an image into n8n's binary store. Never throws for an image that was made: what
 * cannot be had is reported in `downloadError`.
 * @param name file name without extension, which follows the bytes
 */
export async function storeImage(
	context: IExecuteSingleFunctions,
	{ url, bytes }: ImageRecord,
	name: string,
): Promise<StoredImage> {
	if (!bytes) return await downloadWithRetries(context, url ?? '', name);
	const header = readImageHeader(bytes);
	try {
		if (header) return await store(context, bytes, header, name);
		const fileName = `${name}.bin`;
		const mimeType = 'application/octet-stream';
		const binary = await context.helpers.prepareBinaryData(bytes, fileName, mimeType);
		const downloadError = 'What the gateway sent as image data is of no known image format';
		return { binary, mimeType, fileName, downloadError };
	} catch (error) {
		return {
			downloadError: `The image was made, but n8n could not store it: ${reasonOf(error)}`,
		};
	}
}

/**
 * Where a user can still get an image whose item is lost: its URL, or for image data one that n8n
 * itself serves, as far as its binary store can: files in memory are gone.
 */
export function addressOf(
	context: IExecuteSingleFunctions,
	url: string | undefined,
	binary: IBinaryData | undefined,
): string {
	if (url) return url;
	if (binary?.id) return context.helpers.createBinarySignedUrl(binary, '24h');
	return `${binary?.fileName ?? 'an image'}, which came as data without an address. n8n keeps it in memory only, so it is gone with this run; Response Format URL avoids that`;
}
