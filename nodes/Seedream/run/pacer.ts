/**
 * Learns what a gateway admits, and says when the next request may be sent. Times are in milliseconds.
 * The algorithm is TCP's congestion control (RFC 5681) on two limits at once: requests in flight, as in
 * Netflix's concurrency-limits, and images in a span of time, as in the AWS SDKs' adaptive retry mode.
 * Nothing is held back until the gateway refuses a request. Then one probe at a time is sent: at once when
 * a request in flight finishes, else after growing pauses. How the first admitted probe came about tells
 * which limit it was, and what was admitted before it tells its size. After that, each admitted request
 * lets one more be undecided (slow start). Tests of whether a limit is wider have a budget that admitted
 * requests pay for (gRPC's retry throttling); several admitted in a row, and the limit is forgotten.
 */

/** A request that the gateway has admitted, or has not refused so far. */
export interface Start {
	at: number;
	images: number;
	/** `freed`: a probe because another request has finished; `place`, `time`: a test of a limit. */
	kind: 'normal' | 'probe' | 'freed' | 'place' | 'time';
	isRunning: boolean;
	/** Whether the gateway has surely admitted it. */
	isAdmitted: boolean;
	/** With this request: requests in flight, images in the learned span, and time since the first of them. */
	inFlight: number;
	used: number;
	reach: number;
}

/** Pauses between probes: a share of the time since the refusal and of the burst before it. */
const [MIN_PAUSE_MS, MAX_PAUSE_MS, PAUSE_SHARE, MAX_BURST_MS] = [100, 8_000, 0.5, 1_000];
const MAX_RETRY_AFTER_MS = 60_000;
/** A refusal of so long is an outage and no limit: of any span, and of ten times the learned one. */
const [MAX_SPAN_MS, OUTAGE_MS, HISTORY_MS] = [75_000, 20_000, 150_000];
/** Tests that a request and a round of a limit pay for, most in stock, in a row to forget a limit. */
const [TESTS_A_REQUEST, TESTS_A_ROUND, MAX_TESTS, TESTS_TO_FORGET] = [0.05, 0.5, 3, 4];

const running = (starts: Start[]) => starts.filter(({ isRunning }) => isRunning);
const recent = (all: Start[], span: number, now: number) => all.filter((s) => s.at + span > now);
const sumOf = (starts: Start[]) => starts.reduce((sum, { images }) => sum + images, 0);

export class Pacer {
	private starts: Start[] = [];
	/** Learned: requests in flight; images (`quota`) in a span whose length is from `low` to `high`. */
	private window = Infinity;
	private quota = Infinity;
	private low = 0;
	private high = 0;
	/** Requests that may be undecided at once; an undecided one counts as admitted after `grace`. */
	private batch = 20;
	private grace = 100;
	/** Tests in stock, and how many were admitted in a row. */
	private tests = 2;
	private chain = 0;
	/** Since the gateway refuses: the first refused request, and whether one that finishes may help. */
	private refusing?: Start;
	private mayBeFreed = false;
	private hasFinished = false;
	/** When the last request was sent whose refusal taught something, and when the next may be. */
	private lastRefused = -Infinity;
	private probeAt = 0;
	/** When the gateway last began to admit requests again; a place that became free does not count. */
	private openedAt = -Infinity;

	/** @param onChange is told of what was learned, for a log */
	constructor(private readonly onChange: (text: string) => void = () => {}) {}

	/** Whether nothing is remembered any more, so that the pacer can be dropped. */
	isIdle(now: number): boolean {
		const last = Math.max(this.lastRefused, ...this.starts.map(({ at }) => at));
		return running(this.starts).length === 0 && Math.max(last + HISTORY_MS, this.probeAt) < now;
	}

	/** Sends a request, if one may be sent now. @param images that it requests */
	start(images: number, now: number): Start | undefined {
		for (const each of this.starts) if (each.at + this.grace <= now) this.admitted(each);
		this.starts = this.starts.filter((each) => each.isRunning || each.at > now - HISTORY_MS);
		const kind = this.kindOf(images, now);
		if (!kind) return undefined;
		this.hasFinished = false;
		if (kind === 'normal') this.chain = 0;
		const before = recent(this.starts, this.high, now);
		const [used, reach] = [sumOf(before) + images, now - (before[0]?.at ?? now)];
		const state = { isRunning: true, isAdmitted: false, inFlight: running(this.starts).length + 1 };
		this.starts.push({ at: now, images, kind, used, reach, ...state });
		return this.starts.at(-1);
	}

	/** The next moment after `now` at which another request may be sent, if none ends before. */
	nextChange(now: number): number {
		const spans = [this.grace, this.high + this.grace / 4, this.high, (this.low + this.high) / 2];
		const times = this.starts.flatMap(({ at }) => spans.map((span) => at + span));
		return Math.min(...[this.probeAt, ...times].filter((time) => time > now));
	}

	/** To be called when a request has ended and the gateway had admitted it. */
	finished(start: Start): void {
		[start.isRunning, this.hasFinished] = [false, true];
		this.admitted(start);
	}

