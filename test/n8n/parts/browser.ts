import assert from 'node:assert/strict';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { chromium, selectors, type Locator, type Page } from 'playwright-core';

import { OWNER, type WorkflowFile } from '../client';
import type { Check } from '../check';
import { assertSameFiles, generatedBy } from '../images';
import type { Part } from '../run';
import { moderated, onStage, readExample, REPORTS, type Product, type Stage } from '../stage';
import { promptList, row, SEEDREAM, workflowOf, type NodeSketch } from '../workflow';

const CHROMIUM = '/usr/bin/chromium';
const SCREENSHOTS = path.join(REPORTS, 'screenshots');
const PICTURES = path.resolve(__dirname, '../../../docs/images');
const PROMPT = 'A red bicycle leaning on a sunny white wall';

/** What a newcomer does in the editor: the shortest way to an image, and what may be met beside it. */
export const browser: Part = async (product, check) => {
	await rm(SCREENSHOTS, { recursive: true, force: true });
	await mkdir(SCREENSHOTS, { recursive: true });
	await inBrowser(product, 'browser', async (page, stage) => {
		await forgetCredential(stage);
		await signIn(page, stage);
		await walk(page, stage, check);
		await forgetCredential(stage);
		stage.gateway.reset();
		await openNewWorkflow(page, stage, 'First workflow');
		await addNode(page, check);
		await makeCredential(page, stage, check);
		await chooseModel(page, check);
		await seeImage(page, stage, check);
		await changeFields(page, stage, check);
		await loseRun(page, stage, check);
		await chat(page, stage, check);
		await seeInTheDark(page, stage, check);
	});
};

/** A newcomer has no credential yet. */
async function forgetCredential({ client }: Stage): Promise<void> {
	const [{ id }] = await client.request<Array<{ id: string }>>('GET', '/credentials');
	await client.request('DELETE', `/credentials/${id}`);
}

/** Takes the pictures of the README: of what examples look like, with the stand-in gateway's images. */
export const pictures: Part = async (product, check) => {
	await mkdir(PICTURES, { recursive: true });
	await inBrowser(product, 'pictures', async (page, stage) => {
		await page.setViewportSize({ width: 1440, height: 800 });
		await signIn(page, stage);
		for (const [name, example, node] of [
			['text-to-image', 'text-to-image-to-disk', 'Generate Image'],
			['image-to-image', 'product-photo-edit', 'New Background'],
			['image-set', 'image-set', 'Generate Set'],
		]) {
			await check(`docs/images/${name}.jpg`, async () => {
				await openWorkflow(page, stage, await readExample(example));
				await page.getByTestId('execute-workflow-button').click();
				await page.getByText('Workflow executed successfully').first().waitFor();
				if (name === 'text-to-image') await picture(page, 'workflow');
				await openNode(page, node);
				const output = page.getByTestId('output-panel');
				const button = output.getByTestId('ndv-view-binary-data').first();
				await button.waitFor();
				if (name !== 'image-set') {
					await button.click();
					await output.locator('img[src*="binary-data"]').waitFor();
				}
				await picture(page, name);
			});
		}
	});
};

async function picture(page: Page, name: string): Promise<void> {
	// Messages of n8n go by themselves.
	await page.locator('.el-notification').first().waitFor({ state: 'hidden' });
	await page.screenshot({ path: path.join(PICTURES, `${name}.jpg`), type: 'jpeg', quality: 82 });
}

/**
 * Sets a stage up, with a page in Chromium.
 * @param name of the log file
 * @throws Error if there is no Chromium
 */
export async function inBrowser(
	product: Product,
	name: string,
	play: (page: Page, stage: Stage) => Promise<void>,
): Promise<void> {
	await access(CHROMIUM).catch(() => {
		throw new Error('The browser tests need Chromium. On Debian: apt-get install -y chromium');
	});
	await onStage(product, name, async (stage) => {
		selectors.setTestIdAttribute('data-test-id');
		const chrome = await chromium.launch({
			executablePath: CHROMIUM,
			args: [
				'--no-sandbox',
				'--disable-gpu',
				'--disable-quic',
				'--no-first-run',
				'--disable-background-networking',
				'--disable-component-update',
				'--disable-sync',
			],
		});
		try {
			const page = await chrome.newPage({ viewport: { width: 1440, height: 900 } });
			page.setDefaultTimeout(20_000);
			await play(page, stage);
		} finally {
			await chrome.close();
		}
	});
}

async function shot(page: Page, name: string): Promise<void> {
	await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}

