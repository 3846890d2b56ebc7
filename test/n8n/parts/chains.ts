import assert from 'node:assert/strict';
import type { IBinaryData, INodeExecutionData, IWorkflowSettings } from 'n8n-workflow';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

import type { Execution, WorkflowFile } from '../client';
import { run as runCommand } from '../process';
import type { Check } from '../check';
import type { Part } from '../run';
import { startServices, type Services, type Upload } from '../services';
import { onStage, type Stage } from '../stage';
import { row, SEEDREAM, workflowOf, type NodeSketch } from '../workflow';

interface Scene extends Stage {
	services: Services;
	check: Check;
}

const START: NodeSketch = { type: 'manualTrigger' };

/** Workflows that users build with the node, compared byte by byte with what the gateway made. */
export const chains: Part = async (product, check) => {
	await runCommand('gm', ['version'], { cwd: __dirname }).catch(() => {
		throw new Error(
			"n8n's Edit Image needs GraphicsMagick. On Debian: apt-get install -y graphicsmagick",
		);
	});
	for (const mode of ['filesystem', 'default', 'database']) {
		const services = await startServices();
		try {
			await onStage(
				product,
				`chains-${mode}`,
				async (stage) => {
					const name = (words: string) => `${words}, binary mode ${mode}`;
					const scene = {
						...stage,
						services,
						check: (words: string, body: () => Promise<void>) => check(name(words), body),
					};
					await flow(scene);
					await files(scene);
					// In memory, n8n keeps files where its own nodes do not look for them in this mode.
					if (mode !== 'default') await combined(scene);
				},
				{ N8N_DEFAULT_BINARY_DATA_MODE: mode },
			);
		} finally {
			await services.close();
		}
	}
};

/** How items go on to other nodes. */
async function flow(scene: Scene): Promise<void> {
	const { check } = scene;
	await check('a set is split and uploaded to two services', () => uploadSet(scene));
	await check('items that fail leave by the error output, the others go on', () => branch(scene));
	await check('a sub-workflow hands its images back', () => subWorkflow(scene));
	await check('Loop Over Items loses no image and repeats no file name', () => loop(scene));
	await check('Merge brings the images of two branches together', () => merge(scene));
}

/** What is done with the files. */
async function files(scene: Scene): Promise<void> {
	const { check } = scene;
	await check('a file is read, edited and written', () => editFile(scene, {}));
	await check('Edit Image accepts the image', () => editImage(scene));
}

/** The workflow setting that keeps files among an item's JSON. */
async function combined(scene: Scene): Promise<void> {
	const { check } = scene;
	await check('a set is uploaded, files in JSON', () => uploadCombined(scene));
	await check('a file is read, edited and written, files in JSON', () =>
		editFile(scene, { binaryMode: 'combined' }),
	);
}

function seedream(prompt: string, parameters: NodeSketch['parameters'] = {}): NodeSketch {
	return {
		type: SEEDREAM,
		parameters: { operation: 'textToImage', prompt, resolution: '2K', ...parameters },
	};
}

function uploadTo(url: string, field: string): NodeSketch {
	return {
		type: 'httpRequest',
		typeVersion: 4.2,
		parameters: {
			method: 'POST',
			url,
			sendBody: true,
			contentType: 'multipart-form-data',
			bodyParameters: {
				parameters: [{ parameterType: 'formBinaryData', name: 'file', inputDataFieldName: field }],
			},
			options: {},
		},
	};
}

async function play(scene: Scene, workflow: WorkflowFile): Promise<Execution> {
	scene.gateway.reset();
	scene.services.slack.length = 0;
	scene.services.drive.length = 0;
	const execution = await scene.client.execute(await scene.client.saveWorkflow(workflow));
	const { error } = execution;
	assert.equal(execution.status, 'success', `${error?.message}: ${error?.description}`);
	return execution;
}

/** Every image the gateway made, in the order made. */
async function madeBy({ gateway }: Scene): Promise<Buffer[]> {
	return await Promise.all(
		gateway.ledger.images.map(async ({ url }) =>
			Buffer.from(await (await fetch(String(url))).arrayBuffer()),
		),
	);
}

