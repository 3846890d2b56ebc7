import type { IBinaryData, IExecuteSingleFunctions, IN8nHttpFullResponse } from 'n8n-workflow';

import { readImageHeader, type ImageHeader } from '../imageHeader';
import type { ImageRecord } from './answer';

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

/** The part of Node's Readable this module needs; its module itself may not be imported in a node. */
interface ByteStream extends NodeJS.ReadableStream {
	readonly readableEnded: boolean;
	readonly destroyed: boolean;
	destroy(): void;
}

const EXTENSIONS: Partial<Record<ImageHeader['format'], string>> = { jpeg: 'jpg', tiff: 'tif' };

/** Bytes to look at for a size: a JPEG's stands behind its EXIF, which can be long. */
const LONGEST_HEADER = 1024 * 1024;

async function moreToRead(stream: ByteStream): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const events = ['readable', 'end', 'close'] as const;
		const done = (error?: Error) => {
			for (const event of events) stream.removeListener(event, onEvent);
			stream.removeListener('error', done);
			if (error) reject(error);
			else resolve();
		};
		const onEvent = () => done();
		for (const event of events) stream.once(event, onEvent);
		stream.once('error', done);
	});
}

/** Reads a stream up to the end of the image's header and puts back what it took. */
async function peek(stream: ByteStream): Promise<{ header?: ImageHeader; whole?: Buffer }> {
	let head: Buffer = Buffer.alloc(0);
	let header: ImageHeader | undefined;
	while (head.length < LONGEST_HEADER) {
		const chunk = stream.read() as Buffer | null;
		if (chunk === null) {
			if (stream.readableEnded || stream.destroyed) return { header, whole: head };
			await moreToRead(stream);
			continue;
		}
		head = Buffer.concat([head, chunk]);
		header = readImageHeader(head);
		if (header?.width !== undefined) break;
	}
	stream.unshift(head);
	return { header };
}

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
	const response = (await context.helpers.httpRequest({
		url,
		encoding: 'stream',
		returnFullResponse: true,
		ignoreHttpStatusErrors: true,
		abortSignal: context.getExecutionCancelSignal(),
	})) as IN8nHttpFullResponse;
	const stream = response.body as unknown as ByteStream;
	if (response.statusCode !== 200) {
		stream.destroy();
		throw new Error(`the address answered with HTTP status ${response.statusCode}`);
	}
	const { header, whole } = await peek(stream);
	if (!header) {
		stream.destroy();
		throw new Error('the address does not show an image');
	}
	return await store(context, whole ?? stream, header, name);
}

/**
 * Puts the bytes of an image into n8n's binary store. Never throws for an image that was made: what
 * cannot be had is reported in `downloadError`.
 * @param name file name without extension, which follows the bytes
 */
export async function storeImage(
	context: IExecuteSingleFunctions,
	{ url, base64 }: ImageRecord,
	name: string,
): Promise<StoredImage> {
	try {
		if (url) return await download(context, url, name);
		const bytes = Buffer.from(base64 ?? '', 'base64');
		const header = readImageHeader(bytes);
		if (!header) throw new Error('the image data is of no known image format');
		return await store(context, bytes, header, name);
	} catch (error) {
		return {
			downloadError: `The image was made, but not stored: ${(error as Error).message}`,
		};
	}
}
