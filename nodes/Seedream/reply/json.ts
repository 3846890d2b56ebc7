/** A part of a JSON answer, as soon as it is complete. */
export type JsonPart =
	/** An entry of the top-level array `data`; its `b64_json` is emptied and decoded into `bytes`. */
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

/** Decodes a JSON string of base64 piece by piece, with or without escapes and data URI prefix. */
class Base64Decoder {
	private readonly decoded: Buffer[] = [];

	private carry = '';

	private escape = '';

	private isAtStart = true;

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
		if (this.isAtStart && text.length < 5) {
			this.carry = text;
			return;
		}
		if (this.isAtStart && text.startsWith('data:')) {
			const comma = text.indexOf(',');
			if (comma < 0) {
				this.carry = text;
				return;
			}
			text = text.slice(comma + 1);
		}
		this.isAtStart = false;
		const usable = text.length - (text.length % 4);
		this.decoded.push(Buffer.from(text.slice(0, usable), 'base64'));
		this.carry = text.slice(usable);
	}

	/** The bytes, or undefined for an empty string. */
	end(): Buffer | undefined {
		if (this.carry) this.decoded.push(Buffer.from(this.carry, 'base64'));
		const bytes = Buffer.concat(this.decoded);
		return bytes.length > 0 ? bytes : undefined;
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
	let image: Base64Decoder | undefined;
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
		if (isInString && image) image.push(slice);
		else if (isInData && depth >= ENTRY) entry.push(Buffer.from(slice));
		else if (!isInData) {
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
					if (image) bytes = image.end();
					image = undefined;
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
				if (isInData && depth === ENTRY && key === 'b64_json') image = new Base64Decoder();
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
					bytes = undefined;
				} else if (isInData && depth === DATA) {
					from = at - 1;
					isInData = false;
				}
				depth -= 1;
			} else if (byte === COMMA) key = '';
		}
		keep(chunk.subarray(from));
		if (restLength > LONGEST_REST) break;
	}
	yield { type: 'rest', text: Buffer.concat(rest).toString('utf8') };
}
