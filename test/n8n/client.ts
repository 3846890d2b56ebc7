import type {
	IConnections,
	ICredentialDataDecryptedObject,
	INode,
	INodeCredentialsDetails,
	INodeExecutionData,
	IRunExecutionData,
	IWorkflowSettings,
} from 'n8n-workflow';
import { isDeepStrictEqual } from 'node:util';

import { until } from './process';

/** Milliseconds an execution may take; longer ones hang. */
const EXECUTION_LIMIT_MS = 240_000;

/** Who signs in to the servers started here; they listen on 127.0.0.1 only. */
export const OWNER = { email: 'owner@example.com', password: 'Seedream-2026' };

/** A workflow as n8n exports it. */
export interface WorkflowFile {
	name: string;
	nodes: INode[];
	connections: IConnections;
	settings?: IWorkflowSettings;
}

export interface CredentialData {
	name: string;
	type: string;
	data: ICredentialDataDecryptedObject;
}

/** A finished execution. */
export interface Execution {
	status: string;
	/** What the workflow ended with, when it failed. */
	error?: { message: string; description?: string | null; node?: { name: string } };
	/** The items a node put out at its first output, of its last run. */
	items(node: string): INodeExecutionData[];
	/** The items a node put out at an output, of each of its runs. */
	runs(node: string, output?: number): INodeExecutionData[][];
}

interface Stored {
	id: string;
	name: string;
	type?: string;
	updatedAt: string;
}

/** Does over n8n's REST API what its editor does. */
export class N8nClient {
	private cookie = '';

	/** @param url of the server, without a trailing slash */
	constructor(private readonly url: string) {}

	/** Signs in as the owner, whose account is made when the server is new. */
	async signIn(): Promise<void> {
		// Older n8n is ready before its API is.
		await until('n8n has its API', async () => {
			const settings = fetch(`${this.url}/rest/settings`);
			// n8n may just be closing the connection that is left from asking whether it is ready.
			return await settings.then(
				({ ok }) => ok,
				() => false,
			);
		});
		const { userManagement } = await this.request<{
			userManagement: { showSetupOnFirstLoad: boolean };
		}>('GET', '/settings');
		if (userManagement.showSetupOnFirstLoad) {
			await this.request('POST', '/owner/setup', {
				...OWNER,
				firstName: 'Seedream',
				lastName: 'Owner',
			});
		} else {
			const { email: emailOrLdapLoginId, password } = OWNER;
			await this.request('POST', '/login', { emailOrLdapLoginId, password });
		}
	}

	/** Makes a credential, or sets the one of this name and type. */
	async saveCredential(credential: CredentialData): Promise<string> {
		const all = await this.request<Stored[]>('GET', '/credentials');
		const known = all.find(
			({ name, type }) => name === credential.name && type === credential.type,
		);
		const { id } = known
			? await this.request<Stored>('PATCH', `/credentials/${known.id}`, credential)
			: await this.request<Stored>('POST', '/credentials', credential);
		return id;
	}

	/**
	 * Imports a workflow under its name. One that is there already is replaced only when it is older than
	 * `changed`, so that what a person edited stays; but a credential that was deleted is chosen anew.
	 */
	async saveWorkflow(workflow: WorkflowFile, changed = new Date()): Promise<string> {
		const all = await this.request<Stored[]>('GET', '/workflows');
		const known = all.find(({ name }) => name === workflow.name);
		const nodes = await this.withCredentials(workflow.nodes);
		// Without pinned data, "Execute step" breaks in n8n 2.41.
		const content = { pinData: {}, ...workflow, nodes };
		if (!known) {
			// Older n8n wants to be told.
			const inactive = { ...content, active: false };
			return (await this.request<Stored>('POST', '/workflows', inactive)).id;
		}
		const path = `/workflows/${known.id}`;
		if (new Date(known.updatedAt) < changed) {
			await this.request('PATCH', `${path}?forceSave=true`, content);
			return known.id;
		}
		const { name, nodes: stored, connections } = await this.request<WorkflowFile>('GET', path);
		const repaired = await this.withCredentials(stored);
		if (!isDeepStrictEqual(repaired, stored)) {
			await this.request('PATCH', `${path}?forceSave=true`, { name, nodes: repaired, connections });
		}
		return known.id;
	}

