import type {
	IExecuteSingleFunctions,
	IHttpRequestOptions,
	ILoadOptionsFunctions,
} from 'n8n-workflow';
import { z } from 'zod/v4';

/** A list in OpenAI's form; what is no model in it is passed over. */
const modelList = z.object({
	data: z.array(z.object({ id: z.string(), status: z.unknown() }).partial().catch({})),
});

type Entries = z.infer<typeof modelList>['data'];

/** The entries of a list of models. @returns undefined for a body that is none */
export function modelsIn(body: unknown): Entries | undefined {
	return modelList.safeParse(body).data?.data;
}

/** The request for a gateway's models, which is free. */
export const MODEL_LIST_REQUEST = {
	url: '/models',
	json: true,
	timeout: 10_000,
	disableFollowRedirect: true,
	returnFullResponse: true,
	ignoreHttpStatusErrors: true,
} as const;

/** A gateway's own list of models. */
export interface LiveModels {
	/** HTTP status of the response. */
	status: number;
	/** Ids in use; empty where the gateway has no such list. */
	ids: string[];
}

/** What a request of the run has to keep to as well: n8n's Request Options and the credential's domains. */
export type RequestLimits = Pick<
	IHttpRequestOptions,
	'allowedDomains' | 'proxy' | 'skipSslCertificateValidation'
>;

/** Asks a gateway for its models. @throws what n8n's HTTP helper throws where no response came */
export async function fetchLiveModels(
	context: ILoadOptionsFunctions | IExecuteSingleFunctions,
	limits: RequestLimits = {},
): Promise<LiveModels> {
	const { statusCode, body } = (await context.helpers.httpRequestWithAuthentication.call(
		context,
		'seedreamApi',
		{ ...limits, ...MODEL_LIST_REQUEST },
	)) as { statusCode: number; body: unknown };
	const entries = (statusCode === 200 && modelsIn(body)) || [];
	return {
		status: statusCode,
		ids: entries.flatMap(({ id, status }) => (id && status !== 'Shutdown' ? [id] : [])),
	};
}

/** Ids by execution data and gateway, as n8n keeps one such object for each run of a node. */
const runs = new WeakMap<object, Map<string, Promise<string[]>>>();

/**
 * The ids of a gateway's own list, asked once for all items of a run.
 * @param gateway what tells gateways apart: items may have credentials of their own
 * @returns nothing where it has no list, or cannot be reached: the request itself tells why then
 */
export async function liveModelsOfRun(
	context: IExecuteSingleFunctions,
	gateway: string,
	limits: RequestLimits,
): Promise<string[]> {
	const key = context.getExecuteData();
	const known = runs.get(key) ?? new Map<string, Promise<string[]>>();
	runs.set(key, known);
	const ids =
		known.get(gateway) ??
		fetchLiveModels(context, limits).then(
			(list) => list.ids,
			() => [],
		);
	known.set(gateway, ids);
	return await ids;
}
