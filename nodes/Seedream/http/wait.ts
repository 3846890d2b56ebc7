/**
 * Resolves after some time, or as soon as a signal aborts. Leaves neither timer nor listener behind;
 * `sleep` of n8n-workflow cannot be ended, and timers of Node's own are closed to nodes.
 * @param milliseconds less than 2³²
 */
export async function wait(milliseconds: number, ...signals: AbortSignal[]): Promise<void> {
	if (milliseconds <= 0 || signals.some(({ aborted }) => aborted)) return;
	// Node.js warns of more than ten listeners on one signal; many waits may have the same.
	const all = [AbortSignal.timeout(Math.ceil(milliseconds)), AbortSignal.any(signals)];
	await new Promise<void>((resolve) => {
		const onAbort = () => {
			for (const each of all) each.removeEventListener('abort', onAbort);
			resolve();
		};
		for (const each of all) each.addEventListener('abort', onAbort);
	});
}
