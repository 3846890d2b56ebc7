/**
 * Lets a few steps run at once and keeps the others waiting, first come, first served. Not p-limit: the
 * package may not bring it along, and n8n before 2.20 does not have it.
 */
export class Gate {
	private readonly waiting: Array<() => void> = [];

	/** @param free steps that may run at once, at least one */
	constructor(private free: number) {}

	/** @throws what `step` throws */
	async run<T>(step: () => Promise<T>): Promise<T> {
		if (this.free > 0) this.free -= 1;
		else await new Promise<void>((goOn) => this.waiting.push(goOn));
		try {
			return await step();
		} finally {
			const next = this.waiting.shift();
			if (next) next();
			else this.free += 1;
		}
	}
}
