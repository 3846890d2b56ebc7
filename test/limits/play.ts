import { Semaphore } from '../../nodes/Seedream/http/semaphore';
import { Queue, type Outcome } from '../../nodes/Seedream/run/queue';
import { seeded, VirtualClock } from './clock';
import type { Limit } from './gateway';

/** Runs of one gateway and key, all started at the same moment. */
export interface Scenario {
	name: string;
	/** A new one for each play. */
	limit: (random: () => number) => Limit;
	/** Whether it admits fewer than 20 at once: what is refused may then be up to half. */
	isSmall: boolean;
	/** Requests of each run. */
	runs: number[];
	/** Concurrent Requests of each run. */
	cap: number;
	/** Seconds to generate; each request takes 0.7 to 1.3 times as long. */
	latency: number;
	/** Images of each request; 1 where it is not given. */
	images?: (index: number) => number;
	/** Node.js processes, which do not know of each other; runs are dealt out to them. */
	processes?: number;
	/**
	 * Milliseconds of `Retry-After`.
	 * @param wait those after which the gateway really would admit it
	 */
	retryAfter?: (wait: number) => number;
	/** Largest ratio to the ideal; 1.3 where it is not given. */
	target?: number;
}

export interface PlayOptions {
	seed: number;
	/** Milliseconds to the gateway and back, on average. */
	roundTrip?: number;
	/** Whether to log what happens. */
	trace?: boolean;
}

export interface Play {
	/** Milliseconds from the start to the last response. */
	ideal: number;
	ours: number;
	sent: number;
	refused: number;
	failed: number;
	/** Requests that the gateway admitted more than once. */
	twice: number;
	/** Whether the requests of each run were first sent in their order. */
	isOrdered: boolean;
	/** Jain's index of what the runs had got when the first of them was through; 1 is equal shares. */
	fairness: number;
	log: string[];
}

/** Milliseconds that a request takes. */
interface Times {
	/** To the gateway. */
	way: number;
	/** To generate its images. */
	duration: number;
}

/** Milliseconds of one way through the network. */
function drawWay(roundTrip: number, random: () => number): number {
	return (roundTrip / 2) * (0.5 + random());
}

function drawTimes(
	{ runs, latency }: Scenario,
	roundTrip: number,
	random: () => number,
): Times[][] {
	const draw = () => ({
		way: drawWay(roundTrip, random),
		duration: latency * 1000 * (0.7 + 0.6 * random()),
	});
	return runs.map((count) => Array.from({ length: count }, draw));
}

/**
 * What a scheduler needs that knows the limit and the future: it sends each request at the first moment
 * at which a place is free and the gateway will admit it.
 */
function idealTime({ runs, cap, images = () => 1 }: Scenario, limit: Limit, times: Times[][]) {
	const free = runs.flatMap(() => Array.from({ length: cap }, () => 0));
	let now = 0;
	for (let index = 0; index < Math.max(...runs); index += 1) {
		for (const each of times) {
			if (index >= each.length) continue;
			const place = free.indexOf(Math.min(...free));
			const { way, duration } = each[index];
			now = limit.earliest(Math.max(now, free[place] + way), images(index));
			free[place] = now + limit.take(now, images(index), duration) + duration;
		}
	}
	return Math.max(...free);
}

/** Jain's index. */
function fairnessOf(shares: number[]): number {
	const sum = shares.reduce((total, each) => total + each, 0);
	const squares = shares.reduce((total, each) => total + each * each, 0);
	return sum === 0 ? 1 : (sum * sum) / (shares.length * squares);
}

/** Plays a scenario with real pacers against a simulated gateway, in virtual time. */
export async function play(
	scenario: Scenario,
	{ seed, roundTrip = 30, trace = false }: PlayOptions,
): Promise<Play> {
	const { runs, cap, images = () => 1, processes = 1, retryAfter } = scenario;
	const random = seeded(seed);
	const times = drawTimes(scenario, roundTrip, random);
	// Both see the same gateway.
	const ideal = idealTime(scenario, scenario.limit(seeded(seed)), times);
	const limit = scenario.limit(seeded(seed));
	const clock = new VirtualClock();
	const log: string[] = [];
	const note = (text: string) => trace && log.push(`${(clock.now() / 1000).toFixed(3)} ${text}`);
	const queues = Array.from(
		{ length: processes },
		(_, index) => new Queue(clock, (words) => note(`${index}: ${words}`)),
	);
	const result = { sent: 0, refused: 0, failed: 0, twice: 0, isOrdered: true };
	const through = runs.map(() => 0);
	let shares: number[] | undefined;

	const runOne = async (run: number) => {
		const execution = {};
		const places = new Semaphore(cap);
		let last = -1;
		const sendOne = async (index: number) => {
			const { way, duration } = times[run][index];
			let isFirst = true;
			let admitted = 0;
			const attempt = async (): Promise<Outcome<void>> => {
				if (isFirst && index < last) result.isOrdered = false;
				if (isFirst) last = index;
				result.sent += 1;
				await clock.wait(isFirst ? way : drawWay(roundTrip, random));
				isFirst = false;
				const wait = limit.earliest(clock.now(), images(index)) - clock.now();
				if (wait > 1e-6) {
					result.refused += 1;
					note(`refused ${run}/${index}, ${(wait / 1000).toFixed(3)} s too early`);
					await clock.wait(drawWay(roundTrip, random));
					return { refused: new Error('429'), retryAfter: retryAfter?.(wait), patience: 180_000 };
				}
				note(`admitted ${run}/${index}`);
				admitted += 1;
				if (admitted > 1) result.twice += 1;
				const held = limit.take(clock.now(), images(index), duration);
				await clock.wait(held + duration);
				return { done: undefined };
			};
			const options = { images: images(index), order: index, signals: [] };
			await places
				.run(async () => await queues[run % processes].send(execution, attempt, options))
				.catch(() => (result.failed += 1));
			through[run] += 1;
		};
		await Promise.all(times[run].map(async (_, index) => await sendOne(index)));
		shares ??= through.map((count, each) => count / runs[each]);
	};
	await clock.run(Promise.all(runs.map(async (_, run) => await runOne(run))));
	return { ...result, ideal, ours: clock.now(), fairness: fairnessOf(shares ?? []), log };
}
