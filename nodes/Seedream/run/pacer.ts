/**
 * Learns what a gateway admits, and says when the next request may be sent.
 *
 * The algorithm is TCP's congestion control (RFC 5681) on two limits at once: requests in flight, as in
 * Netflix's concurrency-limits, and images in a span of time, as in the client-side rate of the AWS SDKs'
 * adaptive retry mode. Nothing is held back until the gateway refuses a request. Then one probe at a time
 * is sent, at once when a request in flight finishes, else after growing pauses; how the first admitted
 * probe came about tells which limit it was. From then on requests follow that limit. Tests of whether it
 * has widened have a budget that admitted requests pay for, as in gRPC's retry throttling.
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

/** `freed`: a probe because another request has finished; `test`: one beyond the learned limits. */
type Kind = 'normal' | 'probe' | 'freed' | 'test';

/** Pauses between probes: a share of the time since the refusal. */
const [MIN_PAUSE_MS, MAX_PAUSE_MS, PAUSE_SHARE] = [50, 15_000, 0.25];
/** A longer `Retry-After` is not believed. */
const MAX_RETRY_AFTER_MS = 60_000;
/** What is refused for so long, and ten times as long as the learned span, is an outage and no limit. */
const OUTAGE_MS = 20_000;
/** Starts that are remembered: two spans of a minute, and some. */
const HISTORY_MS = 150_000;
/** Requests that may be sent before any was admitted. */
const FIRST_BATCH = 20;
/** Each admitted request pays for so much of a test; a test of the span costs 1, one of the quota 2. */
const [TEST_SHARE, MAX_TESTS] = [0.08, 3];

const isRunning = (start: Start) => start.isRunning;
const isUndecided = (start: Start) => !start.isAdmitted;

export class Pacer {
	private starts: Start[] = [];
	/** Learned: requests in flight; images (`quota`) in a span whose length is from `low` to `high`. */
	private window = Infinity;
	private quota = Infinity;
	private low = 0;
	private high = 0;
	/** Requests that may be undecided at once; doubles when all are admitted. */
	private batch = FIRST_BATCH;
	/** Milliseconds after which a request counts as admitted if it was not refused. */
	private grace = 100;
	private tests = 2;
	/** Since the gateway refuses: when the refused request was sent, and how many were in flight then. */
	private refusing: { since: number; inFlight: number; mayBeFreed: boolean } | undefined;
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
		for (const start of this.starts) if (start.at + this.grace <= now) this.admitted(start);
		this.starts = this.starts.filter((each) => each.isRunning || each.at > now - HISTORY_MS);
		const kind = this.kindOf(images, now);
		if (!kind) return undefined;
		this.hasFinished = false;
		const first = this.starts.find(({ at }) => at > now - this.high);
		const start: Start = {
			at: now,
			images,
			isRunning: true,
			isAdmitted: false,
			kind,
			inFlight: this.count(isRunning) + 1,
			used: this.used(this.high, now) + images,
			reach: now - (first?.at ?? now),
		};
		this.starts.push(start);
		return start;
	}

	/** The next moment after `now` at which another request may be sent, if none ends before. */
	nextChange(now: number): number {
		const times = [this.probeAt, this.obeyUntil];
		for (const { at, isAdmitted } of this.starts) {
			if (!isAdmitted) times.push(at + this.grace);
			times.push(at + this.high + this.grace / 4, at + (this.low + this.high) / 2);
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
		this.grace = Math.max(MIN_PAUSE_MS, 0.95 * this.grace, 2 * (now - start.at));
		if (start.kind === 'test') {
			this.tests -= 1;
			if (start.reach >= (this.low + this.high) / 2) this.low = start.reach;
			return;
		}
		if (start.at <= this.lastRefused) {
			// Sent before the limit was known; it was not in flight.
			if (this.refusing) this.refusing.inFlight -= 1;
			return;
		}
		if (!this.refusing) {
			const inFlight = this.count((each) => each.isRunning && each.at <= start.at);
			this.refusing = { since: start.at, inFlight, mayBeFreed: true };
			this.hasFinished = false;
		} else if (start.kind === 'freed') this.refusing.mayBeFreed = false;
		this.lastRefused = start.at;
		this.batch = 1;
		this.obeyUntil = Math.max(this.obeyUntil, now + Math.min(retryAfter, MAX_RETRY_AFTER_MS));
		const pause = PAUSE_SHARE * (now - this.refusing.since);
		this.probeAt = now + Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, pause));
		this.tell('refused');
	}

	private count(isMeant: (start: Start) => boolean): number {
		return this.starts.filter(isMeant).length;
	}

	private used(span: number, now: number): number {
		const recent = this.starts.filter(({ at }) => at > now - span);
		return recent.reduce((sum, { images }) => sum + images, 0);
	}

	private kindOf(images: number, now: number): Kind | undefined {
		const undecided = this.count(isUndecided);
		if (undecided >= this.batch) return undefined;
		if (this.refusing) {
			if (undecided > 0) return undefined;
			if (this.refusing.mayBeFreed && this.hasFinished) return 'freed';
			return now >= Math.max(this.probeAt, this.obeyUntil) ? 'probe' : undefined;
		}
		const hasWindow = this.count(isRunning) < this.window;
		const fits = (span: number) => {
			const used = this.used(span, now);
			return used === 0 || used + images <= this.quota;
		};
		// Requests travel for different times, so that a span needs a margin.
		if (hasWindow && fits(this.high + this.grace / 4)) return 'normal';
		const isShorter = this.high > this.low * 1.04 && fits((this.low + this.high) / 2);
		const cost = hasWindow && isShorter ? 1 : 2;
		return undecided === 0 && this.tests >= cost ? 'test' : undefined;
	}

	private admitted(start: Start): void {
		if (start.isAdmitted) return;
		start.isAdmitted = true;
		this.tests = Math.min(MAX_TESTS, this.tests + TEST_SHARE);
		if (start.at <= this.lastRefused) return;
		if (this.refusing) this.learn(start, this.refusing);
		else if (start.kind === 'test') this.widen(start);
		this.batch += 1;
	}

	/** The first probe was admitted: which limit was it? */
	private learn(probe: Start, { since, inFlight }: { since: number; inFlight: number }): void {
		const refusedFor = probe.at - since;
		const burst = this.starts.filter(({ at }) => at >= this.openedAt && at < probe.at);
		const isOutage = refusedFor > Math.max(OUTAGE_MS, 10 * this.high) && this.high > 0;
		if (probe.kind === 'freed' && probe.inFlight >= inFlight) this.window = probe.inFlight;
		else if (refusedFor < this.high / 2) this.high += refusedFor;
		else if (burst.length > 0 && !isOutage) {
			this.quota = burst.reduce((sum, { images }) => sum + images, 0);
			this.high = probe.at - burst[0].at;
			this.low = Math.min(this.high, Math.max(0, this.lastRefused - burst[0].at));
			this.tests = Math.max(this.tests, 2);
		}
		// A place that became free says nothing about time.
		if (probe.kind !== 'freed') this.openedAt = probe.at;
		this.refusing = undefined;
		this.tell('admitted again');
	}

	/** A test was admitted: the limits are wider than learned. */
	private widen({ inFlight, used, reach }: Start): void {
		this.window = Math.max(this.window, inFlight);
		if (used > this.quota) {
			if (reach > this.low) this.high = reach;
			else this.quota = used;
		}
		this.tell('admitted more');
	}

	private tell(why: string): void {
		const { window, quota, high } = this;
		this.onChange(`${why}: ${window} in flight, ${quota} images in ${Math.round(high)} ms`);
	}
}
