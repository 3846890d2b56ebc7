import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

const HEARTBEAT_MS = 15_000;
const TAIL_LINES = 25;

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
 * Runs a command to its end and shows every 15 s that it is still at work.
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
		console.log(`  … still at it after ${Math.round((Date.now() - started) / 1000)} s`);
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

/**
 * Finds out whether a port of 127.0.0.1 can be listened on.
 * @param port 0 asks for any free port
 * @returns the port, or undefined when it is in use
 */
export async function freePort(port = 0): Promise<number | undefined> {
	return await new Promise((resolve) => {
		const probe = createServer();
		probe.once('error', () => resolve(undefined));
		probe.listen(port, '127.0.0.1', () => {
			const address = probe.address();
			probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
		});
	});
}
