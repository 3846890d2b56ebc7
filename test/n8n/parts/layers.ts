import assert from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { INodeExecutionData } from 'n8n-workflow';
import type { Page } from 'playwright-core';
import sharp from 'sharp';

import { compose, difference } from '../../gateway/testing';
import type { Check } from '../check';
import type { WorkflowFile } from '../client';
import type { Part } from '../run';
import { REPORTS, type Stage } from '../stage';
import { inBrowser } from './browser';

const EXAMPLE = path.resolve(__dirname, '../../../examples/poster-to-layers-and-svg.json');
const SPLIT = 'Split into Layers';
const MODEL = { __rl: true, mode: 'id', value: 'doubao-seedream-5-5-261028' };
/** What a channel may lose when layers are blended, of 255. */
const ROUNDING = 3;
const PICTURES = path.join(REPORTS, 'layers');

/** What came of a picture: its own file, and the items with their files. */
interface Split {
	source: Buffer;
	images: Array<{ json: INodeExecutionData['json']; file: Buffer }>;
	svg: Buffer;
}

/** The example splits a picture; its layers and its SVG are the picture again. */
export const layers: Part = async (product, check) => {
	await rm(PICTURES, { recursive: true, force: true });
	await mkdir(PICTURES, { recursive: true });
	await inBrowser(product, 'layers', async (page, stage) => {
		await checkDocumented(page, stage, check);
		await checkOddities(page, stage, check);
	});
};

async function checkDocumented(page: Page, stage: Stage, check: Check): Promise<void> {
	let split: Split | undefined;
	await check('a picture is split, base first, and put together is the picture again', async () => {
		split = await splitPoster(stage, 'A poster');
		const [base, ...others] = split.images;
		assert.deepEqual(
			split.images.map(({ json }) => [json.zIndex, json.name]),
			[
				[0, undefined],
				[1, 'headline'],
				[2, 'subject'],
				[3, 'caption'],
			],
		);
		const placed = others.map(({ json, file }) => {
			const box = json.box as Record<'left' | 'top' | 'width' | 'height', number>;
			const edges = [box.left, box.top, box.left + box.width, box.top + box.height];
			return { file, edges };
		});
		const composed = await compose(base.file, placed);
		await writeFile(path.join(PICTURES, 'composed.png'), composed);
		const { max } = await difference(composed, split.source);
		assert.ok(max <= ROUNDING, `a channel differs by ${max}`);
		// The base alone is another picture.
		assert.ok((await difference(base.file, split.source)).mean > 2);
	});
	await check('the SVG shows the same in Chromium, with a group for each name', async () => {
		assert.ok(split);
		const { max } = await rendered(page, 'documented', split);
		assert.ok(max <= ROUNDING, `a channel differs by ${max}`);
		const names = await page.evaluate(
			"[...document.querySelectorAll('g')].map(({ dataset }) => dataset.name)",
		);
		assert.deepEqual(names, ['background', 'headline', 'subject', 'caption']);
	});
}

/** Ways in which responses were seen to differ from the documents. */
async function checkOddities(page: Page, stage: Stage, check: Check): Promise<void> {
	for (const oddity of ['unordered,strings', 'unnumbered', 'edge', 'pixels', 'unknown']) {
		await check(`the SVG shows the picture in spite of: ${oddity}`, async () => {
			const split = await splitPoster(stage, `A poster [odd:${oddity}]`);
			const { mean, max } = await rendered(page, oddity.replace(',', '-'), split);
			assert.ok(mean <= 2, `channels differ by ${mean} on average`);
			// Files of half the pixels are less sharp.
			if (oddity !== 'pixels') assert.ok(max <= ROUNDING, `a channel differs by ${max}`);
		});
	}
}

/** Runs the example with this prompt, its base as PNG, and reads what it saved. */
async function splitPoster(stage: Stage, prompt: string): Promise<Split> {
	const { client, folder, gateway } = stage;
	const example = JSON.parse(await readFile(EXAMPLE, 'utf8')) as WorkflowFile;
	const nodes = example.nodes.map((node) => {
		if (node.name !== SPLIT) return node;
		const options = { ...(node.parameters.options as object), outputFormat: 'png' };
		// Automatic has no Output Format: not all its models do.
		return { ...node, parameters: { ...node.parameters, model: MODEL, prompt, options } };
	});
	gateway.reset();
	const { status, error, items } = await client.execute(
		await client.saveWorkflow({ ...example, nodes }),
	);
	assert.equal(status, 'success', `${error?.message}: ${error?.description}`);
	const files = items('Save to Disk').map(async ({ json }) => ({
		json,
		file: await readFile(path.join(folder, String(json.fileName))),
	}));
	const saved = await Promise.all(files);
	const poster = await fetch(String(gateway.ledger.images[0].url));
	return {
		source: Buffer.from(await poster.arrayBuffer()),
		images: saved.slice(0, -1),
		svg: saved[saved.length - 1].file,
	};
}

/** How far the SVG in Chromium is from the picture; its screenshot is kept. */
async function rendered(page: Page, name: string, { svg, source }: Split) {
	const file = path.join(PICTURES, `${name}.svg`);
	await writeFile(file, svg);
	const { width, height } = await sharp(source).metadata();
	await page.setViewportSize({ width, height });
	await page.goto(pathToFileURL(file).href);
	const screenshot = await page.screenshot({ path: path.join(PICTURES, `${name}.png`) });
	return await difference(screenshot, source);
}
