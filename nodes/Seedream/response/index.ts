import type {
	IExecuteSingleFunctions,
	IN8nHttpFullResponse,
	INodeExecutionData,
} from 'n8n-workflow';

import { asLines, MAY_BE_CHARGED, RequestFailure } from '../errors';
import { reasonOf, type Connection } from '../http/connection';
import type { DownloadOptions } from '../http/download';
import { LimitedStream, type ByteStream } from '../http/limitedStream';
import { Semaphore } from '../http/semaphore';
import { recoveryUrl } from '../image/store';
import type { ImageRequest } from '../request';
import type { OutputSettings } from '../request/settings';
import { finishImage, notGenerated, storeLayeredSvg, toItems, type FinishedImage } from './items';
import { arrangeLayers } from './layers';
import { readRecords, type FailedRecord, type SummaryRecord } from './records';
import { reportTokens } from './tokenUsage';

/** Parallel downloads of one response. */
const DOWNLOADS = 4;

/** Milliseconds a response may take in all, unless one image may take longer. */
const MAX_TOTAL_MS = 3_600_000;

/** What reading a response needs beside the response. */
export interface ReadingOptions {
	output: OutputSettings;
	download: DownloadOptions;
	/** Milliseconds without progress after which the response counts as cut short. */
	idle: number;
	/** Redacts what the service says of layers, which goes into files and their names. */
	clean: <T>(value: T) => T;
}

/** The failure of a set that the user wants whole or not at all. */
function incompleteSet(
	urls: string[],
	[first, ...others]: FailedRecord[],
	requestId: string | undefined,
): RequestFailure {
	const count = urls.length + others.length + 1;
	return new RequestFailure({
		message: `${others.length + 1} of ${count} images of the set were not generated. ${notGenerated(first)}`,
		description: asLines([
			'The others were generated and charged. This node does not generate them again; run again for a new set. They are at:',
			...urls,
		]),
		code: first.code,
		requestId,
		mayBeCharged: true,
	});
}

/**
 * The number of an image among all of its item. No two have the same, not even where a response holds
 * more images than requested: those come behind the requested ones of all requests.
 * @param index its number in the response
 */
function numberOf({ part, requests, expectedImages }: ImageRequest, index: number): number {
	return index < expectedImages ? part * expectedImages + index : index * requests + part;
}

/** The failure to use a response. Only what nobody expected is not one already. */
function toFailure(error: unknown, urls: string[]): RequestFailure {
	if (error instanceof RequestFailure) {
		urls.push(...(error.failure.urls ?? []));
		return error;
	}
	return new RequestFailure({
		message: `The response could not be used: ${reasonOf(error)}`,
		description: asLines([
			`${MAY_BE_CHARGED} This node did not expect that; please report it.`,
			...(urls.length > 0 ? ['Images of the response:', ...urls] : []),
		]),
		mayBeCharged: true,
	});
}

/**
 * Turns a response into output items, storing each image as soon as its record is read.
 * @param response with its body unread
 * @param connection on which it comes
 * @param urls gets the URL of each image as soon as it is known
 * @throws RequestFailure when the response holds no image at all, or not all and the user wants that
 */
export async function readResponse(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	response: IN8nHttpFullResponse,
	connection: Connection,
	{ output, download, idle, clean }: ReadingOptions,
	urls: string[],
): Promise<INodeExecutionData[]> {
	const total = Math.min(idle * (1 + request.expectedImages), Math.max(MAX_TOTAL_MS, idle * 2));
	const body = response.body as unknown as ByteStream;
	const bytes = new LimitedStream(body, { idle, total, bytes: Infinity }, connection.close);
	const downloads = new Semaphore(DOWNLOADS);
	const images: Array<Promise<FinishedImage>> = [];
	const failed: FailedRecord[] = [];
	let summary: SummaryRecord | undefined;
	try {
		for await (const record of readRecords(response, bytes, request)) {
			if (record.type === 'summary') summary = record;
			else if (record.type === 'failed') {
				failed.push({ ...record, index: numberOf(request, record.index) });
			} else {
				record.index = numberOf(request, record.index);
				if (record.url) urls.push(record.url);
				if (record.layer) record.layer = clean(record.layer);
				const image = downloads.run(
					async () => await finishImage(context, request, record, output, download),
				);
				// Awaited below; until then a failure must not end n8n.
				image.catch(() => {});
				images.push(image);
				// Image data is stored before more of the response is read, so that one image at most is
				// in memory.
				if (!record.bytes) continue;
				const { binary } = await image;
				if (!record.url) urls.push(recoveryUrl(context, undefined, binary));
			}
		}
		reportTokens(context, summary?.usage);
		const arrived = await Promise.all(images);
		if (failed.length > 0 && output.failsIncompleteSets) {
			throw incompleteSet(urls, failed, summary?.requestId);
		}
		const { isLayers } = request.operation;
		const finished = isLayers ? arrangeLayers(arrived) : arrived;
		const svg =
			isLayers && output.hasLayeredSvg
				? await storeLayeredSvg(context, request, finished, output, bytes)
				: undefined;
		return toItems(context, request, finished, failed, summary as SummaryRecord, output, svg);
	} catch (error) {
		throw toFailure(error, urls);
	}
}