/** The files of an item, wherever the binary mode keeps them. */
function filesOf({ binary, json }: INodeExecutionData): Record<string, IBinaryData> {
	return binary ?? (json._files as unknown as Record<string, IBinaryData> | undefined) ?? {};
}

async function bytesOf({ client }: Scene, file: IBinaryData): Promise<Buffer> {
	return file.id ? await client.binary(file.id) : Buffer.from(file.data, 'base64');
}

/** The bytes of the items' files, in the items' order. */
async function bytesOfItems(scene: Scene, items: INodeExecutionData[]): Promise<Buffer[]> {
	const all = items.flatMap((item) => Object.values(filesOf(item)));
	return await Promise.all(all.map((file) => bytesOf(scene, file)));
}

function sameBytes(actual: Buffer[], expected: Buffer[]): void {
	assert.notEqual(expected.length, 0);
	assert.equal(actual.length, expected.length);
	const sort = (list: Buffer[]) => [...list].sort((a, b) => a.compare(b));
	const wanted = sort(expected);
	sort(actual).forEach((bytes, index) => assert.ok(bytes.equals(wanted[index]), `file ${index}`));
}

async function sameUploads(uploads: Upload[], items: INodeExecutionData[], made: Buffer[]) {
	sameBytes(
		uploads.map(({ bytes }) => bytes),
		made,
	);
	const named = items.flatMap((item) => Object.values(filesOf(item)));
	assert.deepEqual(
		uploads.map(({ fileName }) => fileName).sort(),
		named.map(({ fileName }) => fileName).sort(),
	);
	assert.equal(new Set(uploads.map(({ fileName }) => fileName)).size, made.length);
	for (const { field, contentType, bytes } of uploads) {
		assert.equal(field, 'file');
		assert.equal(contentType, `image/${(await sharp(bytes).metadata()).format}`);
	}
}

async function uploadSet(scene: Scene): Promise<void> {
	const field = '={{ Object.keys($binary)[0] }}';
	const workflow = workflowOf(
		'Set to two services',
		{
			Start: START,
			Set: seedream('A fox [images:3]', {
				operation: 'imageSet',
				maxImages: 3,
				options: { output: 'singleItem' },
			}),
			Split: { type: 'splitOut', parameters: { fieldToSplitOut: '$binary', options: {} } },
			Slack: uploadTo(`${scene.services.url}/forms/slack`, field),
			Drive: uploadTo(`${scene.services.url}/forms/drive`, field),
		},
		[...row('Start', 'Set', 'Split', 'Slack'), ['Split', 'Drive']],
	);
	const { items } = await play(scene, workflow);
	const made = await madeBy(scene);
	assert.equal(made.length, 3);
	assert.equal(items('Set').length, 1);
	assert.equal(items('Split').length, 3);
	await sameUploads(scene.services.slack, items('Split'), made);
	await sameUploads(scene.services.drive, items('Split'), made);
}

async function uploadCombined(scene: Scene): Promise<void> {
	const workflow = workflowOf(
		'Set in combined mode',
		{
			Start: START,
			Set: seedream('A fox [images:3]', { operation: 'imageSet', maxImages: 3 }),
			Slack: uploadTo(
				`${scene.services.url}/forms/slack`,
				'={{ $json._files ? "_files.data" : "data" }}',
			),
		},
		row('Start', 'Set', 'Slack'),
		{ binaryMode: 'combined' },
	);
	const { items } = await play(scene, workflow);
	await sameUploads(scene.services.slack, items('Set'), await madeBy(scene));
}

