import {
	NodeApiError,
	NodeOperationError,
	type ILoadOptionsFunctions,
	type INodeListSearchItems,
	type INodeListSearchResult,
} from 'n8n-workflow';
import { z } from 'zod/v4';

import { gatewayOf, type Gateway } from '../catalog/gateways';
import { familyOf, MODEL_FAMILIES, modelLabel } from '../catalog/models';
import { operationOf } from '../catalog/operations';
import { apiBaseUrl, baseUrlProblem } from '../http/baseUrl';

/** A list in OpenAI's form; what is no model in it is passed over. */
const modelList = z.object({
	data: z.array(z.object({ id: z.string(), status: z.unknown() }).partial().catch({})),
});

/** Newest family first, unknown ids last. */
function rank(id: string): number {
	const family = familyOf(id);
	return family ? MODEL_FAMILIES.indexOf(family) : MODEL_FAMILIES.length;
}

async function liveModels(context: ILoadOptionsFunctions): Promise<string[]> {
	const response = (await context.helpers.httpRequestWithAuthentication.call(
		context,
		'seedreamApi',
		{
			url: '/models',
			json: true,
			timeout: 10_000,
			disableFollowRedirect: true,
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
		},
	)) as { statusCode: number; body: unknown };
	if (response.statusCode === 401 || response.statusCode === 403) {
		// Not with the response, which may echo the key.
		throw new NodeApiError(
			context.getNode(),
			{},
			{
				message: 'The gateway rejected the API key of the credential',
				description: 'Open the credential and check key and Base URL. Or enter the model By ID.',
				httpCode: String(response.statusCode),
			},
		);
	}
	const list = modelList.safeParse(response.body);
	if (response.statusCode !== 200 || !list.success) return [];
	return list.data.data.flatMap(({ id, status }) => (id && status !== 'Shutdown' ? [id] : []));
}

/**
 * What the gateway's document names and what its live list adds. A gateway without a document goes by
 * its own spelling: the catalog's ids stand in only for families that it does not list.
 */
function join({ id, models }: Gateway, live: string[]): string[] {
	const listed = new Set(live.map(familyOf));
	const named = id === 'other' ? models.filter((each) => !listed.has(familyOf(each))) : models;
	return [...new Set([...named, ...live])];
}

/**
 * The models to choose from: what the gateway's document names and what its live list adds, newest
 * first, as far as they support the chosen operation. Gateways without a list show the former alone.
 * @param filter what the user typed; with it the live list's other models are searched too, and `*` shows all
 */
export async function searchModels(
	this: ILoadOptionsFunctions,
	filter?: string,
): Promise<INodeListSearchResult> {
	const credentials = await this.getCredentials<{ baseUrl: string; gateway?: string }>(
		'seedreamApi',
	);
	const choice = credentials.gateway ?? 'automatic';
	const baseUrl = apiBaseUrl(String(credentials.baseUrl ?? ''), choice);
	const problem = baseUrlProblem(baseUrl);
	if (problem) {
		const { message, description } = problem;
		throw new NodeOperationError(this.getNode(), message, { description });
	}
	const operation = operationOf(this.getCurrentNodeParameter('operation'));

	const models = join(gatewayOf(baseUrl, choice), await liveModels(this));
	const isShown = (id: string) => {
		const family = familyOf(id);
		if (!family) return !!filter || /seedream|seededit/i.test(id);
		return !operation || family.operations.includes(operation.id);
	};
	const wanted = filter && filter !== '*' ? filter.toLowerCase() : '';
	const results: INodeListSearchItems[] = models
		.filter(isShown)
		.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b))
		.map((id) => ({ name: modelLabel(id), value: id }))
		.filter(({ name }) => name.toLowerCase().includes(wanted));
	return { results };
}
