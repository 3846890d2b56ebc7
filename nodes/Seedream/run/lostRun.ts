import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { asHtml, asLines, type NodeError } from '../errors';
import type { Memory } from './memory';

const KEEP_FILES =
	'To keep the files of the other items, set On Error in the node’s Settings to Continue. With Retry On Fail, images that exist are not generated again.';

const IMAGES_SO_FAR = 'Images already generated in this run; their URLs expire after 24 hours:';

/** Failures that are named, after which no image may exist. */
const MAX_NAMED = 20;

/**
 * The report of a run that failed. n8n shows one error and drops all items: so it names what else
 * failed, and where the images can be had that were generated nevertheless.
 */
export class LostRun {
	private readonly description: string;

	/** Messages of further failures; the requests of one item may fail for the same reason. */
	private readonly messages = new Set<string>();

	/** Further failures after which images may exist, whose descriptions may hold their URLs. */
	private readonly charged = new Set<string>();

	/** @param error the first failure; its description is completed as other items finish */
	constructor(readonly error: NodeError) {
		this.description = error.description ?? '';
	}

	/** Adds a further failure. @param mayBeCharged whether its description matters too */
	add({ message, description }: NodeError, mayBeCharged: boolean): void {
		const isSameMessage = message === this.error.message;
		const isSame = isSameMessage && description === this.description;
		if (!mayBeCharged && !isSameMessage) this.messages.add(message);
		if (mayBeCharged && !isSame) this.charged.add(asLines([message, description ?? '']));
	}

	/** Brings the error's description and its details up to date. */
	describe(context: IExecuteSingleFunctions, memory: Memory): void {
		const images = memory.images(context).map(({ item, url }) => `Item ${item}: ${url}`);
		const further = this.messages.size - MAX_NAMED;
		const others = [...this.charged, ...[...this.messages].slice(0, MAX_NAMED)];
		this.error.description = asHtml(
			asLines([
				this.description,
				...(images.length > 0 ? [KEEP_FILES, IMAGES_SO_FAR, ...images] : []),
				...(others.length > 0 ? ['Also:', ...others] : []),
				further > 0 ? `… and ${further} more.` : undefined,
			]),
		);
		this.error.messages = images;
	}
}
