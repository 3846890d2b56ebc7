import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const HEARTBEAT_MS = 15_000;
const TAIL_LINES = 25;
const POLL_MS = 100;

export interface CommandOptions {
	cwd: string;
	env?: NodeJS.ProcessEnv;
}

/** A command that could not be started or ended with another code than 0; `output` is all it printed. */
export class CommandError extends Error {
	constructor(
		command: string,
		reason: string,
		readonly output: string,
	) {
		super(`${command}: ${reason}\n${tail(output)}`);
	}
}

/** The last lines of a text, indented, for an error message. */
export function tail(text: string): string {
	return text
		.trimEnd()
		.split('\n')
		.slice(-TAIL_LINES)
		.map((line) => `    ${line}`)
		.join('\n');
}

/**
 * Runs a command and shows every 15 s that it is still running.
 * @returns what it wrote to standard output
 * @throws CommandError when it cannot be started or fails
 */
export async function run(
	command: string,
	args: string[],
	{ cwd, env }: CommandOptions,
): Promise<string> {
	const started = Date.now();
	let endWithThisProcess = () => {};
	const heartbeat = setInterval(() => {
		console.log(`  … still running after ${Math.round((Date.now() - started) / 1000)} s`);
	}, HEARTBEAT_MS);
	try {
		return await new Promise((resolve, reject) => {
			let stdout = '';
			let output = '';
			const fail = (reason: string) =>
				reject(new CommandError(`${command} ${args[0]}`, reason, output));
			const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
			endWithThisProcess = () => child.kill();
			process.once('exit', endWithThisProcess);
			child.stdout.on('data', (chunk: Buffer) => {
				stdout += chunk.toString();
				output += chunk.toString();
			});
			child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
			child.on('error', (error) => fail(error.message));
			child.on('close', (code, signal) =>
				code === 0 ? resolve(stdout) : fail(`ended with ${signal ?? `code ${code}`}`),
			);
		});
	} finally {
		clearInterval(heartbeat);
		process.off('exit', endWithThisProcess);
	}
}

/** Waits until something is so. @throws Error when it is not within `limitMs` */
export async function until(
	what: string,
	isSo: () => boolean | Promise<boolean>,
	limitMs = 60_000,
): Promise<void> {
	const deadline = Date.now() + limitMs;
	while (!(await isSo())) {
		if (Date.now() > deadline) throw new Error(`Not within ${limitMs / 1000} s: ${what}`);
		await sleep(POLL_MS);
	}
}

/**
 * Waits until a started process accepts connections.
 * @throws Error with the end of what it printed when it ends, or does not listen within `limitMs`
 */
export async function untilListening(
	child: ChildProcess,
	port: number,
	{ name, limitMs, output }: { name: string; limitMs: number; output(): Promise<string> },
): Promise<void> {
	const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
	const isReady = async () => hasEnded() || (await isPortInUse(port));
	await until(`${name} listens`, isReady, limitMs).catch(() => child.kill());
	if (!(await isPortInUse(port))) {
		throw new Error(`${name} did not start:\n${tail(await output())}`);
	}
}

/** A free port of 127.0.0.1. */
export async function freePort(): Promise<number> {
	const probe = createServer().listen(0, '127.0.0.1');
	await once(probe, 'listening');
	const { port } = probe.address() as AddressInfo;
	probe.close();
	await once(probe, 'close');
	return port;
}

/** Whether a port of 127.0.0.1 accepts connections. */
export async function isPortInUse(port: number): Promise<boolean> {
	return await new Promise((resolve) => {
		const probe = connect(port, '127.0.0.1');
		const end = (isOpen: boolean) => {
			probe.destroy();
			resolve(isOpen);
		};
		probe.once('connect', () => end(true));
		probe.once('error', () => end(false));
	});
}