async function branch(scene: Scene): Promise<void> {
	const prompts = ['red', 'refused', 'blue'];
	const workflow = workflowOf(
		'Error branch',
		{
			Start: START,
			Prompts: promptList(prompts),
			Images: { ...seedream('={{ $json.prompt }}'), onError: 'continueErrorOutput' },
			Good: { type: 'noOp' },
			Bad: {
				type: 'set',
				typeVersion: 3.4,
				parameters: keep('={{ $("Prompts").item.json.prompt }}'),
			},
		},
		[...row('Start', 'Prompts', 'Images', 'Good'), ['Images', 'Bad', 1]],
	);
	scene.gateway.reset();
	const id = await scene.client.saveWorkflow(workflow);
	scene.gateway.inject({
		on: 'request',
		nth: 'every',
		match: { prompt: 'refused' },
		status: 400,
		code: 'InputTextSensitiveContentDetected',
		message: 'The request failed because the input text may contain sensitive information.',
	});
	const { status, runs, items } = await scene.client.execute(id);
	assert.equal(status, 'success');
	assert.deepEqual(
		items('Good').map(({ json }) => json.prompt),
		['red', 'blue'],
	);
	sameBytes(await bytesOfItems(scene, items('Good')), await madeBy(scene));
	const [[bad]] = runs('Images', 1);
	assert.match(String(bad.json.error), /sensitive/);
	assert.deepEqual(
		items('Bad').map(({ json }) => json.text),
		['refused'],
	);
}

/** Items with a prompt each. */
function promptList(prompts: string[]): NodeSketch {
	return {
		type: 'code',
		typeVersion: 2,
		parameters: {
			jsCode: `return ${JSON.stringify(prompts.map((prompt) => ({ json: { prompt } })))}`,
		},
	};
}

function keep(text: string): NodeSketch['parameters'] {
	return {
		assignments: { assignments: [{ id: 'text', name: 'text', type: 'string', value: text }] },
		includeOtherFields: false,
		options: {},
	};
}

async function subWorkflow(scene: Scene): Promise<void> {
	const sub = workflowOf(
		'Makes an image',
		{
			Called: {
				type: 'executeWorkflowTrigger',
				typeVersion: 1.1,
				parameters: { inputSource: 'passthrough' },
			},
			Image: seedream('={{ $json.prompt }}'),
		},
		row('Called', 'Image'),
	);
	const workflowId = await scene.client.saveWorkflow(sub);
	await scene.client.activate(workflowId);
	const workflow = workflowOf(
		'Calls another',
		{
			Start: START,
			Prompts: promptList(['one', 'two']),
			Call: {
				type: 'executeWorkflow',
				typeVersion: 1.2,
				parameters: {
					workflowId: { __rl: true, mode: 'id', value: workflowId },
					mode: 'each',
					options: { waitForSubWorkflow: true },
				},
			},
			Save: saveTo('={{ $json.fileName }}'),
		},
		row('Start', 'Prompts', 'Call', 'Save'),
	);
	const { items } = await play(scene, workflow);
	const written = items('Save').map(({ json }) =>
		readFile(path.join(scene.folder, String(json.fileName))),
	);
	const made = await madeBy(scene);
	assert.equal(made.length, 2);
	sameBytes(await Promise.all(written), made);
}

function saveTo(fileName: string, field = 'data'): NodeSketch {
	return {
		type: 'readWriteFile',
		typeVersion: 1.1,
		parameters: {
			operation: 'write',
			fileName: fileName.replace(/^=/, '=.n8n-files/'),
			dataPropertyName: field,
			options: {},
		},
	};
}

async function loop(scene: Scene): Promise<void> {
	// The last is too large to be stored in one go.
	const prompts = ['one', 'two', 'three', 'four', 'five [bytes:5000000]'];
	const workflow = workflowOf(
		'Loop',
		{
			Start: START,
			Prompts: promptList(prompts),
			Loop: { type: 'splitInBatches', typeVersion: 3, parameters: { batchSize: 2, options: {} } },
			Image: seedream('={{ $json.prompt }}'),
			Save: saveTo('={{ $json.fileName }}'),
		},
		[...row('Start', 'Prompts', 'Loop', 'Save'), ['Loop', 'Image', 1], ['Image', 'Loop']],
	);
	const { items, runs } = await play(scene, workflow);
	const made = await madeBy(scene);
	assert.equal(made.length, prompts.length);
	assert.deepEqual(
		runs('Image').map((each) => each.map(({ json }) => json.prompt)),
		[prompts.slice(0, 2), prompts.slice(2, 4), prompts.slice(4)],
	);
	const names = items('Save').map(({ json }) => String(json.fileName));
	assert.equal(new Set(names).size, prompts.length);
	const written = names.map((name) => readFile(path.join(scene.folder, name)));
	sameBytes(await Promise.all(written), made);
}

