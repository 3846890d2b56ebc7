import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { INodeExecutionData } from 'n8n-workflow';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Execution, WorkflowFile } from '../client';
import type { Check } from '../check';
import type { Part } from '../run';
import { startServices, type Services } from '../services';
import { onStage, type Stage } from '../stage';
import { SEEDREAM, SEEDREAM_CREDENTIAL } from '../workflow';

const EXAMPLES = path.resolve(__dirname, '../../../examples');

interface Scene extends Stage {
	services: Services;
}

interface Played extends Execution {
	/** The items of all our nodes. */
	images: INodeExecutionData[];
}

/** What is special about an example: what it needs, and what it leaves behind. */
type Scenario = (scene: Scene, example: WorkflowFile) => Promise<void>;

const SCENARIOS: Record<string, Scenario> = {
	'ai-agent-illustrates.json': illustrate,
	'compare-two-models.json': compareModels,
	'one-prompt-all-aspect-ratios.json': allRatios,
	'product-photo-edit.json': async (scene, example) => {
		const { images, items } = await play(scene, example);
		assert.equal(images.length, 2);
		await sameFiles(scene, items('Save to Disk'), 1);
	},
	'product-photos-from-folder.json': photosFromFolder,
	'scheduled-campaign-to-slack-and-drive.json': campaign,
	'image-set.json': async (scene, example) => {
		const { items } = await play(scene, example);
		await sameFiles(scene, items('Save to Disk'), 4);
	},
	'spreadsheet-of-prompts.json': spreadsheet,
	'storyboard-from-references.json': storyboard,
	'text-to-image-to-disk.json': async (scene, example) => {
		const { items } = await play(scene, example);
		await sameFiles(scene, items('Save to Disk'), 1);
	},
	'webhook-returns-image.json': returnImage,
};

/** Every example as it is imported, on the real server; only credentials of other services are put in. */
export const examples: Part = async (product, check) => {
	const services = await startServices();
	try {
		await onStage(
			product,
			'examples',
			async (stage) => {
				const files = (await readdir(EXAMPLES)).filter((file) => file.endsWith('.json'));
				await check('each is run here', async () => {
					assert.deepEqual(files.sort(), Object.keys(SCENARIOS).sort());
				});
				for (const file of files) await checkExample({ ...stage, services }, file, check);
			},
			services.env,
		);
	} finally {
		await services.close();
	}
};

async function checkExample(scene: Scene, file: string, check: Check): Promise<void> {
	const example = JSON.parse(await readFile(path.join(EXAMPLES, file), 'utf8')) as WorkflowFile;
	await check(`${file} says what to change and imports`, async () => {
		const note = example.nodes.find(({ type }) => type.endsWith('.stickyNote'));
		const content = String(note?.parameters.content);
		assert.match(content, /\*\*To change\*\*/);
		// Every node the note names is there, and so is every node of ours in the note.
		const named = [...content.matchAll(/\*\*([^*]+)\*\*/g)].map(([, name]) => name);
		const names = example.nodes.map(({ name }) => name);
		const notNodes = ['To change', 'To try', 'Max Images per Run'];
		for (const name of named) assert.ok([...names, ...notNodes].includes(name), name);
		for (const { name, type } of example.nodes) {
			if (type.startsWith(SEEDREAM)) assert.ok(content.includes(`**${name}**`), name);
			assert.match(type, /^(n8n-nodes-base|@n8n\/n8n-nodes-langchain|n8n-nodes-seedream)\./);
		}
		await scene.client.saveWorkflow(example);
	});
	await check(`${file} runs`, () => SCENARIOS[file](scene, example));
}

/** Runs an example. Every image the gateway billed is an item of our nodes. */
async function play(scene: Scene, example: WorkflowFile): Promise<Played> {
	const { client, gateway, services } = scene;
	gateway.reset();
	services.slack.length = 0;
	services.drive.length = 0;
	const execution = await client.execute(await client.saveWorkflow(example));
	const { status, error, items } = execution;
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);
	const images = example.nodes
		.filter(({ type }) => type === SEEDREAM)
		.flatMap(({ name }) => items(name))
		.filter(({ json }) => !json.error);
	assert.deepEqual(
		images.map(({ json }) => json.url).sort(),
		gateway.ledger.images.map(({ url }) => url).sort(),
	);
	return { ...execution, images };
}

