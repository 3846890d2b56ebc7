import { release } from './stream';

/** A part of a JSON answer, as soon as it is complete. */
export type JsonPart =
	/**
	 * An entry of the top-level array `data`; its `b64_json` is emptied and decoded into `bytes`, which
	 * hold until the next part is asked for.
	 */
	| { type: 'entry'; value: unknown; bytes?: Buffer }
	/** The text of the answer around the entries, once at the end. */
	| { type: 'rest'; text: string };

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY, COLON, COMMA] = Buffer.from('{}[]:,');

/** Nesting depth of the top-level array `data`, and of its entries. */
const DATA = 2;
const ENTRY = 3;

/** A key longer than this is none this reader looks for. */
const LONGEST_KEY = 32;

/** Bytes around the entries: what an answer says there is short, and more than this is not read. */
const LONGEST_REST = 1024 * 1024;

/** Bytes of an entry, or of its image; the largest image the models make has half of it. */
const LONGEST_ENTRY = 192 * 1024 * 1024;

function assertEnds(length: number): void {
	if (length > LONGEST_ENTRY) throw new Error('an image has no end');
}

/**
 * Decodes JSON strings of base64 piece by piece, with or without escapes and data URI prefix. All images
 * of an answer go through one buffer, which grows to the largest of them.
 */
class Base64Decoder {
	private buffer = Buffer.allocUnsafe(1024 * 1024);

	private length = 0;

	private carry = '';

	private escape = '';

	private isAtStart = true;

	/** Makes ready for the next string. */
	begin(): void {
		this.length = 0;
		this.carry = '';
		this.escape = '';
		this.isAtStart = true;
	}

	push(piece: Buffer): void {
		let text = this.escape + piece.toString('latin1');
		this.escape = /\\(?:u[\da-f]{0,3})?$/i.exec(text)?.[0] ?? '';
		text = text.slice(0, text.length - this.escape.length);
		if (text.includes('\\')) {
			text = text.replace(/\\(?:u([\da-f]{4})|(.))/gi, (_all, code?: string, plain?: string) =>
				code
					? String.fromCharCode(parseInt(code, 16))
					: /[nrt]/.test(plain ?? '')
						? ''
						: (plain ?? ''),
			);
		}
		text = this.carry + text;
		const prefix = this.isAtStart ? /^data:[^,]*(,?)/.exec(text) : null;
		if (this.isAtStart && (text.length < 5 || prefix?.[1] === '')) {
			this.carry = text;
			return;
		}
		this.isAtStart = false;
		const start = prefix?.[0].length ?? 0;
		const end = text.length - ((text.length - start) % 4);
		this.decode(text.slice(start, end));
		this.carry = text.slice(end);
	}

	/** The bytes, which hold until the next string begins, or undefined for an empty string. */
	end(): Buffer | undefined {
		this.decode(this.carry);
		return this.length > 0 ? this.buffer.subarray(0, this.length) : undefined;
	}

	/** Gives the buffer back. */
	free(): void {
		release(this.buffer);
	}

	private decode(text: string): void {
		const needed = this.length + Math.ceil((text.length * 3) / 4);
		assertEnds(needed);
		if (needed > this.buffer.length) {
			const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
			this.buffer.copy(larger, 0, 0, this.length);
			release(this.buffer);
			this.buffer = larger;
		}
		this.length += this.buffer.write(text, this.length, 'base64');
	}
}

/**
 * Reads a JSON answer without ever holding more than one entry of `data`. Anything else, a web page
 * for example, comes out as `rest`.
 * @throws what the stream throws; SyntaxError for an entry that is not JSON
 */
export async function* readJson(chunks: AsyncIterable<Buffer>): AsyncGenerator<JsonPart> {
	const rest: Buffer[] = [];
	let restLength = 0;
	let entry: Buffer[] = [];
	let entryLength = 0;
	const decoder = new Base64Decoder();
	let isImage = false;
	let bytes: Buffer | undefined;
	let depth = 0;
	let isInData = false;
	let isInString = false;
	let isEscaped = false;
	let key = '';
	let text = '';

	/** Keeps a slice where it belongs; what stands between entries separates nothing any more. */
	const keep = (slice: Buffer) => {
		if (slice.length === 0) return;
		if (isInString && isImage) decoder.push(slice);
		else if (isInData && depth >= ENTRY) {
			entry.push(Buffer.from(slice));
			entryLength += slice.length;
			assertEnds(entryLength);
		} else if (!isInData) {
			rest.push(Buffer.from(slice));
			restLength += slice.length;
		}
	};

	for await (const chunk of chunks) {
		let from = 0;
		let at = 0;
		while (at < chunk.length) {
			if (isInString) {
				if (isEscaped) {
					isEscaped = false;
					at += 1;
					continue;
				}
				const quote = chunk.indexOf(QUOTE, at);
				const end = quote < 0 ? chunk.length : quote;
				const backslash = chunk.subarray(at, end).indexOf(BACKSLASH);
				const stop = backslash < 0 ? end : at + backslash;
				if (text.length <= LONGEST_KEY)
					text += chunk.toString('latin1', at, Math.min(stop, at + 40));
				at = stop;
				if (backslash >= 0) {
					isEscaped = true;
					at += 1;
				} else if (quote >= 0) {
					keep(chunk.subarray(from, at));
					from = at;
					isInString = false;
					if (isImage) bytes = decoder.end();
					isImage = false;
					at += 1;
				}
				continue;
			}
			const byte = chunk[at];
			at += 1;
			if (byte === QUOTE) {
				keep(chunk.subarray(from, at));
				from = at;
				isInString = true;
				text = '';
				if (isInData && depth === ENTRY && key === 'b64_json') {
					isImage = true;
					decoder.begin();
				}
			} else if (byte === COLON) key = text;
			else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
				depth += 1;
				if (depth === DATA && byte === OPEN_ARRAY && key === 'data') {
					keep(chunk.subarray(from, at));
					from = at;
					isInData = true;
				} else if (isInData && depth === ENTRY) from = at - 1;
				key = '';
			} else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
				if (isInData && depth === ENTRY) {
					keep(chunk.subarray(from, at));
					from = at;
					const value: unknown = JSON.parse(Buffer.concat(entry).toString('utf8'));
					yield { type: 'entry', value, bytes };
					entry = [];
					entryLength = 0;
					bytes = undefined;
				} else if (isInData && depth === DATA) {
					from = at - 1;
					isInData = false;
				}
				depth -= 1;
			} else if (byte === COMMA) key = '';
		}
		keep(chunk.subarray(from));
		release(chunk);
		if (restLength > LONGEST_REST) break;
	}
	decoder.free();
	yield { type: 'rest', text: Buffer.concat(rest).toString('utf8') };
}
