import assert from 'node:assert/strict';
import type { INodeParameters } from 'n8n-workflow';

import type { Execution } from '../client';
import type { Check } from '../check';
import type { Part } from '../run';
import { startServices, type ChatAnswer, type ChatMessage, type Services } from '../services';
import { onStage, type Stage } from '../stage';
import { SEEDREAM_TOOL, workflowOf } from '../workflow';

interface Scene extends Stage {
	services: Services;
}

/** The node as a tool of n8n's AI Agent; the chat model is a local server that speaks OpenAI's API. */
export const agent: Part = async (product, check) => {
	const services = await startServices();
	try {
		await onStage(product, 'agent', async (stage) => {
			await stage.client.saveCredential({
				name: 'OpenAI account',
				type: 'openAiApi',
				data: { apiKey: 'local', url: `${services.url}/v1` },
			});
			await tool({ ...stage, services }, check);
		});
	} finally {
		await services.close();
	}
};

async function tool(scene: Scene, check: Check): Promise<void> {
	await check('the model receives the schema of the tool', () => learns(scene));
	await check('the response is JSON with the URL, without image data and key', () =>
		answers(scene),
	);
	await check('two calls with one prompt, one after the other, are two images', () =>
		twice(scene, [[{ Prompt: 'A fox' }], [{ Prompt: 'A fox' }]]),
	);
	await check('two parallel calls with one prompt return two images', () =>
		twice(scene, [[{ Prompt: 'A fox' }, { Prompt: 'A fox' }]]),
	);
	await check('a set returns all its images', () => set(scene));
	await check('Image-to-Image without a file says what to do', () => noFile(scene));
	await check('Image-to-Image accepts URLs', () => addresses(scene));
	await check("a rejection reaches the model in the service's words", () => refusal(scene));
}

/**
 * Runs an agent.
 * @param rounds the calls that the model makes, round by round, before it says Done
 * @returns the tool's responses
 */
async function converse(
	{ client, gateway, services }: Scene,
	parameters: INodeParameters,
	rounds: object[][],
): Promise<{ told: string[]; execution: Execution }> {
	gateway.ledger.clear();
	services.chat((messages: ChatMessage[]): ChatAnswer => {
		const round = messages.filter(({ role }) => role === 'assistant').length;
		return rounds.at(round) ?? 'Done';
	});
	const workflow = workflowOf(
		'Agent',
		{
			Start: { type: 'manualTrigger' },
			Agent: {
				type: '@n8n/n8n-nodes-langchain.agent',
				typeVersion: 3.1,
				parameters: { promptType: 'define', text: 'Illustrate', options: {} },
			},
			Model: {
				type: '@n8n/n8n-nodes-langchain.lmChatOpenAi',
				typeVersion: 1.2,
				parameters: { model: { __rl: true, mode: 'id', value: 'local' }, options: {} },
				credentials: { openAiApi: { id: null, name: 'OpenAI account' } },
			},
			Draw: {
				type: SEEDREAM_TOOL,
				parameters: {
					operation: 'textToImage',
					prompt: "={{ $fromAI('Prompt', 'What the picture shows', 'string') }}",
					...parameters,
				},
			},
		},
		[
			['Start', 'Agent'],
			['Model', 'Agent', 0, 'ai_languageModel'],
			['Draw', 'Agent', 0, 'ai_tool'],
		],
	);
	const execution = await client.execute(await client.saveWorkflow(workflow));
	const { status, error, items } = execution;
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);
	assert.equal(items('Agent')[0].json.output, 'Done');
	const told = (services.chats.at(-1)?.messages ?? [])
		.filter(({ role }) => role === 'tool')
		.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
	assert.equal(told.length, rounds.flat().length);
	return { told, execution };
}

interface Told {
	url: string;
	prompt: string;
	width: number;
	mimeType: string;
}

/** The items of a tool's response. */
function parsed(answer: string): Told[] {
	const content = JSON.parse(answer) as Told[] | { response: Told[] };
	return 'response' in content ? content.response : content;
}

