import type { AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import type { INodeParameters } from 'n8n-workflow';

import { itemWith, type NodeRun } from './engine';
import type { Fault } from './gateway';
import { byId, dataUri, IDS, KEY, parameters, picture, TINY, urls, useGateway } from './support';

const bench = useGateway();

/** A model that can do the operation, for input that is wrong in another way. */
const { '4.5': model } = IDS;
const text = (more: INodeParameters) => parameters('textToImage', model, more);

/** Input that must be rejected: its fields, and what the message and the description must contain. */
const CASES: ReadonlyArray<
	[name: string, values: INodeParameters, message: RegExp, description: RegExp]
> = [
	['an empty prompt', text({ prompt: '={{ "" }}' }), /Prompt is empty/, /Prompt field/],
	['a prompt of blanks', text({ prompt: ' \n ' }), /Prompt is empty/, /Prompt field/],
	['a prompt that is nothing', text({ prompt: '={{ undefined }}' }), /Prompt is empty/, /Prompt/],
	['a prompt that is a list', text({ prompt: '={{ ["a"] }}' }), /Prompt is not a text/, /Prompt/],
	['an empty model', parameters('textToImage', '={{ " " }}'), /No model/, /Model/],
	['a model that is nothing', parameters('textToImage', '={{ null }}'), /No model/, /Model/],
	[
		'no reference',
		parameters('imageToImage', model, { referenceImages: {} }),
		/Reference Images is empty/,
		/at least one image/,
	],
	[
		'a binary field that the item does not have',
		parameters('imageToImage', model),
		/Reference Images: .*“data”/,
		/no files at all.*URL/s,
	],
	[
		'15 references',
		parameters('imageToImage', model, {
			referenceImages: urls(...Array<string>(15).fill('https://example.com/a.png')),
		}),
		/15 Reference Images are too many for Seedream 4\.5/,
		/up to 14/,
	],
	[
		'a size below',
		text({ aspectRatio: 'custom', width: 1024, height: 1024 }),
		/1024x1024 is too small for Seedream 4\.5/,
		/at least 3686400.*1920x1920/s,
	],
	[
		'a size above',
		text({ aspectRatio: 'custom', width: 5000, height: 5000 }),
		/5000x5000 is too large for Seedream 4\.5/,
		/at most 16777216.*4096x4096/s,
	],
	[
		'ratio 1 to 17',
		text({ aspectRatio: 'custom', width: 500, height: 8500 }),
		/500x8500 is too narrow for Seedream 4\.5/,
		/16 times.*500x8000/s,
	],
	['2048*2048', text({ resolution: '2048*2048' }), /“2048\*2048”/, /2048x2048/],
	['1K on 4.5', text({ resolution: '1K' }), /Seedream 4\.5 does not offer.*“1K”/, /2K, 4K/],
	[
		'Max Images 0',
		parameters('imageSet', model, { maxImages: 0 }),
		/Max Images is 0/,
		/whole number from 1 to 15/,
	],
	[
		'Max Images 16',
		parameters('imageSet', model, { maxImages: 16 }),
		/Max Images is 16/,
		/whole number from 1 to 15/,
	],
	[
		'Max Images 2.5',
		parameters('imageSet', model, { maxImages: 2.5 }),
		/Max Images is 2\.5/,
		/whole number/,
	],
	[
		'Max Images that is nothing',
		parameters('imageSet', model, { maxImages: '={{ undefined }}' }),
		/Max Images is empty/,
		/whole number/,
	],
	[
		'14 references and 4 images',
		parameters('imageSet', model, {
			maxImages: 4,
			referenceImages: urls(...Array<string>(14).fill('https://example.com/a.png')),
		}),
		/14 Reference Images and 4 Max Images are more than 15/,
		/Max Images to 1 or fewer/,
	],
	[
		'a set of 5.0 Pro',
		parameters('imageSet', IDS['5.0-pro']),
		/Seedream 5\.0 Pro does not support image sets/,
		/^Choose another Model: .*Seedream 4\.0\.$/,
	],
	[
		'an edit with 3.0',
		parameters('imageToImage', IDS['3.0']),
		/Seedream 3\.0 does not support image-to-image/,
		/^Choose another Model: Seedream 5\.5, .*\.$/,
	],
	[
		'a picture from nothing with SeedEdit',
		parameters('textToImage', IDS['seededit-3.0']),
		/SeedEdit 3\.0 does not support text-to-image/,
		/^Choose another Model: Seedream 5\.5, .*\.$/,
	],
	[
		'an operation that the chosen family does not do',
		parameters('imageSet', 'ep-x', { modelFamily: '5.0-flash' }),
		/Seedream 5\.0 Flash does not support image sets/,
		/Choose another Model/,
	],
	[
		'broken JSON',
		text({ options: { additionalBodyFields: '{ "a": ' } }),
		/Additional Body Fields is not valid JSON/,
		/JSON object/,
	],
	[
		'JSON that is a list',
		text({ options: { additionalBodyFields: '[1]' } }),
		/Additional Body Fields is not a JSON object/,
		/JSON object/,
	],
	[
		'JSON that is null',
		text({ options: { additionalBodyFields: 'null' } }),
		/Additional Body Fields is not a JSON object/,
		/JSON object/,
	],
	[
		'a seed beyond its range',
		parameters('textToImage', IDS['3.0'], { options: { seed: 2_147_483_648 } }),
		/Seed is 2147483648/,
		/from -1 to 2147483647/,
	],
	[
		'a seed with a fraction',
		parameters('textToImage', IDS['3.0'], { options: { seed: 1.5 } }),
		/Seed is 1\.5/,
		/whole number/,
	],
	[
		'a guidance scale beyond its range',
		parameters('textToImage', IDS['3.0'], { options: { guidanceScale: 10.5 } }),
		/Guidance Scale is 10\.5/,
		/from 1 to 10/,
	],
	[
		'a guidance scale that is a word',
		parameters('textToImage', IDS['3.0'], { options: { guidanceScale: '={{ "high" }}' } }),
		/Guidance Scale is high/,
		/from 1 to 10/,
	],
];

describe.each<[string, Partial<NodeRun>]>([
	['in a workflow', {}],
	['as a tool of an AI Agent', { toolCall: {} }],
])('%s, before anything is sent', (_name, options) => {
	it.each(CASES)('%s', async (_case, values, message, description) => {
		const refusal = await bench.refusal(values, options);
		expect(refusal.message).toMatch(message);
		expect(refusal.message).toMatch(/ \[item 0\]$/);
		expect(refusal.description).toMatch(description);
	});

	it('All Image Fields of an item without images', async () => {
		const referenceImages = { image: [{ source: 'allBinary' }] };
		const { message } = await bench.refusal(
			parameters('imageToImage', model, { referenceImages }),
			options,
		);
		expect(message).toContain('Reference Images is empty');
	});
});

it.each([
	['Prompt', text({ prompt: '' })],
	['Model', parameters('textToImage', '')],
])('%s left empty: n8n does not start the node', async (field, values) => {
	await expect(bench.run(values)).rejects.toThrow(`Parameter "${field}" is required`);
	expect(bench.gateway.ledger.requests).toEqual([]);
});

it('a number of images that RouteScope does not support', async () => {
	const credentials = bench.credentials('routescope');
	for (const numberOfImages of [0, 11]) {
		const { message } = await bench.refusal(
			parameters('textToImage', IDS['3.0'], { options: { numberOfImages } }),
			{ credentials },
		);
		expect(message).toContain(`Number of Images is ${numberOfImages}`);
	}
});

it('a number is a valid prompt', async () => {
	expect((await bench.body(text({ prompt: '={{ 42 }}' }))).prompt).toBe('42');
});

it('an AI Agent can pass a URL instead of a file', async () => {
	const uri = dataUri('png', await picture());
	const { items } = await bench.run(
		parameters('imageToImage', model, { referenceImages: urls(uri) }),
		{ toolCall: {} },
	);
	expect(bench.bodies().map(({ image }) => image)).toEqual([uri]);
	expect(items[0].json).toMatchObject({ index: 0, width: 16, height: 16 });
});

it('one invalid item does not stop the others with On Error: Continue', async () => {
	const items = ['good', '', 'better'].map((prompt) => ({ json: { prompt } }));
	const values = text({ prompt: '={{ $json.prompt && $json.prompt + " [pixels:16x16]" }}' });
	const { outputs } = await bench.run(values, {
		items,
		settings: { onError: 'continueErrorOutput' },
	});
	expect(outputs.map((output) => output.map(({ pairedItem }) => pairedItem))).toEqual([
		[{ item: 0 }, { item: 2 }],
		[{ item: 1 }],
	]);
	expect(outputs[1][0].json.error).toBe('The Prompt is empty [item 1]');
	expect(bench.gateway.ledger.images).toHaveLength(2);
});

describe('a response without an image', () => {
	const failed = async (fault: Omit<Extract<Fault, { on: 'request' }>, 'on'>) => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...fault });
		const { error, items } = await bench.run(text({}));
		expect(items).toEqual([]);
		expect(error?.message).toMatch(/ \[item 0\]$/);
		expect(error?.message).not.toMatch(/\b(error|problem|failure|mistake)s?\b|undefined/i);
		expect(error?.description).toMatch(/\w/);
		return { message: error?.message ?? '', description: error?.description ?? '' };
	};

	it('a web page', async () => {
		const { message, description } = await failed({ html: true, status: 200 });
		expect(message).toMatch(/web page/);
		expect(description).toMatch(/Base URL/);
	});

	it('an error page of a proxy', async () => {
		const { message, description } = await failed({ html: true });
		expect(message).toMatch(/web page.*502|502.*web page/);
		expect(description).toMatch(/usage|charged/);
	});

	it('broken JSON', async () => {
		const { message } = await failed({ body: '{"data": [' });
		expect(message).toMatch(/cut short.*middle of a JSON value/);
	});

	it('an empty body', async () => {
		const { message } = await failed({ body: '' });
		expect(message).toMatch(/no image|empty/i);
	});

	it('an empty list', async () => {
		const { message } = await failed({ empty: true });
		expect(message).toMatch(/no image/i);
	});

	it("an asynchronous gateway's task", async () => {
		const { message, description } = await failed({ taskId: true });
		expect(message).toMatch(/task/);
		expect(description).toMatch(/charged/);
	});

	it('a host that does not listen', async () => {
		const credentials = { ...bench.credentials(), baseUrl: 'http://127.0.0.1:9/v1' };
		const { error } = await bench.run(text({ options: { waitWhenBusy: 0 } }), { credentials });
		expect(error?.message).toBe('The host 127.0.0.1 cannot be reached [item 0]');
		expect(error?.description).toMatch(/Nothing was sent[^]*ECONNREFUSED/);
	});

	it.each([
		['a task beside the list', '{"task_id":"t-1","data":[]}'],
		['a task and nothing else', '{"id":"t-1","status":"queued","model":"x"}'],
	])('%s', async (_name, body) => {
		expect((await failed({ body })).message).toMatch(/task/);
	});

	it.each([
		['null', 'null'],
		['a number', '7'],
		['a text', '"ok"'],
		['an image without address and bytes', '{"data":[{"url":null,"b64_json":""}]}'],
		['numbers for addresses', '{"data":[{"url":5,"b64_json":[]}]}'],
	])('%s', async (_name, body) => {
		const { message } = await failed({ body });
		expect(message).toMatch(/Unexpected response \(HTTP 200\)|contains no images/);
	});

	it.each([
		['an object', { errorIn200: { code: 'InvalidParameter', message: 'No such size' } }],
		['a text', { body: '{"error":"No such size"}' }],
		['a message', { body: '{"success":false,"message":"No such size"}' }],
		['a status', { status: 400, code: 'InvalidParameter', message: 'No such size' }],
		['a status and a text', { status: 422, body: '{"error":"No such size"}' }],
		['a status and a detail', { status: 422, body: '{"code":422,"message":"No such size"}' }],
	])('an error as %s is shown in its own words', async (_name, fault) => {
		expect((await failed(fault)).message).toContain('No such size');
	});

	it('an error that contains an id is not a task', async () => {
		const body = '{"id":"r-1","status":401,"error":{"message":"Invalid token"}}';
		expect((await failed({ status: 401, body })).message).toContain('Invalid token');
	});

	it('a wrong key', async () => {
		const credentials = bench.credentials('volcengine', { apiKey: 'sk-wrong-key-9876543210' });
		const { error } = await bench.run(text({}), { credentials });
		expect(error?.message).toMatch(/key/i);
		expect(error?.description).toMatch(/API key in the credential/);
		expect(bench.gateway.ledger.images).toEqual([]);
	});

	it('a key that the service repeats is not shown', async () => {
		const { message } = await failed({
			status: 401,
			message: `Incorrect API key provided: ${KEY}. Bearer ${KEY}`,
		});
		expect(message).toContain('Incorrect API key provided: ***');
	});

	it('image data that the service repeats is not shown', async () => {
		const uri = dataUri('png', await picture());
		expect((await failed({ status: 400, message: `Bad image ${uri}` })).message).toContain(
			'Bad image',
		);
	});

	it.each([301, 302, 303, 307, 308])('a redirect (%d) is not followed', async (status) => {
		const visits: Array<string | undefined> = [];
		const elsewhere = createServer((request, response) => {
			visits.push(request.headers.authorization);
			response.end('{}');
		}).listen(0, '127.0.0.1');
		await new Promise((resolve) => elsewhere.once('listening', resolve));
		const { port } = elsewhere.address() as AddressInfo;
		try {
			const { message, description } = await failed({
				redirect: `http://127.0.0.1:${port}/v1/images/generations`,
				status,
			});
			expect(message).toMatch(/redirect/);
			expect(description).toMatch(/Base URL/);
			expect(visits).toEqual([]);
			expect(bench.gateway.ledger.requests).toHaveLength(1);
		} finally {
			elsewhere.close();
		}
	});
});

describe('an invalid base URL', () => {
	it.each([
		'',
		'   ',
		'ftp://host/v1',
		'https://',
		'https:///v1',
		'not a url',
		'file:///etc/passwd',
	])('“%s”', async (baseUrl) => {
		const { message, description } = await bench.refusal(text({}), {
			credentials: { baseUrl, apiKey: KEY },
		});
		expect(message).toContain('Base URL of the credential');
		expect(description).toContain('https://');
	});
});

it('a set whose model comes from an expression is checked too', async () => {
	const { message } = await bench.refusal(
		{
			operation: 'imageSet',
			model: byId('={{ $json.model }}'),
			prompt: TINY,
			maxImages: 2,
		},
		{ items: [itemWith({}, { model: IDS['5.0-flash'] })] },
	);
	expect(message).toContain('does not support image sets');
});
