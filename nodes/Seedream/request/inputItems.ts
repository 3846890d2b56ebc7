import type { IDataObject, IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

/** Where n8n's combined binary mode keeps the files of an item, among its JSON. */
export const FILES_IN_JSON = '_files';

/** Whether the execution data belongs to an agent that calls this node as a tool. */
export function isAgentTool(context: IExecuteSingleFunctions): boolean {
	return context.getExecuteData().node.name !== context.getNode().name;
}

/** All input items of the node, those that Execute Once leaves out among them. */
export function inputItems(context: IExecuteSingleFunctions): INodeExecutionData[] {
	const { data } = context.getExecuteData();
	return (data.main ?? data.ai_tool)?.[0] ?? [];
}

/**
 * The fields of the input item that go along to the output.
 * @returns none where the user wants none
 */
export function inputFields(context: IExecuteSingleFunctions): IDataObject {
	const wanted = context.getNodeParameter('options.includeInputFields', null) as unknown;
	if (wanted === null) return {};
	const names = [wanted]
		.flat()
		.flatMap((each) => String(each).split(','))
		.map((name) => name.trim());
	const isWanted = (name: string) =>
		name !== FILES_IN_JSON && (names.includes('*') || names.includes(name));
	const { json } = context.getInputData();
	return Object.fromEntries(Object.entries(json).filter(([name]) => isWanted(name)));
}
