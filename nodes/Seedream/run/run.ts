import { sleep, type IExecuteSingleFunctions, type INodeExecutionData } from 'n8n-workflow';

import { grouped, inputError, type NodeError } from '../errors';
import { Semaphore } from '../http/semaphore';
import { wait } from '../http/wait';
import { isAgentTool } from '../request/inputItems';
import type { Attempts } from './attempts';
import { batchDelay, itemCount } from './execution';
import { LostRun } from './lostRun';
import { Memory, type RequestId } from './memory';
import type { Queue } from './queue';

/** Milliseconds that n8n may be late with a batch. */
const BATCH_MARGIN_MS = 250;

/** More than Number of Images allows. */
const MAX_REQUESTS_PER_ITEM = 100;

/** One pass of n8n over the items of a run; "Retry On Fail" makes further ones. */
class Pass {
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
	readonly ready: Array<{ order: number; resolve: () => void }> = [];

	/** Most images that all items of the pass may request. */
	expectedImages = 0;

	/** Whether any item failed, so that n8n may retry. */
	hasFailed = false;

	/** Aborted when a failure ends the run: nothing is sent any more. */
	readonly ending = new AbortController();

	/** The report of the failure that ended the run. */
	lost?: LostRun;

	/** @param count items in all */
	start(index: number, count: number): void {
		this.started.add(index);
		if (this.started.size >= count) this.resolveAllStarted();
	}
}

/** What all items of a run, and all passes of it, share. */
class Run {
	pass = new Pass();

	readonly memory = new Memory();

	/** URLs that n8n's log has already. */
	readonly logged = new Set<string>();

	private semaphore: Semaphore | undefined;

	/** Runs a task when a place is free. @param concurrency places; the value of the first item applies */
	async inTurn<T>(concurrency: number, task: () => Promise<T>): Promise<T> {
		this.semaphore ??= new Semaphore(concurrency);
		return await this.semaphore.run(task);
	}
}

/**
 * Runs by execution data and node. n8n keeps one such object for each run of a node, also across "Retry
 * On Fail", so nobody has to clean up; an agent passes its own to all tools it calls by itself.
 */
const runs = new WeakMap<object, Map<string, Run>>();

function runOf(context: IExecuteSingleFunctions): Run {
	const key = context.getExecuteData();
	const { name } = context.getNode();
	const known = runs.get(key) ?? new Map<string, Run>();
	runs.set(key, known);
	const run = known.get(name) ?? new Run();
	known.set(name, run);
	return run;
}

/** One item's part in its run. */
export class RunItem {
	private readonly run: Run;

	private readonly pass: Pass;

	private readonly index: number;

	private readonly isAgentTool: boolean;

	/** What requests of an agent's call came to: kept if it fails, since its next equal call is a retry then. */
	private readonly finished: Array<[RequestId, INodeExecutionData[]]> = [];

	/**
	 * Joins the item to its run. Must be called before anything is awaited: n8n starts all items in one
	 * go, and this is how they learn of each other.
	 */
	constructor(private readonly context: IExecuteSingleFunctions) {
		this.index = context.getItemIndex();
		this.isAgentTool = isAgentTool(context);
		this.run = runOf(context);
		const { pass, memory } = this.run;
		const count = itemCount(context);
		if (pass.started.has(this.index)) {
			// n8n retries what failed, or what it broke off; all else is another call.
			const isRetry = pass.hasFailed || pass.started.size < count;
			if (!isRetry && !this.isAgentTool) memory.clear();
			this.run.pass = new Pass();
		}
		this.pass = this.run.pass;
		this.pass.start(this.index, count);
	}

	/**
	 * Runs a task that sends nothing; no item is sent before all have done theirs.
	 * @throws what the task throws
	 */
	async prepare<T>(task: () => Promise<T>): Promise<T> {
		const { pass } = this;
		const result = this.endingRun(task());
		pass.prepared = Promise.allSettled([pass.prepared, result]).then(() => {});
		return await result;
	}

	/** Counts the images an item requests. */
	expect(images: number): void {
		this.pass.expectedImages += images;
	}

	/**
	 * @param limit images; 0 means no limit
	 * @throws NodeOperationError when the items together request more images than that
	 */
	assertWithinLimit(limit: number): void {
		const { expectedImages, started } = this.pass;
		if (limit === 0 || expectedImages <= limit) return;
		throw inputError(
			this.context,
			`This run would generate up to ${grouped(expectedImages)} images, more than the ${grouped(limit)} of Max Images per Run`,
			`Nothing ${this.run.memory.isEmpty ? 'was' : 'more is'} sent. Input items: ${started.size}. Use fewer, lower the images of each, or raise the option.`,
		);
	}

	/**
	 * The items that an earlier pass, or the same request of an agent, got.
	 * @param part number of the request among those of the item
	 * @param fingerprint what makes the request this one and no other
	 * @throws RequestFailure of an earlier attempt, after which an image may exist
	 */
	recall(part: number, fingerprint: () => string): INodeExecutionData[] | undefined {
		const { memory } = this.run;
		const id = this.id(part, fingerprint);
		const items = memory.recall(id);
		if (items && this.isAgentTool) {
			// Of equal calls, one is the retry.
			memory.forget(id);
			this.finished.push([id, items]);
		}
		return items;
	}

