import { sleep, type IExecuteSingleFunctions } from 'n8n-workflow';

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

/** Milliseconds between two looks at a stream. */
const LOOK = 250;

/** What a gateway sends while it waits itself, such as the `: PING` of new-api: comments and white space. */
const SIGN_OF_LIFE = /^(?:\s|:[^\n]*\n)*$/;

/** Bytes; more is no sign of life. */
const LONGEST_SIGN = 256;

function isProgress(chunk: Buffer): boolean {
	return chunk.length > LONGEST_SIGN || !SIGN_OF_LIFE.test(chunk.toString('latin1'));
}

/**
 * A request that can be ended: when the run is cancelled, or for a reason of one's own. What n8n hands
 * over as the body of an answer hides the connection behind it, and destroying that body alone neither
 * closes the connection nor wakes who waits for more.
 */
export class Connection {
	private readonly controller = new AbortController();

	/** Ends the request; to be given to whoever sends it. */
	readonly signal: AbortSignal;

	constructor(context: IExecuteSingleFunctions) {
		const cancelled = context.getExecutionCancelSignal();
		const { signal } = this.controller;
		this.signal = cancelled ? AbortSignal.any([cancelled, signal]) : signal;
	}

	/** Ends what is still under way. */
	close(): void {
		this.controller.abort();
	}

	/**
	 * Ends a body on which nothing arrives for a while, or too much does; who reads it gets the reason.
	 * @param idle milliseconds without a byte that says anything
	 * @param limit bytes in all
	 */
	watch(stream: ByteStream, idle: number, limit = Infinity): void {
		const end = (reason: string) => {
			stream.destroy(new Error(reason));
			this.close();
		};
		// An end that nobody waits for at that moment must not end n8n.
		stream.on('error', () => {});
		const push = stream.push.bind(stream);
		let bytes = 0;
		let since = Date.now();
		stream.push = (chunk, encoding) => {
			if (chunk && isProgress(chunk)) since = Date.now();
			bytes += chunk?.length ?? 0;
			if (bytes > limit) end(`it is larger than ${limit} bytes`);
			return push(chunk, encoding);
		};
		const look = async () => {
			while (!stream.readableEnded && !stream.destroyed) {
				await sleep(Math.min(LOOK, idle));
				// Bytes that wait to be read: it is not the service that is slow.
				if (stream.readableLength > 0) since = Date.now();
				if (Date.now() - since >= idle) end(`nothing arrived for ${idle / 1000} s`);
			}
		};
		void look();
	}
}
