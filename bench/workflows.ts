import type { IDataObject } from 'n8n-workflow';

const MODEL = 'doubao-seedream-4-5-251128';
const BOUNDARY_FREE_ID = (name: string) => name.toLowerCase().replace(/\W+/g, '-');

/** What is asked for in one run. */
export interface Load {
	name: string;
	/** Input items. */
	items: number;
	/** Images each item asks for: a set when more than one. */
	images: number;
	/** Size of each image's file. */
	bytes: number;
	/** Parallel requests; all when left out. */
	concurrency?: number;
}

/** One way of getting the images. */
export interface Way {
	name: string;
	/** The nodes after the input items; none for the empty workflow. */
	nodes: (load: Load, gateway: { url: string }) => IDataObject[];
}

const prompt = ({ bytes }: Load) => `An apple, number {{ $json.n }} [bytes:${bytes}]`;

function seedream(options: IDataObject): Way['nodes'] {
	return (load) => [
		{
			name: 'Seedream',
			type: 'n8n-nodes-seedream.seedream',
			typeVersion: 1,
			parameters: {
				operation: load.images > 1 ? 'imageSet' : 'textToImage',
				model: { __rl: true, mode: 'id', value: MODEL },
				prompt: `=${prompt(load)}`,
				...(load.images > 1 ? { maxImages: load.images } : {}),
				options: { ...options },
				advanced: { concurrentRequests: load.concurrency ?? 100 },
			},
			credentials: { seedreamApi: { id: 'bench', name: 'bench' } },
		},
	];
}

const DOWNLOAD = {
	name: 'Download',
	type: 'n8n-nodes-base.httpRequest',
	typeVersion: 4.2,
	parameters: {
		url: '={{ $json.url }}',
		options: { response: { response: { responseFormat: 'file' } } },
	},
};

const CONVERT = {
	name: 'Convert to File',
	type: 'n8n-nodes-base.convertToFile',
	typeVersion: 1.1,
	parameters: { operation: 'toBinary', sourceProperty: 'b64_json', options: {} },
};

/** No way for users: n8n's HTTP helper alone, as a node of this folder calls it. */
const FLOOR = { name: 'Floor', type: 'CUSTOM.floor', typeVersion: 1, parameters: {} };

/** What people build without this node: one HTTP Request, Split Out, and one more node for the files. */
function httpRequests(format: 'url' | 'b64_json', last: IDataObject): Way['nodes'] {
	return (load, { url }) => {
		const body = {
			model: MODEL,
			prompt: prompt(load),
			size: '2K',
			response_format: format,
			watermark: false,
			...(load.images > 1
				? {
						sequential_image_generation: 'auto',
						sequential_image_generation_options: { max_images: load.images },
					}
				: {}),
		};
		return [
			{
				name: 'HTTP Request',
				type: 'n8n-nodes-base.httpRequest',
				typeVersion: 4.2,
				parameters: {
					method: 'POST',
					url: `${url}/api/v3/images/generations`,
					authentication: 'genericCredentialType',
					genericAuthType: 'httpHeaderAuth',
					sendBody: true,
					specifyBody: 'json',
					jsonBody: `=${JSON.stringify(body)}`,
					options: {},
				},
				credentials: { httpHeaderAuth: { id: 'header', name: 'header' } },
			},
			{
				name: 'Split Out',
				type: 'n8n-nodes-base.splitOut',
				typeVersion: 1,
				parameters: { fieldToSplitOut: 'data', options: {} },
			},
			last,
		];
	};
}

export const EMPTY: Way = { name: 'empty workflow', nodes: () => [] };

export const WAYS = {
	url: { name: 'this node, URL', nodes: seedream({ stream: 'off' }) },
	base64: {
		name: 'this node, base64',
		nodes: seedream({ stream: 'off', responseFormat: 'b64_json' }),
	},
	stream: { name: 'this node, streamed', nodes: seedream({ stream: 'on' }) },
	httpUrl: {
		name: 'HTTP Request → Split Out → HTTP Request',
		nodes: httpRequests('url', DOWNLOAD),
	},
	floor: { name: 'the same downloads, their bytes thrown away', nodes: httpRequests('url', FLOOR) },
	httpBase64: {
		name: 'HTTP Request (base64) → Split Out → Convert to File',
		nodes: httpRequests('b64_json', CONVERT),
	},
} satisfies Record<string, Way>;

/** A whole workflow, as `n8n import:workflow` takes it. */
export function workflow(load: Load, way: Way, gateway: { url: string }): IDataObject {
	const input = [
		{
			name: 'Start',
			type: 'n8n-nodes-base.manualTrigger',
			typeVersion: 1,
			parameters: {},
		},
		{
			name: 'List',
			type: 'n8n-nodes-base.set',
			typeVersion: 3.4,
			parameters: {
				mode: 'raw',
				jsonOutput: `={{ { items: Array.from({ length: ${load.items} }, (_, n) => ({ n })) } }}`,
				options: {},
			},
		},
		{
			name: 'Items',
			type: 'n8n-nodes-base.splitOut',
			typeVersion: 1,
			parameters: { fieldToSplitOut: 'items', options: {} },
		},
	];
	const nodes: IDataObject[] = [...input, ...way.nodes(load, gateway)];
	const names = nodes.map(({ name }) => String(name));
	const id = BOUNDARY_FREE_ID(`${load.name} ${way.name}`);
	return {
		id,
		name: id,
		active: false,
		settings: { executionOrder: 'v1' },
		nodes: nodes.map((node, i) => ({ ...node, id: `node-${i}`, position: [i * 200, 0] })),
		connections: Object.fromEntries(
			names
				.slice(0, -1)
				.map((name, i) => [name, { main: [[{ node: names[i + 1], type: 'main', index: 0 }]] }]),
		),
	};
}