	/**
	 * Keeps how a request ends for further passes: what was charged, or that it may have been.
	 * @throws what `sending` throws
	 */
	async keep(
		part: number,
		fingerprint: () => string,
		sending: Promise<INodeExecutionData[] | undefined>,
	): Promise<INodeExecutionData[]> {
		const { memory } = this.run;
		const id = this.id(part, fingerprint);
		return await sending.then(
			(items) => {
				if (!items) return [];
				if (this.isAgentTool) this.finished.push([id, items]);
				else memory.keepItems(id, items);
				this.pass.lost?.describe(this.context, memory);
				return items;
			},
			(error: unknown) => {
				memory.keepFailure(id, error);
				throw error;
			},
		);
	}

	/**
	 * Waits for the turn of one of the item's requests. Never resolves where n8n has broken off: it stops
	 * at an item whose expressions cannot be resolved, and then nobody waits for the others.
	 * @param concurrency requests that may have their turn at once
	 * @returns what the task returns, nothing where the run is lost before
	 */
	async takeTurn(
		part: number,
		concurrency: number,
		task: () => Promise<INodeExecutionData[]>,
	): Promise<INodeExecutionData[]> {
		await this.allStarted();
		await this.pass.prepared;
		// n8n's Batching spaced the starts; since nothing was sent then, it is made up here.
		await this.pause(batchDelay(this.context, this.index));
		await this.inOrder(this.order(part));
		return await this.run.inTurn(concurrency, async () =>
			(await this.pause(0)) ? await this.endingRun(task()) : [],
		);
	}

	/** Waits until n8n has started all items, and waits for them itself. */
	async allStarted(): Promise<void> {
		const { context, pass } = this;
		if (!context.continueOnFail()) return await pass.allStarted;
		// Items that could not be started are error items then, and never come.
		const last = batchDelay(context, itemCount(context) - 1);
		const due = pass.startedAt + last + (last > 0 ? BATCH_MARGIN_MS : 0);
		await Promise.race([pass.allStarted, wait(due - Date.now())]);
	}

	/**
	 * Waits some milliseconds.
	 * @returns whether another request may be sent: not when the run is lost or cancelled
	 */
	async pause(milliseconds: number): Promise<boolean> {
		const { signals } = this;
		await wait(milliseconds, ...signals);
		return signals.every(({ aborted }) => !aborted);
	}

	/**
	 * Sends a request of the item at the pace that the gateway admits.
	 * @param attempts at the request
	 * @param images that it requests
	 * @returns its items; undefined where the run is lost or cancelled before it was admitted
	 * @throws RequestFailure
	 */
	async send(
		part: number,
		queue: Queue,
		attempts: Attempts<INodeExecutionData[]>,
		images: number,
	): Promise<INodeExecutionData[] | undefined> {
		const attempt = async () => await attempts.next();
		const options = { images, order: this.order(part), signals: this.signals };
		return await queue.send(this.pass, attempt, options).catch((error: unknown) => {
			throw attempts.failureOf(error);
		});
	}

	/**
	 * Notes a failure. Without "On Error: Continue" it loses the run; the first to do so is the one that
	 * n8n gets to see.
	 * @returns the error to throw
	 */
	fail(error: NodeError, mayBeCharged: boolean): NodeError {
		const { pass, context } = this;
		pass.hasFailed = true;
		if (context.continueOnFail()) return error;
		for (const [id, items] of this.finished.splice(0)) this.run.memory.keepItems(id, items);
		if (!pass.lost) pass.lost = new LostRun(error);
		else if (pass.lost.error !== error) pass.lost.add(error, mayBeCharged);
		pass.lost.describe(context, this.run.memory);
		return pass.lost.error;
	}

	/**
	 * Writes the images of a cancelled execution to n8n's log: the editor shows nothing of them.
	 * @param own URLs of this item's response, which has no items
	 * @param clean makes a text fit for the log
	 */
	logCancelled(own: string[], clean: (text: string) => string): void {
		const { run, context } = this;
		if (!context.getExecutionCancelSignal()?.aborted) return;
		const urls = [...own, ...run.memory.images(context).map(({ url }) => url)];
		const fresh = [...new Set(urls)].filter((url) => !run.logged.has(url));
		for (const url of fresh) run.logged.add(url);
		if (fresh.length === 0) return;
		const { name } = context.getNode();
		const text = `${name}: the execution was cancelled after these images had been generated: ${fresh.join(' ')}`;
		context.logger.warn(clean(text));
	}

	/** Abort when nothing more may be sent. */
	private get signals(): AbortSignal[] {
		const { pass, context } = this;
		const cancelled = context.getExecutionCancelSignal();
		return cancelled ? [pass.ending.signal, cancelled] : [pass.ending.signal];
	}

	private id(part: number, fingerprint: () => string): RequestId {
		return {
			item: this.index,
			part,
			...(this.isAgentTool && { fingerprint: fingerprint() }),
		};
	}

	/** Place among the requests of the run. */
	private order(part: number): number {
		return this.index * MAX_REQUESTS_PER_ITEM + part;
	}

	/** Lets requests that are ready at the same time go on in their order, whichever was prepared first. */
	private async inOrder(order: number): Promise<void> {
		const { ready } = this.pass;
		await new Promise<void>((resolve) => {
			ready.push({ order, resolve });
			if (ready.length > 1) return;
			void sleep(0).then(() => {
				for (const each of ready.splice(0).sort((a, b) => a.order - b.order)) each.resolve();
			});
		});
	}

	/**
	 * Ends the run as soon as a task of it fails, before anyone who waits for that task can go on.
	 * @throws what `task` throws
	 */
	private async endingRun<T>(task: Promise<T>): Promise<T> {
		return await task.then(
			(value) => value,
			(error: unknown) => {
				if (!this.context.continueOnFail()) this.pass.ending.abort();
				throw error;
			},
		);
	}
}
