import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { INodeExecutionData } from 'n8n-workflow';
import { appendFile, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

import type { Execution, WorkflowFile } from '../client';
import type { Check } from '../check';
import {
	assertSameFiles,
	bodiesSent,
	fetchBytes,
	generatedBy,
	referencesSent,
	writtenBy,
} from '../images';
import { run } from '../process';
import type { Part } from '../run';
import { writeSamples } from '../samples';
import { withServices, type Services } from '../services';
import { execute, EXAMPLES, onStage, readExample, type Stage } from '../stage';
import { SEEDREAM, SEEDREAM_CREDENTIAL } from '../workflow';

interface Scene extends Stage {
	services: Services;
}

interface Played extends Execution {
	/** The items of all our nodes, without those that failed. */
	images: INodeExecutionData[];
	/** Names of the files written by Save to Disk, without folder and extension. */
	saved: string[];
}

/** What is special about an example: what it needs, and what it leaves behind. */
type Scenario = (scene: Scene, example: WorkflowFile) => Promise<unknown>;

const SCENARIOS: Record<string, Scenario> = {
	'ai-agent-illustrates': illustrate,
	'chat-that-draws': chat,
	'collage-of-all-photos': collage,
	'compare-two-models': compareModels,
	'one-prompt-all-aspect-ratios': allRatios,
	'poster-to-layers-and-svg': splitPoster,
	'product-cut-out-on-color': cutOut,
	'product-photo-edit': photoEdit,
	'product-photos-from-folder': photosFromFolder,
	'scheduled-campaign-to-slack-and-drive': campaign,
	'image-set': (scene, example) => saveAll(scene, example, 4),
	'spreadsheet-of-prompts': spreadsheet,
	'storyboard-from-references': storyboard,
	'text-to-image-to-disk': (scene, example) => saveAll(scene, example, 1),
	'webhook-returns-image': returnImage,
};

/** Every example as it is imported, on the real server; only credentials of other services are put in. */
export const examples: Part = async (product, check) => {
	await withServices(async (services) => {
		const perform = async (stage: Stage) => {
			const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.json'));
			const names = files.map((file) => path.parse(file).name);
			await check('each is run here', async () => {
				assert.deepEqual(names.sort(), Object.keys(SCENARIOS).sort());
			});
			await writeSamples(path.join(stage.folder, '.n8n-files'));
			for (const name of names) await checkExample({ ...stage, services }, name, check);
		};
		await onStage(product, 'examples', perform, services.env);
	});
};

async function checkExample(scene: Scene, name: string, check: Check): Promise<void> {
	const example = await readExample(name);
	await check(`${name} says what to change and imports`, async () => {
		const note = example.nodes.find(({ type }) => type.endsWith('.stickyNote'));
		const content = String(note?.parameters.content);
		assert.match(content, /\*\*To change\*\*/);
		// Every node the note names is there, and so is every node of ours in the note.
		const named = [...content.matchAll(/\*\*([^*]+)\*\*/g)].map(([, words]) => words);
		const nodes = example.nodes.map((node) => node.name);
		const notNodes = ['To change', 'To try', 'Max Images per Run'];
		for (const words of named) assert.ok([...nodes, ...notNodes].includes(words), words);
		for (const node of example.nodes) {
			if (node.type.startsWith(SEEDREAM)) assert.ok(named.includes(node.name), node.name);
			assert.match(node.type, /^(n8n-nodes-base|@n8n\/n8n-nodes-langchain|n8n-nodes-seedream)\./);
		}
		await scene.client.saveWorkflow(example);
	});
	await check(`${name} runs`, async () => {
		await SCENARIOS[name](scene, example);
	});
}

/** Runs an example. Every image the gateway billed is an item of our nodes. */
async function play(scene: Scene, example: WorkflowFile): Promise<Played> {
	const { gateway, services } = scene;
	services.clear();
	const execution = await execute(scene, example);
	const images = example.nodes
		.filter(({ type }) => type === SEEDREAM)
		.flatMap(({ name }) => execution.items(name))
		// A layered SVG is a file of ours.
		.filter(({ json }) => !json.error && json.mimeType !== 'image/svg+xml');
	assert.deepEqual(
		images.map(({ json }) => json.url).sort(),
		gateway.ledger.images.map(({ url }) => url).sort(),
	);
	const saved = execution
		.items('Save to Disk')
		.map(({ json }) => path.parse(String(json.fileName)).name);
	return { ...execution, images, saved };
}

/** Runs an example whose images all go to the disk. */
async function saveAll(scene: Scene, example: WorkflowFile, count: number): Promise<Played> {
	const played = await play(scene, example);
	const written = await writtenBy(scene.folder, played.items('Save to Disk'));
	assert.equal(written.length, count);
	assertSameFiles(written, await generatedBy(scene.gateway));
	return played;
}

/** The second of two images is written. */
async function photoEdit(scene: Scene, example: WorkflowFile): Promise<void> {
	const { items } = await play(scene, example);
	const generated = await generatedBy(scene.gateway);
	assert.equal(generated.length, 2);
	assertSameFiles(await writtenBy(scene.folder, items('Save to Disk')), generated.slice(1));
}

async function compareModels(scene: Scene, example: WorkflowFile): Promise<void> {
	const { items } = await play(scene, example);
	const sides = items('Side by Side').map(({ binary }) => Object.keys(binary ?? {}).sort());
	assert.deepEqual(sides, [
		['a', 'b'],
		['a', 'b'],
	]);
	const saved = [...items('Save A'), ...items('Save B')];
	assert.equal(saved.length, 4);
	assertSameFiles(await writtenBy(scene.folder, saved), await generatedBy(scene.gateway));
	assert.equal(new Set(scene.gateway.ledger.images.map(({ model }) => model)).size, 2);
}

async function allRatios(scene: Scene, example: WorkflowFile): Promise<void> {
	const { images, saved } = await saveAll(scene, example, 8);
	const ratios = images.map(({ json }) => Number(json.width) / Number(json.height));
	assert.equal(new Set(ratios).size, 8);
	assert.ok(saved.includes('lighthouse-21x9'), saved.join(', '));
}

/** The sample photos, in the order in which they are read. */
async function samplePhotos({ folder }: Scene): Promise<Buffer[]> {
	const photos = path.join(folder, '.n8n-files/products');
	const names = (await readdir(photos)).sort();
	return await Promise.all(names.map((name) => readFile(path.join(photos, name))));
}

async function photosFromFolder(scene: Scene, example: WorkflowFile): Promise<void> {
	const { saved } = await saveAll(scene, example, 3);
	assert.deepEqual(saved.sort(), ['chair-garden', 'lamp-garden', 'mug-garden']);
	const sent = bodiesSent(scene.gateway).map(({ image }) => String(image).split(',')[1]);
	assertSameFiles(
		sent.map((base64) => Buffer.from(base64, 'base64')),
		await samplePhotos(scene),
	);
}

/** All photos are in one request, and one image comes of them. */
async function collage(scene: Scene, example: WorkflowFile): Promise<void> {
	await saveAll(scene, example, 1);
	assert.equal(bodiesSent(scene.gateway).length, 1);
	assert.deepEqual(referencesSent(scene.gateway), await samplePhotos(scene));
}

/** A message is drawn and shown as a Markdown image, which everyone can open; one that fails says why. */
async function chat({ client, gateway }: Scene, example: WorkflowFile): Promise<void> {
	// The editor's chat needs a browser; the public one is the same workflow.
	const nodes = example.nodes.map((node) =>
		node.type.endsWith('.chatTrigger')
			? { ...node, parameters: { ...node.parameters, public: true } }
			: node,
	);
	const [{ webhookId }] = nodes.filter((node) => node.webhookId);
	const id = await client.saveWorkflow({ ...example, nodes });
	const chatUrl = await client.activateWebhook(id, `${webhookId}/chat`);
	const say = async (chatInput: string) => {
		const response = await fetch(chatUrl, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ action: 'sendMessage', sessionId: 'session', chatInput }),
		});
		return ((await response.json()) as { output: string }).output;
	};
	gateway.ledger.clear();
	const [, name, url] = /^!\[([^\]]+)\]\((\S+)\)$/.exec(await say('A red bicycle')) ?? [];
	assert.match(name, /^red-bicycle-.*\.jpe?g$/);
	assert.deepEqual(
		bodiesSent(gateway).map(({ prompt }) => prompt),
		['A red bicycle'],
	);
	// Not the gateway's URL, and without signing in.
	assert.notEqual(url, gateway.ledger.images[0].url);
	assertSameFiles([await fetchBytes(url)], await generatedBy(gateway));
	assert.match(await say(' '), /prompt/i);
}