async function fetchBytes(url: unknown): Promise<Buffer> {
	return Buffer.from(await (await fetch(String(url))).arrayBuffer());
}

/** The files that items name, written by n8n, hold what the gateway made. */
async function sameFiles({ folder, gateway }: Scene, saved: INodeExecutionData[], count: number) {
	assert.equal(saved.length, count);
	const made = await Promise.all(gateway.ledger.images.map(({ url }) => fetchBytes(url)));
	for (const { json } of saved) {
		const written = await readFile(path.join(folder, String(json.fileName)));
		assert.ok(
			made.some((image) => image.equals(written)),
			String(json.fileName),
		);
	}
	assert.equal(new Set(saved.map(({ json }) => json.fileName)).size, count);
}

async function compareModels(scene: Scene, example: WorkflowFile): Promise<void> {
	const { images, items } = await play(scene, example);
	assert.equal(images.length, 4);
	const sides = items('Side by Side');
	assert.deepEqual(
		sides.map(({ binary }) => Object.keys(binary ?? {}).sort()),
		[
			['a', 'b'],
			['a', 'b'],
		],
	);
	await sameFiles(scene, [...items('Save A'), ...items('Save B')], 4);
	assert.equal(new Set(scene.gateway.ledger.images.map(({ model }) => model)).size, 2);
}

async function allRatios(scene: Scene, example: WorkflowFile): Promise<void> {
	const { images, items } = await play(scene, example);
	await sameFiles(scene, items('Save to Disk'), 8);
	const ratios = images.map(({ json }) => Number(json.width) / Number(json.height));
	assert.equal(new Set(ratios).size, 8);
	const names = items('Save to Disk').map(({ json }) => String(json.fileName));
	assert.ok(
		names.some((name) => name.endsWith('lighthouse-21x9.jpg')),
		names.join(', '),
	);
}

async function photosFromFolder(scene: Scene, example: WorkflowFile): Promise<void> {
	const folder = path.join(scene.folder, '.n8n-files/products');
	await mkdir(folder);
	const photos: Buffer[] = [];
	for (const [name, sample] of [
		['mug.png', '800x600.png'],
		['lamp.jpg', '640x640.jpeg'],
		['chair.webp', '700x500.webp'],
	]) {
		const photo = await fetchBytes(`${scene.gateway.url}/samples/${sample}`);
		photos.push(photo);
		await writeFile(path.join(folder, name), photo);
	}
	const { items } = await play(scene, example);
	await sameFiles(scene, items('Save to Disk'), 3);
	const names = items('Save to Disk').map(({ json }) => path.parse(String(json.fileName)).name);
	assert.deepEqual(names.sort(), ['chair-garden', 'lamp-garden', 'mug-garden']);
	const posts = scene.gateway.ledger.requests.filter(({ method }) => method === 'POST');
	const sent = posts.map(({ body }) => {
		const image = String((body as { image: unknown }).image);
		return Buffer.from(image.slice(image.indexOf(',') + 1), 'base64');
	});
	for (const photo of photos) assert.ok(sent.some((image) => image.equals(photo)));
}

async function campaign(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, services } = scene;
	await client.saveCredential({
		name: 'Slack account',
		type: 'slackApi',
		data: { accessToken: 'local' },
	});
	// Google's consent page cannot be clicked here; a service account signs in by itself.
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	await client.saveCredential({
		name: 'Google account',
		type: 'googleApi',
		data: {
			email: 'local@example.com',
			privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
		},
	});
	const withAccount = {
		...example,
		nodes: example.nodes.map((node) =>
			node.type.endsWith('.googleDrive')
				? {
						...node,
						parameters: { ...node.parameters, authentication: 'serviceAccount' },
						credentials: { googleApi: { id: null, name: 'Google account' } },
					}
				: node,
		),
	};
	const { images } = await play(scene, withAccount);
	assert.equal(images.length, 4);
	for (const uploads of [services.slack, services.drive]) {
		assert.deepEqual(
			uploads.map(({ fileName }) => fileName).sort(),
			images.map(({ json }) => json.fileName).sort(),
		);
		for (const { fileName, contentType, bytes } of uploads) {
			const image = images.find(({ json }) => json.fileName === fileName)?.json;
			assert.equal(contentType, image?.mimeType);
			assert.ok(bytes.equals(await fetchBytes(image?.url)), fileName);
		}
	}
}

