import { readImageHeader, type ImageHeader } from '../imageHeader';

/** The part of Node's Readable this package needs; a node may not import `stream` itself. */
export interface ByteStream extends AsyncIterable<Buffer> {
	readonly readableEnded: boolean;
	/** Bytes that wait to be read. */
	readonly readableLength: number;
	readonly destroyed: boolean;
	push(chunk: Buffer | null, encoding?: BufferEncoding): boolean;
	read(): Buffer | null;
	unshift(chunk: Buffer): void;
	destroy(error?: Error): void;
	on(event: 'error', listener: () => void): void;
	once(event: string, listener: (error?: Error) => void): void;
	removeListener(event: string, listener: (error?: Error) => void): void;
}

/** Bytes to look at for a size: a JPEG's stands behind its EXIF, which can be long. */
const LONGEST_HEADER = 1024 * 1024;

/** Why a stream broke, in words; Node's own for a connection that was cut is `aborted`. */
export function reasonOf(error: unknown): string {
	const { message } = error as Error;
	return message === 'aborted' ? 'the connection was cut' : message;
}

async function moreToRead(stream: ByteStream): Promise<void> {
	await new Promise<void>((resolve, reject) => {
		const events = ['readable', 'end', 'close', 'error'];
		const onEvent = (error?: Error) => {
			for (const event of events) stream.removeListener(event, onEvent);
			if (error) reject(error);
			else resolve();
		};
		for (const event of events) stream.once(event, onEvent);
	});
}

/**
 * Reads a stream up to the end of the image's header and puts back what it took.
 * @returns the header, undefined when the bytes are no image; all bytes when the stream ended already
 * @throws what the stream throws
 */
export async function peek(stream: ByteStream): Promise<{ header?: ImageHeader; whole?: Buffer }> {
	let head: Buffer = Buffer.alloc(0);
	let header: ImageHeader | undefined;
	while (head.length < LONGEST_HEADER) {
		const chunk = stream.read();
		if (chunk === null) {
			if (stream.readableEnded) return { header, whole: head };
			if (stream.destroyed) throw new Error('the connection was cut');
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
