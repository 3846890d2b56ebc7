/**
 * Learns what a gateway admits, and says when the next request may be sent.
 *
 * The algorithm is TCP's congestion control (RFC 5681) on two limits at once: requests in flight, as in
 * Netflix's concurrency-limits, and images in a span of time, as in the client-side rate of the AWS SDKs'
 * adaptive retry mode. Nothing is held back until the gateway refuses a request. Then one probe at a time
 * is sent: at once when a request in flight finishes, else after growing pauses. How the first admitted
 * probe came about tells which limit it was, and the requests admitted before it tell its size. Then as
 * many requests may be undecided as were admitted since (slow start). Tests of whether a limit is wider
 * than learned have a budget that admitted requests pay for, as in gRPC's retry throttling.
 */

/** A request that the gateway has admitted, or has not refused so far. Times in milliseconds. */
export interface Start {
	at: number;
	images: number;
	isRunning: boolean;
	/** Whether the gateway has surely admitted it. */
	isAdmitted: boolean;
	kind: Kind;
	/** With this request: requests in flight, images in the learned span, and time since the first of them. */
	inFlight: number;
	used: number;
	reach: number;
}

/** `freed`: a probe because another request has finished; the last three test a limit. */
type Kind = 'normal' | 'probe' | 'freed' | 'window' | 'span' | 'quota';

/** Pauses between probes: a share of the time since what was refused, or since the burst before it. */
const [MIN_PAUSE_MS, MAX_PAUSE_MS, PAUSE_SHARE, MAX_BURST_MS] = [100, 8_000, 0.5, 1_000];
/** A longer `Retry-After` is not believed. */
const MAX_RETRY_AFTER_MS = 60_000;
/** What is refused for so long, and ten times as long as the learned span, is an outage and no limit. */
const OUTAGE_MS = 20_000;
/** Starts that are remembered: two spans of a minute, and some. */
const HISTORY_MS = 150_000;
/** Requests that may be sent before any was admitted. */
const FIRST_BATCH = 20;
/** Tests that an admitted request pays for, besides a quarter for each round of a limit; most in stock. */
const [TEST_SHARE, MAX_TESTS] = [0.05, 3];
/** A limit is forgotten when so many tests in a row were admitted. */
const TESTS_TO_FORGET = 4;

