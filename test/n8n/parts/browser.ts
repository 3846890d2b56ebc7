import assert from 'node:assert/strict';
import { access, mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { chromium, selectors, type Page } from 'playwright-core';

import { OWNER } from '../client';
import type { Check, Part } from '../run';
import { onStage, REPORTS, type Stage } from '../stage';

const CHROMIUM = '/usr/bin/chromium';
const SCREENSHOTS = path.join(REPORTS, 'screenshots');
const PROMPT = 'A red bicycle leaning on a sunny white wall';

/** What a newcomer does in the editor: find the node, make a credential, choose a model, see the image. */
export const browser: Part = async (product, check) => {
	await access(CHROMIUM).catch(() => {
		throw new Error('The browser tests need Chromium. On Debian: apt-get install -y chromium');
	});
	await rm(SCREENSHOTS, { recursive: true, force: true });
	await mkdir(SCREENSHOTS, { recursive: true });
	await onStage(product, 'browser', async (stage) => {
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
			await openEditor(page, stage);
			await addNode(page, check);
			await makeCredential(page, stage, check);
			await chooseModel(page, check);
			await seeImage(page, stage, check);
		} finally {
			await chrome.close();
		}
	});
};

async function shot(page: Page, name: string): Promise<void> {
	await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}

async function openEditor(page: Page, { client, server }: Stage): Promise<void> {
	const workflow = await client.saveWorkflow({
		name: 'First workflow',
		nodes: [
			{
				id: 'a0000000-0000-4000-8000-000000000001',
				name: 'When clicking ‘Execute workflow’',
				type: 'n8n-nodes-base.manualTrigger',
				typeVersion: 1,
				position: [0, 0],
				parameters: {},
			},
		],
		connections: {},
	});
	await page.goto(`${server.url}/signin`);
	await page.getByLabel('Email').fill(OWNER.email);
	await page.getByLabel('Password').fill(OWNER.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL(/\/home\//);
	await page.goto(`${server.url}/workflow/${workflow}`);
}

async function addNode(page: Page, check: Check): Promise<void> {
	const found = page.getByTestId('item-iterator-item').filter({ hasText: 'ByteDance Seedream' });
	await page.getByTestId('canvas-handle-plus').click();
	const search = page.getByTestId('node-creator-search-bar');
	for (const words of ['image generation', 'text to image', 'seedream']) {
		await check(`the search finds the node by "${words}"`, async () => {
			await search.fill('nothing has this name');
			await found.waitFor({ state: 'hidden' });
			await search.fill(words);
			await found.waitFor();
		});
	}
	await shot(page, '1-search');
	await check('the node offers its three actions', async () => {
		await found.click();
		for (const action of ['an image set', 'image from images', 'image from text']) {
			await page.getByText(`Generate ${action}`).waitFor();
		}
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
	await check('a wrong key is refused with the reason', async () => {
		await key.fill('sk-wrong');
		await save.click();
		await page.getByText('More details').click();
		await page.getByText('The gateway does not accept this API key.').waitFor();
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
		const model = page.getByTestId('rlc-item').filter({ hasText: 'seedream-4-0-250828' });
		await model.waitFor();
		await shot(page, '5-models');
		await model.click();
	});
}

async function seeImage(page: Page, { gateway }: Stage, check: Check): Promise<void> {
	await check('a run shows the image, and its download has the very bytes', async () => {
		await page.getByTestId('parameter-input-prompt').getByRole('textbox').fill(PROMPT);
		await page.getByTestId('node-execute-button').click();
		const downloading = page.waitForEvent('download');
		await page.getByTestId('ndv-download-binary-data').click();
		const downloaded = await readFile(await (await downloading).path());
		const [image] = gateway.ledger.images;
		assert.equal(image.prompt, PROMPT);
		assert.match(image.model, /seedream-4-0-250828/);
		const made = await fetch(String(image.url));
		assert.ok(downloaded.equals(Buffer.from(await made.arrayBuffer())));

		await page.getByTestId('ndv-view-binary-data').click();
		const picture = page.getByTestId('output-panel').locator('img[src*="binary-data"]');
		await picture.waitFor();
		await shot(page, '6-image');
		const width = await picture.evaluate((img) => (img as { naturalWidth?: number }).naturalWidth);
		assert.equal(width, image.width);
	});
	await check('a mistake is told in the output panel', async () => {
		// An empty prompt n8n refuses itself; blanks reach the node.
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
