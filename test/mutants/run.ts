import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
	cpSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	realpathSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { runPureTests, factChanges, type Change } from './facts';
import { LINES } from './lines';

const ROOT = path.join(__dirname, '../..');
const NODE = 'nodes/Seedream';

/**
 * Jest's patterns, by the folder of a changed file: which tests are likely to notice it, after those with
 * the file's own name. At last all run, but for those of the judge and of the package.
 */
const FIRST: Readonly<Record<string, string[]>> = {
	catalog: ['/test/(fields|readme)', '/test/(words|models|modelIds|catalog|advice|automatic)'],
	http: ['/test/(downloads|sending)', '/test/(unkind|baseUrls)'],
	request: ['/test/requests', '/test/(references|badInput|sizes|models|gateways|layers)'],
	response: [
		'/test/(response|records|items)',
		'/test/(advice|sets|layers)',
		'/test/(unkind|faults)',
	],
	run: ['/test/(costControl|sending|limits)', '/test/(unkind|faults)'],
};
const ALL = '/test/(?!gateway/|package)';

// More than a test usually has: two run at once, and one that is only slow notices nothing.
const OPTIONS = ['--runInBand', '--passWithNoTests', '--testTimeout=90000'];

/** Milliseconds after which a run of Jest that has not ended hangs because of the change. */
const JEST_LIMIT_MS = 10 * 60_000;

/** One change of a file in `nodes/Seedream/`. */
interface Mutant extends Change {
	file: string;
	name: string;
}

const source = (folder: string, file: string) => path.join(folder, NODE, file);

function mutantOf(file: string, text: string, change: Change): Mutant {
	const line = text.slice(0, change.start).split('\n').length;
	const was = text.slice(change.start, change.end).replace(/\s+/g, ' ');
	return {
		...change,
		file,
		name: `${file}:${line} ${was.slice(0, 60)} → ${change.text || 'nothing'}`,
	};
}

function factMutants(folder: string): Mutant[] {
	return readdirSync(source(folder, 'catalog')).flatMap((name) => {
		const file = `catalog/${name}`;
		const text = readFileSync(source(folder, file), 'utf8');
		return factChanges(text).map((change) => mutantOf(file, text, change));
	});
}

/** @throws AssertionError that names the lines which their files do not contain once */
function lineMutants(folder: string): Mutant[] {
	const stale: string[] = [];
	const mutants = Object.entries(LINES).flatMap(([file, lines]) => {
		const text = readFileSync(source(folder, file), 'utf8');
		return lines.map(([find, replace]) => {
			if (text.split(find).length !== 2) stale.push(`${file}: ${find}`);
			const start = text.indexOf(find);
			return mutantOf(file, text, { start, end: start + find.length, text: replace });
		});
	});
	assert.deepEqual(stale, [], 'lines.ts has lines that are gone, or there more than once');
	return mutants;
}

/** Copies the repository, so that no file of the user's is ever changed. */
function copyTo(folder: string): string {
	const isOwn = (file: string) => !/^(node_modules|dist|\.git)$/.test(path.basename(file));
	cpSync(ROOT, folder, { recursive: true, filter: isOwn });
	symlinkSync(realpathSync(path.join(ROOT, 'node_modules')), path.join(folder, 'node_modules'));
	mkdirSync(path.join(folder, 'tmp'));
	return folder;
}

const running = new Set<ChildProcess>();

/** Runs tests of a copy. @returns which failed, if one did */
async function jest(folder: string, ...args: string[]): Promise<string | undefined> {
	const reporter = `--reporters=${path.join(folder, 'test/mutants/stopEarly.js')}`;
	const child = spawn(
		process.execPath,
		['node_modules/jest/bin/jest.js', ...args, ...OPTIONS, reporter],
		{
			cwd: folder,
			stdio: ['ignore', 'pipe', 'pipe'],
			timeout: JEST_LIMIT_MS,
			// What a test leaves behind when it is ended goes with the copy.
			env: { ...process.env, TMPDIR: path.join(folder, 'tmp') },
		},
	);
	running.add(child);
	let printed = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.on('data', (chunk: Buffer) => (printed += chunk.toString()));
	}
	const [code] = (await once(child, 'close')) as [number | null];
	running.delete(child);
	if (code === 0) return undefined;
	return printed.trim().split('\n').pop() || 'a test that did not end';
}

/** Changes a copy while `run` runs. */
async function changed<T>(folder: string, mutant: Mutant, run: () => T | Promise<T>): Promise<T> {
	const { file, start, end, text } = mutant;
	const whole = readFileSync(source(folder, file), 'utf8');
	writeFileSync(source(folder, file), whole.slice(0, start) + text + whole.slice(end));
	try {
		return await run();
	} finally {
		writeFileSync(source(folder, file), whole);
	}
}

/** @returns the first test that notices a mutant, if one does */
async function noticedBy(folder: string, mutant: Mutant): Promise<string | undefined> {
	const [kind, name] = mutant.file.replace('.ts', '').split('/');
	return await changed(folder, mutant, async () => {
		for (const pattern of [`/test/${name}`, ...FIRST[kind], ALL]) {
			const failed = await jest(folder, pattern);
			// Not by chance: on a busy machine a test may fail by itself.
			if (failed && (await jest(folder, `/test/${failed.split(':')[0]}`))) return failed;
		}
		return undefined;
	});
}

/** Makes every change by itself, or those whose name contains the argument, and tells which are noticed. */
async function main(): Promise<void> {
	const [only = ''] = process.argv.slice(2);
	const isMeant = ({ name }: Mutant) => name.includes(only);
	const temporary = mkdtempSync(path.join(tmpdir(), 'seedream-mutants-'));
	process.on('exit', () => {
		for (const child of running) child.kill('SIGKILL');
		rmSync(temporary, { recursive: true, force: true, maxRetries: 5 });
	});
	for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
	const lanes = ['1', '2'].map((name) => copyTo(path.join(temporary, name)));
	const facts = factMutants(lanes[0]).filter(isMeant);
	const lines = lineMutants(lanes[0]).filter(isMeant);

	// Without a change nothing may fail; on a busy machine a second attempt may be needed.
	const runs = lanes.map(async (lane, i) => {
		const shard = [ALL, `--shard=${i + 1}/2`];
		return (await jest(lane, ...shard)) && (await jest(lane, ...shard));
	});
	for (const problem of [runPureTests(lanes[0]), ...(await Promise.all(runs))]) {
		assert.equal(problem, undefined, 'The tests fail without a mutant');
	}

	const rest: Mutant[] = [];
	for (const fact of facts) {
		if (!(await changed(lanes[0], fact, () => runPureTests(lanes[0])))) rest.push(fact);
	}
	let passed = facts.length - rest.length;
	let failed = 0;
	console.log(`${facts.length} facts, of which the tests without a network notice ${passed}`);
	const todo = [...rest, ...lines];
	const work = lanes.map(async (lane) => {
		for (let mutant = todo.shift(); mutant; mutant = todo.shift()) {
			const test = await noticedBy(lane, mutant);
			if (test) passed += 1;
			else failed += 1;
			console.log(`${test ? 'noticed' : 'UNNOTICED'} ${mutant.name}${test ? ` (${test})` : ''}`);
		}
	});
	await Promise.all(work);
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}

void main();
