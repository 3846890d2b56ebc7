import { sleep } from 'n8n-workflow';

/** Resolves after some milliseconds, or as soon as a signal says so. */
export async function wait(milliseconds: number, signal?: AbortSignal): Promise<void> {
	if (signal?.aborted) return;
	const ended = new Promise<void>((resolve) => {
		signal?.addEventListener('abort', () => resolve(), { once: true });
	});
	await Promise.race([sleep(milliseconds), ended]);
}
