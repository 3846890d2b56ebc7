import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container } from '@n8n/di';
import type { IBinaryData, INodeExecutionData, IWorkflowSettings } from 'n8n-workflow';
import sharp from 'sharp';

// n8n reads its settings when its modules are first loaded, which is below.
const home = mkdtempSync(join(tmpdir(), 'seedream-store-'));
process.env.N8N_USER_FOLDER = home;
process.env.N8N_BINARY_DATA_STORAGE_PATH = join(home, 'files');
process.env.N8N_DEFAULT_BINARY_DATA_MODE = 'filesystem';

import { BinaryDataService } from 'n8n-core';

import { dataUri, hurry, IDS, parameters, picture, useGateway } from './support';

const bench = useGateway();
const store = () => Container.get(BinaryDataService);

beforeAll(async () => await store().init());
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function stored(bytes: Buffer, mimeType: string): Promise<IBinaryData> {
	const location = { type: 'execution', workflowId: 'test', executionId: 'test' } as const;
	return await store().store(location, bytes, { mimeType, data: '', fileName: 'photo' });
}

async function read(file: IBinaryData | undefined): Promise<Buffer> {
	expect(file?.id).toMatch(/^filesystem/);
	expect(file?.data).toBe('filesystem-v2');
	return await store().getAsBuffer(file as IBinaryData);
}

/** The image that the gateway generated, as anyone with its URL gets it. */
async function original(index: number): Promise<Buffer> {
	const { url = '' } = bench.gateway.ledger.images[index];
	return Buffer.from(await (await fetch(url)).arrayBuffer());
}

