/**
 * Learns what a gateway admits, and says when the next request may be sent.
 *
 * The algorithm is TCP's congestion control (RFC 5681) on two limits at once: requests in flight, as in
 * Netflix's concurrency-limits, and images in a span of time, as in the client-side rate of the AWS SDKs'
 * adaptive retry mode. Nothing is held back until the gateway refuses a request. Then one probe at a time
 * is sent: at once when a request in flight finishes, else after growing pauses. How the first admitted
 * probe came about tells which limit it was, and what was admitted before it tells its size. After that,
 * one more request may be undecided for each that is admitted (slow start). Tests of whether a limit is
 * wider than learned have a budget that admitted requests pay for, as in gRPC's retry throttling; when
 * several in a row are admitted, the limit is forgotten.
 */

/** A request that the gateway has admitted, or has not refused so far. Times in milliseconds. */
export interface Start {
	at: number;
	images: number;
	isRunning: boolean;
	/** Whether the gateway has surely admitted it. */
	isAdmitted: boolean;
	/** `freed`: a probe because another request has finished; `place`, `time`: a test of a limit. */
	kind: 'normal' | 'probe' | 'freed' | 'place' | 'time';
	/** With this request: requests in flight, images in the learned span, and time since the first of them. */
	inFlight: number;
	used: number;
	reach: number;
}

/** Pauses between probes: a share of the time since the refusal and of the burst before it. */
const [MIN_PAUSE_MS, MAX_PAUSE_MS, PAUSE_SHARE, MAX_BURST_MS] = [100, 8_000, 0.5, 1_000];
/** A longer `Retry-After` is not believed. */
const MAX_RETRY_AFTER_MS = 60_000;
/** What is refused for so long, and ten times as long as the learned span, is an outage and no limit. */
const OUTAGE_MS = 20_000;
/** Starts that are remembered: two spans of a minute, and some. */
const HISTORY_MS = 150_000;
/** Requests that may be sent before any was admitted. */
const FIRST_BATCH = 20;
/** Tests that each admitted request pays for, tests that each round of a limit pays for, most in stock. */
const [TESTS_A_REQUEST, TESTS_A_ROUND, MAX_TESTS] = [0.05, 0.5, 3];
/** A limit is forgotten when so many tests in a row were admitted. */
const TESTS_TO_FORGET = 4;

const sumOf = (starts: Start[]) => starts.reduce((sum, { images }) => sum + images, 0);

export class Pacer {
	private starts: Start[] = [];
	/** Learned: requests in flight; images (`quota`) in a span whose length is from `low` to `high`. */
	private window = Infinity;
	private quota = Infinity;
	private low = 0;
	private high = 0;
	/** Requests that may be undecided at once. */
	private batch = FIRST_BATCH;
	/** Milliseconds after which a request counts as admitted if it was not refused. */
	private grace = 100;
	/** Tests in stock, and how many were admitted in a row. */
	private tests = 2;
	private chain = 0;
	/** Since the gateway refuses: when the first refused request was sent, and what was admitted then. */
	private refusing?: { since: number; inFlight: number; used: number; mayBeFreed: boolean };
	/** When the last request was sent whose refusal taught something. */
	private lastRefused = -Infinity;
	private probeAt = 0;
	private obeyUntil = 0;
	private hasFinished = false;
	/** When the gateway last began to admit requests again. */
	private openedAt = -Infinity;

	/** @param onChange is told of what was learned, for a log */
	constructor(private readonly onChange: (text: string) => void = () => {}) {}

	/** Whether nothing is remembered any more, so that the pacer can be dropped. */
	isIdle(now: number): boolean {
		const isPast = (time: number) => time < now - HISTORY_MS;
		if (!isPast(this.lastRefused) || this.obeyUntil >= now) return false;
		return this.starts.every(({ at, isRunning }) => !isRunning && isPast(at));
	}

	/** Sends a request, if one may be sent now. @param images that it requests */
	start(images: number, now: number): Start | undefined {
		for (const each of this.starts) if (each.at + this.grace <= now) this.admitted(each);
		this.starts = this.starts.filter((each) => each.isRunning || each.at > now - HISTORY_MS);
		const kind = this.kindOf(images, now);
		if (!kind) return undefined;
		this.hasFinished = false;
		if (kind === 'normal') this.chain = 0;
		const recent = this.recent(this.high, now);
		const used = sumOf(recent) + images;
		const reach = now - (recent[0]?.at ?? now);
		const state = { isRunning: true, isAdmitted: false, inFlight: this.running.length + 1 };
		this.starts.push({ at: now, images, kind, used, reach, ...state });
		return this.starts.at(-1);
	}

	/** The next moment after `now` at which another request may be sent, if none ends before. */
	nextChange(now: number): number {
		const spans = [this.grace, this.high + this.grace / 4, (this.low + this.high) / 2];
		const times = this.starts.flatMap(({ at }) => spans.map((span) => at + span));
		return Math.min(...[this.probeAt, this.obeyUntil, ...times].filter((time) => time > now));
	}

	/** To be called when a request has ended and the gateway had admitted it. */
	finished(start: Start): void {
		start.isRunning = false;
		this.admitted(start);
		this.hasFinished = true;
	}

	/** To be called when nobody knows whether a request was admitted. */
	lost(start: Start): void {
		this.starts = this.starts.filter((each) => each !== start);
	}

