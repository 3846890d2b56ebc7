/** A piece of a response, as soon as it is complete. */
export type Piece =
	/**
	 * An element of an outermost array of a JSON document; `path` is the array's, such as `['data']`. Long
	 * base64 in it is a Buffer already, which holds until the next piece is asked for.
	 */
	| { type: 'element'; path: string[]; value: unknown }
	/** A JSON document, with its outermost arrays empty: their elements came before. */
	| { type: 'document'; value: unknown }
	/** The JSON of a server-sent event, or of a line by itself. */
	| { type: 'event'; value: unknown; name: string }
	/** `[DONE]` */
	| { type: 'done' }
	/** What should be JSON and is not, or ends too early. */
	| { type: 'malformed'; text: string; isCut?: boolean }
	/** What is neither JSON nor an event: a web page, plain text. */
	| { type: 'text'; text: string };

/** Bytes of an element or event: an image as base64, with room to spare. */
export const MAX_PIECE_BYTES = 192 * 1024 * 1024;

/** Bytes that are kept of what holds no JSON. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** Parses JSON, also where a value is `NaN` or a string holds a raw line feed. @throws SyntaxError */
function parseJson(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return JSON.parse(
			text
				.replace(/\p{Cc}+/gu, ' ')
				.replace(/([:,[]\s*)-?(?:NaN|Infinity|None|undefined)(?=\s*[,}\]])/g, '$1null'),
		);
	}
}

/** A piece with the JSON value of a text, or the text itself where it is no JSON. */
export function toPiece(text: string, piece: (value: unknown) => Piece): Piece {
	try {
		return piece(parseJson(text));
	} catch {
		return { type: 'malformed', text };
	}
}

/** Where a byte stands in a chunk, or the chunk's length. */
export function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
	const index = chunk.indexOf(byte, from);
	return index < 0 ? chunk.length : index;
}