describe.each<[string, IWorkflowSettings]>([
	['files beside the JSON', {}],
	['files among the JSON', { binaryMode: 'combined' }],
])("n8n's file store, %s", (_name, workflowSettings) => {
	const isCombined = workflowSettings.binaryMode === 'combined';
	const itemOf = (files: Record<string, IBinaryData>): INodeExecutionData =>
		isCombined ? { json: { _files: files } } : { json: {}, binary: files };
	const filesOf = ({ json, binary }: INodeExecutionData) =>
		(isCombined ? json._files : binary) as Record<string, IBinaryData>;

	it.each([
		['a name', 'two, one', ['two', 'one']],
		['every image', undefined, ['one', 'two']],
		['an expression', isCombined ? '={{ $json._files.two }}' : '={{ $binary.two }}', ['two']],
	] as const)('references by %s', async (_how, binaryPropertyName, expected) => {
		const bytes = { one: await picture(20, 20), two: await picture(30, 30, 'jpeg') };
		const uris = { one: dataUri('png', bytes.one), two: dataUri('jpeg', bytes.two) };
		const files = {
			one: await stored(bytes.one, 'image/png'),
			two: await stored(bytes.two, 'image/jpeg'),
			text: await stored(Buffer.from('text'), 'text/plain'),
		};
		const entry = binaryPropertyName
			? { source: 'binary', binaryPropertyName }
			: { source: 'allBinary' };
		const { image } = await bench.body(
			parameters('imageToImage', IDS['4.5'], { referenceImages: { image: [entry] } }),
			{ items: [itemOf(files)], workflowSettings },
		);
		const sent = expected.map((name) => uris[name]);
		expect(image).toEqual(sent.length === 1 ? sent[0] : sent);
	});

	it.each(['url', 'b64_json'])('images of a set returned as %s', async (responseFormat) => {
		const prompt = 'foxes [pixels:64x48]';
		const items = await bench.items(
			parameters('imageSet', IDS['4.0'], { prompt, maxImages: 3, advanced: { responseFormat } }),
			{ workflowSettings },
		);
		expect(items).toHaveLength(3);
		for (const [index, item] of items.entries()) {
			const { data: file } = filesOf(item);
			const bytes = await read(file);
			if (responseFormat === 'url') expect(bytes.equals(await original(index))).toBe(true);
			const { format, width, height } = await sharp(bytes).metadata();
			expect({ format, width, height }).toEqual({ format: 'jpeg', width: 64, height: 48 });
			expect(file).toMatchObject({ mimeType: 'image/jpeg', fileName: item.json.fileName });
		}
		expect(new Set(items.map((item) => filesOf(item).data.id)).size).toBe(3);
	});

	it('all images in one item', async () => {
		const [item] = await bench.items(
			parameters('imageSet', IDS['4.0'], {
				prompt: 'foxes [pixels:64x48]',
				maxImages: 2,
				options: { output: 'singleItem' },
			}),
			{ workflowSettings },
		);
		const files = filesOf(item);
		expect(Object.keys(files)).toEqual(['data', 'data_1']);
		expect((await read(files.data_1)).equals(await original(1))).toBe(true);
	});

	it('an image to split, and its layers in an SVG', async () => {
		const sample = (size: string) => `${bench.gateway.url}/samples/${size}.png`;
		const data = [
			{ url: sample('200x100'), z_index: 0 },
			{
				url: sample('61x41'),
				z_index: 1,
				name: 'cat',
				bounding_box: { absolute: [9, 9, 70, 50] },
			},
		];
		bench.gateway.inject({ on: 'request', body: JSON.stringify({ data }) });
		const photo = await picture(512, 512);
		const items = await bench.items(
			parameters('layers', IDS['5.0-pro'], {
				imageField: 'photo',
				options: { layeredSvg: true, binaryPropertyOutput: 'layer' },
			}),
			{ items: [itemOf({ photo: await stored(photo, 'image/png') })], workflowSettings },
		);
		expect(bench.bodies()).toMatchObject([{ image: dataUri('png', photo) }]);
		const files = await Promise.all(items.map(async (item) => await read(filesOf(item).layer)));
		const [first, second, svg] = files;
		expect(files).toHaveLength(3);
		const images = [...svg.toString().matchAll(/xlink:href="([^"]*)"/g)].map(([, uri]) => uri);
		expect(images).toEqual([dataUri('png', first), dataUri('png', second)]);
		expect(filesOf(items[2]).layer).toMatchObject({
			mimeType: 'image/svg+xml',
			fileName: items[2].json.fileName,
		});
	});

	it.each([
		[1, 86_400],
		[7, 604_800],
		[30, 2_592_000],
		['={{ 20 / 24 / 60 / 60 }}', 20],
		['={{ 1 / 86400 / 3 }}', 1],
	])('a link for %p days', async (linkToFile, seconds) => {
		const [item] = await bench.items(
			parameters('textToImage', IDS['4.0'], { options: { linkToFile } }),
			{ workflowSettings },
		);
		const { fileUrl, warnings } = item.json as { fileUrl: string; warnings?: string[] };
		expect(warnings).toBeUndefined();
		const { origin, pathname, searchParams } = new URL(fileUrl);
		expect(origin + pathname).toBe('http://127.0.0.1/rest/binary-data/signed');
		const token = searchParams.get('token') ?? '';
		expect(store().validateSignedToken(token)).toBe(filesOf(item).data.id);
		const claims = Buffer.from(token.split('.')[1], 'base64url').toString();
		const { iat, exp } = JSON.parse(claims) as { iat: number; exp: number };
		expect(exp - iat).toBe(seconds);
	});

	it('no link to an image that could not be downloaded, which has a reason of its own', async () => {
		hurry();
		bench.gateway.inject({ on: 'download', nth: 'every', status: 404 });
		const [{ json }] = await bench.items(
			parameters('textToImage', IDS['4.0'], { options: { linkToFile: 1 } }),
			{ workflowSettings },
		);
		expect(json.downloadError).toContain('could not be downloaded');
		expect([json.fileUrl, json.warnings]).toEqual([undefined, undefined]);
	});

	it('a large file', async () => {
		const [item] = await bench.items(
			parameters('textToImage', IDS['4.0'], { prompt: '[pixels:64x48] [bytes:5000000]' }),
			{ workflowSettings },
		);
		const bytes = await read(filesOf(item).data);
		expect(bytes).toHaveLength(5_000_000);
		expect(bytes.equals(await original(0))).toBe(true);
		expect(item.json).toMatchObject({ width: 64, height: 48 });
	});
});
