import type { IDataObject, IExecuteSingleFunctions } from 'n8n-workflow';

import { isAutomatic, recommendedModel } from '../catalog/automatic';
import { gatewayOf } from '../catalog/gateways';
import { operationOf } from '../catalog/operations';
import { liveModelsOfRun } from '../listSearch/liveModels';
import type { Credential } from './index';

/**
 * A body with the model that Automatic stands for in its place. A gateway that no document describes is
 * asked for its list, once a run.
 * @param declared body as the node's description filled it in
 * @param baseUrl as the API is called, without trailing slash
 */
export async function withModel(
	context: IExecuteSingleFunctions,
	{ apiKey, gateway: choice }: Credential,
	declared: IDataObject,
	baseUrl: string,
): Promise<IDataObject> {
	if (!isAutomatic(declared.model)) return declared;
	const gateway = gatewayOf(baseUrl, choice ?? 'automatic');
	const operation = operationOf(context.getNodeParameter('operation'));
	const listed =
		gateway.id === 'other' ? await liveModelsOfRun(context, `${baseUrl} ${apiKey}`) : [];
	return { ...declared, model: recommendedModel(gateway, operation?.id, listed) };
}
