import './environment';

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import pLimit from 'p-limit';

import { KEY } from '../support';
import { Originals } from './account';
import { CASES } from './cases';
import { playMany } from './many';
import { MODES, play, type Mode, type Row } from './play';
import { listenToLogs, secretsIn } from './secrets';
import { openFileStore } from './store';

/** Rows played at once; most of the time they wait. */
const AT_ONCE = 24;

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

function cells(row: Row): string[] {
	const { name, mode, shape, requests, billed, asFile, asUrl, lost, paidTwice, unknowable } = row;
	const counts = [requests, billed, asFile, asUrl, lost.length, paidTwice.length, unknowable];
	return [name, mode, shape, ...counts.map(String)];
}

const HEAD = [
	'fault',
	'on error',
	'items',
	'requests',
	'billed',
	'as file',
	'as URL',
	'lost',
	'paid twice',
	'unknowable',
];

function table(rows: Row[]): string {
	const lines = [HEAD, ...rows.map(cells)];
	const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
	const isNumber = (column: number) => column > 2;
	return lines
		.map((line) =>
			line
				.map((cell, i) => (isNumber(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
				.join('  '),
		)
		.join('\n');
}

function sum(rows: Row[], of: (row: Row) => number): number {
	return rows.reduce((total, row) => total + of(row), 0);
}

/** Runs every case in every mode and shape through n8n's engine, and prints the account. */
async function main(): Promise<void> {
	const only = process.argv[2] ?? '';
	const log = listenToLogs(false);
	const decoy = await startDecoy();
	const stage = {
		originals: await Originals.start(KEY),
		store: await openFileStore(),
		decoy: decoy.url,
	};
	const gate = pLimit(AT_ONCE);
	const many = only ? [] : [playMany(stage, { items: 500, rate: 5 })];
	const rows = CASES.filter(({ name }) => name.includes(only)).flatMap((each) =>
		each.shapes.flatMap((shape) =>
			(Object.keys(MODES) as Mode[]).map(
				async (mode) => await gate(async () => await play(each, mode, shape, stage)),
			),
		),
	);
	const played = await Promise.all([...rows, ...many]);
	await stage.originals.close();
	await stage.store.close();
	decoy.close();
	log.stop();

	const wrong = played.flatMap(({ name, mode, shape, wrong: rules }) =>
		rules.map((rule) => `${name} / ${mode} / ${shape}: ${rule}`),
	);
	// n8n's console puts a space behind every colon, in addresses too.
	const lines = log.lines.map((line) => line.replace(/: +/g, ':'));
	const addresses = lines.flatMap((line) => line.match(/https?:\/\/[^\s"\\]+/g) ?? []);
	wrong.push(...secretsIn(lines, KEY, addresses).map((each) => `log ${each}`));
	if (decoy.keys() > 0) wrong.push('the key went to another host');

	const lost = sum(played, (row) => row.lost.length);
	const paidTwice = sum(played, (row) => row.paidTwice.length);
	const unknowable = sum(played, (row) => row.unknowable);
	console.log(table(played));
	console.log(
		`${new Set(CASES).size} faults, ${played.length} runs, ${log.lines.length} log lines`,
	);
	for (const each of wrong) console.log(`WRONG ${each}`);
	console.log(`lost ${lost}, paid twice ${paidTwice}, unknowable ${unknowable}`);
	// n8n has something to log when a process ends, which is not to stand behind the last line.
	listenToLogs(false);
	process.exit(lost + paidTwice + wrong.length > 0 ? 1 : 0);
}

void main();
