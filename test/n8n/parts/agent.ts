import assert from 'node:assert/strict';
import type { INodeParameters } from 'n8n-workflow';

import type { Check } from '../check';
import { assertSameFiles, bodiesSent, fetchBytes, generatedBy } from '../images';
import type { Part } from '../run';
import { withServices, type Services } from '../services';
import { execute, moderated, onStage, type Stage } from '../stage';
import { SEEDREAM_TOOL, workflowOf } from '../workflow';

interface Scene extends Stage {
	services: Services;
}

/** The node as a tool of n8n's AI Agent; the chat model is a local server that speaks OpenAI's API. */
export const agent: Part = async (product, check) => {
	await withServices(async (services) => {
		await onStage(product, 'agent', async (stage) => {
			await stage.client.saveCredential({
				name: 'OpenAI account',
				type: 'openAiApi',
				data: { apiKey: 'local', url: `${services.url}/v1` },
			});
			await tool({ ...stage, services }, check);
		});
	});
};

/** An image in a tool's response. */
interface Told {
	url: string;
	fileUrl?: string;
	prompt: string;
	width: number;
	mimeType: string;
}

/**
 * Runs an agent.
 * @param rounds the calls that the model makes, round by round, before it says Done
 * @returns the tool's responses
 */
async function converse(
	scene: Scene,
	parameters: INodeParameters,
	rounds: ReadonlyArray<readonly object[]>,
): Promise<string[]> {
	const { services } = scene;
	services.clear();
	services.chat((messages) => {
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
	const { items } = await execute(scene, workflow);
	assert.equal(items('Agent')[0].json.output, 'Done');
	const told = (services.chats.at(-1)?.messages ?? [])
		.filter(({ role }) => role === 'tool')
		.map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)));
	assert.equal(told.length, rounds.flat().length);
	return told;
}

/** The images of a tool's response. */
function imagesIn(response: string): Told[] {
	const content = JSON.parse(response) as Told[] | { response: Told[] };
	return 'response' in content ? content.response : content;
}

async function tool(scene: Scene, check: Check): Promise<void> {
	const { gateway, services } = scene;
	await check('the model receives the schema of the tool', async () => {
		await converse(scene, {}, [[{ Prompt: 'A fox' }]]);
		const [{ function: described }, ...others] = services.chats[0].tools ?? [];
		assert.deepEqual(others, []);
		assert.match(described.name, /draw/i);
		assert.match(String(described.description), /text|image/i);
		const { properties } = described.parameters as {
			properties: Record<string, { description: string }>;
		};
		assert.deepEqual(Object.keys(properties), ['Prompt']);
		assert.equal(properties.Prompt.description, 'What the picture shows');
	});

	await check('the response is JSON with the URL, without image data and key', async () => {
		const told = await converse(scene, {}, [[{ Prompt: 'A fox in the snow' }]]);
		const [image] = gateway.ledger.images;
		const [{ url, prompt, width, mimeType }, ...others] = imagesIn(told[0]);
		assert.deepEqual(others, []);
		assert.deepEqual(
			{ url, prompt, width, mimeType },
			{ url: image.url, prompt: 'A fox in the snow', width: image.width, mimeType: 'image/jpeg' },
		);
		const said = JSON.stringify(services.chats);
		assert.ok(!said.includes(gateway.key), 'key');
		assert.doesNotMatch(said, /[A-Za-z0-9+/]{200}/);
		assert.ok(told[0].length < 2000, `${told[0].length} characters`);
	});

	await check('the response may have a link to the file that n8n stores', async () => {
		const told = await converse(scene, { options: { linkToFile: 1 } }, [[{ Prompt: 'A fox' }]]);
		const [{ fileUrl }] = imagesIn(told[0]);
		assertSameFiles([await fetchBytes(fileUrl)], await generatedBy(gateway));
	});

	const fox = { Prompt: 'A fox' };
	for (const [name, rounds] of [
		['two calls with one prompt, one after the other, are two images', [[fox], [fox]]],
		['two parallel calls with one prompt return two images', [[fox, fox]]],
	] as const) {
		await check(name, async () => {
			const told = await converse(scene, {}, rounds);
			const { images } = gateway.ledger;
			assert.deepEqual(
				images.map(({ billed, prompt }) => [billed, prompt]),
				[
					[true, 'A fox'],
					[true, 'A fox'],
				],
			);
			const urls = told.map((response) => imagesIn(response)[0].url);
			assert.deepEqual(urls.sort(), images.map(({ url }) => url).sort());
			assert.equal(new Set(urls).size, 2);
		});
	}

	await check('a set returns all its images', async () => {
		const parameters = { operation: 'imageSet', maxImages: 3 };
		const told = await converse(scene, parameters, [[{ Prompt: 'A fox [images:3]' }]]);
		const { images } = gateway.ledger;
		assert.equal(images.length, 3);
		assert.deepEqual(
			imagesIn(told[0]).map(({ url }) => url),
			images.map(({ url }) => url),
		);
	});

	const imageToImage = (image: INodeParameters) => ({
		operation: 'imageToImage',
		referenceImages: { image: [image] },
	});
	await check('Image-to-Image without a file says what to do', async () => {
		const parameters = imageToImage({ source: 'binary', binaryPropertyName: 'data' });
		const [told] = await converse(scene, parameters, [[{ Prompt: 'The same at night' }]]);
		assert.match(told, /no binary field “data”/);
		assert.deepEqual(bodiesSent(gateway), []);
	});
	await check('Image-to-Image accepts URLs', async () => {
		const url = "={{ $fromAI('Picture', 'Address', 'string') }}";
		const Picture = `${gateway.url}/samples/800x600.png`;
		const [told] = await converse(scene, imageToImage({ source: 'url', url }), [
			[{ Prompt: 'The same at night', Picture }],
		]);
		assert.equal(bodiesSent(gateway)[0].image, Picture);
		assert.equal(imagesIn(told)[0].url, gateway.ledger.images[0].url);
	});

	await check('a rejection tells the model that the prompt is the reason', async () => {
		gateway.inject(moderated('Something'));
		const [told] = await converse(scene, {}, [[{ Prompt: 'Something' }]]);
		assert.match(told, /content filter rejected this prompt/);
		assert.deepEqual(gateway.ledger.images, []);
	});
}
