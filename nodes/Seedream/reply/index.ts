import type {
	IExecuteSingleFunctions,
	IN8nHttpFullResponse,
	INodeExecutionData,
} from 'n8n-workflow';

import type { ByteStream, Connection } from '../connection';
import type { ImageRequest } from '../request';
import { asLines, RequestFailure } from '../errors';
import { Gate } from '../gate';
import { readAnswer, type FailedRecord, type SummaryRecord } from './answer';
import { addressOf } from './images';
import { finishImage, notMade, toItems, type FinishedImage } from './items';

/** Downloads under way at once, for one answer. */
const DOWNLOADS = 4;

/** The failure of a set that the user wants whole or not at all. */
function incompleteSet(
	context: IExecuteSingleFunctions,
	images: FinishedImage[],
	[first, ...others]: FailedRecord[],
	requestId: string | undefined,
): RequestFailure {
	const count = images.length + others.length + 1;
	const addresses = images.map(({ record, binary }) => addressOf(context, record.url, binary));
	return new RequestFailure({
		message: `${others.length + 1} of ${count} images of the set were not made. ${notMade(first)}`,
		description: asLines([
			'The others were made and charged. This node does not make them again; run again for a new set. They are at:',
			...addresses,
		]),
		code: first.code,
		requestId,
		made: 'unknown',
	});
}

/**
 * Turns an answer into output items, storing each image as soon as its record is read.
 * @param response with its body unread
 * @param connection on which it comes
 * @param idle milliseconds without a byte after which the answer counts as broken off
 * @param secret the key in use, kept out of messages
 * @throws RequestFailure when the answer holds no image at all, or not all and the user wants that
 */
export async function readReply(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	response: IN8nHttpFullResponse,
	connection: Connection,
	idle: number,
	secret: string,
): Promise<INodeExecutionData[]> {
	const downloading = new Gate(DOWNLOADS);
	const images: Array<Promise<FinishedImage>> = [];
	const failed: FailedRecord[] = [];
	let summary: SummaryRecord = { type: 'summary', raw: {} };
	connection.watch(response.body as unknown as ByteStream, idle);
	for await (const record of readAnswer(response, request, secret)) {
		if (record.type === 'summary') summary = record;
		else if (record.type === 'failed') failed.push(record);
		else {
			const image = downloading.run(async () => await finishImage(context, request, record));
			images.push(image);
			// Image data is stored before more of the answer is read, so that one image at most is in memory.
			if (record.bytes) await image;
		}
	}
	const finished = await Promise.all(images);
	if (failed.length > 0 && context.getNodeParameter('options.failedImages', 'keep') === 'fail') {
		throw incompleteSet(context, finished, failed, summary.requestId);
	}
	return toItems(context, request, finished, failed, summary);
}
