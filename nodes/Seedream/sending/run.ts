import {
	sleep,
	type IExecuteSingleFunctions,
	type INodeExecutionData,
	type NodeApiError,
	type NodeOperationError,
} from 'n8n-workflow';

import { asLines, inputError, RequestFailure, type Failure } from '../errors';
import { Gate } from '../gate';
import { addressOf } from '../reply/images';
import { wait } from '../wait';
import { assertResolvable } from './expressions';

export type NodeError = NodeApiError | NodeOperationError;

/** How a request ended, kept for the next try of "Retry On Fail". */
interface Outcome {
	/** Images that were paid for. */
	items?: INodeExecutionData[];
	/** Failure after which an image may exist, so that the request must not be sent again. */
	failure?: RequestFailure;
}

/** One pass of n8n over the items of a run; "Retry On Fail" makes further ones. */
class Attempt {
	readonly started = new Set<number>();

	private resolveAllStarted = () => {};

	/** Resolves when n8n has started all items; never, when it broke off before. */
	readonly allStarted = new Promise<void>((resolve) => {
		this.resolveAllStarted = resolve;
	});

	/** Resolves when all items that have begun to prepare are done with it. */
	prepared = Promise.resolve();

	/** Items that may take their turn, before they are put in order. */
	readonly ready: Array<{ index: number; goOn: () => void }> = [];

	/** Most images that all items of the pass may make. */
	expectedImages = 0;

	/** Whether any item failed, so that n8n may try again. */
	hasFailed = false;

	/** Whether an item used up its tries on a gateway that is busy or away, and none got through since. */
	isHopeless = false;

	/** Aborted when a failure ends the run: nothing is sent any more. */
	readonly ending = new AbortController();

	/** The failure that ended the run, and its description before images were listed in it. */
	lost?: { error: NodeError; description: string; notes: string[] };

	/** @param count items in all */
	start(index: number, count: number): void {
		this.started.add(index);
		if (this.started.size >= count) this.resolveAllStarted();
	}
}

/** What all items of a run, and all tries of it, share. */
class Run {
	attempt = new Attempt();

	/** By item; by request for a tool that an agent calls, all calls of which are item 0. */
	readonly outcomes = new Map<number | string, Outcome>();

	/** Time in milliseconds before which nothing is sent: the service gets more than it takes. */
	pausedUntil = 0;

	constructor(readonly gate: Gate) {}
}

/**
 * Runs by execution data and node. n8n keeps one such object for each run of a node, also across "Retry
 * On Fail", so nobody has to clean up; an agent lends its own to all tools it calls by itself.
 */
const runs = new WeakMap<object, Map<string, Run>>();

function runOf(context: IExecuteSingleFunctions): Run {
	const key = context.getExecuteData();
	const { name } = context.getNode();
	const known = runs.get(key) ?? new Map<string, Run>();
	runs.set(key, known);
	let run = known.get(name);
	if (!run) {
		const concurrency = Number(context.getNodeParameter('options.concurrentRequests', 3));
		run = new Run(new Gate(Math.max(1, Math.floor(concurrency) || 1)));
		known.set(name, run);
	}
	return run;
}

/** Whether the execution data belongs to an agent that calls this node as a tool. */
function isLent(context: IExecuteSingleFunctions): boolean {
	return context.getExecuteData().node.name !== context.getNode().name;
}

/** How many items n8n brings to the node in one pass. */
function itemCount(context: IExecuteSingleFunctions): number {
	const { node, data } = context.getExecuteData();
	if (isLent(context) || node.executeOnce) return 1;
	return (data.main ?? data.ai_tool)?.[0]?.length ?? 0;
}

