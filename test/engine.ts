import {
	DirectoryLoader,
	ExecuteContext,
	ExecutionLifecycleHooks,
	LoadOptionsContext,
	RoutingNode,
	SupplyDataContext,
	WorkflowExecute,
} from 'n8n-core';
import {
	createRunExecutionData,
	ICredentialsHelper,
	NodeConnectionTypes,
	sleep,
	Workflow,
	type IBinaryKeyData,
	type ICredentialDataDecryptedObject,
	type IDataObject,
	type IExecuteData,
	type IExecuteFunctions,
	type IHttpRequestHelper,
	type IHttpRequestOptions,
	type ILoadOptionsFunctions,
	type INode,
	type INodeExecutionData,
	type INodeParameters,
	type INodeType,
	type INodeTypes,
	type IRequestOptionsSimplified,
	type IRun,
	type IWorkflowExecuteAdditionalData,
	type IWorkflowSettings,
} from 'n8n-workflow';

import { SeedreamApi } from '../credentials/SeedreamApi.credentials';
import { Seedream } from '../nodes/Seedream/Seedream.node.ts';

/** Values of the credential; those left out have their defaults. */
export interface CredentialValues {
	baseUrl: string;
	apiKey: string;
	provider?: string;
	placement?: string;
	referenceForm?: string;
}

/** One run of the node in n8n's engine. */
export interface NodeRun {
	/** A function where the credential holds expressions, which give each item values of its own. */
	credentials: CredentialValues | ((item: number) => CredentialValues);
	parameters: INodeParameters;
	/** Input items; one empty item when left out. */
	items?: INodeExecutionData[];
	/** Node settings, as n8n stores them beside the parameters. */
	settings?: Partial<
		Pick<INode, 'onError' | 'retryOnFail' | 'maxTries' | 'waitBetweenTries' | 'executeOnce'>
	>;
	workflowSettings?: IWorkflowSettings;
	/** Runs the node as an AI Agent's tool, without main input, with what the agent filled in. */
	toolCall?: IDataObject;
	/** Makes the credentials of later items ready before those of earlier ones, as a database can. */
	shuffleCredentials?: true;
	/** Gets a function that cancels the run. */
	onStart?: (cancel: () => void) => void;
	/** URL of n8n's own API, which serves stored files at signed URLs. */
	restApiUrl?: string;
}

/** The result of a run: the items of each output, and the node's error if it failed. */
export interface NodeResult {
	outputs: INodeExecutionData[][];
	items: INodeExecutionData[];
	error?: Error & {
		description?: string | null;
		httpCode?: string | null;
		messages?: string[];
	};
	run: IRun;
}

const credentialType = new SeedreamApi();

/** A credential as n8n hands it over: with the defaults of fields that were not filled in. */
function withDefaults(values: CredentialValues): ICredentialDataDecryptedObject {
	const defaults = credentialType.properties.map((field) => [field.name, field.default]);
	return { ...Object.fromEntries(defaults), ...values } as ICredentialDataDecryptedObject;
}

/** The node as n8n serves it: with the settings every declarative node gets, run by its RoutingNode. */
function loadNode(): INodeType {
	const nodeType: INodeType = new Seedream();
	DirectoryLoader.applyDeclarativeNodeOptionParameters(nodeType);
	nodeType.execute = async function (this: IExecuteFunctions) {
		return (await new RoutingNode(this as unknown as ExecuteContext, nodeType).runNode()) ?? [];
	};
	return nodeType;
}

const seedream = loadNode();