async function learns(scene: Scene): Promise<void> {
	await converse(scene, {}, [[{ Prompt: 'A fox' }]]);
	const [{ function: described }, ...others] = scene.services.chats[0].tools ?? [];
	assert.equal(others.length, 0);
	assert.match(described.name, /draw/i);
	assert.match(String(described.description), /text|image/i);
	const { properties } = described.parameters as {
		properties: Record<string, { type: string; description: string }>;
	};
	assert.deepEqual(Object.keys(properties), ['Prompt']);
	assert.equal(properties.Prompt.description, 'What the picture shows');
}

async function answers(scene: Scene): Promise<void> {
	const { told } = await converse(scene, {}, [[{ Prompt: 'A fox in the snow' }]]);
	const [image] = scene.gateway.ledger.images;
	const [item, ...others] = parsed(told[0]);
	assert.equal(others.length, 0);
	assert.deepEqual(
		{ url: item.url, prompt: item.prompt, width: item.width, mimeType: item.mimeType },
		{
			url: image.url,
			prompt: 'A fox in the snow',
			width: image.width,
			mimeType: 'image/jpeg',
		},
	);
	const said = JSON.stringify(scene.services.chats);
	assert.ok(!said.includes(scene.gateway.key), 'key');
	assert.doesNotMatch(said, /[A-Za-z0-9+/]{200}/);
	assert.ok(told[0].length < 2000, `${told[0].length} characters`);
}

async function twice(scene: Scene, rounds: object[][]): Promise<void> {
	const { told } = await converse(scene, {}, rounds);
	const { images } = scene.gateway.ledger;
	assert.deepEqual(
		images.map(({ billed, prompt }) => ({ billed, prompt })),
		[
			{ billed: true, prompt: 'A fox' },
			{ billed: true, prompt: 'A fox' },
		],
	);
	const urls = told.map((answer) => parsed(answer)[0].url);
	assert.deepEqual(urls.sort(), images.map(({ url }) => String(url)).sort());
	assert.equal(new Set(urls).size, 2);
}

async function set(scene: Scene): Promise<void> {
	const { told } = await converse(scene, { operation: 'imageSet', maxImages: 3 }, [
		[{ Prompt: 'A fox [images:3]' }],
	]);
	assert.deepEqual(
		parsed(told[0]).map(({ url }) => url),
		scene.gateway.ledger.images.map(({ url }) => url),
	);
	assert.equal(scene.gateway.ledger.images.length, 3);
}

async function noFile(scene: Scene): Promise<void> {
	const { told } = await converse(
		scene,
		{
			operation: 'imageToImage',
			referenceImages: { image: [{ source: 'binary', binaryPropertyName: 'data' }] },
		},
		[[{ Prompt: 'The same at night' }]],
	);
	assert.match(told[0], /no binary field “data”/);
	const posts = scene.gateway.ledger.requests.filter(({ method }) => method === 'POST');
	assert.deepEqual(posts, []);
}

async function addresses(scene: Scene): Promise<void> {
	const reference = `${scene.gateway.url}/samples/800x600.png`;
	const { told } = await converse(
		scene,
		{
			operation: 'imageToImage',
			referenceImages: {
				image: [{ source: 'url', url: "={{ $fromAI('Picture', 'Address', 'string') }}" }],
			},
		},
		[[{ Prompt: 'The same at night', Picture: reference }]],
	);
	const [{ body }] = scene.gateway.ledger.requests.filter(({ method }) => method === 'POST');
	assert.equal((body as { image: string }).image, reference);
	assert.equal(parsed(told[0])[0].url, scene.gateway.ledger.images[0].url);
}

async function refusal(scene: Scene): Promise<void> {
	scene.gateway.inject({
		on: 'request',
		status: 400,
		code: 'InputTextSensitiveContentDetected',
		message: 'The request failed because the input text may contain sensitive information.',
	});
	const { told } = await converse(scene, {}, [[{ Prompt: 'Something' }]]);
	assert.match(told[0], /sensitive information/);
	assert.equal(scene.gateway.ledger.images.length, 0);
}
