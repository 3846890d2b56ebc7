import { wait } from './wait';

/** The part of Node's Readable this package needs; a node may not import `stream` itself. */
export interface ByteStream extends AsyncIterable<Buffer> {
	destroy(error?: Error): void;
	on(event: 'error', listener: () => void): void;
}

export interface StreamLimits {
	/** Milliseconds within which something must be read, or bytes arrive at a real rate. */
	idle: number;
	/** Milliseconds spent waiting for bytes in all. */
	total: number;
	/** Bytes in all. */
	bytes: number;
}

/** Bytes per second below which a connection makes no progress; keep-alives of gateways stay below. */
const MIN_RATE = 4096;

/** Milliseconds to wait for the end of a response whose content is complete. */
const COMPLETE_GRACE_MS = 500;

/**
 * The bytes of a stream, ended when they stop coming, drip, or are too many. Only time spent waiting for
 * the stream counts, so that a slow disk of n8n's is not held against the service.
 */
export class LimitedStream implements AsyncIterable<Buffer> {
	/** Milliseconds waited and bytes received, since the last progress and in all. */
	private idle = 0;

	private total = 0;

	private recentBytes = 0;

	private bytes = 0;

	/** When the wait for the next chunk began; undefined while the last one is being used. */
	private waitingSince: number | undefined;

	private isComplete = false;

	/** Aborted when reading has ended. */
	private readonly ended = new AbortController();

	/**
	 * @param close ends the connection: what n8n returns as a body hides it, and destroying that body
	 * does not close it
	 */
	constructor(
		private readonly stream: ByteStream,
		private readonly limits: StreamLimits,
		private readonly close: () => void,
	) {
		// An error while nothing reads must not crash n8n.
		stream.on('error', () => {});
	}

	/** To be called when something was understood: an image, an error, the end. */
	progress(): void {
		this.count();
		this.idle = 0;
		this.recentBytes = 0;
	}

	/** To be called when the content is complete: ends the stream after a short grace period. */
	complete(): void {
		if (this.isComplete) return;
		this.isComplete = true;
		void wait(COMPLETE_GRACE_MS, this.ended.signal).then(() => this.stop());
	}

	/** @throws what the stream throws; an Error that says which limit was passed */
	async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
		void this.watch();
		let broken: Error | undefined;
		try {
			this.waitingSince = Date.now();
			for await (const chunk of this.stream) {
				this.count();
				this.waitingSince = undefined;
				this.bytes += chunk.length;
				this.recentBytes += chunk.length;
				if (this.recentBytes >= (MIN_RATE * this.limits.idle) / 1000) this.progress();
				if (this.bytes > this.limits.bytes) {
					throw new Error(`it is larger than ${Math.round(this.limits.bytes / 1024 / 1024)} MB`);
				}
				yield chunk;
				this.waitingSince = Date.now();
			}
		} catch (error) {
			broken = error as Error;
		} finally {
			this.ended.abort();
			this.stop();
		}
		if (broken && !this.isComplete) throw broken;
	}

	/** The bytes as a Node stream for n8n's helpers, in the chunks given. */
	toReadable(chunks: AsyncIterable<Buffer>): ByteStream {
		// `Readable.from`, which every stream class of Node's inherits.
		const { from } = this.stream.constructor as unknown as {
			from(source: AsyncIterable<Buffer>, options: object): ByteStream;
		};
		return from(chunks, { objectMode: false });
	}

	/** Adds the time since the last look to what has been waited. */
	private count(): void {
		if (this.waitingSince === undefined) return;
		const now = Date.now();
		this.idle += now - this.waitingSince;
		this.total += now - this.waitingSince;
		this.waitingSince = now;
	}

	private async watch(): Promise<void> {
		const { idle, total } = this.limits;
		const { signal } = this.ended;
		while (!signal.aborted) {
			await wait(Math.max(1, Math.min(idle - this.idle, total - this.total)), signal);
			this.count();
			if (signal.aborted) return;
			if (this.idle >= idle) this.stop(`nothing arrived for ${idle / 1000} s`);
			else if (this.total >= total) this.stop(`it was not complete after ${total / 1000} s`);
			else continue;
			return;
		}
	}

	private stop(reason = 'it was no longer needed'): void {
		this.stream.destroy(new Error(reason));
		this.close();
	}
}