async function campaign(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, services } = scene;
	const save = async (name: string, type: string, data: Record<string, string>) =>
		await client.saveCredential({ name, type, data });
	await save('Slack account', 'slackApi', { accessToken: 'local' });
	// Google's consent page cannot be clicked here; a service account signs in by itself.
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	await save('Google account', 'googleApi', {
		email: 'local@example.com',
		privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
	});
	const nodes = example.nodes.map((node) => ({
		...node,
		...(node.type.endsWith('.googleDrive') && {
			parameters: { ...node.parameters, authentication: 'serviceAccount' },
			credentials: { googleApi: { id: null, name: 'Google account' } },
		}),
	}));
	const { images } = await play(scene, { ...example, nodes });
	assert.equal(images.length, 4);
	for (const uploads of [services.slack, services.drive]) {
		assert.equal(uploads.length, 4);
		for (const { json } of images) {
			const upload = uploads.find(({ fileName }) => fileName === json.fileName);
			assert.equal(upload?.contentType, json.mimeType);
			assert.ok(upload?.bytes.equals(await fetchBytes(json.url)), String(json.fileName));
		}
	}
}

async function spreadsheet(scene: Scene, example: WorkflowFile): Promise<void> {
	const folder = path.join(scene.folder, '.n8n-files');
	await appendFile(path.join(folder, 'prompts.csv'), 'NONE-04,Without a prompt,   ,1:1\n');
	const { items, saved } = await saveAll(scene, example, 3);
	assert.deepEqual(saved, ['MUG-01', 'LAMP-02', 'CHAIR-03']);
	assert.deepEqual(
		items('Save to Disk').map(({ json }) => [json.sku, json.title]),
		[
			['MUG-01', 'Red mug'],
			['LAMP-02', 'Yellow lamp'],
			['CHAIR-03', 'Teal chair'],
		],
	);
	assert.equal(bodiesSent(scene.gateway).length, 3);
	const failed = await readFile(path.join(folder, 'failed-prompts.csv'), 'utf8');
	assert.match(failed, /NONE-04.*Without a prompt.*Prompt is empty/);
	assert.doesNotMatch(failed, /MUG|LAMP|CHAIR/);
}

