import type { IDataObject, IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import { completeBody, type ImageRequest } from './index';

/** A data URI cut down to what a person reads of it. */
function shorten(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(shorten);
	if (typeof value !== 'string' || !value.startsWith('data:')) return value;
	const [head, data] = value.split(',', 2);
	return `${head},… (${Math.ceil((data.length * 3) / 4 / 1000)} kB)`;
}

/** Whether the user wants to see requests instead of sending them. */
export function isPreview(context: IExecuteSingleFunctions): boolean {
	return context.getNodeParameter('options.previewRequest', false) as boolean;
}

/**
 * The request as it would go out, with references shortened and without the key.
 * @param baseUrl as the API is called, without trailing slash
 * @throws NodeOperationError for a reference that the model or the gateway does not read
 */
export async function previewRequest(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	baseUrl: string,
): Promise<INodeExecutionData[]> {
	const { image, ...body } = await completeBody(context, request);
	const json = {
		method: 'POST',
		url: `${baseUrl}/images/generations`,
		gateway: request.gateway.name,
		modelFamily: request.family?.name ?? 'Unknown',
		body: { ...body, ...(image === undefined ? {} : { image: shorten(image) }) },
		maxImages: request.expectedImages,
		warnings: request.warnings,
	};
	return [{ json: json as IDataObject, pairedItem: { item: context.getItemIndex() } }];
}