async function merge(scene: Scene): Promise<void> {
	const field = (binaryPropertyOutput: string) => ({ options: { binaryPropertyOutput } });
	const workflow = workflowOf(
		'Two branches',
		{
			Start: START,
			Day: seedream('A street by day', field('day')),
			Night: seedream('A street by night', field('night')),
			Merge: {
				type: 'merge',
				typeVersion: 3.2,
				parameters: { mode: 'combine', combineBy: 'combineByPosition', options: {} },
			},
			Both: seedream('Both in one', {
				operation: 'imageToImage',
				referenceImages: { image: [{ source: 'allBinary' }] },
			}),
		},
		[['Start', 'Day'], ['Start', 'Night'], ...row('Day', 'Merge', 'Both')],
	);
	workflow.connections.Night = { main: [[{ node: 'Merge', type: 'main', index: 1 }]] };
	const { items } = await play(scene, workflow);
	const made = await madeBy(scene);
	assert.equal(made.length, 3);
	const [merged] = items('Merge');
	assert.deepEqual(Object.keys(filesOf(merged)).sort(), ['day', 'night']);
	const [day, night] = made;
	sameBytes(await bytesOfItems(scene, [merged]), [day, night]);
	const sent = referencesSent(scene);
	sameBytes(sent, [day, night]);
}

/** The reference images of the last request. */
function referencesSent({ gateway }: Scene): Buffer[] {
	const { image } = gateway.ledger.requests.at(-1)?.body as { image: string | string[] };
	return [image].flat().map((url) => Buffer.from(url.split(',')[1], 'base64'));
}

async function editFile(scene: Scene, settings: IWorkflowSettings): Promise<void> {
	const photo = await sharp({
		create: { width: 640, height: 480, channels: 3, background: '#c08040' },
	})
		.png()
		.toBuffer();
	await writeFile(path.join(scene.folder, '.n8n-files/photo.png'), photo);
	const workflow = workflowOf(
		'Edit a file',
		{
			Start: START,
			Read: {
				type: 'readWriteFile',
				typeVersion: 1.1,
				parameters: { operation: 'read', fileSelector: '.n8n-files/photo.png', options: {} },
			},
			Edit: seedream('The same at night', {
				operation: 'imageToImage',
				referenceImages: { image: [{ source: 'binary', binaryPropertyName: 'data' }] },
				options: { fileName: 'night-{date}' },
			}),
			Save: saveTo(
				'={{ ($json._files ?? $binary).data.fileName }}',
				'={{ $json._files ? "_files.data" : "data" }}',
			),
		},
		row('Start', 'Read', 'Edit', 'Save'),
		settings,
	);
	const { items } = await play(scene, workflow);
	sameBytes(referencesSent(scene), [photo]);
	const [{ json }] = items('Save');
	assert.match(String(json.fileName), /\/night-[^/]+\.jpe?g$/);
	sameBytes([await readFile(path.join(scene.folder, String(json.fileName)))], await madeBy(scene));
}

async function editImage(scene: Scene): Promise<void> {
	const workflow = workflowOf(
		'Edit Image',
		{
			Start: START,
			Image: seedream('A tower', { aspectRatio: '16:9' }),
			Resize: {
				type: 'editImage',
				parameters: {
					operation: 'resize',
					dataPropertyName: 'data',
					width: 320,
					height: 240,
					resizeOption: 'minimumArea',
					options: {},
				},
			},
		},
		row('Start', 'Image', 'Resize'),
	);
	const { items } = await play(scene, workflow);
	const [resized] = await bytesOfItems(scene, items('Resize'));
	const { format, width, height } = await sharp(resized).metadata();
	assert.deepEqual({ format, width, height }, { format: 'jpeg', width: 427, height: 240 });
	sameBytes(await bytesOfItems(scene, items('Image')), await madeBy(scene));
}
