import assert from 'node:assert/strict';
import type { IWorkflowSettings } from 'n8n-workflow';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';

import { startGateway } from '../../gateway';
import type { Execution, WorkflowFile } from '../client';
import {
	assertSameFiles,
	bodiesSent,
	fetchBytes,
	filesOf,
	generatedBy,
	referencesSent,
	storedIn,
	writtenBy,
} from '../images';
import { run as runCommand, until } from '../process';
import type { Check } from '../check';
import type { Part } from '../run';
import { withServices, type Services, type Upload } from '../services';
import { credentialData, execute, moderated, onStage, type Stage } from '../stage';
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
				await rows(scene);
				await links(scene, mode !== 'default');
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
		assert.match(String(bad.json.error), /content filter rejected this prompt/);
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
	await check('two pictures uploaded by a form are combined in one request', () =>
		combineUploads(scene),
	);
	await check('the files of two items are combined in one request', () => combineItems(scene));

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
	await check('the files of two items are combined in one request, files in JSON', () =>
		combineItems(scene, { binaryMode: 'combined' }),
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

/** Two sample photos, of different size. */
async function twoPhotos({ gateway }: Scene): Promise<Buffer[]> {
	const samples = ['640x480.png', '480x640.png'];
	return await Promise.all(samples.map((name) => fetchBytes(`${gateway.url}/samples/${name}`)));
}

async function combineUploads(scene: Scene): Promise<void> {
	const { client, gateway, server } = scene;
	const formPath = 'two-photos';
	const file = (fieldLabel: string) => ({ fieldLabel, fieldType: 'file', multipleFiles: false });
	const workflow = workflowOf(
		'Two uploads',
		{
			Form: {
				type: 'formTrigger',
				typeVersion: 2.2,
				webhookId: formPath,
				parameters: {
					formTitle: 'Two photos',
					formFields: { values: [file('Product'), file('Table')] },
					responseMode: 'lastNode',
					options: { path: formPath },
				},
			},
			Combine: seedream('The product of image 1 on the table of image 2', {
				operation: 'imageToImage',
			}),
		},
		row('Form', 'Combine'),
	);
	const id = await client.saveWorkflow(workflow);
	await client.activate(id);
	const url = `${server.url}/form/${formPath}`;
	await until(`${url} responds`, async () => (await fetch(url)).ok);
	gateway.ledger.clear();
	const photos = await twoPhotos(scene);
	const form = new FormData();
	photos.forEach((photo, i) => {
		const bytes = new Uint8Array(photo);
		form.append(`field-${i}`, new Blob([bytes], { type: 'image/png' }), `photo-${i}.png`);
	});
	const response = await fetch(url, { method: 'POST', body: form });
	assert.ok(response.ok, await response.text());
	const finished = async () =>
		await client.request<{ results: Array<{ id: string }> }>(
			'GET',
			`/executions?${new URLSearchParams({ filter: JSON.stringify({ workflowId: id, status: ['success'] }) })}`,
		);
	await until('the workflow has ended', async () => (await finished()).results.length > 0);
	const [{ id: executionId }] = (await finished()).results;
	const { items } = await client.execution(executionId);
	assert.equal(bodiesSent(gateway).length, 1);
	assertSameFiles(referencesSent(gateway), photos);
	assertSameFiles(await storedIn(client, items('Combine')), await generatedBy(gateway));
}

/** Their order is kept, and the image belongs to both items. */
async function combineItems(scene: Scene, settings?: IWorkflowSettings): Promise<void> {
	const { client, folder, gateway } = scene;
	const photos = await twoPhotos(scene);
	for (const [i, photo] of photos.entries()) {
		await writeFile(path.join(folder, `.n8n-files/pair-${i}.png`), photo);
	}
	const workflow = workflowOf(
		'Two items, one image',
		{
			Start: START,
			Read: {
				type: 'readWriteFile',
				typeVersion: 1.1,
				parameters: { operation: 'read', fileSelector: '.n8n-files/pair-*.png', options: {} },
			},
			Combine: seedream('Both products on one table', {
				operation: 'imageToImage',
				referenceImages: { image: [{ source: 'allItems' }] },
			}),
		},
		row('Start', 'Read', 'Combine'),
		settings,
	);
	const { items } = await play(scene, workflow);
	assert.equal(items('Read').length, 2);
	assert.equal(bodiesSent(gateway).length, 1);
	assert.deepEqual(referencesSent(gateway), photos);
	assert.deepEqual(
		items('Combine').map(({ pairedItem }) => pairedItem),
		[[{ item: 0 }, { item: 1 }]],
	);
	assertSameFiles(await storedIn(client, items('Combine')), await generatedBy(gateway));
}

/** A spreadsheet whose columns stay with the images. */
async function rows(scene: Scene): Promise<void> {
	const { check, folder, services } = scene;
	await check('images are uploaded under the SKU of their row, and keep its columns', async () => {
		const table = 'sku,prompt,price\nCUP-1,A cup,9.5\nPAN-2,A pan,30\n';
		await writeFile(path.join(folder, '.n8n-files/products.csv'), table);
		const workflow = workflowOf(
			'Rows to uploads',
			{
				Start: START,
				Read: {
					type: 'readWriteFile',
					typeVersion: 1.1,
					parameters: { operation: 'read', fileSelector: '.n8n-files/products.csv', options: {} },
				},
				Rows: {
					type: 'extractFromFile',
					parameters: { operation: 'csv', binaryPropertyName: 'data', options: {} },
				},
				Images: seedream('={{ $json.prompt }}', {
					options: {
						fileName: '={{ $json.sku }}-{index}',
						includeInputFields: '*',
						numberOfImages: 2,
					},
				}),
				Drive: uploadTo(`${services.url}/forms/drive`, 'data'),
			},
			row('Start', 'Read', 'Rows', 'Images', 'Drive'),
		);
		const { items } = await play(scene, workflow);
		assert.deepEqual(
			items('Images').map(({ json: { sku, price, prompt } }) => [sku, price, prompt]),
			[
				['CUP-1', '9.5', 'A cup'],
				['CUP-1', '9.5', 'A cup'],
				['PAN-2', '30', 'A pan'],
				['PAN-2', '30', 'A pan'],
			],
		);
		await assertUploaded(scene, services.drive, items('Images'));
		assert.deepEqual(services.drive.map(({ fileName }) => path.parse(fileName).name).sort(), [
			'CUP-1-0',
			'CUP-1-1',
			'PAN-2-0',
			'PAN-2-1',
		]);
	});
}

/** Seconds that URLs of the gateway and links of n8n work, where both are to expire. */
const URL_SECONDS = 4;
const LINK_SECONDS = 20;

/** @param isStored whether n8n stores files outside of its memory in this binary mode */
async function links(scene: Scene, isStored: boolean): Promise<void> {
	const { check, client } = scene;
	const name = isStored
		? "a link to the file outlives the gateway's URL, until its own time is over"
		: 'a link to a file in memory is a warning';
	await check(name, async () => {
		const gateway = await startGateway({ urlLifetime: URL_SECONDS * 1000 });
		try {
			const credential = 'Short-lived URLs';
			const data = credentialData({ gateway });
			await client.saveCredential({ name: credential, type: 'seedreamApi', data });
			const workflow = workflowOf(
				'Link to a file',
				{
					Start: START,
					Image: {
						...seedream('A tower', {
							options: { linkToFile: `={{ ${LINK_SECONDS} / 24 / 60 / 60 }}` },
						}),
						credentials: { seedreamApi: { id: null, name: credential } },
					},
				},
				row('Start', 'Image'),
			);
			const { items } = await execute({ client, gateway }, workflow);
			const [{ json }] = items('Image');
			const [stored] = await storedIn(client, items('Image'));
			if (!isStored) {
				assert.equal(json.fileUrl, undefined);
				assert.match(String(json.warnings), /Link to File has no effect/);
				return;
			}
			const works = async (url: unknown) => (await fetch(String(url))).ok;
			await until("the gateway's URL has expired", async () => !(await works(json.url)));
			assert.ok((await fetchBytes(json.fileUrl)).equals(stored));
			await until('the link has expired', async () => !(await works(json.fileUrl)));
		} finally {
			await gateway.close();
		}
	});
}