/** The first two of six images are the references of the others. */
async function storyboard(scene: Scene, example: WorkflowFile): Promise<void> {
	const { items } = await play(scene, example);
	const generated = await generatedBy(scene.gateway);
	assert.equal(generated.length, 6);
	assertSameFiles(await writtenBy(scene.folder, items('Save to Disk')), generated.slice(2));
	const references = [...items('Draw Character'), ...items('Draw Place')];
	const drawn = await Promise.all(references.map(({ json }) => fetchBytes(json.url)));
	assert.deepEqual(referencesSent(scene.gateway), drawn);
}

async function splitPoster(scene: Scene, example: WorkflowFile): Promise<void> {
	const { images, items } = await play(scene, example);
	assert.equal(images.length, 5);
	const saved = items('Save to Disk');
	const generated = await generatedBy(scene.gateway);
	assertSameFiles(await writtenBy(scene.folder, saved.slice(0, 4)), generated.slice(1));
	const svg = await readFile(path.join(scene.folder, String(saved[4].json.fileName)), 'utf8');
	assert.match(svg, /<svg[^>]* viewBox="0 0 1664 2496"/);
	assert.deepEqual(
		[...svg.matchAll(/data-name="([^"]+)"/g)].map(([, name]) => name),
		['background', 'headline', 'subject', 'caption'],
	);
}