	/** To be called when nobody knows whether a request was admitted. */
	lost(start: Start): void {
		this.starts = this.starts.filter((each) => each !== start);
	}

	/** To be called when the gateway refused a request. @param retryAfter that it asks to wait */
	refused(start: Start, retryAfter: number, now: number): void {
		this.lost(start);
		const { at, kind, images, inFlight, used, reach } = start;
		this.grace = Math.max(MIN_PAUSE_MS / 4, 0.95 * this.grace, 1.5 * (now - at));
		if (kind === 'place' || kind === 'time') {
			[this.tests, this.chain] = [this.tests - 1, 0];
			if (kind === 'time' && reach >= (this.low + this.high) / 2) this.low = reach;
		} else if (at > this.lastRefused) {
			// A full span explains it, and so does less in flight than has been admitted.
			const isFull = used - images >= 0.8 * this.quota;
			const isFew = this.window < Infinity && inFlight < this.window;
			if (!this.refusing) [this.mayBeFreed, this.hasFinished] = [!isFull && !isFew, false];
			this.refusing ??= start;
			[this.lastRefused, this.batch] = [at, 1];
			const first = this.starts.find((each) => each.at >= this.openedAt)?.at ?? at;
			const burst = this.high ? this.high / 4 : Math.max(0, this.refusing.at - first);
			const pause = PAUSE_SHARE * (now - this.refusing.at + Math.min(MAX_BURST_MS, burst));
			// One that was sent before the wait was over makes it no longer.
			const told = now + Math.min(retryAfter, MAX_RETRY_AFTER_MS);
			const asked = kind === 'freed' ? this.probeAt : told;
			this.probeAt = Math.max(asked, now + Math.min(MAX_PAUSE_MS, Math.max(MIN_PAUSE_MS, pause)));
			if (kind === 'freed') this.mayBeFreed = false;
			this.tell('refused');
		} else if (this.refusing) {
			// Sent before the limit was known; it was not in flight.
			this.refusing.inFlight -= 1;
			this.refusing.used -= images;
		}
	}

	private kindOf(images: number, now: number): Start['kind'] | undefined {
		const undecided = this.starts.filter(({ isAdmitted }) => !isAdmitted).length;
		if (undecided >= this.batch || (this.refusing && undecided > 0)) return undefined;
		if (this.refusing && this.mayBeFreed && this.hasFinished) return 'freed';
		if (this.refusing) return now >= this.probeAt ? 'probe' : undefined;
		const left = (span: number) => this.quota - sumOf(recent(this.starts, span, now));
		const fits = (span: number) => left(span) >= Math.min(images, this.quota);
		const hasPlace = running(this.starts).length < this.window;
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
		const round = Math.max(2, Math.min(this.quota, this.window));
		this.tests = Math.min(MAX_TESTS, this.tests + TESTS_A_REQUEST + TESTS_A_ROUND / round);
		if (start.at <= this.lastRefused) return;
		this.batch += 1;
		if (this.refusing) this.learn(start, this.refusing);
		else if (start.kind === 'place' || start.kind === 'time') this.widen(start);
	}

	/** The first probe was admitted: which limit was it? A far narrower one is left to the batch. */
	private learn(probe: Start, { at, inFlight, used, images }: Start): void {
		const refusedFor = probe.at - at;
		const longer = Math.max(refusedFor, this.high / 8);
		const full = (used - images) / this.quota;
		const burst = this.starts.filter(({ at }) => at >= this.openedAt && at < probe.at);
		const isLong = this.high > 0 && refusedFor > Math.max(OUTAGE_MS, 10 * this.high);
		if (probe.kind === 'freed' && probe.inFlight >= inFlight - 1) this.window = probe.inFlight;
		else if (refusedFor < this.high / 2) {
			if (full >= 0.8) [this.low, this.high] = [this.high, this.high + longer];
			else if (full >= 0.4) this.quota = used - images;
		} else if (burst.length > 0 && !isLong && refusedFor <= MAX_SPAN_MS) {
			[this.quota, this.high] = [sumOf(burst), probe.at - burst[0].at];
			this.low = Math.min(this.high, Math.max(0, this.lastRefused - burst[0].at));
			this.tests = Math.max(this.tests, 1.5);
		}
		if (probe.kind !== 'freed') this.openedAt = probe.at;
		this.refusing = undefined;
		this.tell('admitted again');
	}

	/** A test was admitted: the limit is wider than learned. */
	private widen({ at, kind, used, reach }: Start): void {
		this.chain = (this.chain + 1) % TESTS_TO_FORGET;
		if (this.chain === 0 && kind === 'place') this.window = Infinity;
		else if (this.chain === 0)
			[this.quota, this.low, this.high, this.openedAt] = [Infinity, 0, 0, at];
		// It must have been in flight together with the others.
		else if (kind === 'place') this.window = Math.max(this.window, running(this.starts).length);
		else if (used > this.quota && reach > this.low) this.high = reach;
		else this.quota = Math.max(this.quota, used);
		this.tell('admitted more');
	}

	private tell(why: string): void {
		const span = `${this.quota} images in ${Math.round(this.high)} ms`;
		this.onChange(`${why}: ${this.window} in flight, ${span}`);
	}
}