const start: INodeType = {
	description: {
		displayName: 'Start',
		name: 'start',
		group: ['trigger'],
		version: 1,
		description: '',
		defaults: { name: 'Start' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		properties: [],
	},
};

const nodeTypes: INodeTypes = {
	getByName: (name) => (name === 'seedream' ? seedream : start),
	getByNameAndVersion: (name) => (name === 'seedream' ? seedream : start),
	getKnownTypes: () => ({}),
};

type CredentialsOfRun = Pick<NodeRun, 'credentials' | 'shuffleCredentials' | 'restApiUrl'>;

/** Keeps one credential in the clear and applies the credential type's own `authenticate`. */
class TestCredentials extends ICredentialsHelper {
	private readonly values: NodeRun['credentials'];

	/** Milliseconds until the next credential is ready. */
	private delay: number;

	constructor({ credentials, shuffleCredentials }: CredentialsOfRun) {
		super();
		this.values = credentials;
		this.delay = shuffleCredentials ? 14 : 0;
	}

	override getParentTypes() {
		return [];
	}

	override isCredentialUsableByNode() {
		return true;
	}

	override async authenticate(
		credentials: ICredentialDataDecryptedObject,
		_typeName: string,
		requestOptions: IHttpRequestOptions | IRequestOptionsSimplified,
	): Promise<IHttpRequestOptions> {
		return await credentialType.authenticate(credentials, requestOptions as IHttpRequestOptions);
	}

	/** As n8n does: where the field that makes it do so is empty, and after a 401. */
	override async preAuthentication(
		helpers: IHttpRequestHelper,
		credentials: ICredentialDataDecryptedObject,
		_typeName: string,
		_node: INode,
		isExpired: boolean,
	) {
		const field = credentialType.properties.find(({ typeOptions }) => typeOptions?.expirable);
		if (field && (credentials[field.name] === '' || isExpired)) {
			expect(await credentialType.preAuthentication.call(helpers, credentials)).toEqual({});
		}
		return undefined;
	}

	override async runPreAuthentication() {
		return undefined;
	}

	override async getCredentials(): Promise<never> {
		throw new Error('Credentials of a test are never stored');
	}

	override async getDecrypted(
		...[, , , , , , resolving]: Parameters<ICredentialsHelper['getDecrypted']>
	): Promise<ICredentialDataDecryptedObject> {
		if (this.delay > 0) await sleep((this.delay -= 2));
		const { values } = this;
		const own = typeof values === 'function' ? values(resolving?.itemIndex ?? 0) : values;
		return withDefaults(own);
	}

	override async updateCredentials() {}

	override async updateCredentialsOauthTokenData() {}

	override getCredentialsProperties() {
		return credentialType.properties;
	}
}

function additionalDataFor(run: CredentialsOfRun): IWorkflowExecuteAdditionalData {
	const url = 'http://127.0.0.1';
	return {
		credentialsHelper: new TestCredentials(run),
		executionId: 'test',
		currentNodeExecutionIndex: 0,
		restApiUrl: run.restApiUrl ?? 'http://127.0.0.1/rest',
		instanceBaseUrl: url,
		formBaseUrl: url,
		formWaitingBaseUrl: url,
		formTestBaseUrl: url,
		webhookBaseUrl: url,
		webhookWaitingBaseUrl: url,
		webhookTestBaseUrl: url,
		mcpBaseUrl: url,
		mcpTestBaseUrl: url,
		variables: {},
		logAiEvent: () => {},
		hooks: new ExecutionLifecycleHooks('trigger', 'test', {
			id: 'test',
			name: 'test',
			active: false,
			isArchived: false,
			createdAt: new Date(0),
			updatedAt: new Date(0),
			connections: {},
			nodes: [],
			activeVersionId: null,
		}),
	} as unknown as IWorkflowExecuteAdditionalData;
}

function workflowFor({ parameters, settings, workflowSettings }: Omit<NodeRun, 'credentials'>) {
	const node: INode = {
		id: 'seedream',
		name: 'Seedream',
		type: 'seedream',
		typeVersion: 1,
		position: [0, 0],
		parameters,
		credentials: { seedreamApi: { id: 'test', name: 'test' } },
		...settings,
	};
	const trigger: INode = { ...node, id: 'start', name: 'Start', type: 'start', parameters: {} };
	delete trigger.credentials;
	return new Workflow({
		id: 'test',
		nodes: [trigger, node],
		connections: {
			Start: { main: [[{ node: 'Seedream', type: NodeConnectionTypes.Main, index: 0 }]] },
		},
		active: false,
		nodeTypes,
		settings: { executionOrder: 'v1', ...workflowSettings },
	});
}

/** Runs the node through n8n-core's WorkflowExecute and RoutingNode, with real HTTP. */
export async function runNode(options: NodeRun): Promise<NodeResult> {
	if (options.toolCall) return await callTool(options, options.toolCall);
	const workflow = workflowFor(options);
	const items = options.items ?? [{ json: {} }];
	const runExecutionData = createRunExecutionData({
		executionData: {
			nodeExecutionStack: [
				{
					node: workflow.getNode('Seedream') as INode,
					data: { main: [items] },
					source: { main: [{ previousNode: 'Start' }] },
				},
			],
		},
		resultData: {
			runData: {
				Start: [
					{
						startTime: 0,
						executionIndex: 0,
						executionTime: 0,
						source: [],
						executionStatus: 'success',
						data: { main: [items] },
					},
				],
			},
		},
	});
	const execute = new WorkflowExecute(additionalDataFor(options), 'trigger', runExecutionData);
	const running = execute.processRunExecutionData(workflow);
	options.onStart?.(() => void running.cancel());
	const run = await running;
	const [task] = run.data.resultData.runData.Seedream ?? [];
	const outputs = (task?.data?.main ?? []).map((output) => output ?? []);
	return {
		outputs,
		items: outputs.flat(),
		error: (task?.error ?? run.data.resultData.error) as NodeResult['error'],
		run,
	};
}

/** Calls the node as n8n's AI Agent calls its tools. */
async function callTool(options: NodeRun, toolCall: IDataObject): Promise<NodeResult> {
	const workflow = workflowFor(options);
	const node = workflow.getNode('Seedream') as INode;
	const runExecutionData = createRunExecutionData();
	const context = new SupplyDataContext(
		workflow,
		node,
		additionalDataFor(options),
		'trigger',
		runExecutionData,
		0,
		[],
		{},
		NodeConnectionTypes.AiTool,
		{ node, data: {}, source: null },
		[],
	);
	context.addInputData(NodeConnectionTypes.AiTool, [[{ json: toolCall }]]);
	const run = { data: runExecutionData } as IRun;
	try {
		const outputs = (await seedream.execute?.call(
			context as unknown as IExecuteFunctions,
		)) as INodeExecutionData[][];
		return { outputs, items: outputs.flat(), run };
	} catch (error) {
		return { outputs: [], items: [], error: error as Error, run };
	}
}

/**
 * Calls nodes as tools of an AI Agent that runs its tools by itself: n8n then gives them the agent's own
 * execution data. Newer agents hand their tool calls to n8n, which is `input: { ai_tool: … }` above.
 * @param agentItems input of the agent, not of the tools
 * @returns calls a tool by its node's name; rejects when it fails
 */
export function toolsOfAgent(options: NodeRun, agentItems: INodeExecutionData[]) {
	const workflow = workflowFor(options);
	const agent = workflow.getNode('Start') as INode;
	const executeData: IExecuteData = { node: agent, data: { main: [agentItems] }, source: null };
	const runExecutionData = createRunExecutionData();
	const additionalData = additionalDataFor(options);
	let runIndex = 0;
	return async (name: string, args: IDataObject = {}): Promise<INodeExecutionData[]> => {
		const context = new SupplyDataContext(
			workflow,
			{ ...(workflow.getNode('Seedream') as INode), name },
			additionalData,
			'trigger',
			runExecutionData,
			runIndex,
			[],
			{},
			NodeConnectionTypes.AiTool,
			executeData,
			[],
			undefined,
			agent,
		);
		runIndex += 1;
		context.addInputData(NodeConnectionTypes.AiTool, [[{ json: args }]]);
		const router = new RoutingNode(context as unknown as ExecuteContext, seedream);
		return ((await router.runNode()) ?? []).flat();
	};
}

/** Calls the Model field's list as the editor does. */
export async function listModels(
	credentials: CredentialValues,
	parameters: INodeParameters,
	filter?: string,
) {
	const workflow = workflowFor({ parameters });
	const context = new LoadOptionsContext(
		workflow,
		workflow.getNode('Seedream') as INode,
		{
			...additionalDataFor({ credentials }),
			currentNodeParameters: parameters,
		},
		'parameters.model',
	);
	return await new Seedream().methods.listSearch.searchModels.call(
		context as ILoadOptionsFunctions,
		filter,
	);
}

/** Runs the credential's own test request as n8n does; rejects when the credential fails it. */
export async function testCredential(credentials: CredentialValues): Promise<void> {
	const node: INode = {
		id: 'temp',
		name: 'Temp-Node',
		type: 'start',
		typeVersion: 1,
		position: [0, 0],
		parameters: {},
		credentials: { seedreamApi: { id: 'test', name: 'test' } },
	};
	const tester: INodeType = {
		description: {
			...start.description,
			credentials: [{ name: credentialType.name, required: true }],
			properties: [
				{
					displayName: 'Temp',
					name: 'temp',
					type: 'string',
					default: '',
					routing: { request: credentialType.test.request },
				},
			],
		},
	};
	const workflow = new Workflow({
		nodes: [node],
		connections: {},
		active: false,
		nodeTypes: { ...nodeTypes, getByNameAndVersion: () => tester },
	});
	const context = new ExecuteContext(
		workflow,
		node,
		additionalDataFor({ credentials }),
		'internal',
		createRunExecutionData(),
		0,
		[],
		{ main: [[{ json: {} }]] },
		{ node, data: {}, source: null },
		[],
	);
	const data = withDefaults(credentials);
	await new RoutingNode(context, tester, { id: '', name: '', type: '', data }).runNode();
}

/** An input item with binary fields held in memory. */
export function itemWith(
	files: Record<string, { bytes: Buffer; mimeType: string; fileName?: string }>,
	json: IDataObject = {},
): INodeExecutionData {
	const binary: IBinaryKeyData = {};
	for (const [name, { bytes, mimeType, fileName = `${name}.bin` }] of Object.entries(files)) {
		binary[name] = { data: bytes.toString('base64'), mimeType, fileName };
	}
	return { json, binary };
}
