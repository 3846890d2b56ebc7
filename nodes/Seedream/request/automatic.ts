import type { IDataObject, IExecuteSingleFunctions } from 'n8n-workflow';

import { isAutomatic, recommendedModel } from '../catalog/automatic';
import { gatewayOf } from '../catalog/gateways';
import { operationOf } from '../catalog/operations';
import type { RequestOptions } from '../http/send';
import { liveModelsOfRun, type RequestLimits } from '../listSearch/liveModels';
import type { Credential } from './index';

/**
 * A body with the model that Automatic stands for in its place. A gateway that no document describes is
 * asked for its list, once a run.
 * @param options of the request as the node's description filled them in
 * @param baseUrl as the API is called, without trailing slash
 */
export async function withModel(
	context: IExecuteSingleFunctions,
	{ apiKey, provider }: Credential,
	options: RequestOptions,
	baseUrl: string,
): Promise<IDataObject> {
	const declared = options.body as IDataObject;
	if (!isAutomatic(declared.model)) return declared;
	const { allowedDomains, proxy, skipSslCertificateValidation } = options as RequestLimits;
	const limits = { allowedDomains, proxy, skipSslCertificateValidation };
	const gateway = gatewayOf(baseUrl, provider);
	const operation = operationOf(context.getNodeParameter('operation'));
	const listed =
		gateway.id === 'other' ? await liveModelsOfRun(context, `${baseUrl} ${apiKey}`, limits) : [];
	return { ...declared, model: recommendedModel(gateway, operation?.id, listed) };
}
