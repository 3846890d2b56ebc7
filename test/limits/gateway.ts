/** A gateway's limit: which requests it admits. Times in milliseconds, asked in their order. */
export interface Limit {
	/** First moment from `at` on at which a request of some images is admitted. */
	earliest(at: number, images: number): number;
	/**
	 * Admits a request.
	 * @param duration milliseconds to generate its images
	 * @returns milliseconds that it is held back first
	 */
	take(at: number, images: number, duration: number): number;
}

/** So many in any span of time. */
export function sliding(count: number, span: number, unit: 'requests' | 'images' = 'requests') {
	const taken: Array<{ at: number; weight: number }> = [];
	let sum = 0;
	const weightOf = (images: number) => (unit === 'images' ? images : 1);
	return {
		earliest(at, images) {
			let left = sum;
			for (const each of taken) {
				if (each.at > at - span && left + weightOf(images) <= count) return at;
				if (each.at > at - span) at = each.at + span;
				left -= each.weight;
			}
			return at;
		},
		take(at, images) {
			while (taken.length > 0 && taken[0].at <= at - span) sum -= taken.shift()!.weight;
			taken.push({ at, weight: weightOf(images) });
			sum += weightOf(images);
			return 0;
		},
	} satisfies Limit;
}

/** So many in each span of the gateway's own clock. */
export function fixed(
	count: number,
	span: number,
	phase = 0,
	unit: 'requests' | 'images' = 'requests',
) {
	let current = -Infinity;
	let used = 0;
	const weightOf = (images: number) => (unit === 'images' ? images : 1);
	const windowOf = (at: number) => Math.floor((at + phase) / span);
	return {
		earliest(at, images) {
			const isFull = windowOf(at) === current && used + weightOf(images) > count;
			return isFull ? (current + 1) * span - phase : at;
		},
		take(at, images) {
			if (windowOf(at) !== current) [current, used] = [windowOf(at), 0];
			used += weightOf(images);
			return 0;
		},
	} satisfies Limit;
}

/** Tokens that come at a rate, and of which so many can be saved. */
export function bucket(perSecond: number, size: number): Limit {
	let tokens = size;
	let since = 0;
	const have = (at: number) => Math.min(size, tokens + ((at - since) / 1000) * perSecond);
	return {
		earliest: (at) => at + Math.max(0, ((1 - have(at)) / perSecond) * 1000),
		take(at) {
			tokens = have(at) - 1;
			since = at;
			return 0;
		},
	};
}

/** nginx's `limit_req` without `nodelay`: what comes too early is held back, but only so many. */
export function leaky(perSecond: number, burst: number): Limit {
	let excess = 0;
	let since = -Infinity;
	const have = (at: number) => Math.max(0, excess - ((at - since) / 1000) * perSecond);
	return {
		earliest: (at) => at + Math.max(0, ((have(at) - burst) / perSecond) * 1000),
		take(at) {
			const held = (have(at) / perSecond) * 1000;
			excess = have(at) + 1;
			since = at;
			return held;
		},
	};
}

/** So many at once. */
export function inFlight(count: number): Limit {
	let ends: number[] = [];
	return {
		earliest(at) {
			const running = ends.filter((end) => end > at);
			return running.length < count ? at : running.sort((a, b) => a - b)[running.length - count];
		},
		take(at, _images, duration) {
			ends = [...ends.filter((end) => end > at), at + duration];
			return 0;
		},
	};
}

export function unlimited(): Limit {
	return { earliest: (at) => at, take: () => 0 };
}

/** Several limits, all in force. */
export function all(...limits: Limit[]): Limit {
	return {
		earliest(at, images) {
			for (;;) {
				const next = Math.max(...limits.map((limit) => limit.earliest(at, images)));
				if (next <= at + 1e-6) return at;
				at = next;
			}
		},
		take(at, images, duration) {
			return Math.max(...limits.map((limit) => limit.take(at, images, duration)));
		},
	};
}

/** One limit until a moment, another from then on, which knows what was admitted before. */
export function changing(before: Limit, when: number, after: Limit): Limit {
	return {
		earliest(at, images) {
			const next = at < when ? before.earliest(at, images) : at;
			return next < when ? next : after.earliest(Math.max(at, when), images);
		},
		take(at, images, duration) {
			const held = [before, after].map((limit) => limit.take(at, images, duration));
			return held[at < when ? 0 : 1];
		},
	};
}

/** Nothing at all between two moments. */
export function outage(from: number, until: number, limit: Limit): Limit {
	return {
		earliest(at, images) {
			const next = limit.earliest(at, images);
			return next >= from && next < until ? limit.earliest(until, images) : next;
		},
		take: limit.take,
	};
}
