import { parseArgs } from 'node:util';

import { play, type Play, type Scenario } from './play';
import { SCENARIOS } from './scenarios';

/** Each scenario is played with these, so that no limit is met by luck. */
const SEEDS = [1, 2, 3, 4];

/** Largest ratio to the ideal. */
const RATIO = 1.3;

/** Largest share of refused requests, by whether the limit admits few requests at once. */
const REFUSED = { few: 0.5, many: 0.15 };

/** What is not as it should be in a play. */
function flaws({ target = RATIO, isSmall }: Scenario, result: Play): string[] {
	const { ideal, ours, sent, refused, failed, twice, isOrdered } = result;
	return [
		...(ours / ideal > target ? [`ratio ${(ours / ideal).toFixed(2)}`] : []),
		...(refused / sent > (isSmall ? REFUSED.few : REFUSED.many)
			? [`refused ${((refused / sent) * 100).toFixed(0)} %`]
			: []),
		...(failed > 0 ? [`${failed} failed`] : []),
		...(twice > 0 ? [`${twice} sent twice`] : []),
		...(isOrdered ? [] : ['out of order']),
	];
}

/**
 * Plays all scenarios, or those whose name contains the first argument; with a seed after it, in full.
 * `--round-trip` is the time to the gateway and back, in milliseconds.
 */
async function main(): Promise<void> {
	const { positionals, values } = parseArgs({
		allowPositionals: true,
		options: { 'round-trip': { type: 'string', default: '30' } },
	});
	const [only = '', seed] = positionals;
	const roundTrip = Number(values['round-trip']);
	const scenarios = SCENARIOS.filter(({ name }) => name.includes(only));
	let failed = 0;
	console.log(
		`${'scenario'.padEnd(42)} ideal, s  ours, s  ratio  refused  fairness   (the worst of ${SEEDS.length} plays)`,
	);
	for (const scenario of scenarios) {
		const plays: Play[] = [];
		for (const each of seed ? [Number(seed)] : SEEDS)
			plays.push(await play(scenario, { seed: each, roundTrip, trace: !!seed }));
		if (seed) console.log(plays[0].log.join('\n'));
		const found = new Set(plays.flatMap((each) => flaws(scenario, each)));
		const worst = plays.reduce((a, b) => (a.ours / a.ideal > b.ours / b.ideal ? a : b));
		const refused = Math.max(...plays.map((each) => each.refused / each.sent));
		const cells = [
			(worst.ideal / 1000).toFixed(1).padStart(8),
			(worst.ours / 1000).toFixed(1).padStart(8),
			(worst.ours / worst.ideal).toFixed(2).padStart(6),
			`${(refused * 100).toFixed(0)} %`.padStart(8),
			Math.min(...plays.map(({ fairness }) => fairness))
				.toFixed(2)
				.padStart(9),
		];
		if (found.size > 0) failed += 1;
		console.log(`${scenario.name.padEnd(42)} ${cells.join(' ')}   ${[...found].join(', ')}`);
	}
	console.log(`${scenarios.length - failed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}

void main();
