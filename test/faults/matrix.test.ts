import { inspect } from 'node:util';
import { NodeApiError, type INode } from 'n8n-workflow';

import { KEY } from '../support';
import { Originals } from './account';
import { CASES } from './cases';
import { MODES, play, type Mode, type Stage } from './play';
import { listenToLogs, secretsIn } from './secrets';
import { openFileStore } from './store';

const log = listenToLogs(true);

async function setStage(): Promise<Stage> {
	const [originals, store] = await Promise.all([Originals.start(KEY), openFileStore()]);
	return { originals, store, decoy: 'http://127.0.0.1:1' };
}

// Concurrent tests do not wait for beforeAll.
const stage = setStage();

afterAll(async () => {
	log.stop();
	const { originals, store } = await stage;
	await Promise.all([originals.close(), store.close()]);
});

it('each fault has a name of its own', () => {
	expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length);
});

// `npm run faults` plays every case in all modes and shapes. Here are those that take no long waits, each
// with Retry On Fail, where sending twice shows, and in one further mode; shapes take turns.
const QUICK = CASES.filter(({ timeout, name }) => !timeout && !/download|always/.test(name));
const OTHERS = (Object.keys(MODES) as Mode[]).filter((mode) => mode !== 'stop, retry');
const ROWS = QUICK.flatMap((each, i) =>
	(['stop, retry', OTHERS[i % OTHERS.length]] as const).map((mode, j) => {
		const shape = each.shapes[(i + j) % each.shapes.length];
		return [each.name, mode, shape, each] as const;
	}),
);

it.concurrent.each(ROWS)(
	'%s (%s; %s): no image is lost or billed twice',
	async (_, mode, shape, each) => {
		const { lost, paidTwice, wrong } = await play(each, mode, shape, await stage);
		expect({ lost, paidTwice, wrong }).toEqual({ lost: [], paidTwice: [], wrong: [] });
	},
);

it('image data of a failed run can be downloaded from n8n', async () => {
	const [reset] = CASES.filter(({ name }) => name === 'reset after all is generated');
	const row = await play(reset, 'stop', 'ten, base64', await stage);
	expect(row.billed).toBeGreaterThan(6);
	const asUrl = row.billed - 1;
	expect(row).toMatchObject({ lost: [], unknowable: 1, asFile: 0, asUrl, wrong: [] });
});

it('neither the key nor image data is logged', () => {
	expect(log.secrets(KEY)).toEqual([]);
});

describe('the search for secrets', () => {
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
		['what follows a stack trace', `Error: Failed\n    at send (/index.ts:82:46)\n${base64}`],
		['what only begins like one', `Failed\n    at ${base64}`],
	])('looks at %s', (_, value) => {
		expect(secretsIn(value, KEY)).not.toEqual([]);
	});

	it('leaves signed URLs alone', () => {
		const url = `https://host/image.png?signature=${'a1'.repeat(32)}`;
		expect(secretsIn(`See ${url}`, KEY, [url])).toEqual([]);
		expect(secretsIn(`See ${url}`, KEY)).toHaveLength(1);
	});

	it('leaves stack traces alone, wherever the repository lies', () => {
		const at = `/mit Ümlaut/${'repository'.repeat(4)}/a b/index.ts:82:46`;
		const stack = `Error: Failed\n    at send (${at})\n    at async ${at}`;
		const inJson = JSON.stringify({ stack, message: 'Failed' });
		expect(secretsIn([stack, inJson], KEY)).toEqual([]);
		expect(secretsIn(inJson.replace('Error', base64), KEY)).toHaveLength(1);
	});
});