async function cutOut(scene: Scene, example: WorkflowFile): Promise<void> {
	await run('gm', ['version'], { cwd: scene.folder }).catch(() => {
		throw new Error(
			'Edit Image needs GraphicsMagick. On Debian: apt-get install -y graphicsmagick',
		);
	});
	const { images, items } = await play(scene, example);
	assert.deepEqual(
		images.map(({ json }) => json.mimeType),
		['image/jpeg', 'image/png'],
	);
	const { isOpaque } = await sharp(await fetchBytes(images[1].json.url)).stats();
	assert.ok(!isOpaque);
	const [{ json }] = items('Save to Disk');
	assert.match(String(json.fileName), /cut-out-.+-on-color\.jpg$/);
	const picture = sharp(await readFile(path.join(scene.folder, String(json.fileName))));
	const { format, width, height } = await picture.metadata();
	assert.deepEqual([format, width, height], ['jpeg', images[1].json.width, images[1].json.height]);
	const { dominant } = await picture.stats();
	assert.ok(dominant.r > 220 && dominant.b < 80, JSON.stringify(dominant));
}

async function returnImage(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, gateway } = scene;
	const id = await client.saveWorkflow(example);
	const url = await client.activateWebhook(id, 'seedream-image');
	gateway.ledger.clear();
	const request = async (prompt: string) =>
		await fetch(url, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ prompt }),
		});
	const response = await request('A red bicycle');
	assert.equal(response.status, 200, response.ok ? '' : await response.text());
	assert.match(response.headers.get('content-type') ?? '', /^image\/jpeg/);
	assert.equal(gateway.ledger.images[0].prompt, 'A red bicycle');
	assertSameFiles([Buffer.from(await response.arrayBuffer())], await generatedBy(gateway));

	const rejection = await request(' ');
	assert.equal(rejection.status, 422);
	assert.match(((await rejection.json()) as { error: string }).error, /Prompt is empty/);
	assert.equal(gateway.ledger.images.length, 1);
}

async function illustrate(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, gateway, services } = scene;
	await client.saveCredential({
		name: 'OpenAI account',
		type: 'openAiApi',
		data: { apiKey: 'local', url: `${services.url}/v1` },
	});
	services.chat((messages) => {
		const responses = messages.filter(({ role }) => role === 'tool');
		if (responses.length === 0) return [{ Prompt: 'A snail' }, { Prompt: 'The sea' }];
		const urls = responses.map(({ content }) => /"url":\s*"([^"]+)"/.exec(String(content))?.[1]);
		return urls.map((url) => `![](${url})`).join('\n');
	});
	// Where the example leaves a credential to be chosen, n8n chooses the one of this name.
	assert.deepEqual(
		example.nodes.find(({ type }) => type.startsWith(SEEDREAM))?.credentials,
		SEEDREAM_CREDENTIAL,
	);
	const { items } = await execute(scene, example);
	const { images } = gateway.ledger;
	assert.deepEqual(images.map(({ prompt }) => prompt).sort(), ['A snail', 'The sea']);
	const story = String(items('Storyteller')[0].json.output);
	for (const { url } of images) assert.ok(story.includes(`![](${url})`), story);
}
