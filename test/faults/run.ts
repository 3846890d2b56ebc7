import './environment';

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import pLimit from 'p-limit';

import { KEY } from '../support';
import { Originals } from './account';
import { CASES } from './cases';
import { MODES, play, playMany, type Mode, type Row } from './play';
import { listenToLogs } from './secrets';
import { openFileStore } from './store';

/** Rows played in parallel; most of the time they wait. */
const PARALLEL_ROWS = 24;

/** A server that notes when it is called with a key. */
async function startDecoy() {
	let keys = 0;
	const server = createServer((request, response) => {
		if (request.headers.authorization !== undefined) keys += 1;
		response.writeHead(404).end();
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		keys: () => keys,
		close: () => void server.close(),
	};
}

const COLUMNS: Array<[head: string, cell: (row: Row) => string | number]> = [
	['fault', ({ name }) => name],
	['on error', ({ mode }) => mode],
	['items', ({ shape }) => shape],
	['requests', ({ requests }) => requests],
	['billed', ({ billed }) => billed],
	['as file', ({ asFile }) => asFile],
	['as URL', ({ asUrl }) => asUrl],
	['lost', ({ lost }) => lost.length],
	['paid twice', ({ paidTwice }) => paidTwice.length],
	['unknowable', ({ unknowable }) => unknowable],
];

/** One line for each row; texts to the left, numbers to the right. */
function table(rows: Row[]): string {
	const columns = COLUMNS.map(([head, cell]) => {
		const cells = [head, ...rows.map(cell)];
		const width = Math.max(...cells.map((each) => String(each).length));
		const isNumber = typeof cells[1] === 'number';
		return cells.map((each) =>
			isNumber ? String(each).padStart(width) : String(each).padEnd(width),
		);
	});
	return columns[0].map((_, line) => columns.map((cells) => cells[line]).join('  ')).join('\n');
}

/** Runs every case in every mode and shape through n8n's engine, and prints the account. */
async function main(): Promise<void> {
	const only = process.argv[2] ?? '';
	const log = listenToLogs(false);
	const decoy = await startDecoy();
	const originals = await Originals.start(KEY);
	const stage = { originals, store: await openFileStore(), decoy: decoy.url };
	const limit = pLimit(PARALLEL_ROWS);
	const many = only ? [] : [playMany(stage, { items: 500, rate: 5 })];
	const rows = CASES.filter(({ name }) => name.includes(only)).flatMap((each) =>
		each.shapes.flatMap((shape) =>
			(Object.keys(MODES) as Mode[]).map(
				async (mode) => await limit(async () => await play(each, mode, shape, stage)),
			),
		),
	);
	const played = await Promise.all([...rows, ...many]);
	await stage.originals.close();
	await stage.store.close();
	decoy.close();
	log.stop();

	const wrong = [
		...played.flatMap(({ name, mode, shape, wrong: rules }) =>
			rules.map((rule) => `${name} / ${mode} / ${shape}: ${rule}`),
		),
		...log.secrets(KEY).map((each) => `log ${each}`),
		...(decoy.keys() > 0 ? ['the key went to another host'] : []),
	];
	const sum = (count: (row: Row) => number) => played.reduce((total, row) => total + count(row), 0);
	const lost = sum((row) => row.lost.length);
	const paidTwice = sum((row) => row.paidTwice.length);
	const unknowable = sum((row) => row.unknowable);
	console.log(table(played));
	console.log(`${CASES.length} faults, ${played.length} runs, ${log.lines.length} log lines`);
	for (const each of wrong) console.log(`WRONG ${each}`);
	console.log(`lost ${lost}, paid twice ${paidTwice}, unknowable ${unknowable}`);
	// n8n has something to log when a process ends, which is not to stand behind the last line.
	listenToLogs(false);
	process.exit(lost + paidTwice + wrong.length > 0 ? 1 : 0);
}

void main();
