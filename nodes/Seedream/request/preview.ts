import type { IDataObject, IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import type { DownloadOptions } from '../http/download';
import { completeBody, type ImageRequest } from './index';

/** A data URI cut down to what a person reads of it. */
function shorten(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(shorten);
	if (typeof value !== 'string' || !value.startsWith('data:')) return value;
	const [head, data = ''] = value.split(',', 2);
	return `${head},… (${Math.ceil((data.length * 3) / 4 / 1000)} kB)`;
}

/**
 * The request as it would go out, with references shortened and without the key.
 * @param baseUrl as the API is called, without trailing slash
 * @throws NodeOperationError for a reference that the model or the gateway does not support
 */
export async function previewRequest(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	baseUrl: string,
	options: DownloadOptions,
): Promise<INodeExecutionData[]> {
	const { image, ...body } = await completeBody(context, request, options);
	const json = {
		method: 'POST',
		url: `${baseUrl}/images/generations`,
		gateway: request.gateway.name,
		modelFamily: request.family?.name ?? 'Unknown',
		body: { ...body, ...(image === undefined ? {} : { image: shorten(image) }) },
		requests: request.requests,
		maxImages: request.expectedImages * request.requests,
		warnings: request.warnings,
	};
	return [{ json: json as IDataObject, pairedItem: request.pairedItem }];
}
