import { inspect } from 'node:util';
import { NodeApiError, type INode } from 'n8n-workflow';

import { KEY } from '../support';
import { Originals } from './account';
import { CASES } from './cases';
import { play, type Stage } from './play';
import { listenToLogs, secretsIn } from './secrets';
import { openFileStore } from './store';

// The whole matrix is `npm run faults`; here is a cut through it that takes a few seconds.

const log = listenToLogs(true);

async function setStage(): Promise<Stage> {
	const [originals, store] = await Promise.all([Originals.start(KEY), openFileStore()]);
	return { originals, store, decoy: 'http://127.0.0.1:1' };
}

// Tests that run at once do not wait for beforeAll.
const stage = setStage();

afterAll(async () => {
	log.stop();
	const { originals, store } = await stage;
	await Promise.all([originals.close(), store.close()]);
});

it('has forty faults and more, each with a name of its own', () => {
	expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
	expect(CASES.length).toBeGreaterThanOrEqual(40);
});

const QUICK = CASES.filter(({ timeout, name }) => !timeout && !/download|always/.test(name));

describe.each(['stop', 'continue', 'error output', 'stop, retry'] as const)('%s', (mode) => {
	it.concurrent.each(QUICK.map((each) => [each.name, each] as const))('%s', async (_, each) => {
		const { lost, paidTwice, wrong } = await play(each, mode, each.shapes[0], await stage);
		expect({ lost, paidTwice, wrong }).toEqual({ lost: [], paidTwice: [], wrong: [] });
	});
});

it('image data of a run that is lost can be had from n8n', async () => {
	const reset = CASES.find(({ name }) => name === 'reset after all is made');
	if (!reset) throw new Error('No such case');
	const row = await play(reset, 'stop', 'ten, base64', await stage);
	expect(row.billed).toBeGreaterThan(6);
	expect(row).toMatchObject({
		lost: [],
		unknowable: 1,
		asFile: 0,
		asUrl: row.billed - 1,
		wrong: [],
	});
});

it('logs neither the key nor image data', () => {
	const addresses = log.lines.flatMap((line) => line.match(/https?:\/\/[^\s"\\]+/g) ?? []);
	expect(secretsIn(log.lines, KEY, addresses)).toEqual([]);
});

describe('the scan', () => {
	const base64 = Buffer.alloc(60, 'image').toString('base64');
	const node = { name: 'Seedream', type: 'seedream', parameters: {} } as INode;

	it.each([
		['a message', new Error(`Bearer ${KEY}`)],
		['a cause', new Error('Failed', { cause: new Error('Failed', { cause: { headers: [KEY] } }) })],
		['what n8n keeps with an error', new NodeApiError(node, { message: 'x', data: base64 })],
		['a hidden property', Object.defineProperty({}, 'hidden', { value: base64 })],
		['a map', new Map([['request', { image: base64 }]])],
		['a data URI', { json: { url: `data:image/png;base64,${base64}` } }],
		['a log line', [inspect({ authorization: KEY })]],
	])('finds %s', (_, value) => {
		expect(secretsIn(value, KEY)).not.toEqual([]);
	});

	it('leaves signed URLs alone', () => {
		const url = `https://host/image.png?signature=${'a1'.repeat(32)}`;
		expect(secretsIn(`See ${url}`, KEY, [url])).toEqual([]);
		expect(secretsIn(`See ${url}`, KEY)).not.toEqual([]);
	});

	it('leaves stack traces alone, wherever the repository lies', () => {
		const at = `/mit Ümlaut/${'repository'.repeat(4)}/a b/index.ts:82:46`;
		const stack = `Error: Failed\n    at send (${at})\n    at async ${at}`;
		expect(secretsIn(stack, KEY)).toEqual([]);
		expect(secretsIn(JSON.stringify({ stack, message: 'Failed' }), KEY)).toEqual([]);
		expect(secretsIn(JSON.stringify({ stack: `${stack}\n${base64}` }), KEY)).not.toEqual([]);
		expect(secretsIn(`Failed\n    at ${base64}`, KEY)).not.toEqual([]);
	});
});