const isRunning = (start: Start) => start.isRunning;
const isUndecided = (start: Start) => !start.isAdmitted;
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
		const since = now - HISTORY_MS;
		const isPast = this.lastRefused < since && this.obeyUntil < now;
		return isPast && this.starts.every(({ at, isRunning }) => !isRunning && at < since);
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
		const [inFlight, used] = [this.count(isRunning) + 1, sumOf(recent) + images];
		const reach = now - (recent[0]?.at ?? now);
		const state = { isRunning: true, isAdmitted: false };
		this.starts.push({ at: now, images, ...state, kind, inFlight, used, reach });
		return this.starts.at(-1);
	}

	/** The next moment after `now` at which another request may be sent, if none ends before. */
	nextChange(now: number): number {
		const times = [this.probeAt, this.obeyUntil];
		const spans = [this.high + this.grace / 4, (this.low + this.high) / 2];
		for (const { at, isAdmitted } of this.starts) {
			if (!isAdmitted) times.push(at + this.grace);
			times.push(...spans.map((span) => at + span));
		}
		return Math.min(...times.filter((time) => time > now));
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
		if (kind === 'window' || kind === 'span' || kind === 'quota') {
			[this.tests, this.chain] = [this.tests - 1, 0];
			if (kind !== 'window' && reach >= (this.low + this.high) / 2) this.low = reach;
			return;
		}
		if (at <= this.lastRefused) {
			// Sent before the limit was known; it was not in flight.
			if (!this.refusing) return;
			this.refusing.inFlight -= 1;
			this.refusing.used -= images;
			return;
		}
		if (!this.refusing) {
			const inFlight = this.count((each) => each.isRunning && each.at <= at);
			const mayBeFreed = this.window === Infinity || inFlight >= this.window - 1;
			this.refusing = { since: at, inFlight, used: used - images, mayBeFreed };
			this.hasFinished = false;
		} else if (kind === 'freed') this.refusing.mayBeFreed = false;
		[this.lastRefused, this.batch] = [at, 1];
		this.obeyUntil = Math.max(this.obeyUntil, now + Math.min(retryAfter, MAX_RETRY_AFTER_MS));
		const { since } = this.refusing;
		const first = this.starts.find((each) => each.at >= this.openedAt)?.at ?? since;
		const burst = Math.max(0, this.high ? this.high / 4 : since - first);
		const pause = PAUSE_SHARE * (now - since + Math.min(MAX_BURST_MS, burst));
		this.probeAt = now + Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, pause));
		this.tell('refused');
	}

	private count(isMeant: (start: Start) => boolean): number {
		return this.starts.filter(isMeant).length;
	}

	private recent(span: number, now: number): Start[] {
		return this.starts.filter(({ at }) => at + span > now);
	}

	private kindOf(images: number, now: number): Kind | undefined {
		const undecided = this.count(isUndecided);
		if (undecided >= this.batch) return undefined;
		if (this.refusing) {
			if (undecided > 0) return undefined;
			if (this.refusing.mayBeFreed && this.hasFinished) return 'freed';
			return now >= Math.max(this.probeAt, this.obeyUntil) ? 'probe' : undefined;
		}
		const hasPlace = this.count(isRunning) < this.window;
		const fits = (span: number) => {
			const used = sumOf(this.recent(span, now));
			return used === 0 || used + images <= this.quota;
		};
		// Requests travel for different times, so that a span needs a margin.
		const hasTime = fits(this.high + this.grace / 4);
		if (hasPlace && hasTime) return 'normal';
		if (undecided > 0 || (!hasPlace && !hasTime)) return undefined;
		const isVague = this.high > this.low * 1.04;
		if (hasPlace && this.tests >= 1 && isVague && fits((this.low + this.high) / 2)) return 'span';
		if (this.tests < 2 && this.chain === 0) return undefined;
		return hasPlace ? 'quota' : 'window';
	}

	private admitted(start: Start): void {
		if (start.isAdmitted) return;
		start.isAdmitted = true;
		const share = TEST_SHARE + 0.25 / Math.min(this.quota, this.window);
		this.tests = Math.min(MAX_TESTS, this.tests + share);
		if (start.at <= this.lastRefused) return;
		this.batch += 1;
		if (this.refusing) this.learn(start, this.refusing);
		else this.widen(start);
	}

	/** The first probe was admitted: which limit was it? */
	private learn(probe: Start, { since, inFlight, used }: NonNullable<Pacer['refusing']>): void {
		const refusedFor = probe.at - since;
		const burst = this.starts.filter(({ at }) => at >= this.openedAt && at < probe.at);
		const isOutage = refusedFor > Math.max(OUTAGE_MS, 10 * this.high) && this.high > 0;
		if (probe.kind === 'freed' && probe.inFlight >= inFlight) this.window = probe.inFlight;
		else if (refusedFor < this.high / 2) {
			// The learned limit is a little too wide; or it is another one, which the batch copes with.
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

	/** Where a test was admitted, the limits are wider than learned. */
	private widen({ kind, inFlight, used, reach }: Start): void {
		if (kind === 'normal' || kind === 'probe' || kind === 'freed') return;
		this.chain += 1;
		if (this.chain >= TESTS_TO_FORGET) {
			if (kind === 'window') this.window = Infinity;
			else [this.quota, this.low, this.high] = [Infinity, 0, 0];
			this.chain = 0;
		} else if (kind === 'window') {
			// It must have been in flight together with the others.
			if (this.count(isRunning) > this.window) this.window = inFlight;
		} else if (used > this.quota && reach > this.low) this.high = reach;
		else if (used > this.quota) this.quota = used;
		this.tell('admitted more');
	}

	private tell(why: string): void {
		const { window, quota, high } = this;
		this.onChange(`${why}: ${window} in flight, ${quota} images in ${Math.round(high)} ms`);
	}
}