	/** To be called when the gateway refused a request. @param retryAfter milliseconds it asks to wait */
	refused(start: Start, retryAfter: number, now: number): void {
		this.lost(start);
		const { at, kind, images, used, reach } = start;
		this.grace = Math.max(MIN_PAUSE_MS / 4, 0.95 * this.grace, 1.5 * (now - at));
		if (kind === 'place' || kind === 'time') {
			[this.tests, this.chain] = [this.tests - 1, 0];
			if (kind === 'time' && reach >= (this.low + this.high) / 2) this.low = reach;
			return;
		}
		if (at > this.lastRefused) {
			const inFlight = this.running.filter((each) => each.at <= at).length;
			// A full span explains it, and so does less in flight than has been admitted.
			const isFull = used - images >= 0.8 * this.quota;
			const mayBeFreed = !isFull && (this.window === Infinity || inFlight >= this.window - 1);
			if (!this.refusing) this.hasFinished = false;
			this.refusing ??= { since: at, inFlight, used: used - images, mayBeFreed };
			if (kind === 'freed') this.refusing.mayBeFreed = false;
			[this.lastRefused, this.batch] = [at, 1];
			const obeyUntil = now + Math.min(retryAfter, MAX_RETRY_AFTER_MS);
			// One that was sent all the same, since another had finished, makes the wait no longer.
			if (kind !== 'freed') this.obeyUntil = Math.max(this.obeyUntil, obeyUntil);
			const { since } = this.refusing;
			const first = this.starts.find((each) => each.at >= this.openedAt)?.at ?? since;
			const burst = this.high ? this.high / 4 : Math.max(0, since - first);
			const pause = PAUSE_SHARE * (now - since + Math.min(MAX_BURST_MS, burst));
			this.probeAt = now + Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, pause));
			this.tell('refused');
		} else if (this.refusing) {
			// Sent before the limit was known; it was not in flight.
			this.refusing.inFlight -= 1;
			this.refusing.used -= images;
		}
	}

	private get running(): Start[] {
		return this.starts.filter(({ isRunning }) => isRunning);
	}

	private recent(span: number, now: number): Start[] {
		return this.starts.filter(({ at }) => at + span > now);
	}

	private kindOf(images: number, now: number): Start['kind'] | undefined {
		const undecided = this.starts.filter(({ isAdmitted }) => !isAdmitted).length;
		if (undecided >= this.batch || (this.refusing && undecided > 0)) return undefined;
		if (this.refusing?.mayBeFreed && this.hasFinished) return 'freed';
		if (this.refusing) return now >= Math.max(this.probeAt, this.obeyUntil) ? 'probe' : undefined;
		const fits = (span: number) => {
			const used = sumOf(this.recent(span, now));
			return used === 0 || used + images <= this.quota;
		};
		const hasPlace = this.running.length < this.window;
		// Requests travel for different times, so that a span needs a margin.
		if (hasPlace && fits(this.high + this.grace / 4)) return 'normal';
		if (undecided > 0 || hasPlace === fits(this.high)) return undefined;
		const isShorter = this.high > this.low * 1.04 && fits((this.low + this.high) / 2);
		const mayTest = this.chain > 0 || this.tests >= (hasPlace && isShorter ? 1 : 2);
		return mayTest ? (hasPlace ? 'time' : 'place') : undefined;
	}

	private admitted(start: Start): void {
		if (start.isAdmitted) return;
		start.isAdmitted = true;
		const paid = TESTS_A_REQUEST + TESTS_A_ROUND / Math.min(this.quota, this.window);
		this.tests = Math.min(MAX_TESTS, this.tests + paid);
		if (start.at <= this.lastRefused) return;
		this.batch += 1;
		if (this.refusing) this.learn(start, this.refusing);
		else if (start.kind === 'place' || start.kind === 'time') this.widen(start);
	}

	/** The first probe was admitted: which limit was it? */
	private learn(probe: Start, { since, inFlight, used }: NonNullable<Pacer['refusing']>): void {
		const refusedFor = probe.at - since;
		const burst = this.starts.filter(({ at }) => at >= this.openedAt && at < probe.at);
		const isOutage = refusedFor > Math.max(OUTAGE_MS, 10 * this.high) && this.high > 0;
		if (probe.kind === 'freed' && probe.inFlight >= inFlight) this.window = probe.inFlight;
		else if (refusedFor < this.high / 2) {
			// The learned limit is a little too wide. Or there is a narrower one, which the batch copes with.
			if (used >= 0.8 * this.quota) {
				this.low = this.high;
				this.high += Math.max(refusedFor, this.high / 8);
			} else if (used >= 0.4 * this.quota) this.quota = used;
		} else if (burst.length > 0 && !isOutage) {
			this.quota = sumOf(burst);
			this.high = probe.at - burst[0].at;
			this.low = Math.min(this.high, Math.max(0, this.lastRefused - burst[0].at));
			this.tests = Math.max(this.tests, 1.5);
		}
		// A place that became free says nothing about time.
		if (probe.kind !== 'freed') this.openedAt = probe.at;
		this.refusing = undefined;
		this.tell('admitted again');
	}

	/** A test was admitted: the limit is wider than learned. */
	private widen({ kind, inFlight, used, reach }: Start): void {
		this.chain += 1;
		const isForgotten = this.chain >= TESTS_TO_FORGET;
		if (isForgotten) this.chain = 0;
		if (kind === 'place') {
			if (isForgotten) this.window = Infinity;
			// It must have been in flight together with the others.
			else if (this.running.length > this.window) this.window = inFlight;
		} else if (isForgotten) [this.quota, this.low, this.high] = [Infinity, 0, 0];
		else if (used > this.quota && reach > this.low) this.high = reach;
		else this.quota = Math.max(this.quota, used);
		this.tell('admitted more');
	}

	private tell(why: string): void {
		const { window, quota, high } = this;
		this.onChange(`${why}: ${window} in flight, ${quota} images in ${Math.round(high)} ms`);
	}
}
