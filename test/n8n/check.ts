/** Runs one case and counts it; a failed case does not end the run. */
export type Check = (name: string, body: () => Promise<void>) => Promise<void>;

/** How many cases passed and failed. */
export interface Count {
	passed: number;
	failed: number;
}

/** A {@link Check} that prints each case with its seconds, or its failure, and adds it to `count`. */
export function checkFor(count: Count): Check {
	return async (name, body) => {
		const started = Date.now();
		try {
			await body();
			count.passed++;
			console.log(`  ✓ ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
		} catch (error) {
			count.failed++;
			console.log(`  ✗ ${name}\n${String((error as Error).stack).replace(/^/gm, '      ')}`);
		}
	};
}
