import { indexOrEnd, MAX_LINE_BYTES, MAX_PIECE_BYTES, toPiece, type Piece } from './piece';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;

/** Bytes of a line that holds no JSON that are passed over before the response is given up. */
const MAX_SKIPPED_BYTES = 16 * 1024 * 1024;

/** Characters of a text that is kept to be shown. */
const MAX_TEXT_LENGTH = 64 * 1024;

/** Lines of an event, behind each of which it may be complete; each is looked at together with all before. */
const MAX_LINES_TO_TRY = 200;

/** What ends a stream of events, as services spell it. */
const DONE = /^"?\[?DONE\]?"?$/i;

/** Reads lines: server-sent events, and whatever else is no JSON document. */
export class Lines {
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
