import assert from 'node:assert/strict';
import type { IWorkflowSettings } from 'n8n-workflow';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

import type { Execution, WorkflowFile } from '../client';
import {
	assertSameFiles,
	fetchBytes,
	filesOf,
	generatedBy,
	referencesSent,
	storedIn,
	writtenBy,
} from '../images';
import { run as runCommand } from '../process';
import type { Check } from '../check';
import type { Part } from '../run';
import { withServices, type Services, type Upload } from '../services';
import { execute, moderated, onStage, type Stage } from '../stage';
import { promptList, row, SEEDREAM, workflowOf, type NodeSketch } from '../workflow';

interface Scene extends Stage {
	services: Services;
	check: Check;
}

/** Workflows that users build with the node, compared byte by byte with what the gateway generated. */
export const chains: Part = async (product, check) => {
	await runCommand('gm', ['version'], { cwd: __dirname }).catch(() => {
		throw new Error(
			"n8n's Edit Image needs GraphicsMagick. On Debian: apt-get install -y graphicsmagick",
		);
	});
	for (const mode of ['filesystem', 'default', 'database']) {
		const checkIt: Check = async (name, body) => await check(`${name}, binary mode ${mode}`, body);
		await withServices(async (services) => {
			const perform = async (stage: Stage) => {
				const scene = { ...stage, services, check: checkIt };
				await flow(scene);
				await files(scene);
				// In memory, n8n keeps files where its own nodes do not look for them in this mode.
				if (mode !== 'default') await combined(scene);
			};
			await onStage(product, `chains-${mode}`, perform, { N8N_DEFAULT_BINARY_DATA_MODE: mode });
		});
	}
};

const START: NodeSketch = { type: 'manualTrigger' };

function seedream(prompt: string, parameters: NodeSketch['parameters'] = {}): NodeSketch {
	return {
		type: SEEDREAM,
		parameters: { operation: 'textToImage', prompt, resolution: '2K', ...parameters },
	};
}

function uploadTo(url: string, field: string): NodeSketch {
	const file = { parameterType: 'formBinaryData', name: 'file', inputDataFieldName: field };
	return {
		type: 'httpRequest',
		typeVersion: 4.2,
		parameters: {
			method: 'POST',
			url,
			sendBody: true,
			contentType: 'multipart-form-data',
			bodyParameters: { parameters: [file] },
			options: {},
		},
	};
}

/** @param fileName an expression */
function saveTo(fileName: string, dataPropertyName = 'data'): NodeSketch {
	return {
		type: 'readWriteFile',
		typeVersion: 1.1,
		parameters: {
			operation: 'write',
			fileName: `=.n8n-files/${fileName}`,
			dataPropertyName,
			options: {},
		},
	};
}

async function play(scene: Scene, workflow: WorkflowFile): Promise<Execution> {
	scene.services.clear();
	return await execute(scene, workflow);
}

/** The uploads are the generated images, and have the names and types of the items' files. */
async function assertUploaded(
	scene: Scene,
	uploads: Upload[],
	items: ReturnType<Execution['items']>,
): Promise<void> {
	const generated = await generatedBy(scene.gateway);
	assertSameFiles(
		uploads.map(({ bytes }) => bytes),
		generated,
	);
	const names = uploads.map(({ fileName }) => fileName).sort();
	assert.deepEqual(
		names,
		items
			.flatMap(filesOf)
			.map(({ fileName }) => fileName)
			.sort(),
	);
	assert.equal(new Set(names).size, generated.length);
	for (const { field, contentType, bytes } of uploads) {
		assert.equal(field, 'file');
		assert.equal(contentType, `image/${(await sharp(bytes).metadata()).format}`);
	}
}

