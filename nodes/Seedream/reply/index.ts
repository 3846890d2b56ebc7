import type {
	IExecuteSingleFunctions,
	IN8nHttpFullResponse,
	INodeExecutionData,
} from 'n8n-workflow';

import type { ImageRequest } from '../request';
import { readAnswer, type FailedRecord, type SummaryRecord } from './answer';
import { finishImage, toItems, type FinishedImage } from './items';

/**
 * Turns an answer into output items, storing each image as soon as its record is read.
 * @param response with its body unread
 * @param secret the key in use, kept out of messages
 * @throws RequestFailure when the answer holds no image at all
 */
export async function readReply(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	response: IN8nHttpFullResponse,
	secret: string,
): Promise<INodeExecutionData[]> {
	const images: Array<Promise<FinishedImage>> = [];
	const failed: FailedRecord[] = [];
	let summary: SummaryRecord = { type: 'summary', raw: {} };
	for await (const record of readAnswer(response, request, secret)) {
		if (record.type === 'image') images.push(finishImage(context, request, record));
		else if (record.type === 'failed') failed.push(record);
		else summary = record;
	}
	return toItems(context, request, await Promise.all(images), failed, summary);
}