async function spreadsheet(scene: Scene, example: WorkflowFile): Promise<void> {
	const { folder, gateway } = scene;
	await writeFile(
		path.join(folder, '.n8n-files/prompts.csv'),
		'name,prompt,ratio\nsun,"A sun, yellow",1:1\nnothing,   ,1:1\nmoon,A moon,\n',
	);
	const { items } = await play(scene, example);
	await sameFiles(scene, items('Save to Disk'), 2);
	assert.deepEqual(
		items('Save to Disk').map(({ json }) => path.parse(String(json.fileName)).name),
		['sun', 'moon'],
	);
	const posts = gateway.ledger.requests.filter(({ method }) => method === 'POST');
	assert.equal(posts.length, 2);
	const failed = await readFile(path.join(folder, '.n8n-files/failed-prompts.csv'), 'utf8');
	assert.match(failed, /nothing.*Prompt/);
	assert.doesNotMatch(failed, /sun|moon/);
}

async function storyboard(scene: Scene, example: WorkflowFile): Promise<void> {
	const { items } = await play(scene, example);
	assert.equal(scene.gateway.ledger.images.length, 6);
	await sameFiles(scene, items('Save to Disk'), 4);
	const { image } = scene.gateway.ledger.requests.at(-1)?.body as { image: string[] };
	const references = [...items('Draw Character'), ...items('Draw Place')];
	assert.deepEqual(
		image.map((reference) => reference.slice(reference.indexOf(',') + 1)),
		await Promise.all(
			references.map(async ({ json }) => (await fetchBytes(json.url)).toString('base64')),
		),
	);
}

async function returnImage(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, gateway, server } = scene;
	gateway.reset();
	await client.activate(await client.saveWorkflow(example));
	const ask = async (prompt: string) =>
		await fetch(`${server.url}/webhook/seedream-image`, {
			method: 'POST',
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ prompt }),
		});
	let answer = await ask('A red bicycle');
	// n8n registers webhooks a moment after publishing.
	for (let tries = 0; answer.status === 404 && tries < 50; tries++) {
		await sleep(200);
		answer = await ask('A red bicycle');
	}
	assert.equal(answer.status, 200, answer.ok ? '' : await answer.text());
	assert.match(answer.headers.get('content-type') ?? '', /^image\/jpeg/);
	const [{ url, prompt }] = gateway.ledger.images;
	assert.equal(prompt, 'A red bicycle');
	assert.ok(Buffer.from(await answer.arrayBuffer()).equals(await fetchBytes(url)));

	const refusal = await ask(' ');
	assert.equal(refusal.status, 422);
	assert.match(((await refusal.json()) as { error: string }).error, /Prompt is empty/);
	assert.equal(gateway.ledger.images.length, 1);
}

async function illustrate(scene: Scene, example: WorkflowFile): Promise<void> {
	const { client, gateway, services } = scene;
	await client.saveCredential({
		name: 'OpenAI account',
		type: 'openAiApi',
		data: { apiKey: 'local', url: `${services.url}/v1` },
	});
	gateway.reset();
	services.chat((messages) => {
		const answers = messages.filter(({ role }) => role === 'tool');
		if (answers.length === 0) return [{ Prompt: 'A snail' }, { Prompt: 'The sea' }];
		const urls = answers.map(({ content }) => /"url":\s*"([^"]+)"/.exec(String(content))?.[1]);
		return urls.map((url) => `![](${url})`).join('\n');
	});
	// Where the example leaves a credential to be chosen, n8n takes the one of this name.
	assert.deepEqual(
		example.nodes.find(({ type }) => type.startsWith(SEEDREAM))?.credentials,
		SEEDREAM_CREDENTIAL,
	);
	const { status, error, items } = await client.execute(await client.saveWorkflow(example));
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);
	const { images } = gateway.ledger;
	assert.deepEqual(images.map(({ prompt }) => prompt).sort(), ['A snail', 'The sea']);
	const story = String(items('Storyteller')[0].json.output);
	for (const { url } of images) assert.ok(story.includes(`![](${url})`), story);
}