/** How items go on to other nodes. */
async function flow(scene: Scene): Promise<void> {
	const { check, client, folder, gateway, services } = scene;

	await check('a set is split and uploaded to two services', async () => {
		const field = '={{ Object.keys($binary)[0] }}';
		const set = { operation: 'imageSet', maxImages: 3, options: { output: 'singleItem' } };
		const workflow = workflowOf(
			'Set to two services',
			{
				Start: START,
				Set: seedream('A fox [images:3]', set),
				Split: { type: 'splitOut', parameters: { fieldToSplitOut: '$binary', options: {} } },
				Slack: uploadTo(`${services.url}/forms/slack`, field),
				Drive: uploadTo(`${services.url}/forms/drive`, field),
			},
			[...row('Start', 'Set', 'Split', 'Slack'), ['Split', 'Drive']],
		);
		const { items } = await play(scene, workflow);
		assert.equal(items('Set').length, 1);
		assert.equal(items('Split').length, 3);
		await assertUploaded(scene, services.slack, items('Split'));
		await assertUploaded(scene, services.drive, items('Split'));
	});

	await check('items that fail leave by the error output, the others go on', async () => {
		const text = {
			id: 'text',
			name: 'text',
			type: 'string',
			value: '={{ $("Prompts").item.json.prompt }}',
		};
		const workflow = workflowOf(
			'Error branch',
			{
				Start: START,
				Prompts: promptList(['red', 'refused', 'blue']),
				Images: { ...seedream('={{ $json.prompt }}'), onError: 'continueErrorOutput' },
				Good: { type: 'noOp' },
				Bad: {
					type: 'set',
					typeVersion: 3.4,
					parameters: { assignments: { assignments: [text] }, options: {} },
				},
			},
			[...row('Start', 'Prompts', 'Images', 'Good'), ['Images', 'Bad', 1]],
		);
		gateway.inject(moderated('refused'));
		const { runs, items } = await play(scene, workflow);
		assert.deepEqual(
			items('Good').map(({ json }) => json.prompt),
			['red', 'blue'],
		);
		assertSameFiles(await storedIn(client, items('Good')), await generatedBy(gateway));
		const [[bad]] = runs('Images', 1);
		assert.match(String(bad.json.error), /sensitive/);
		assert.deepEqual(
			items('Bad').map(({ json }) => json.text),
			['refused'],
		);
	});
	gateway.reset();

	await check('a sub-workflow hands its images back', async () => {
		const sub = workflowOf(
			'Generates an image',
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
		const value = await client.saveWorkflow(sub);
		await client.activate(value);
		const workflow = workflowOf(
			'Calls another',
			{
				Start: START,
				Prompts: promptList(['one', 'two']),
				Call: {
					type: 'executeWorkflow',
					typeVersion: 1.2,
					parameters: {
						workflowId: { __rl: true, mode: 'id', value },
						mode: 'each',
						options: { waitForSubWorkflow: true },
					},
				},
				Save: saveTo('{{ $json.fileName }}'),
			},
			row('Start', 'Prompts', 'Call', 'Save'),
		);
		const { items } = await play(scene, workflow);
		assert.equal(gateway.ledger.images.length, 2);
		assertSameFiles(await writtenBy(folder, items('Save')), await generatedBy(gateway));
	});

	await check('Loop Over Items loses no image and repeats no file name', async () => {
		// The last is too large to be stored in one go.
		const prompts = ['one', 'two', 'three', 'four', 'five [bytes:5000000]'];
		const workflow = workflowOf(
			'Loop',
			{
				Start: START,
				Prompts: promptList(prompts),
				Loop: { type: 'splitInBatches', typeVersion: 3, parameters: { batchSize: 2, options: {} } },
				Image: seedream('={{ $json.prompt }}'),
				Save: saveTo('{{ $json.fileName }}'),
			},
			[...row('Start', 'Prompts', 'Loop', 'Save'), ['Loop', 'Image', 1], ['Image', 'Loop']],
		);
		const { items, runs } = await play(scene, workflow);
		assert.deepEqual(
			runs('Image').map((each) => each.map(({ json }) => json.prompt)),
			[prompts.slice(0, 2), prompts.slice(2, 4), prompts.slice(4)],
		);
		assertSameFiles(await writtenBy(folder, items('Save')), await generatedBy(gateway));
	});

	await check('Merge brings the images of two branches together', async () => {
		const field = (binaryPropertyOutput: string) => ({ options: { binaryPropertyOutput } });
		const references = { image: [{ source: 'allBinary' }] };
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
				Both: seedream('Both', { operation: 'imageToImage', referenceImages: references }),
			},
			[['Start', 'Day'], ['Start', 'Night'], ...row('Day', 'Merge', 'Both')],
		);
		workflow.connections.Night = { main: [[{ node: 'Merge', type: 'main', index: 1 }]] };
		const { items } = await play(scene, workflow);
		const [merged] = items('Merge');
		assert.deepEqual(Object.keys(merged.binary ?? {}).sort(), ['day', 'night']);
		const branches = (await generatedBy(gateway)).slice(0, 2);
		assertSameFiles(await storedIn(client, [merged]), branches);
		assertSameFiles(referencesSent(gateway), branches);
	});
}

/** What is done with the files. */
async function files(scene: Scene): Promise<void> {
	const { check, client, gateway } = scene;
	await check('a file is read, edited and written', () => editFile(scene));

	await check('Edit Image accepts the image', async () => {
		const size = { width: 320, height: 240, resizeOption: 'minimumArea', options: {} };
		const resize = { operation: 'resize', dataPropertyName: 'data', ...size };
		const workflow = workflowOf(
			'Edit Image',
			{
				Start: START,
				Image: seedream('A tower', { aspectRatio: '16:9' }),
				Resize: { type: 'editImage', parameters: resize },
			},
			row('Start', 'Image', 'Resize'),
		);
		const { items } = await play(scene, workflow);
		assertSameFiles(await storedIn(client, items('Image')), await generatedBy(gateway));
		const [resized] = await storedIn(client, items('Resize'));
		const { format, width, height } = await sharp(resized).metadata();
		assert.deepEqual([format, width, height], ['jpeg', 427, 240]);
	});
}

/** The workflow setting that keeps files among an item's JSON. */
async function combined(scene: Scene): Promise<void> {
	const { check, services } = scene;
	await check('a set is uploaded, files in JSON', async () => {
		const workflow = workflowOf(
			'Set in combined mode',
			{
				Start: START,
				Set: seedream('A fox [images:3]', { operation: 'imageSet', maxImages: 3 }),
				Slack: uploadTo(`${services.url}/forms/slack`, '_files.data'),
			},
			row('Start', 'Set', 'Slack'),
			{ binaryMode: 'combined' },
		);
		const { items } = await play(scene, workflow);
		await assertUploaded(scene, services.slack, items('Set'));
	});
	await check('a file is read, edited and written, files in JSON', () =>
		editFile(scene, { binaryMode: 'combined' }),
	);
}

async function editFile(scene: Scene, settings?: IWorkflowSettings): Promise<void> {
	const { folder, gateway } = scene;
	const photo = await fetchBytes(`${gateway.url}/samples/640x480.png`);
	await writeFile(path.join(folder, '.n8n-files/photo.png'), photo);
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
				'{{ ($json._files ?? $binary).data.fileName }}',
				settings ? '_files.data' : 'data',
			),
		},
		row('Start', 'Read', 'Edit', 'Save'),
		settings,
	);
	const { items } = await play(scene, workflow);
	assertSameFiles(referencesSent(gateway), [photo]);
	assert.match(String(items('Save')[0].json.fileName), /\/night-[^/]+\.jpe?g$/);
	assertSameFiles(await writtenBy(folder, items('Save')), await generatedBy(gateway));
}
