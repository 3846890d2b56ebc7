import { Pacer, type Start } from './pacer';

/** Time, so that tests can play it. */
export interface Clock {
	/** Milliseconds. */
	now(): number;
	/** Resolves after some milliseconds, or as soon as the signal aborts. */
	wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/**
 * How an attempt ended. `failed` was admitted by the gateway all the same, such as status 400; `refused`
 * was not, so that it can be sent again.
 */
export type Outcome<T> =
	| { done: T }
	| { failed: unknown }
	/**
	 * Milliseconds that the gateway asks to wait, and after which the request fails if nothing of this
	 * execution or any other was admitted.
	 */
	| { refused: unknown; retryAfter?: number; patience: number };

export interface RequestOptions {
	/** Images that the request asks for. */
	images: number;
	/** Place among the requests of its execution: a refused one is sent before those after it. */
	order: number;
	/** When one aborts before the request was admitted, it is not sent. */
	signals: AbortSignal[];
}

interface Request extends RequestOptions {
	attempt: () => Promise<Outcome<unknown>>;
	resolve: (value: unknown) => void;
	reject: (error: unknown) => void;
	/** With what it was refused last. */
	error?: unknown;
}

/** The requests of one execution that wait, in their order. */
interface Line {
	readonly waiting: Request[];
	running: number;
	/** When its first request came. */
	readonly since: number;
}

/** All requests of a process to one gateway with one key, sent at the pace that the gateway admits. */
export class Queue {
	private readonly pacer: Pacer;

	/** In the order in which they may send next: executions take turns. */
	private lines: Line[] = [];

	private readonly lineOf = new WeakMap<object, Line>();

	/** Since when nothing was admitted, what was said last, and how long to wait in all. */
	private busy: { since: number; error: unknown; patience: number } | undefined;

	private alarm = new AbortController();

	/** @param onChange is told of what was learned, for a log */
	constructor(
		private readonly clock: Clock,
		onChange?: (text: string) => void,
	) {
		this.pacer = new Pacer(onChange);
	}

	/** Whether the queue can be dropped: nothing waits, and nothing is remembered. */
	get isIdle(): boolean {
		return this.lines.length === 0 && this.pacer.isIdle(this.clock.now());
	}

	/**
	 * Sends a request as soon as the gateway admits it, again and again where it does not.
	 * @param execution whose request it is
	 * @returns undefined where a signal aborts before the request was admitted
	 * @throws what the attempt failed with, or was refused with in the end
	 */
	async send<T>(
		execution: object,
		attempt: () => Promise<Outcome<T>>,
		options: RequestOptions,
	): Promise<T | undefined> {
		const line = this.lineFor(execution);
		let drop = () => {};
		const result = new Promise<unknown>((resolve, reject) => {
			const request: Request = { ...options, attempt, resolve, reject };
			drop = () => {
				if (!line.waiting.includes(request)) return;
				line.waiting.splice(line.waiting.indexOf(request), 1);
				resolve(undefined);
				this.pump();
			};
			add(line, request);
		});
		// One of its own: Node.js warns of more than ten listeners on the execution's.
		const signal = AbortSignal.any(options.signals);
		signal.addEventListener('abort', drop);
		if (signal.aborted) drop();
		this.pump();
		return (await result.finally(() => signal.removeEventListener('abort', drop))) as T | undefined;
	}

	private lineFor(execution: object): Line {
		const known = this.lineOf.get(execution);
		const line = known ?? { waiting: [], running: 0, since: this.clock.now() };
		this.lineOf.set(execution, line);
		if (!this.lines.includes(line)) this.lines.push(line);
		return line;
	}

	/** Sends what may be sent, and sets the alarm for what may be sent next. */
	private pump(): void {
		const now = this.clock.now();
		for (let line = this.next(); line; line = this.next()) {
			const start = this.pacer.start(line.waiting[0].images, now);
			if (!start) break;
			this.lines.push(...this.lines.splice(this.lines.indexOf(line), 1));
			void this.run(line, line.waiting.shift() as Request, start);
		}
		this.giveUp(now);
		this.lines = this.lines.filter(({ waiting, running }) => waiting.length + running > 0);
		this.alarm.abort();
		const waiting = this.lines.filter((line) => line.waiting.length > 0);
		if (waiting.length === 0) return;
		const times = [this.pacer.nextChange(now), ...waiting.map((line) => this.deadline(line))];
		const next = Math.min(...times.filter((time) => time > now));
		if (next === Infinity) return;
		this.alarm = new AbortController();
		const { signal } = this.alarm;
		void this.clock.wait(next - now, signal).then(() => {
			if (!signal.aborted) this.pump();
		});
	}

	private next(): Line | undefined {
		return this.lines.find(({ waiting }) => waiting.length > 0);
	}

	private async run(line: Line, request: Request, start: Start): Promise<void> {
		line.running += 1;
		const outcome = await request.attempt().catch((error: unknown) => ({ thrown: error }));
		line.running -= 1;
		if ('refused' in outcome) {
			const { refused: error, retryAfter = 0, patience } = outcome;
			const now = this.clock.now();
			this.pacer.refused(start, retryAfter, now);
			this.busy = { since: this.busy?.since ?? now, error, patience };
			request.error = error;
			if (request.signals.some(({ aborted }) => aborted)) request.resolve(undefined);
			else {
				add(line, request);
				// It had no turn.
				this.lines = [line, ...this.lines.filter((each) => each !== line)];
			}
		} else if ('thrown' in outcome) {
			this.pacer.lost(start);
			request.reject(outcome.thrown);
		} else {
			this.pacer.finished(start);
			this.busy = undefined;
			if ('done' in outcome) request.resolve(outcome.done);
			else request.reject(outcome.failed);
		}
		this.pump();
	}

	/** When the requests of an execution have waited long enough for a gateway that admits nothing. */
	private deadline({ since }: Line): number {
		return this.busy ? Math.max(since, this.busy.since) + this.busy.patience : Infinity;
	}

	/** Ends what waits for a gateway that admits nothing: all requests of an execution together. */
	private giveUp(now: number): void {
		if (this.lines.some(({ running }) => running > 0)) return;
		for (const line of this.lines.filter((each) => now >= this.deadline(each))) {
			for (const { reject, error } of line.waiting.splice(0)) reject(error ?? this.busy?.error);
		}
	}
}

function add({ waiting }: Line, request: Request): void {
	const index = waiting.findIndex(({ order }) => order > request.order);
	waiting.splice(index < 0 ? waiting.length : index, 0, request);
}
