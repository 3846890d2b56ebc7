import type { IBinaryData, IExecuteSingleFunctions } from 'n8n-workflow';

import { reasonOf } from '../http/connection';
import { download, type DownloadOptions } from '../http/download';
import type { LimitedStream } from '../http/limitedStream';
import { wait } from '../http/wait';
import { readImageHeader, type ImageHeader } from './header';

/** What is known of an image after its bytes were stored, or could not be. */
export interface StoredImage {
	/** Reference to n8n's binary store; absent when there are no bytes. */
	binary?: IBinaryData;
	mimeType?: string;
	fileName?: string;
	/** Pixels, by the bytes. */
	width?: number;
	height?: number;
	/** Why there are no bytes, or what is odd about them; the image's URL still works. */
	downloadError?: string;
}

const EXTENSIONS: Partial<Record<ImageHeader['format'], string>> = { jpeg: 'jpg', tiff: 'tif' };

/** A download costs nothing, so it is retried; milliseconds before each retry. */
const RETRY_WAITS_MS = [500, 2_000];

/** Bytes; the largest image the models generate, as PNG without compression, is half of this. */
const MAX_IMAGE_BYTES = 128 * 1024 * 1024;

/** Bytes to look at for a size: a JPEG's comes after its EXIF, which can be long. */
const MAX_HEADER_BYTES = 1024 * 1024;

/** Bytes up to which an image is stored in one go, which is faster. */
const SMALL_IMAGE_BYTES = 2 * 1024 * 1024;

/** Bytes that are written at a time: many small writes cost more than the download. */
const WRITE_BYTES = 1024 * 1024;

async function store(
	context: IExecuteSingleFunctions,
	bytes: Parameters<typeof context.helpers.prepareBinaryData>[0],
	header: ImageHeader,
	name: string,
): Promise<StoredImage> {
	const mimeType = `image/${header.format}`;
	const fileName = `${name}.${EXTENSIONS[header.format] ?? header.format}`;
	const binary = await context.helpers.prepareBinaryData(bytes, fileName, mimeType);
	const { width, height } = header;
	return { binary, mimeType, fileName, width, height };
}

/** Joins chunks to pieces of at least {@link WRITE_BYTES}. @param head comes first */
async function* inLargePieces(head: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
	let pieces = [head];
	let length = head.length;
	for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
		pieces.push(next.value);
		length += next.value.length;
		if (length < WRITE_BYTES) continue;
		yield Buffer.concat(pieces);
		pieces = [];
		length = 0;
	}
	if (length > 0) yield Buffer.concat(pieces);
}

/** Stores a file as it arrives. @param length bytes, as far as the store names them */
async function storeStream(
	context: IExecuteSingleFunctions,
	stream: LimitedStream,
	length: number,
	name: string,
): Promise<StoredImage> {
	const chunks = stream[Symbol.asyncIterator]();
	const wholeBytes = length <= SMALL_IMAGE_BYTES ? SMALL_IMAGE_BYTES : 0;
	const read: Buffer[] = [];
	let bytes = 0;
	let header: ImageHeader | undefined;
	let isWhole = false;
	while (!isWhole) {
		const isHeaderRead = header?.width !== undefined || bytes > MAX_HEADER_BYTES;
		if (isHeaderRead && bytes > wholeBytes) break;
		const next = await chunks.next();
		if (next.done) isWhole = true;
		else {
			read.push(next.value);
			bytes += next.value.length;
			if (!isHeaderRead) header = readImageHeader(Buffer.concat(read));
		}
	}
	if (!header) throw new Error('the URL shows no image');
	const head = Buffer.concat(read);
	if (isWhole) return await store(context, head, header, name);
	const readable = stream.toReadable(inLargePieces(head, chunks));
	return await store(context, readable as unknown as Buffer, header, name);
}

async function downloadWithRetries(
	context: IExecuteSingleFunctions,
	url: string,
	name: string,
	options: DownloadOptions,
): Promise<StoredImage> {
	if (!/^https?:\/\//i.test(url)) {
		return { downloadError: 'The image was generated, but its URL is not one to download from' };
	}
	const cancelled = context.getExecutionCancelSignal();
	let reason = '';
	for (const pause of [0, ...RETRY_WAITS_MS]) {
		await wait(pause, ...(cancelled ? [cancelled] : []));
		if (cancelled?.aborted && reason) break;
		try {
			return await download(
				context,
				url,
				options,
				MAX_IMAGE_BYTES,
				async (stream, length) => await storeStream(context, stream, length, name),
			);
		} catch (error) {
			reason = reasonOf(error);
		}
	}
	return {
		downloadError: `The image was generated, but could not be downloaded: ${reason}. Its URL expires after 24 hours.`,
	};
}

/**
 * Puts the bytes of an image into n8n's binary store. Never throws for an image that was generated: what
 * cannot be stored is reported in `downloadError`.
 * @param name file name without extension, which follows the bytes
 */
export async function storeImage(
	context: IExecuteSingleFunctions,
	{ url, bytes }: { url?: string; bytes?: Buffer },
	name: string,
	options: DownloadOptions,
): Promise<StoredImage> {
	if (!bytes) return await downloadWithRetries(context, url ?? '', name, options);
	const header = readImageHeader(bytes);
	try {
		if (header) return await store(context, bytes, header, name);
		const fileName = `${name}.bin`;
		const mimeType = 'application/octet-stream';
		const binary = await context.helpers.prepareBinaryData(bytes, fileName, mimeType);
		const downloadError = 'The gateway sent image data in an unknown format';
		return { binary, mimeType, fileName, downloadError };
	} catch (error) {
		return {
			downloadError: `The image was generated, but n8n could not store it: ${reasonOf(error)}`,
		};
	}
}

/**
 * Where a user can still get an image whose item is lost: its URL, or for image data one that n8n
 * itself serves, as far as its binary store can: files in memory are gone.
 */
export function recoveryUrl(
	context: IExecuteSingleFunctions,
	url: string | undefined,
	binary: IBinaryData | undefined,
): string {
	if (url) return url;
	if (binary?.id) return context.helpers.createBinarySignedUrl(binary, '24h');
	return `${binary?.fileName ?? 'an image'}, which came as data without a URL. n8n keeps it in memory only, so it is lost with this run; Response Format URL avoids that`;
}
