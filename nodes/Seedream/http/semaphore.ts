/**
 * A semaphore: runs at most `free` tasks in parallel, in order. Not p-limit: the package may have no
 * dependencies, and n8n before 2.20 does not have it.
 */
export class Semaphore {
	private readonly waiting: Array<() => void> = [];

	/** @param free tasks that may run in parallel, at least one */
	constructor(private free: number) {}

	/** @throws what `task` throws */
	async run<T>(task: () => Promise<T>): Promise<T> {
		if (this.free > 0) this.free -= 1;
		else await new Promise<void>((resolve) => this.waiting.push(resolve));
		try {
			return await task();
		} finally {
			const next = this.waiting.shift();
			if (next) next();
			else this.free += 1;
		}
	}
}
