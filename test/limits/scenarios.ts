import {
	all,
	bucket,
	changing,
	fixed,
	inFlight,
	leaky,
	outage,
	sliding,
	unlimited,
} from './gateway';
import type { Scenario } from './play';

const SECOND = 1_000;
const TEN_SECONDS = 10_000;
const MINUTE = 60_000;

/** One run at a limit that admits fewer than 20 at once. */
function small(
	name: string,
	limit: Scenario['limit'],
	items: number,
	cap: number,
	latency: number,
	more: Partial<Scenario> = {},
): Scenario {
	return { name, limit, isSmall: true, runs: [items], cap, latency, ...more };
}

/** One run at a limit that admits 20 at once or more. */
function large(...scenario: Parameters<typeof small>): Scenario {
	return { ...small(...scenario), isSmall: false };
}

/** Where in the gateway's window a run starts. */
function fixedAnywhere(count: number, span: number, unit?: 'requests' | 'images') {
	return (random: () => number) => fixed(count, span, random() * span, unit);
}

const setsOf4 = () => 4;
const mixedSets = (index: number) => [4, 1, 1, 4, 2][index % 5];

export const SCENARIOS: Scenario[] = [
	// As measured in a real n8n.
	small('5/s sliding, Retry-After 1', () => sliding(5, SECOND), 30, 10, 0.5, {
		retryAfter: () => SECOND,
	}),
	small('10/s sliding', () => sliding(10, SECOND), 100, 20, 0.5),
	large('20 in 10 s fixed', () => fixed(20, TEN_SECONDS), 60, 10, 0.5),
	small('4 in flight', () => inFlight(4), 40, 12, 0.5),
	large('no limit', unlimited, 40, 8, 0.5),
	large('no limit, one image', unlimited, 1, 8, 0.5),
	small('nginx limit_req 5/s burst 2', () => leaky(5, 2), 20, 10, 0.5),
	small('nginx limit_conn 3', () => inFlight(3), 20, 10, 0.5),

	// Windows.
	...[8, 10, 12, 20].map((cap) =>
		small(`5/s sliding, cap ${cap}`, () => sliding(5, SECOND), 60, cap, 2),
	),
	small('10/s fixed', fixedAnywhere(10, SECOND), 100, 20, 1),
	small('15/min sliding', () => sliding(15, MINUTE), 60, 8, 5),
	small('15/min fixed', fixedAnywhere(15, MINUTE), 60, 8, 5),
	large('100/min sliding', () => sliding(100, MINUTE), 300, 8, 2),
	large('100/min fixed', fixedAnywhere(100, MINUTE), 300, 8, 2),
	large('20 in 10 s fixed, anywhere', fixedAnywhere(20, TEN_SECONDS), 100, 20, 1),
	...[8, 10, 12, 20].flatMap((cap) => [
		large(`500/min sliding, cap ${cap}`, () => sliding(500, MINUTE), 1_500, cap, 0.5),
		large(`500/min fixed, cap ${cap}`, fixedAnywhere(500, MINUTE), 1_500, cap, 0.5),
	]),

	// Buckets.
	small('bucket 5/s of 10', () => bucket(5, 10), 60, 20, 1),
	small('bucket 2/s of 5', () => bucket(2, 5), 40, 8, 3),
	large('bucket 10/s of 40', () => bucket(10, 40), 300, 20, 1),
	small('limit_req 5/s burst 2, long', () => leaky(5, 2), 100, 8, 2),

	// In flight.
	...[8, 10, 12, 20].map((cap) => small(`4 in flight, cap ${cap}`, () => inFlight(4), 40, cap, 5)),
	small('3 in flight, Retry-After 5', () => inFlight(3), 40, 8, 2, { retryAfter: () => 5_000 }),

	// Latency.
	...[0.1, 1, 10, 60].flatMap((latency) => [
		small(`5/s sliding, latency ${latency}`, () => sliding(5, SECOND), 100, 20, latency),
		small(`3 in flight, latency ${latency}`, () => inFlight(3), latency < 1 ? 200 : 40, 8, latency),
		small(`15/min sliding, latency ${latency}`, () => sliding(15, MINUTE), 60, 20, latency),
	]),

	// Several.
	small('4 in flight and 5/s', () => all(inFlight(4), sliding(5, SECOND)), 60, 10, 0.5),
	small('4 in flight and 5/s, latency 1', () => all(inFlight(4), sliding(5, SECOND)), 60, 10, 1),
	small('4 in flight and 15/min', () => all(inFlight(4), sliding(15, MINUTE)), 60, 10, 5),
	small('10/s and 100/min', () => all(sliding(10, SECOND), sliding(100, MINUTE)), 300, 20, 1),

	// Changes.
	...(
		[
			['10/s halves', 10, 5],
			['5/s doubles', 5, 10],
		] as const
	).map(([name, before, after]) =>
		small(
			name,
			() => changing(sliding(before, SECOND), 10_000, sliding(after, SECOND)),
			150,
			20,
			1,
			{ target: 1.5 },
		),
	),
	...(
		[
			['6 in flight halves', 6, 3],
			['3 in flight doubles', 3, 6],
		] as const
	).map(([name, before, after]) =>
		small(name, () => changing(inFlight(before), 20_000, inFlight(after)), 80, 10, 1, {
			target: 1.5,
		}),
	),
	...(
		[
			['200/min halves', 200, 100],
			['100/min doubles', 100, 200],
		] as const
	).map(([name, before, after]) =>
		large(
			name,
			() => changing(sliding(before, MINUTE), 90_000, sliding(after, MINUTE)),
			500,
			20,
			2,
			{ target: 1.5 },
		),
	),
	small('outage of 60 s', () => outage(10_000, 70_000, unlimited()), 300, 10, 1, { target: 1.5 }),
	small('outage of 60 s at 5/s', () => outage(10_000, 70_000, sliding(5, SECOND)), 150, 10, 1, {
		target: 1.5,
	}),

	// Images, not requests.
	small('16 images in 10 s, sets of 4', () => sliding(16, TEN_SECONDS, 'images'), 30, 8, 4, {
		images: setsOf4,
	}),
	small('16 images in 10 s, mixed', () => sliding(16, TEN_SECONDS, 'images'), 60, 8, 4, {
		images: mixedSets,
	}),
	small('8 requests in 10 s, mixed sets', () => sliding(8, TEN_SECONDS), 60, 8, 4, {
		images: mixedSets,
	}),
	large('500 images/min fixed, sets of 4', fixedAnywhere(500, MINUTE, 'images'), 375, 20, 4, {
		images: setsOf4,
	}),

	// Several runs.
	small('3 runs at 5/s', () => sliding(5, SECOND), 0, 8, 1, { runs: [40, 40, 40] }),
	small('a long and 2 short runs, 4 in flight', () => inFlight(4), 0, 8, 1, {
		runs: [80, 10, 10],
	}),
	small('60 runs of 2 at 10/s', () => sliding(10, SECOND), 0, 8, 1, {
		runs: Array.from({ length: 60 }, () => 2),
	}),
	...(
		[
			['10/s', () => sliding(10, SECOND)],
			['4 in flight', () => inFlight(4)],
			['10/s fixed', fixedAnywhere(10, SECOND)],
			['bucket 10/s of 15', () => bucket(10, 15)],
		] as Array<[string, Scenario['limit']]>
	).map(([name, limit]) =>
		small(`2 processes at ${name}`, limit, 0, 8, 1, {
			runs: [80, 80],
			processes: 2,
			target: 1.5,
		}),
	),
	small('60 runs of 2 on 2 processes, 10/s', () => sliding(10, SECOND), 0, 8, 1, {
		runs: Array.from({ length: 60 }, () => 2),
		processes: 2,
		target: 1.5,
	}),
	...(
		[
			[2, '10/s', () => sliding(10, SECOND)],
			[3, '10/s', () => sliding(10, SECOND)],
			[2, '4 in flight', () => inFlight(4)],
			[3, '4 in flight', () => inFlight(4)],
		] as Array<[number, string, Scenario['limit']]>
	).map(([processes, name, limit]) =>
		small(`20 runs of 30 on ${processes} processes, ${name}`, limit, 0, 2, 1, {
			runs: Array.from({ length: 20 }, () => 30),
			processes,
			target: 1.5,
		}),
	),

	// Retry-After that lies.
	small('5/s, Retry-After 0.1 s', () => sliding(5, SECOND), 60, 10, 1, { retryAfter: () => 100 }),
	small('15/min, Retry-After 1 s', () => sliding(15, MINUTE), 60, 8, 5, {
		retryAfter: () => SECOND,
	}),
	small('4 in flight, Retry-After 60 s', () => inFlight(4), 60, 8, 5, {
		retryAfter: () => MINUTE,
	}),
	small('15/min, Retry-After 60 s', () => sliding(15, MINUTE), 60, 8, 5, {
		retryAfter: () => MINUTE,
	}),
	large('500/min fixed, Retry-After 60 s', () => fixed(500, MINUTE), 1_500, 12, 0.5, {
		retryAfter: () => MINUTE,
	}),
	small('outage of 60 s, Retry-After 1 h', () => outage(10_000, 70_000, unlimited()), 300, 10, 1, {
		retryAfter: () => 3_600_000,
		target: 1.5,
	}),
	small('outage of 60 s, Retry-After 20 s', () => outage(10_000, 70_000, unlimited()), 300, 10, 1, {
		retryAfter: () => 20_000,
		target: 1.5,
	}),
	small('5/s, true Retry-After', () => sliding(5, SECOND), 60, 10, 1, {
		retryAfter: (wait) => wait,
	}),
];
