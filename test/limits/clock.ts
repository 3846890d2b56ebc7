import type { Clock } from '../../nodes/Seedream/run/queue';

interface Event {
	at: number;
	order: number;
	happen: () => void;
}

/**
 * Virtual time: nothing sleeps. Events happen in the order of their times, and every promise that one
 * of them settles is followed to its end before the next.
 */
export class VirtualClock implements Clock {
	/** A binary heap, earliest first. */
	private readonly events: Event[] = [];

	private time = 0;

	private order = 0;

	now(): number {
		return this.time;
	}

	/** Milliseconds from now. */
	after(ms: number, happen: () => void): void {
		const { events } = this;
		let index = events.length;
		events.push({ at: this.time + Math.max(0, ms), order: (this.order += 1), happen });
		while (index > 0) {
			const parent = (index - 1) >> 1;
			if (!isEarlier(events[index], events[parent])) break;
			[events[index], events[parent]] = [events[parent], events[index]];
			index = parent;
		}
	}

	async wait(ms: number, signal?: AbortSignal): Promise<void> {
		if (signal?.aborted) return;
		await new Promise<void>((resolve) => {
			signal?.addEventListener('abort', () => resolve(), { once: true });
			this.after(ms, resolve);
		});
	}

	/**
	 * Lets time pass until something is settled.
	 * @throws Error when nothing can happen any more, or after a virtual day
	 */
	async run<T>(promise: Promise<T>): Promise<T> {
		let isSettled = false;
		const settled = () => void (isSettled = true);
		promise.then(settled, settled);
		for (;;) {
			// All microtasks run before this goes on.
			await new Promise((resolve) => setImmediate(resolve));
			if (isSettled) return await promise;
			const event = this.next();
			if (!event) throw new Error('Nothing is left that could happen');
			if (event.at > 86_400_000) throw new Error('It takes more than a day');
			this.time = event.at;
			event.happen();
		}
	}

	private next(): Event | undefined {
		const { events } = this;
		const first = events[0];
		const last = events.pop();
		if (!last || last === first) return first;
		events[0] = last;
		for (let index = 0; ; ) {
			let least = index;
			for (const child of [2 * index + 1, 2 * index + 2]) {
				if (child < events.length && isEarlier(events[child], events[least])) least = child;
			}
			if (least === index) return first;
			[events[index], events[least]] = [events[least], events[index]];
			index = least;
		}
	}
}

function isEarlier(a: Event, b: Event): boolean {
	return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
	};
}
