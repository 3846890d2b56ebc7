import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { asLines, linkTo, type NodeError } from '../errors';
import type { Memory } from './memory';

const KEEP_FILES =
	'To keep the files of the other items, set On Error in the node’s Settings to Continue. With Retry On Fail, images that exist are not generated again.';

const IMAGES_SO_FAR = 'Images already generated in this run; their URLs expire after 24 hours:';

const isUrl = (text: string) => /^https?:/i.test(text);

/** Lines about further failures. */
const MAX_NOTES = 20;

/**
 * The report of a run that failed. n8n shows one error and drops all items: so it names what else
 * failed, and where the images can be had that were generated nevertheless.
 */
export class LostRun {
	private readonly description: string;

	private readonly notes: string[] = [];

	/** @param error the first failure; its description is completed as other items finish */
	constructor(readonly error: NodeError) {
		this.description = error.description ?? '';
	}

	/** Adds a further failure. @param mayBeCharged whether its description matters too */
	add({ message, description }: NodeError, mayBeCharged: boolean): void {
		// The requests of one item may fail for the same reason.
		if (message === this.error.message || this.notes.includes(message)) return;
		this.notes.push(message, ...(mayBeCharged ? [description ?? ''] : []));
	}

	/** Brings the error's description and its details up to date. */
	describe(context: IExecuteSingleFunctions, memory: Memory): void {
		const images = memory.images(context);
		const further = this.notes.length - MAX_NOTES;
		this.error.description = asLines([
			this.description,
			...(images.length > 0 ? [KEEP_FILES, IMAGES_SO_FAR] : []),
			...images.map(({ item, url }) => `Item ${item}: ${isUrl(url) ? linkTo(url) : url}`),
			...(this.notes.length > 0 ? ['Also:', ...this.notes.slice(0, MAX_NOTES)] : []),
			further > 0 ? `… and ${further} more.` : undefined,
		]);
		this.error.messages = images.map(({ item, url }) => `Item ${item}: ${url}`);
	}
}
