import type { IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import { RequestFailure } from '../errors';
import { SVG_MIME_TYPE } from '../image/layeredSvg';
import { recoveryUrl } from '../image/store';

/** Which of a run's requests it is. */
export interface RequestId {
	/** Index of its input item. */
	item: number;
	/** Number among the requests of its item, from 0. */
	part: number;
	/** What makes the request this one and no other: for a tool, all calls of which are item 0. */
	fingerprint?: string;
}

/** How a request ended. */
interface Outcome extends RequestId {
	/** Images that were charged. */
	items?: INodeExecutionData[];
	/** Failure after which an image may exist, so that the request must not be sent again. */
	failure?: RequestFailure;
}

/** Where the images of output items can be had. */
function urlsOf(items: INodeExecutionData[], context: IExecuteSingleFunctions): string[] {
	return items.flatMap(({ json, binary }) => {
		// A layered SVG holds no image that is not there already.
		const isImage = !json.error && json.mimeType !== SVG_MIME_TYPE;
		const images = (json.images ?? (isImage ? [json] : [])) as Array<{ url?: string }>;
		const files = Object.values(binary ?? {});
		return images.map(({ url }, i) => recoveryUrl(context, url, files[i]));
	});
}

/** What the requests of a run came to, kept for "Retry On Fail": what was charged is not sent again. */
export class Memory {
	private readonly outcomes = new Map<string, Outcome>();

	get isEmpty(): boolean {
		return this.outcomes.size === 0;
	}

	clear(): void {
		this.outcomes.clear();
	}

	forget(id: RequestId): void {
		this.outcomes.delete(JSON.stringify(id));
	}

	/** @throws RequestFailure after which an image may exist */
	recall(id: RequestId): INodeExecutionData[] | undefined {
		const outcome = this.outcomes.get(JSON.stringify(id));
		if (outcome?.failure) throw outcome.failure;
		return outcome?.items;
	}

	keepItems(id: RequestId, items: INodeExecutionData[]): void {
		this.outcomes.set(JSON.stringify(id), { ...id, items });
	}

	/** Keeps a failure, as far as it forbids another attempt. */
	keepFailure(id: RequestId, error: unknown): void {
		if (!(error instanceof RequestFailure) || !error.failure.mayBeCharged) return;
		this.outcomes.set(JSON.stringify(id), { ...id, failure: error });
	}

	/** Where the images so far can be had, in the order of the items. */
	images(context: IExecuteSingleFunctions): Array<{ item: number; url: string }> {
		return [...this.outcomes.values()]
			.sort((a, b) => a.item - b.item || a.part - b.part)
			.flatMap(({ item, items = [] }) => urlsOf(items, context).map((url) => ({ item, url })));
	}
}
