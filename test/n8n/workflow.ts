import { randomUUID } from 'node:crypto';
import type { INode, INodeParameters, IWorkflowSettings } from 'n8n-workflow';

import type { WorkflowFile } from './client';

/** Our node's type. */
export const SEEDREAM = 'n8n-nodes-seedream.seedream';
/** Our node's type behind an AI Agent. */
export const SEEDREAM_TOOL = `${SEEDREAM}Tool`;
/** The credential of our node that every stage has. */
export const SEEDREAM_CREDENTIAL = { seedreamApi: { id: null, name: 'Seedream account' } };

/** What makes a node of a workflow; without a version, type `n8n-nodes-base.…` at version 1. */
export type NodeSketch = Partial<INode> & { type: string; parameters?: INodeParameters };

/** A connection: from a node, to a node; `main` from its first output unless said. */
export type Edge = [
	from: string,
	to: string,
	output?: number,
	type?: 'ai_languageModel' | 'ai_tool',
];

/** Writes a workflow: nodes by name, and how they are connected. */
export function workflowOf(
	name: string,
	nodes: Record<string, NodeSketch>,
	edges: Edge[],
	settings: IWorkflowSettings = {},
): WorkflowFile {
	const connections: WorkflowFile['connections'] = {};
	for (const [from, to, output = 0, type = 'main'] of edges) {
		const outputs = ((connections[from] ??= {})[type] ??= []);
		while (outputs.length <= output) outputs.push([]);
		outputs[output]?.push({ node: to, type, index: 0 });
	}
	return {
		name,
		nodes: Object.entries(nodes).map(([nodeName, { type, ...sketch }], index) => ({
			id: randomUUID(),
			name: nodeName,
			type: type.includes('.') ? type : `n8n-nodes-base.${type}`,
			typeVersion: 1,
			position: [index * 220, 0],
			parameters: {},
			...(type.startsWith(SEEDREAM) && {
				credentials: SEEDREAM_CREDENTIAL as INode['credentials'],
			}),
			...sketch,
		})),
		connections,
		settings: { executionOrder: 'v1', ...settings },
	};
}

/** The edges of nodes in a row. */
export function row(...names: string[]): Edge[] {
	return names.slice(1).map((name, index) => [names[index], name]);
}

/** A Code node that puts out items with a prompt each. */
export function promptList(prompts: string[]): NodeSketch {
	const items = JSON.stringify(prompts.map((prompt) => ({ json: { prompt } })));
	return { type: 'code', typeVersion: 2, parameters: { jsCode: `return ${items}` } };
}
