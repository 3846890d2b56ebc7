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

/** A list in OpenAI's format; entries that are not models are ignored. */
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
		// Without the response, which may repeat the key.
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
 * The models of the gateway's document, then those of its live list. For an unknown gateway the live list
 * comes first: the catalog's ids are added only for families that it does not contain.
 */
function join({ id, models }: Gateway, live: string[]): string[] {
	const listed = new Set(live.map(familyOf));
	const named = id === 'other' ? models.filter((each) => !listed.has(familyOf(each))) : models;
	return [...new Set([...named, ...live])];
}

/**
 * The models to choose from: those of the gateway's document and of its live list, if it has one, that
 * support the chosen operation, newest first.
 * @param filter what the user typed; it also searches the other models of the live list, and `*` shows all
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
