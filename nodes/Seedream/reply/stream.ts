import type { ByteStream } from '../connection';
import { readImageHeader, type ImageHeader } from '../imageHeader';

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
 * Gives the memory of a chunk back at once. V8 does not see how large the chunks of an answer are, and
 * lets some 100 MB of them pile up before it collects them.
 */
export function release({ buffer, byteLength }: Buffer): void {
	const { transfer } = buffer as ArrayBuffer & { transfer?: (length: number) => unknown };
	// Small chunks are parts of a pool; Node 20 cannot give anything back.
	if (byteLength === buffer.byteLength) transfer?.call(buffer, 0);
}

/**
 * Reads the beginning of a stream, which holds the image's header, and puts it back if more follows.
 * @param whole bytes up to which a stream is read to its end
 * @returns the header, undefined when the bytes are no image; the beginning, and whether it is all
 * @throws what the stream throws
 */
export async function readAhead(
	stream: ByteStream,
	whole: number,
): Promise<{ header?: ImageHeader; head: Buffer; isWhole: boolean }> {
	const chunks: Buffer[] = [];
	let length = 0;
	let header: ImageHeader | undefined;
	const take = () => {
		const head = Buffer.concat(chunks);
		chunks.forEach(release);
		return head;
	};
	const isHeaderRead = () => header?.width !== undefined || length >= LONGEST_HEADER;
	while (!isHeaderRead() || length <= whole) {
		const chunk = stream.read();
		if (chunk === null) {
			if (stream.readableEnded) return { header, head: take(), isWhole: true };
			if (stream.destroyed) throw new Error('the connection was cut');
			await moreToRead(stream);
			continue;
		}
		chunks.push(chunk);
		if (!isHeaderRead()) header = readImageHeader(Buffer.concat(chunks));
		length += chunk.length;
	}
	const head = take();
	stream.unshift(head);
	return { header, head, isWhole: false };
}
