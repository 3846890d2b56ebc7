import { Base64Decoder } from './base64';
import { indexOrEnd, MAX_LINE_BYTES, MAX_PIECE_BYTES, toPiece, type Piece } from './piece';

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] =
	Buffer.from('"\\:,{}[]');

/** Bytes after which a string in an element is decoded as it arrives, if it is base64. */
const LONG_STRING_BYTES = 64 * 1024;

/** Stands in an element's text for a long string; no service sends this. */
const LONG_STRING = '\u0000long string';

/** Characters of a key that are looked at. */
const MAX_KEY_LENGTH = 64;

/** Whether a JSON document begins with a byte. */
export function isDocumentStart(byte: number | undefined): boolean {
	return byte === OPEN_OBJECT || byte === OPEN_ARRAY;
}

/** Cuts one JSON document into the elements of its outermost arrays and the rest. */
export class JsonDocument {
	isClosed = false;

	private readonly rest: Buffer[] = [];

	private element: Buffer[] = [];

	private elementBytes = 0;

	private depth = 0;

	/** Depth of the outermost array that is open; 0 outside of arrays. */
	private arrayDepth = 0;

	/** The last key at each depth. */
	private readonly keys: string[] = [];

	/** Bytes of the element before the string that is being read, in slices. */
	private stringStart = 0;

	private stringBytes = 0;

	private readonly decoder = new Base64Decoder();

	/** Whether the current string is long and base64; undefined as long as it is short. */
	private isDecoded: boolean | undefined;

	/** The long string of the element that is being read; a second one stays text. */
	private longString: Buffer | undefined;

	private isInString = false;

	private isEscaped = false;

	/** Beginning of the last string. */
	private lastString = '';

	/** @returns the elements completed, and how many bytes of the chunk belong to the document */
	push(chunk: Buffer): { pieces: Piece[]; length: number } {
		const pieces: Piece[] = [];
		let from = 0;
		let at = 0;
		/** Keeps what was passed since the last cut, without the last `drop` bytes. */
		const cut = (drop = 0) => {
			this.keep(chunk.subarray(from, at - drop));
			from = at;
		};
		while (at < chunk.length && !this.isClosed) {
			if (this.isInString) {
				at = this.passString(chunk, at);
				if (at === chunk.length) break;
				cut();
				this.endString();
				at += 1;
				continue;
			}
			const byte = chunk[at];
			at += 1;
			if (byte === QUOTE) {
				cut();
				this.isInString = true;
				this.lastString = '';
				this.stringStart = this.element.length;
				this.stringBytes = 0;
				this.isDecoded = undefined;
			} else if (byte === COLON) {
				this.keys[this.depth] = this.lastString;
			} else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
				this.depth += 1;
				this.keys[this.depth] = '';
				if (byte === OPEN_ARRAY && this.arrayDepth === 0) {
					cut();
					this.arrayDepth = this.depth;
				}
			} else if (byte === COMMA && this.depth === this.arrayDepth) {
				cut(1);
				pieces.push(...this.takeElement());
			} else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
				if (this.depth === this.arrayDepth) {
					cut(1);
					pieces.push(...this.takeElement());
					this.arrayDepth = 0;
					from = at - 1;
				}
				this.depth -= 1;
				if (this.depth === 0) {
					this.isClosed = true;
					cut();
					pieces.push(this.takeRest());
				}
			}
		}
		cut();
		return { pieces, length: at };
	}

	/** What there is of a document that ends too early. */
	end(): Piece[] {
		const bytes = Buffer.concat([...this.rest, ...this.element]);
		const text = bytes.toString('utf8', 0, MAX_LINE_BYTES);
		return [{ type: 'malformed', text, isCut: true }];
	}

	/** @returns where the string's closing quote is in the chunk, or the chunk's length */
	private passString(chunk: Buffer, start: number): number {
		let at = start;
		let quote = -1;
		let backslash = -1;
		while (at < chunk.length) {
			if (this.isEscaped) {
				this.isEscaped = false;
				at += 1;
				continue;
			}
			if (quote < at) quote = indexOrEnd(chunk, QUOTE, at);
			if (backslash < at) backslash = indexOrEnd(chunk, BACKSLASH, at);
			const stop = Math.min(quote, backslash);
			if (this.lastString.length < MAX_KEY_LENGTH) {
				this.lastString += chunk.toString('utf8', at, Math.min(stop, at + MAX_KEY_LENGTH));
			}
			if (stop === quote) return quote;
			this.isEscaped = true;
			at = stop + 1;
		}
		return chunk.length;
	}

	private endString(): void {
		this.isInString = false;
		if (!this.isDecoded) return;
		this.element.push(Buffer.from(JSON.stringify(LONG_STRING).slice(1, -1)));
		this.longString = this.decoder.end();
		this.isDecoded = undefined;
	}

	private keep(bytes: Buffer): void {
		this.elementBytes += bytes.length;
		if (this.elementBytes > MAX_PIECE_BYTES) throw new Error('a part of it has no end');
		if (this.arrayDepth === 0) this.rest.push(bytes);
		else if (this.isDecoded) this.decoder.push(bytes);
		else {
			this.element.push(bytes);
			if (this.isInString) this.decodeLongString(bytes.length);
		}
	}

	private decodeLongString(bytes: number): void {
		this.stringBytes += bytes;
		const isLong = this.stringBytes > LONG_STRING_BYTES;
		if (!isLong || this.isDecoded !== undefined || this.longString) return;
		const start = Buffer.concat(this.element.splice(this.stringStart));
		this.isDecoded = this.decoder.begin(start);
		if (!this.isDecoded) this.element.push(start);
	}

	private takeElement(): Piece[] {
		const { longString } = this;
		const text = Buffer.concat(this.element).toString('utf8');
		this.element = [];
		this.longString = undefined;
		this.elementBytes = 0;
		if (text.trim() === '') return [];
		const path = this.keys.slice(1, this.arrayDepth);
		return [
			toPiece(text, (value) => ({ type: 'element', path, value: withBytes(value, longString) })),
		];
	}

	private takeRest(): Piece {
		const text = Buffer.concat(this.rest).toString('utf8');
		return toPiece(text, (value) => ({ type: 'document', value }));
	}
}

/** Puts a decoded string back where it stood. */
function withBytes(value: unknown, bytes: Buffer | undefined): unknown {
	if (value === LONG_STRING) return bytes;
	if (!bytes || typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map((each) => withBytes(each, bytes));
	return Object.fromEntries(
		Object.entries(value).map(([name, inner]) => [name, withBytes(inner, bytes)]),
	);
}
