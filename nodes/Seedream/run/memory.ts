import type { IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import { RequestFailure } from '../errors';
import { SVG_MIME_TYPE } from '../image/layeredSvg';
import { recoveryUrl } from '../image/store';

/** How a request ended. */
interface Outcome {
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

/**
 * What the requests of a run came to, kept for "Retry On Fail": what was charged is not sent again. By
 * item; by request for a tool that an agent calls, all calls of which are item 0.
 */
export class Memory {
	private readonly outcomes = new Map<number | string, Outcome>();

	get isEmpty(): boolean {
		return this.outcomes.size === 0;
	}

	clear(): void {
		this.outcomes.clear();
	}

	/** @throws RequestFailure after which an image may exist */
	recall(key: number | string): INodeExecutionData[] | undefined {
		const outcome = this.outcomes.get(key);
		if (outcome?.failure) throw outcome.failure;
		return outcome?.items;
	}

	keepItems(key: number | string, items: INodeExecutionData[]): void {
		this.outcomes.set(key, { items });
	}

	/** Keeps a failure, as far as it forbids another attempt. */
	keepFailure(key: number | string, error: unknown): void {
		if (!(error instanceof RequestFailure) || !error.failure.mayBeCharged) return;
		this.outcomes.set(key, { failure: error });
	}

	/** Where the images so far can be had, in the order of the items. */
	images(context: IExecuteSingleFunctions): Array<{ key: number | string; url: string }> {
		return [...this.outcomes]
			.sort(([a], [b]) => Number(a) - Number(b))
			.flatMap(([key, { items = [] }]) => urlsOf(items, context).map((url) => ({ key, url })));
	}
}
