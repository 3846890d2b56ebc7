import pLimit, { type Limit } from 'p-limit';
import type {
	IExecuteSingleFunctions,
	INodeExecutionData,
	NodeApiError,
	NodeOperationError,
} from 'n8n-workflow';

import { RequestFailure } from '../errors';
import { addressOf } from '../reply/images';

export type NodeError = NodeApiError | NodeOperationError;

/** How an item ended, kept for the next try of "Retry On Fail". */
interface Outcome {
	/** What was asked for; a changed request is a new one. */
	fingerprint: string;
	/** Images that were paid for. */
	items?: INodeExecutionData[];
	/** Failure after which an image may exist, so that the request must not be sent again. */
	failure?: RequestFailure;
}

/** One pass of n8n over the items of a run; "Retry On Fail" makes further ones. */
class Attempt {
	readonly started = new Set<number>();

	readonly preparing: Array<Promise<unknown>> = [];

	/** Whether any item failed, so that n8n may try again. */
	hasFailed = false;

	/** The failure that ends the run, and its description before images were listed in it. */
	lost?: { error: NodeError; description: string; notes: string[] };
}

/** What all items of a run, and all tries of it, share. */
class Run {
	attempt = new Attempt();

	readonly outcomes = new Map<number, Outcome>();

	constructor(readonly gate: Limit) {}
}

/** n8n keeps one object for each run of a node, also across "Retry On Fail"; nobody has to clean up. */
const runs = new WeakMap<object, Run>();

function batchInterval(context: IExecuteSingleFunctions): number {
	const { batching } = context.getNodeParameter('requestOptions', {}) as {
		batching?: { batch?: { batchInterval?: number } };
	};
	return batching?.batch?.batchInterval ?? 0;
}

/** Addresses of the images in output items, as lines for a description. */
function listImages(index: number, items: INodeExecutionData[], context: IExecuteSingleFunctions) {
	return items.flatMap(({ json, binary }) => {
		const images = (json.images ?? (json.error ? [] : [json])) as Array<{ url?: string }>;
		const files = Object.values(binary ?? {});
		return images.map(({ url }, i) => `Item ${index}: ${addressOf(context, url, files[i])}`);
	});
}

/** One item's part in its run. */
export class RunMember {
	private readonly attempt: Attempt;

	private readonly index: number;

	private constructor(
		private readonly context: IExecuteSingleFunctions,
		private readonly run: Run,
	) {
		this.index = context.getItemIndex();
		if (run.attempt.started.has(this.index)) {
			// Without a failure n8n does not try again: this is another call, by an AI Agent for example.
			if (!run.attempt.hasFailed) run.outcomes.clear();
			run.attempt = new Attempt();
		}
		this.attempt = run.attempt;
		this.attempt.started.add(this.index);
	}

	/**
	 * Takes an item into its run. Must be called before anything is awaited: n8n starts all items in one
	 * go, and this is how they learn of each other.
	 */
	static join(context: IExecuteSingleFunctions): RunMember {
		const key = context.getExecuteData();
		let run = runs.get(key);
		if (!run) {
			const concurrency = Number(context.getNodeParameter('options.concurrentRequests', 3));
			run = new Run(pLimit(Math.max(1, Math.floor(concurrency) || 1)));
			runs.set(key, run);
		}
		return new RunMember(context, run);
	}

	/** Runs a step that sends nothing; no item is sent before all have done it. */
	async prepare<T>(step: () => Promise<T>): Promise<T> {
		const result = step();
		this.attempt.preparing.push(result);
		return await result;
	}

	/**
	 * What an earlier try of the run made of the same request.
	 * @throws RequestFailure of an earlier try, after which an image may exist
	 */
	recall(fingerprint: string): INodeExecutionData[] | undefined {
		const outcome = this.run.outcomes.get(this.index);
		if (outcome?.fingerprint !== fingerprint) return undefined;
		if (outcome.failure) throw outcome.failure;
		return outcome.items;
	}

	/** Waits for the item's turn; at most "Concurrent Requests" items have theirs at once. */
	async takeTurn<T>(step: () => Promise<T>): Promise<T> {
		await Promise.allSettled(this.attempt.preparing);
		return await this.run.gate(step);
	}

	/**
	 * Whether the node has failed as a whole while it was being prepared: n8n then stops at the first
	 * item whose expressions cannot be resolved, and nobody waits for the others.
	 */
	isAbandoned(): boolean {
		const { node, data } = this.context.getExecuteData();
		if (node.executeOnce || batchInterval(this.context) > 0) return false;
		const items = (data.main ?? data.ai_tool)?.[0]?.length ?? 0;
		return !this.context.continueOnFail() && this.attempt.started.size < items;
	}

	/** @throws the failure that lost the run, if there is one: nothing more is to be sent then */
	assertNotLost(): void {
		if (this.attempt.lost) throw this.attempt.lost.error;
	}

	/**
	 * Keeps how a request ends for further tries: what was paid for, or that it may have been.
	 * @throws what `sending` throws
	 */
	async keep(
		fingerprint: string,
		sending: Promise<INodeExecutionData[]>,
	): Promise<INodeExecutionData[]> {
		const { outcomes } = this.run;
		return await sending.then(
			(items) => {
				outcomes.set(this.index, { fingerprint, items });
				this.describeLost();
				return items;
			},
			(error: unknown) => {
				if (error instanceof RequestFailure && error.failure.made === 'unknown') {
					outcomes.set(this.index, { fingerprint, failure: error });
				}
				throw error;
			},
		);
	}

	/**
	 * Notes a failure. Without "On Error: Continue" it loses the run; the first to do so is the one that
	 * n8n gets to see, with the images of all others listed in it.
	 * @param error its description is completed as other items finish
	 * @returns the error to throw
	 */
	fail(error: NodeError): NodeError {
		const { attempt } = this;
		attempt.hasFailed = true;
		if (this.context.continueOnFail()) return error;
		if (attempt.lost === undefined) {
			attempt.lost = { error, description: error.description ?? '', notes: [] };
		} else if (attempt.lost.error !== error) attempt.lost.notes.push(error.message);
		this.describeLost();
		return attempt.lost.error;
	}

	private describeLost(): void {
		const { lost } = this.attempt;
		if (!lost) return;
		const images = [...this.run.outcomes]
			.sort(([a], [b]) => a - b)
			.flatMap(([index, { items }]) => (items ? listImages(index, items, this.context) : []));
		lost.error.description = [
			lost.description,
			...(lost.notes.length > 0 ? ['Also:', ...lost.notes] : []),
			...(images.length > 0
				? ['Images that were made in this run; their addresses work for 24 hours:', ...images]
				: []),
		].join('\n');
	}
}
