/** Characters of base64 that a text must begin with to be taken for image data. */
const SAMPLE_LENGTH = 256;

/** What stands before the base64 of a data URI, also where gateways leave out a part of it. */
const DATA_URI_PREFIX = /^(?:[^,\s]{0,200}?;base64,?|data:[^,]{0,200}?,|data:)/i;

/** An escape that a JSON string may be cut in. */
const CUT_ESCAPE = /\\(?:u[\da-f]{0,3})?$/i;

/** Separates a `data:` prefix, if there is one, from the base64 after it. */
export function base64Of(text: string): string {
	const prefix = DATA_URI_PREFIX.exec(text.slice(0, SAMPLE_LENGTH));
	return prefix ? text.slice(prefix[0].length) : text;
}

/** Base64 without the escapes and blanks that JSON and MIME put into it. */
function pack(text: string): string {
	if (!text.includes('\\') && !text.includes(' ')) return text;
	return text
		.replace(/\\(?:u([\da-f]{4})|(.))/gi, (_all, code?: string, plain = '') =>
			code ? String.fromCharCode(parseInt(code, 16)) : /[bfnrt]/.test(plain) ? '' : plain,
		)
		.replace(/\s+/g, '');
}

/**
 * Decodes the base64 of long JSON strings as it arrives, all into one buffer, which grows to the largest
 * of them. Measured with 15 images of 12 MB, against decoding the parsed string: less than half the CPU
 * time, two thirds of the memory.
 */
export class Base64Decoder {
	private buffer = Buffer.allocUnsafe(1024 * 1024);

	private length = 0;

	private carry = '';

	/**
	 * Begins a string; what the last one gave is overwritten.
	 * @param start of the string, as JSON writes it
	 * @returns whether it is base64
	 */
	begin(start: Buffer): boolean {
		const text = start.toString('latin1');
		const base64 = base64Of(text);
		const sample = pack(base64.slice(0, SAMPLE_LENGTH).replace(CUT_ESCAPE, ''));
		if (!/^[A-Za-z0-9+/_-]+=*$/.test(sample)) return false;
		this.length = 0;
		this.carry = '';
		this.push(start.subarray(text.length - base64.length));
		return true;
	}

	push(bytes: Buffer): void {
		const text = this.carry + bytes.toString('latin1');
		const cut = CUT_ESCAPE.exec(text.slice(-6))?.[0] ?? '';
		const packed = pack(text.slice(0, text.length - cut.length));
		const end = packed.length - (packed.length % 4);
		this.decode(packed.slice(0, end));
		this.carry = packed.slice(end) + cut;
	}

	/** @returns the bytes, which hold until the next string begins */
	end(): Buffer {
		this.decode(this.carry);
		return this.buffer.subarray(0, this.length);
	}

	private decode(text: string): void {
		const needed = this.length + Math.ceil((text.length * 3) / 4);
		if (needed > this.buffer.length) {
			const larger = Buffer.allocUnsafe(Math.max(needed, this.buffer.length * 2));
			this.buffer.copy(larger, 0, 0, this.length);
			this.buffer = larger;
		}
		this.length += this.buffer.write(text, this.length, 'base64');
	}
}
