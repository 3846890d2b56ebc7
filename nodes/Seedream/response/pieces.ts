import { readImageHeader } from '../image/header';
import { Base64Decoder } from './base64';

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

const [QUOTE, BACKSLASH, COLON, COMMA, OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] =
	Buffer.from('"\\:,{}[]');
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

const BYTE_ORDER_MARK = Buffer.from('\ufeff');

/** Bytes of an element or event: an image as base64, with room to spare. */
const MAX_PIECE_BYTES = 192 * 1024 * 1024;

/** Bytes that are kept of a line that holds no JSON, and bytes that are waited for its end. */
const MAX_LINE_BYTES = 1024 * 1024;
const MAX_SKIPPED_BYTES = 16 * 1024 * 1024;

/** Characters of a text that is kept to be shown. */
const MAX_TEXT_LENGTH = 64 * 1024;

/** Bytes after which a string in an element is decoded as it arrives, if it is base64. */
const LONG_STRING_BYTES = 64 * 1024;

/** Stands in an element's text for a long string; no service sends this. */
const LONG_STRING = '\u0000long string';

/** Lines of an event, behind each of which it may be complete; each is looked at together with all before. */
const MAX_LINES_TO_TRY = 200;

/** What ends a stream of events, as services spell it. */
const DONE = /^"?\[?DONE\]?"?$/i;

/** Characters of a key that are looked at. */
const MAX_KEY_LENGTH = 64;

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

function toPiece(text: string, piece: (value: unknown) => Piece): Piece {
	try {
		return piece(parseJson(text));
	} catch {
		return { type: 'malformed', text };
	}
}

/** Cuts one JSON document into the elements of its outermost arrays and the rest. */
class JsonDocument {
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

function indexOrEnd(chunk: Buffer, byte: number, from: number): number {
	const index = chunk.indexOf(byte, from);
	return index < 0 ? chunk.length : index;
}

/** Reads lines: server-sent events, and whatever else is no JSON document. */
class Lines {
	private line: Buffer[] = [];

	private lineBytes = 0;

	/** Whether the current line has nothing but blanks so far. */
	private isBlank = true;

	private name = '';

	private data: string[] = [];

	private text = '';

	/** Whether the last byte was a carriage return, behind which a line feed ends no further line. */
	private isAfterReturn = false;

	/** Whether what comes next is not part of a line or event that has begun. */
	get isBetween(): boolean {
		return this.isBlank && this.data.length === 0;
	}

	/** @returns the pieces completed, and how many bytes of the chunk were read: a line at most */
	push(chunk: Buffer): { pieces: Piece[]; length: number } {
		const { isAfterReturn } = this;
		this.isAfterReturn = false;
		if (isAfterReturn && chunk[0] === LINE_FEED) return { pieces: [], length: 1 };
		const feed = indexOrEnd(chunk, LINE_FEED, 0);
		const end = indexOrEnd(chunk.subarray(0, feed), CARRIAGE_RETURN, 0);
		const bytes = chunk.subarray(0, end);
		this.keep(bytes);
		this.isBlank = this.isBlank && bytes.every((byte) => byte <= SPACE);
		if (end < chunk.length) {
			this.isAfterReturn = chunk[end] === CARRIAGE_RETURN;
			return { pieces: this.takeLine(), length: end + 1 };
		}
		return { pieces: [], length: chunk.length };
	}

	end(): Piece[] {
		const pieces = [...this.takeLine(), ...this.takeEvent()].map((piece) =>
			piece.type === 'malformed' ? { ...piece, isCut: true } : piece,
		);
		return this.text ? [...pieces, { type: 'text', text: this.text }] : pieces;
	}

	/** Keeps a part of a line; of a long one that is no data only the beginning. */
	private keep(bytes: Buffer): void {
		this.lineBytes += bytes.length;
		if (this.lineBytes > MAX_LINE_BYTES) {
			const parts = [...this.line.slice(0, 16), bytes].map((part) => part.subarray(0, 16));
			const start = Buffer.concat(parts);
			const isData = this.data.length > 0 || start.toString('utf8').startsWith('data:');
			if (this.lineBytes > (isData ? MAX_PIECE_BYTES : MAX_SKIPPED_BYTES)) {
				throw new Error('a part of it has no end');
			}
			if (!isData) return;
		}
		this.line.push(bytes);
	}

	private takeLine(): Piece[] {
		const line = Buffer.concat(this.line).toString('utf8').trimEnd();
		this.line = [];
		this.lineBytes = 0;
		this.isBlank = true;
		if (line === '') return this.takeEvent();
		if (line.startsWith(':') || /^(id|retry):/.test(line)) return [];
		if (line.startsWith('event:')) {
			const pieces = this.takeEvent();
			this.name = line.slice('event:'.length).trim();
			return pieces;
		}
		const isData = line.startsWith('data:');
		if (isData || this.data.length > 0) {
			this.data.push(isData ? line.slice('data:'.length).trimStart() : line);
			return this.takeCompleteEvent();
		}
		if (/^\s*[{[]/.test(line)) {
			return [toPiece(line, (value) => ({ type: 'event', value, name: '' }))];
		}
		this.keepText(line);
		return [];
	}

	/** Some gateways send no empty line after an event, or send it late. */
	private takeCompleteEvent(): Piece[] {
		const last = this.data[this.data.length - 1];
		if (this.data.length > MAX_LINES_TO_TRY || !/(^DONE|[}\]])$/i.test(last)) return [];
		const text = this.data.join('\n');
		if (DONE.test(text)) return this.takeEvent();
		try {
			const value: unknown = JSON.parse(text);
			return [{ type: 'event', value, name: this.reset() }];
		} catch {
			return [];
		}
	}

	private takeEvent(): Piece[] {
		const lines = this.data;
		const text = lines.join('\n');
		const name = this.reset();
		if (text === '') return [];
		if (DONE.test(text)) return [{ type: 'done' }];
		if (!/^\s*[{["]/.test(text)) {
			this.keepText(text);
			return [];
		}
		const toEvent = (data: string) => toPiece(data, (value) => ({ type: 'event', value, name }));
		const event = toEvent(text);
		if (event.type !== 'malformed') return [event];
		// A line that is broken must not take with it others that are events by themselves.
		const events = lines.map((line) => (/^[{[]/.test(line) ? toEvent(line) : event));
		const broken = lines.filter((_, i) => events[i].type === 'malformed');
		return [
			...events.filter(({ type }) => type === 'event'),
			{ type: 'malformed', text: broken.join('\n') },
		];
	}

	private keepText(text: string): void {
		if (this.text.length < MAX_TEXT_LENGTH) this.text += `${text}\n`;
	}

	/** Prepares for the next event. @returns the name of this one */
	private reset(): string {
		const { name } = this;
		this.name = '';
		this.data = [];
		return name;
	}
}

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
	return chunk[at] === OPEN_OBJECT || chunk[at] === OPEN_ARRAY ? at : -1;
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