async function signIn(page: Page, { server }: Stage): Promise<void> {
	await page.goto(`${server.url}/signin`);
	await page.getByLabel('Email').fill(OWNER.email);
	await page.getByLabel('Password').fill(OWNER.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/home\//);
}

async function openWorkflow(
	page: Page,
	{ client, server }: Stage,
	workflow: WorkflowFile,
): Promise<void> {
	const id = await client.saveWorkflow(workflow);
	await page.goto(`${server.url}/workflow/${id}`);
	await page.getByTestId('canvas-node').first().waitFor();
}

async function openNode(page: Page, name: string): Promise<void> {
	await page.getByTestId('canvas-node').filter({ hasText: name }).last().dblclick();
	await page.getByTestId('parameter-input-prompt').waitFor();
}

/** Opens a new workflow in the editor: a Manual Trigger and what follows it, in a row. */
async function openNewWorkflow(
	page: Page,
	stage: Stage,
	name: string,
	nodes: Record<string, NodeSketch> = {},
): Promise<void> {
	const all = { Start: { type: 'manualTrigger' }, ...nodes };
	await openWorkflow(page, stage, workflowOf(name, all, row(...Object.keys(all))));
}

/** Clicks from an empty workflow to an image. */
const MAX_CLICKS = 11;

/** From an empty workflow to an image, click by click, each with a screenshot. */
async function walk(page: Page, { gateway, server }: Stage, check: Check): Promise<void> {
	await check(`an image is at most ${MAX_CLICKS} clicks from an empty workflow`, async () => {
		await page.goto(`${server.url}/workflow/new`);
		const started = Date.now();
		let clicks = 0;
		const click = async (name: string, target: Locator, text?: string) => {
			await target.click();
			clicks++;
			if (text !== undefined) await page.keyboard.type(text);
			// What opens does so gently.
			await page.waitForTimeout(500);
			await shot(page, `walk-${String(clicks).padStart(2, '0')}-${name}`);
		};
		const field = (name: string) => page.getByTestId(`parameter-input-${name}`);
		await click('add-first-step', page.getByTestId('canvas-add-button'), 'photo');
		const found = page.getByTestId('item-iterator-item').filter({ hasText: 'Seedream' });
		await click('find-photo', found);
		await click('choose-action', page.getByText('Generate image from text'));
		await click('connect', page.getByRole('button', { name: 'Connect to Seedream' }));
		await click('base-url', field('baseUrl').locator('input'), `${gateway.url}/api/v3`);
		await click('key', field('apiKey').locator('input'), gateway.key);
		await click('save', page.getByTestId('credential-save-button'));
		await page.getByTestId('editCredential-modal').waitFor({ state: 'hidden' });
		await click('prompt', field('prompt').getByRole('textbox'), PROMPT);
		await click('execute', page.getByTestId('node-execute-button'));
		const output = page.getByTestId('output-panel');
		const view = output.getByTestId('ndv-view-binary-data');
		await view.waitFor();
		await click('view', view);
		const picture = output.locator('img[src*="binary-data"]');
		await picture.waitFor();
		await shot(page, 'walk-image');
		const width = await picture.evaluate((img) => (img as { naturalWidth?: number }).naturalWidth);
		assert.deepEqual(
			gateway.ledger.images.map(({ prompt, ...image }) => [prompt, image.width]),
			[[PROMPT, width]],
		);
		console.log(`    ${clicks} clicks, ${((Date.now() - started) / 1000).toFixed(0)} s`);
		assert.ok(clicks <= MAX_CLICKS);
	});
}

/** What people type who want an image. */
const SEARCHES = [
	...['photo', 'picture', 'image editing', 'edit image', 'ai image', 'image generator', 'poster'],
	...['transparent background', 'layers', 'text to image', 'seedream'],
];

async function addNode(page: Page, check: Check): Promise<void> {
	const found = page.getByTestId('item-iterator-item').filter({ hasText: 'ByteDance Seedream' });
	await page.getByTestId('canvas-handle-plus').click();
	const search = page.getByTestId('node-creator-search-bar');
	for (const words of SEARCHES) {
		await check(`the search finds the node by "${words}"`, async () => {
			await search.fill('nothing has this name');
			await found.waitFor({ state: 'hidden' });
			await search.fill(words);
			await found.waitFor();
		});
	}
	await shot(page, '1-search');
	await check('the node offers its actions in the order of use', async () => {
		await found.click();
		const actions = page.getByTestId('node-creator-item-name');
		await actions.filter({ hasText: 'Generate image from text' }).waitFor();
		assert.deepEqual((await actions.allInnerTexts()).map((text) => text.trim()).slice(-4), [
			'Generate image from text',
			'Edit or combine images',
			'Generate set of images',
			'Split image into layers',
		]);
		await shot(page, '2-actions');
		await page.getByText('Generate image from text').click();
		await page.getByTestId('parameter-input-prompt').waitFor();
		await shot(page, '3-node');
	});
}

async function makeCredential(page: Page, { gateway }: Stage, check: Check): Promise<void> {
	const key = page.getByTestId('parameter-input-apiKey').locator('input');
	const save = page.getByTestId('credential-save-button');
	await page.getByRole('button', { name: 'Connect to Seedream' }).click();
	await page.getByTestId('parameter-input-baseUrl').locator('input').fill(`${gateway.url}/api/v3`);
	await check('a wrong key is rejected with the reason', async () => {
		await key.fill('sk-wrong');
		await save.click();
		await page.getByText('More details').click();
		await page.getByText(/rejected (this|the) API key/).waitFor();
		await shot(page, '4-wrong-key');
	});
	await check('the right key is accepted', async () => {
		await key.fill(gateway.key);
		await save.click();
		// n8n closes the dialog when the test of the credential passed.
		await page.getByTestId('editCredential-modal').waitFor({ state: 'hidden' });
	});
}

async function chooseModel(page: Page, check: Check): Promise<void> {
	await check("a model can be picked from the gateway's list", async () => {
		await page.getByTestId('rlc-input').click();
		const items = page.getByTestId('rlc-item');
		await items.filter({ hasText: 'Automatic (Recommended)' }).waitFor();
		// Told apart without being cut.
		const model = items.filter({ hasText: 'Seedream 4.0 (20260415)' });
		await model.waitFor();
		await shot(page, '5-models');
		await model.click();
	});
}

async function seeImage(page: Page, { gateway }: Stage, check: Check): Promise<void> {
	await check('a run shows the image, and its download has the very bytes', async () => {
		await page.getByTestId('parameter-input-prompt').getByRole('textbox').fill(PROMPT);
		await page.getByTestId('node-execute-button').click();
		const [download] = await Promise.all([
			page.waitForEvent('download'),
			page.getByTestId('ndv-download-binary-data').click(),
		]);
		const downloaded = await readFile(await download.path());
		const [image] = gateway.ledger.images;
		assert.equal(image.prompt, PROMPT);
		assert.match(image.model, /seedream-4-0-20260415/);
		assertSameFiles([downloaded], await generatedBy(gateway));

		await page.getByTestId('ndv-view-binary-data').click();
		const picture = page.getByTestId('output-panel').locator('img[src*="binary-data"]');
		await picture.waitFor();
		await shot(page, '6-image');
		const width = await picture.evaluate((img) => (img as { naturalWidth?: number }).naturalWidth);
		assert.equal(width, image.width);
	});
	await check('a mistake is told in the output panel', async () => {
		// n8n itself rejects an empty prompt; spaces reach the node.
		await page.getByTestId('parameter-input-prompt').getByRole('textbox').fill('   ');
		await page.getByTestId('node-execute-button').click();
		await page
			.getByTestId('output-panel')
			.getByText(/prompt/i)
			.first()
			.waitFor();
		await shot(page, '7-mistake');
	});
}

/** What an operation asks for, besides model and prompt. */
const OPERATIONS = [
	{ operation: 'textToImage', fields: ['aspectRatio', 'resolution'], references: false },
	{ operation: 'imageToImage', fields: ['aspectRatio', 'resolution'], references: true },
	{ operation: 'imageSet', fields: ['maxImages', 'aspectRatio', 'resolution'], references: true },
];

/** What models offer. */
const MODELS = [
	{ name: 'Automatic', sizes: ['2K'], webSearch: false, sets: true },
	{ name: 'Seedream 5.5', sizes: ['1K', '1.5K', '2K'], webSearch: false, sets: false },
	{ name: 'Seedream 5.0 Pro', sizes: ['1K', '1.5K', '2K'], webSearch: false, sets: false },
	{ name: 'Seedream 5.0 Lite (260128)', sizes: ['2K', '3K', '4K'], webSearch: true, sets: true },
	{ name: 'Seedream 4.0 (20260415)', sizes: ['1K', '2K', '4K'], webSearch: false, sets: true },
];

async function changeFields(page: Page, stage: Stage, check: Check): Promise<void> {
	for (const { operation, fields, references } of OPERATIONS) {
		const models = MODELS.filter(({ sets }) => operation !== 'imageSet' || sets);
		await check(`${operation}: fields follow the model`, async () => {
			const parameters = { operation, prompt: PROMPT };
			await openNewWorkflow(page, stage, operation, { Seedream: { type: SEEDREAM, parameters } });
			await openNode(page, 'Seedream');
			for (const { name: model, sizes, webSearch } of models) {
				await page.getByTestId('rlc-input').click();
				await page.getByTestId('rlc-item').filter({ hasText: model }).first().click();
				for (const name of ['maxImages', 'aspectRatio', 'resolution', 'width', 'modelFamily']) {
					await page
						.getByTestId(`parameter-input-${name}`)
						.waitFor({ state: fields.includes(name) ? 'visible' : 'hidden' });
				}
				await page
					.getByText('Reference Images', { exact: true })
					.waitFor({ state: references ? 'visible' : 'hidden' });
				await page.getByTestId('parameter-input-resolution').click();
				const offered = page.locator('.el-select-dropdown__item:visible');
				await offered.filter({ hasText: `${sizes[0]} (about ` }).waitFor();
				assert.deepEqual(
					(await offered.allInnerTexts()).map((text) => text.trim().split(' ')[0]),
					sizes,
				);
				await page.keyboard.press('Escape');
				await page.getByTestId('collection-parameter-add').first().click();
				await offered.getByText('Watermark', { exact: true }).waitFor();
				await shot(page, `8-${operation}-${model}`);
				assert.equal(await offered.getByText('Web Search', { exact: true }).isVisible(), webSearch);
				await page.keyboard.press('Escape');
			}
		});
	}
}

async function loseRun(page: Page, stage: Stage, check: Check): Promise<void> {
	await check(
		'several items come with a hint on money; a lost run says why, and where its images are',
		async () => {
			const { gateway } = stage;
			gateway.reset();
			gateway.inject(moderated('refused'));
			const parameters = {
				prompt: '={{ $json.prompt }}',
				advanced: { concurrentRequests: 1 },
			};
			await openNewWorkflow(page, stage, 'Lost run', {
				Prompts: promptList(['one', 'two', 'three', 'refused']),
				Seedream: { type: SEEDREAM, parameters },
			});
			await openNode(page, 'Seedream');
			const output = page.getByTestId('output-panel');
			await page.getByTestId('execute-previous-node').first().click();
			await output.getByText(/each image is charged.*Retry On Fail in Settings is safe/).waitFor();
			// The button waits for the run of the nodes before.
			await page.getByTestId('node-execute-button').getByText('Execute step').waitFor();
			await shot(page, '9-hint');
			await page.getByTestId('node-execute-button').click();
			await output
				.getByText(/sensitive information/)
				.first()
				.waitFor();
			await shot(page, '10-lost-run');
			const said = await output.innerText();
			const urls = gateway.ledger.images.map(({ url }) => String(url));
			assert.notEqual(urls.length, 0);
			for (const url of urls) assert.ok(said.includes(url), said);
			assert.match(said, /Change the prompt/);
			assert.equal(said.match(/\[item 3\]/gi)?.length, 1);
		},
	);
}

async function chat(page: Page, stage: Stage, check: Check): Promise<void> {
	await check('the chat shows the picture that a message asks for', async () => {
		await openWorkflow(page, stage, await readExample('chat-that-draws'));
		await page.getByTestId('workflow-chat-button').click();
		await page.getByPlaceholder(/^Type message/).fill(PROMPT);
		await page.keyboard.press('Enter');
		const picture = page.locator('.chat-message img');
		await picture.waitFor();
		await shot(page, '11-chat');
		const width = await picture.evaluate((img) => (img as { naturalWidth?: number }).naturalWidth);
		assert.equal(width, stage.gateway.ledger.images.at(-1)?.width);
	});
}

async function seeInTheDark(page: Page, stage: Stage, check: Check): Promise<void> {
	await check('the icon for dark themes shows in the dark', async () => {
		await page.evaluate("localStorage.setItem('N8N_THEME', 'dark')");
		await openNewWorkflow(page, stage, 'In the dark', { Seedream: { type: SEEDREAM } });
		const node = page.getByTestId('canvas-node').filter({ hasText: 'Seedream' });
		await node.locator('img[src$="seedream.dark.svg"]').waitFor();
		await page.getByTestId('canvas-handle-plus').last().click();
		await page.getByTestId('node-creator-search-bar').fill('seedream');
		const found = page.getByTestId('item-iterator-item').filter({ hasText: 'ByteDance Seedream' });
		await found.locator('img[src$="seedream.dark.svg"]').first().waitFor();
		await shot(page, '12-dark');
	});
}
