import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chown, mkdir, open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { freePort, run, untilListening } from './process';

const START_LIMIT_MS = 30_000;
const POSTGRESQL = '/usr/lib/postgresql';

/** A database server that the tests started. */
export interface Database {
	port: number;
	stop(): Promise<void>;
	/** Stops the server and starts it again with the same data on the same port. */
	restart(): Promise<void>;
}

/**
 * Starts Redis, which keeps its data over a restart.
 * @param folder of its data, which is made
 * @throws Error that names Debian's package when there is no Redis
 */
export async function startRedis(folder: string): Promise<Database> {
	const command = '/usr/bin/redis-server';
	await assertInstalled(command, 'redis-server');
	await mkdir(folder);
	const port = await freePort();
	const args = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder];
	return await keep(folder, port, [command, ...args, '--save', '3600 1']);
}

/**
 * Starts PostgreSQL with the superuser and database `postgres`, which needs no password.
 * @param folder of its data, which is made; when root runs this, the user `postgres` must reach it
 * @throws Error that names Debian's package when there is no PostgreSQL
 */
export async function startPostgres(folder: string): Promise<Database> {
	const versions = (await readdir(POSTGRESQL).catch(() => [])).sort(
		(a, b) => Number(a) - Number(b),
	);
	const programs = path.join(POSTGRESQL, versions.at(-1) ?? 'none', 'bin');
	await assertInstalled(path.join(programs, 'postgres'), 'postgresql');
	await mkdir(folder);
	const user: string[] = [];
	// PostgreSQL refuses to run as root.
	if (process.getuid?.() === 0) {
		const [uid, gid] = await Promise.all(
			['-u', '-g'].map(async (id) => Number(await run('id', [id, 'postgres'], { cwd: folder }))),
		);
		await chown(folder, uid, gid);
		user.push(`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups');
	}
	const data = path.join(folder, 'data');
	await run(
		'setpriv',
		[
			...user,
			path.join(programs, 'initdb'),
			...['--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8'],
			...['--locale=C', '--no-sync'],
		],
		{ cwd: folder },
	);
	const port = await freePort();
	return await keep(folder, port, [
		...user,
		path.join(programs, 'postgres'),
		...['-D', data, '-h', '127.0.0.1', '-p', String(port)],
		...['-c', 'unix_socket_directories=', '-c', 'fsync=off'],
	]);
}

/** @throws Error that names Debian's package when there is no such program */
export async function assertInstalled(program: string, debianPackage: string): Promise<void> {
	await access(program).catch(() => {
		throw new Error(`These tests need ${program}. On Debian: apt-get install -y ${debianPackage}`);
	});
}

/** @param command what `setpriv` runs, after options of its own */
async function keep(folder: string, port: number, command: string[]): Promise<Database> {
	let stop = await startDaemon(folder, port, command);
	return {
		port,
		stop: () => stop(),
		async restart() {
			await stop();
			stop = await startDaemon(folder, port, command);
		},
	};
}

/**
 * Starts a server and waits until it listens.
 * @param folder that its log goes to
 * @param port of 127.0.0.1
 * @param command what `setpriv` runs, after options of its own
 * @returns what stops the server
 * @throws Error with the end of the log when it does not listen within 30 s
 */
export async function startDaemon(
	folder: string,
	port: number,
	command: string[],
): Promise<() => Promise<void>> {
	const logFile = path.join(folder, 'server.log');
	const log = await open(logFile, 'a');
	// The server gets the signal also when this process is gone, however it went. To PostgreSQL it says
	// not to wait for its clients.
	const child = spawn('setpriv', ['--pdeathsig', 'INT', ...command], {
		cwd: folder,
		stdio: ['ignore', log.fd, log.fd],
	});
	await log.close();
	const exit = once(child, 'exit');
	const stop = async () => {
		child.kill('SIGINT');
		await exit;
	};
	await untilListening(child, port, {
		name: command.join(' '),
		limitMs: START_LIMIT_MS,
		output: async () => await readFile(logFile, 'utf8'),
	});
	return stop;
}