	/**
	 * Chooses credentials by their names, as the editor does at import, unless the one that is chosen exists;
	 * n8n 1 does not by itself.
	 */
	private async withCredentials(nodes: INode[]): Promise<INode[]> {
		const all = await this.request<Stored[]>('GET', '/credentials');
		const choose = ([type, chosen]: [string, INodeCredentialsDetails]) => {
			if (all.some(({ id }) => id === chosen.id)) return [type, chosen];
			const known = all.find((each) => each.name === chosen.name && each.type === type);
			return [type, { ...chosen, id: known?.id ?? null }];
		};
		return nodes.map((node) =>
			node.credentials
				? {
						...node,
						credentials: Object.fromEntries(Object.entries(node.credentials).map(choose)),
					}
				: node,
		);
	}

	/** Publishes a workflow, so that its webhooks and schedules go live, which takes n8n a moment. */
	async activate(workflowId: string): Promise<void> {
		const { versionId } = await this.request<{ versionId: string }>(
			'GET',
			`/workflows/${workflowId}`,
		);
		await this.request('POST', `/workflows/${workflowId}/activate`, { versionId });
	}

	/** Publishes a workflow and waits until its webhook is live. @returns the webhook's URL */
	async activateWebhook(workflowId: string, path: string): Promise<string> {
		await this.activate(workflowId);
		const url = `${this.url}/webhook/${path}`;
		await until(`${url} responds`, async () => {
			const { headers } = await fetch(url, { method: 'OPTIONS', headers: { origin: url } });
			return headers.get('access-control-allow-methods')?.includes('POST') === true;
		});
		return url;
	}

	/**
	 * Runs a stored workflow from its Manual or Schedule Trigger, as Execute Workflow in the editor does,
	 * to its end.
	 * @throws Error when that takes more than 240 s
	 */
	async execute(workflowId: string): Promise<Execution> {
		const workflowData = await this.request<WorkflowFile>('GET', `/workflows/${workflowId}`);
		const trigger = workflowData.nodes.find(({ type }) => /\.(manual|schedule)Trigger$/.test(type));
		const { executionId } = await this.request<{ executionId: string }>(
			'POST',
			`/workflows/${workflowId}/run`,
			// Older n8n wants the workflow, newer knows it.
			{ workflowData, triggerToStartFrom: { name: trigger?.name } },
		);
		const hasEnded = async () => {
			// Some older n8n cannot hand over a running execution, but list it.
			const { results } = await this.request<{ results: Array<{ id: string; status: string }> }>(
				'GET',
				'/executions?limit=100',
			);
			const status = results.find(({ id }) => id === executionId)?.status ?? 'new';
			return !['new', 'running', 'waiting'].includes(status);
		};
		await until(`execution ${executionId} has ended`, hasEnded, EXECUTION_LIMIT_MS);
		return await this.execution(executionId);
	}

	/** How a finished execution ended. */
	async execution(id: string): Promise<Execution> {
		const { status, data } = await this.request<{ status: string; data: string }>(
			'GET',
			`/executions/${id}`,
		);
		const { parse } = await import('flatted');
		const { resultData } = parse(data) as IRunExecutionData;
		return {
			status,
			error: resultData.error as Execution['error'],
			items: (node) => resultData.runData[node]?.at(-1)?.data?.main[0] ?? [],
			runs: (node, output = 0) =>
				(resultData.runData[node] ?? []).map(({ data }) => data?.main[output] ?? []),
		};
	}

	/** What the editor downloads for a binary field whose `id` an execution's item carries. */
	async binary(id: string): Promise<Buffer> {
		const query = new URLSearchParams({ id, action: 'download' });
		const response = await this.send('GET', `/rest/binary-data?${query}`);
		return Buffer.from(await response.arrayBuffer());
	}

	/**
	 * Calls n8n's REST API.
	 * @param path what follows `/rest`
	 * @returns the response's `data`
	 * @throws Error with n8n's response if its status is not 2xx
	 */
	async request<T>(method: string, path: string, body?: object): Promise<T> {
		const response = await this.send(method, `/rest${path}`, body);
		return ((await response.json()) as { data: T }).data;
	}

	/**
	 * Sends a request in the owner's name to any path of the server.
	 * @throws Error with n8n's response if its status is not 2xx
	 */
	async send(method: string, path: string, body?: object): Promise<Response> {
		const response = await fetch(`${this.url}${path}`, {
			method,
			headers: {
				// n8n may close a connection that waits for its next request, just when that comes.
				connection: 'close',
				cookie: this.cookie,
				...(body && { 'content-type': 'application/json' }),
			},
			body: body && JSON.stringify(body),
		});
		if (!response.ok) {
			throw new Error(`n8n: ${method} ${path}: ${response.status} ${await response.text()}`);
		}
		const [cookie] = response.headers.getSetCookie();
		if (cookie) this.cookie = cookie.split(';')[0];
		return response;
	}
}
