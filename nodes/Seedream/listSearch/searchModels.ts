import {
	NodeApiError,
	NodeOperationError,
	type ILoadOptionsFunctions,
	type INodeListSearchItems,
	type INodeListSearchResult,
} from 'n8n-workflow';

import { AUTOMATIC, AUTOMATIC_NAME } from '../catalog/automatic';
import { gatewayOf, livingModels, type Gateway } from '../catalog/gateways';
import { familyOf, MODEL_FAMILIES, modelLabels } from '../catalog/models';
import { operationOf } from '../catalog/operations';
import { apiBaseUrl, baseUrlProblem } from '../http/baseUrl';
import { fetchLiveModels } from './liveModels';

/** Newest family first, unknown ids last. */
function rank(id: string): number {
	const family = familyOf(id);
	return family ? MODEL_FAMILIES.indexOf(family) : MODEL_FAMILIES.length;
}

async function liveModels(context: ILoadOptionsFunctions): Promise<string[]> {
	const { status, ids } = await fetchLiveModels(context);
	if (status !== 401 && status !== 403) return ids;
	// Not with the response, which may echo the key.
	throw new NodeApiError(
		context.getNode(),
		{},
		{
			message: 'The gateway rejected the API key of the credential',
			description: 'Open the credential and check key and Base URL. Or enter the model By ID.',
			httpCode: String(status),
		},
	);
}

/**
 * What the gateway's document names and its service has not ended, and what its live list adds. A gateway without a document goes by
 * its own spelling: the catalog's ids stand in only for families that it does not list.
 */
function join(gateway: Gateway, live: string[]): string[] {
	const listed = new Set(live.map(familyOf));
	const models = livingModels(gateway);
	const named =
		gateway.id === 'other' ? models.filter((each) => !listed.has(familyOf(each))) : models;
	return [...new Set([...named, ...live])];
}

/**
 * The models to choose from: Automatic, then what the gateway's document names and what its live list adds, newest
 * first, as far as they support the chosen operation. Gateways without a list show the former alone.
 * @param filter what the user typed; with it the live list's other models are searched too, and `*` shows all
 */
export async function searchModels(
	this: ILoadOptionsFunctions,
	filter?: string,
): Promise<INodeListSearchResult> {
	const credentials = await this.getCredentials<{ baseUrl?: string; provider?: string }>(
		'seedreamApi',
	);
	const { provider } = credentials;
	const baseUrl = apiBaseUrl(String(credentials.baseUrl ?? ''), provider);
	const problem = baseUrlProblem(baseUrl);
	if (problem) {
		const { message, description } = problem;
		throw new NodeOperationError(this.getNode(), message, { description });
	}
	const operation = operationOf(this.getCurrentNodeParameter('operation'));

	const gateway = gatewayOf(baseUrl, provider);
	const models = join(gateway, await liveModels(this));
	const isShown = (id: string) => {
		const family = familyOf(id);
		if (!family) return !!filter || /seedream|seededit/i.test(id);
		return !operation || family.operations.includes(operation.id);
	};
	const wanted = filter && filter !== '*' ? filter.toLowerCase() : '';
	const shown = models.filter(isShown).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
	const labels = modelLabels(shown, gateway.service);
	const results: INodeListSearchItems[] = [
		{ name: AUTOMATIC_NAME, value: AUTOMATIC },
		...shown.map((id, i) => ({ name: labels[i], value: id })),
	].filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(wanted));
	return { results };
}
