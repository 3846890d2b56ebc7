import { readImageHeader } from '../image/header';
import { isDocumentStart, JsonDocument } from './jsonDocument';
import { Lines } from './lines';
import { MAX_PIECE_BYTES, type Piece } from './piece';

const SPACE = 0x20;

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** A byte order mark is never content; it stands wherever a gateway joined texts. */
async function* withoutByteOrderMarks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
	let held: Buffer = Buffer.alloc(0);
	for await (const chunk of chunks) {
		let rest = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
		for (let at = rest.indexOf(BYTE_ORDER_MARK); at >= 0; at = rest.indexOf(BYTE_ORDER_MARK)) {
			yield rest.subarray(0, at);
			rest = rest.subarray(at + BYTE_ORDER_MARK.length);
		}
		// The beginning of a mark that the next chunk may complete.
		const begun = [2, 1].find((length) =>
			rest.subarray(-length).equals(BYTE_ORDER_MARK.subarray(0, length)),
		);
		held = rest.subarray(rest.length - (begun ?? 0));
		yield rest.subarray(0, rest.length - held.length);
	}
	if (held.length > 0) yield held;
}

/** Where a JSON document begins after blanks; -1 where something else comes, or nothing. */
function documentStart(chunk: Buffer): number {
	const at = chunk.findIndex((byte) => byte > SPACE);
	return isDocumentStart(chunk[at]) ? at : -1;
}

/**
 * Reads a response piece by piece, whatever its headers say: JSON documents, server-sent events, text,
 * in any order. Holds no more than one piece.
 * @throws what the stream throws; Error for a piece that has no end
 */
export async function* readPieces(chunks: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
	const lines = new Lines();
	let document: JsonDocument | undefined;
	let broken: Error | undefined;
	/** The body so far, where it is an image itself. */
	let file: Buffer[] | undefined;
	let isFirst = true;
	let bytes = 0;
	try {
		for await (const chunk of withoutByteOrderMarks(chunks)) {
			if (isFirst && readImageHeader(chunk)) file = [];
			isFirst = false;
			if (file) {
				file.push(chunk);
				bytes += chunk.length;
				if (bytes > MAX_PIECE_BYTES) throw new Error('a part of it has no end');
				continue;
			}
			let rest = chunk;
			while (rest.length > 0) {
				const start = !document && lines.isBetween ? documentStart(rest) : -1;
				if (start >= 0) {
					yield* lines.push(Buffer.from('\n')).pieces;
					rest = rest.subarray(start);
					document = new JsonDocument();
				}
				const { pieces, length } = (document ?? lines).push(rest);
				yield* pieces;
				rest = rest.subarray(length);
				if (document?.isClosed) document = undefined;
			}
		}
	} catch (error) {
		broken = error as Error;
	}
	if (file && !broken) yield { type: 'event', value: { image: Buffer.concat(file) }, name: '' };
	// Also where the stream broke: what came before may hold the URL of an image.
	if (document) yield* document.end();
	yield* lines.end();
	if (broken) throw broken;
}
