import { sleep, type IExecuteSingleFunctions, type INodeExecutionData } from 'n8n-workflow';

import { asLines, inputError, RequestFailure, type NodeError } from '../errors';
import { Semaphore } from '../http/semaphore';
import { wait } from '../http/wait';
import { recoveryUrl } from '../image/store';

/** Lines about further failures of a lost run. */
const MAX_NOTES = 20;

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

	readonly startedAt = Date.now();

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

	/** URLs that n8n's log has already. */
	readonly logged = new Set<string>();

	constructor(readonly semaphore: Semaphore) {}
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
		run = new Run(new Semaphore(Math.max(1, Math.floor(concurrency) || 1)));
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

/**
 * Milliseconds after the first item at which n8n's Batching starts an item. n8n starts batch after batch
 * without waiting for what they do; since nothing is sent before all have started, the pause between
 * batches is made up here.
 */
function batchDelay(context: IExecuteSingleFunctions, index: number): number {
	const { batching } = context.getNodeParameter('requestOptions', {}) as {
		batching?: { batch?: { batchSize?: number; batchInterval?: number } };
	};
	const { batchSize = 1, batchInterval = 0 } = batching?.batch ?? {};
	const batch = Math.floor(index / (batchSize > 0 ? batchSize : 1));
	return batchInterval > 0 ? batch * batchInterval : 0;
}

/** Milliseconds that n8n may be late with a batch. */
const BATCH_MARGIN_MS = 250;

/** Where the images of output items can be had. */
function urlsOf(items: INodeExecutionData[], context: IExecuteSingleFunctions): string[] {
	return items.flatMap(({ json, binary }) => {
		const images = (json.images ?? (json.error ? [] : [json])) as Array<{ url?: string }>;
		const files = Object.values(binary ?? {});
		return images.map(({ url }, i) => recoveryUrl(context, url, files[i]));
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
	 * @throws what the step throws
	 */
	async prepare<T>(step: () => Promise<T>): Promise<T> {
		const { attempt } = this;
		const result = this.endingRun(step());
		attempt.prepared = Promise.allSettled([attempt.prepared, result]).then(() => {});
		return await result;
	}

	/** Counts the images an item asks for. */
	expect(images: number): void {
		this.attempt.expectedImages += images;
	}

	/**
	 * @param limit images; 0 means no limit
	 * @throws NodeOperationError when the items together request more images than that
	 */
	assertWithinLimit(limit: number): void {
		const { expectedImages, started } = this.attempt;
		if (limit === 0 || expectedImages <= limit) return;
		throw inputError(
			this.context,
			`This run would generate up to ${expectedImages} images, more than the ${limit} of Max Images per Run`,
			`Nothing ${this.run.outcomes.size > 0 ? 'more is' : 'was'} sent. Input items: ${started.size}. Use fewer, lower the images of each, or raise the option.`,
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
		await this.allStarted();
		await this.attempt.prepared;
		await this.pause(batchDelay(this.context, this.index));
		await this.inOrder();
		return await this.run.semaphore.run(async () =>
			(await this.pause(0)) ? await this.endingRun(step()) : [],
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
		const { context, attempt } = this;
		if (!context.continueOnFail()) return await attempt.allStarted;
		// Items that could not be started are error items then, and never come.
		const last = batchDelay(context, itemCount(context) - 1);
		const due = attempt.startedAt + last + (last > 0 ? BATCH_MARGIN_MS : 0);
		await Promise.race([attempt.allStarted, wait(due - Date.now())]);
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
			await wait(left, ...signals);
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
				if (error instanceof RequestFailure && error.failure.mayBeCharged) {
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
	fail(error: NodeError, mayBeCharged: boolean): NodeError {
		const { attempt } = this;
		attempt.hasFailed = true;
		if (this.context.continueOnFail()) return error;
		if (attempt.lost === undefined) {
			attempt.lost = { error, description: error.description ?? '', notes: [] };
		} else if (attempt.lost.error !== error) {
			const { message, description } = error;
			attempt.lost.notes.push(message, ...(mayBeCharged ? [description ?? ''] : []));
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
		const images = this.images().map(({ index, url }) => `Item ${index}: ${url}`);
		const further = lost.notes.length - MAX_NOTES;
		lost.error.description = asLines([
			lost.description,
			...(lost.notes.length > 0 ? ['Also:', ...lost.notes.slice(0, MAX_NOTES)] : []),
			further > 0 ? `… and ${further} more.` : undefined,
			...(images.length > 0
				? ['Images already generated in this run; their URLs expire after 24 hours:', ...images]
				: []),
		]);
	}

	/** Where the images of the run's finished items can be had. */
	private images(): Array<{ index: number; url: string }> {
		return [...this.run.outcomes]
			.sort(([a], [b]) => Number(a) - Number(b))
			.flatMap(([index, { items = [] }]) =>
				urlsOf(items, this.context).map((url) => ({ index: Number(index), url })),
			);
	}

	/**
	 * Writes the images of a cancelled execution to n8n's log: the editor shows nothing of them.
	 * @param own URLs of this item's response, which has no items
	 * @param clean makes a text fit for the log
	 */
	logCancelled(own: string[], clean: (text: string) => string): void {
		const { run, context } = this;
		if (!context.getExecutionCancelSignal()?.aborted) return;
		const urls = [...own, ...this.images().map(({ url }) => url)];
		const fresh = urls.filter((url) => !run.logged.has(url));
		for (const url of fresh) run.logged.add(url);
		if (fresh.length === 0) return;
		context.logger.warn(
			clean(
				`${context.getNode().name}: the execution was cancelled after these images had been generated: ${fresh.join(' ')}`,
			),
		);
	}
}