function comesInBatches(context: IExecuteSingleFunctions): boolean {
	const { batching } = context.getNodeParameter('requestOptions', {}) as {
		batching?: { batch?: { batchInterval?: number } };
	};
	return (batching?.batch?.batchInterval ?? 0) > 0;
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
	private readonly run: Run;

	private readonly attempt: Attempt;

	private readonly index: number;

	/**
	 * Takes an item into its run. Must be called before anything is awaited: n8n starts all items in one
	 * go, and this is how they learn of each other.
	 */
	constructor(private readonly context: IExecuteSingleFunctions) {
		this.index = context.getItemIndex();
		this.run = runOf(context);
		const { attempt, outcomes } = this.run;
		const count = itemCount(context);
		if (attempt.started.has(this.index)) {
			// n8n tries again what failed, or what it broke off; all else is another call.
			const isRetry = attempt.hasFailed || attempt.started.size < count;
			if (!isRetry && !isLent(context)) outcomes.clear();
			this.run.attempt = new Attempt();
		}
		this.attempt = this.run.attempt;
		this.attempt.start(this.index, count);
	}

	/**
	 * Runs a step that sends nothing; no item is sent before all have done it.
	 * @throws what the step throws; NodeOperationError where n8n would break off at a later batch
	 */
	async prepare<T>(step: () => Promise<T>): Promise<T> {
		const { context, attempt } = this;
		const isFirst = attempt.started.size === 1;
		const first = async () => {
			if (isFirst && comesInBatches(context) && !context.continueOnFail()) {
				assertResolvable(context, itemCount(context));
			}
			return await step();
		};
		const result = this.endingRun(first());
		attempt.prepared = Promise.allSettled([attempt.prepared, result]).then(() => {});
		return await result;
	}

	/** Counts the images an item asks for. */
	expect(images: number): void {
		this.attempt.expectedImages += images;
	}

	/** @throws NodeOperationError when the items together ask for more than "Max Images per Run" */
	assertWithinLimit(): void {
		const value = this.context.getNodeParameter('options.maxImagesPerRun', 0);
		const limit = Number(value ?? NaN);
		if (!(limit >= 0) || String(value).trim() === '') {
			throw inputError(
				this.context,
				`Max Images per Run is ${String(value ?? '') || 'empty'}`,
				'Set it to a whole number; 0 is no limit.',
			);
		}
		const { expectedImages, started } = this.attempt;
		// Items of later batches are not known yet; they count like those that are.
		const items = comesInBatches(this.context) ? itemCount(this.context) : started.size;
		const images = Math.ceil((expectedImages * items) / started.size);
		if (limit === 0 || images <= limit) return;
		throw inputError(
			this.context,
			`This run would make up to ${images} images, more than the ${limit} of Max Images per Run`,
			`Nothing ${this.run.outcomes.size > 0 ? 'more is' : 'was'} sent. Input items: ${items}. Bring fewer, lower the images each makes, or raise the option.`,
		);
	}

	/**
	 * What an earlier try of the run made of this item, or of the same request of an agent.
	 * @throws RequestFailure of an earlier try, after which an image may exist
	 */
	recall(fingerprint: () => string): INodeExecutionData[] | undefined {
		const outcome = this.run.outcomes.get(this.key(fingerprint));
		if (outcome?.failure) throw outcome.failure;
		return outcome?.items;
	}

	/**
	 * Waits for the item's turn; at most "Concurrent Requests" items have theirs at once. Does not come
	 * back where n8n has broken off: it stops at an item whose expressions cannot be resolved, and then
	 * nobody waits for the others.
	 * @returns what the step returns, nothing where the run is lost before
	 */
	async takeTurn(step: () => Promise<INodeExecutionData[]>): Promise<INodeExecutionData[]> {
		if (!comesInBatches(this.context)) await this.allStarted();
		await this.attempt.prepared;
		await this.inOrder();
		return await this.run.gate.run(async () =>
			(await this.pause()) ? await this.endingRun(step()) : [],
		);
	}

	/** Lets items that are ready at the same time go on in their order, whichever was prepared first. */
	private async inOrder(): Promise<void> {
		const { ready } = this.attempt;
		await new Promise<void>((goOn) => {
			ready.push({ index: this.index, goOn });
			if (ready.length > 1) return;
			void sleep(0).then(() => {
				for (const each of ready.splice(0).sort((a, b) => a.index - b.index)) each.goOn();
			});
		});
	}

	/** Waits until n8n has started all items, and waits for them itself. */
	async allStarted(): Promise<void> {
		// Items that could not be started are error items then.
		if (!this.context.continueOnFail()) await this.attempt.allStarted;
	}

	/**
	 * Waits until another request may be sent.
	 * @param milliseconds of this item's own
	 * @returns whether it may: not when the run is lost or cancelled
	 */
	async pause(milliseconds = 0): Promise<boolean> {
		const signals = [this.attempt.ending.signal, this.context.getExecutionCancelSignal()].filter(
			(each) => each !== undefined,
		);
		const end = Date.now() + milliseconds;
		for (;;) {
			if (signals.some(({ aborted }) => aborted)) return false;
			const left = Math.max(end, this.run.pausedUntil) - Date.now();
			if (left <= 0) return true;
			await wait(left, AbortSignal.any(signals));
		}
	}

	/**
	 * Whether the gateway has proved busy or away for good, as far as this pass knows. Items are then sent
	 * once each: a thousand that all wait for minutes would take days to say the same.
	 */
	get isHopeless(): boolean {
		return this.attempt.isHopeless;
	}

	set isHopeless(value: boolean) {
		this.attempt.isHopeless = value;
	}

	/** Lets all items of the run wait with what they have not sent yet. */
	pauseAll(milliseconds: number): void {
		this.run.pausedUntil = Math.max(this.run.pausedUntil, Date.now() + milliseconds);
	}

	/**
	 * Keeps how a request ends for further tries: what was paid for, or that it may have been.
	 * @throws what `sending` throws
	 */
	async keep(
		fingerprint: () => string,
		sending: Promise<INodeExecutionData[]>,
	): Promise<INodeExecutionData[]> {
		const { outcomes } = this.run;
		return await sending.then(
			(items) => {
				// A call of an agent has one item: when it succeeds, there is nothing to try again.
				if (!isLent(this.context)) outcomes.set(this.index, { items });
				this.describeLost();
				return items;
			},
			(error: unknown) => {
				if (error instanceof RequestFailure && error.failure.made === 'unknown') {
					outcomes.set(this.key(fingerprint), { failure: error });
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
	fail(error: NodeError, made?: Failure['made']): NodeError {
		const { attempt } = this;
		attempt.hasFailed = true;
		if (this.context.continueOnFail()) return error;
		if (attempt.lost === undefined) {
			attempt.lost = { error, description: error.description ?? '', notes: [] };
		} else if (attempt.lost.error !== error) {
			const { message, description } = error;
			attempt.lost.notes.push(message, ...(made === 'unknown' ? [description ?? ''] : []));
		}
		this.describeLost();
		return attempt.lost.error;
	}

	private key(fingerprint: () => string): number | string {
		return isLent(this.context) ? fingerprint() : this.index;
	}

	/**
	 * Ends the run as soon as a step of it fails, before anyone who waits for that step can go on.
	 * @throws what `step` throws
	 */
	private async endingRun<T>(step: Promise<T>): Promise<T> {
		return await step.then(
			(value) => value,
			(error: unknown) => {
				if (!this.context.continueOnFail()) this.attempt.ending.abort();
				throw error;
			},
		);
	}

	private describeLost(): void {
		const { lost } = this.attempt;
		if (!lost) return;
		const images = [...this.run.outcomes]
			.sort(([a], [b]) => Number(a) - Number(b))
			.flatMap(([index, { items }]) =>
				items ? listImages(Number(index), items, this.context) : [],
			);
		lost.error.description = asLines([
			lost.description,
			...(lost.notes.length > 0 ? ['Also:', ...lost.notes] : []),
			...(images.length > 0
				? ['Images that were made in this run; their addresses work for 24 hours:', ...images]
				: []),
		]);
	}
}
