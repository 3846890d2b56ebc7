import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { N8nInstallation } from './install';
import { freePort, tail } from './process';

const START_LIMIT_MS = 180_000;
const STOP_LIMIT_MS = 15_000;
const POLL_MS = 200;

/** Settings of the caller's environment that would affect the server: another database, other modules. */
const FOREIGN_SETTINGS = /^(N8N|DB|EXECUTIONS|QUEUE|NODE|npm)_/i;

/** For `node --import`, with an IPC channel: ends a server when this process is gone, for whatever reason. */
export const LIFELINE =
	'data:text/javascript,process.on("disconnect",()=>process.kill(process.pid,"SIGTERM"))';

export interface ServerOptions {
	installation: N8nInstallation;
	/** Options of Node itself, such as `--inspect`. */
	nodeOptions?: string[];
	/** n8n's command with its options: `start` when left out. A worker's health check must be on. */
	command?: string[];
	/** Holds the database, the credentials' key, binary data and the community packages. */
	userFolder: string;
	/** Any free port when left out. */
	port?: number;
	/** Folder that relative paths in workflows start from. */
	workingFolder: string;
	/** The folder that workflows may read and write; it must exist. */
	filesFolder: string;
	env?: Record<string, string>;
}

export interface N8nServer {
	url: string;
	/** ID of the process and its group. */
	pid: number;
	/** What the server printed. */
	logFile: string;
	/** Ends the server and all processes it started. */
	stop(): Promise<void>;
}

/**
 * Starts n8n on 127.0.0.1 and waits until it responds.
 * @throws Error with the end of the log when n8n exits or does not respond within 180 s
 */
export async function startServer(options: ServerOptions): Promise<N8nServer> {
	const {
		installation,
		nodeOptions = [],
		command = ['start'],
		userFolder,
		workingFolder,
		filesFolder,
		env,
	} = options;
	const port = options.port ?? (await freePort());
	const logFile = path.join(userFolder, 'n8n.log');
	await mkdir(userFolder, { recursive: true });
	const log = await open(logFile, 'w');
	const args = [...nodeOptions, '--import', LIFELINE, installation.n8n, ...command];
	const child = spawn(installation.node, args, {
		cwd: workingFolder,
		// A process group of its own: Ctrl-C reaches it through stop(), and its task runner ends with it.
		detached: true,
		stdio: ['ignore', log.fd, log.fd, 'ipc'],
		env: {
			...n8nEnvironment(installation, userFolder),
			N8N_PORT: String(port),
			QUEUE_HEALTH_CHECK_PORT: String(port),
			N8N_RUNNERS_BROKER_PORT: String(await freePort()),
			N8N_RESTRICT_FILE_ACCESS_TO: filesFolder,
			...env,
		},
	});
	await log.close();

	const server = {
		url: `http://127.0.0.1:${port}`,
		pid: Number(child.pid),
		logFile,
		stop: () => stop(child),
	};
	try {
		await waitUntilReady(server, child);
	} catch (error) {
		await server.stop();
		throw error;
	}
	return server;
}

/** Environment of every n8n process: that of this process without settings that would affect n8n. */
export function n8nEnvironment(
	{ node }: N8nInstallation,
	userFolder: string,
): Record<string, string | undefined> {
	const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN_SETTINGS.test(name));
	return {
		...Object.fromEntries(inherited),
		// The task runner is started as `node`.
		PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
		N8N_USER_FOLDER: userFolder,
		N8N_LISTEN_ADDRESS: '127.0.0.1',
		N8N_SECURE_COOKIE: 'false',
		N8N_DIAGNOSTICS_ENABLED: 'false',
		N8N_VERSION_NOTIFICATIONS_ENABLED: 'false',
		N8N_TEMPLATES_ENABLED: 'false',
		N8N_PERSONALIZATION_ENABLED: 'false',
		N8N_HIRING_BANNER_ENABLED: 'false',
		N8N_DYNAMIC_BANNERS_ENABLED: 'false',
		N8N_VERIFIED_PACKAGES_ENABLED: 'false',
	};
}

async function waitUntilReady(
	{ url, logFile }: Pick<N8nServer, 'url' | 'logFile'>,
	child: ChildProcess,
): Promise<void> {
	const deadline = Date.now() + START_LIMIT_MS;
	for (;;) {
		const signal = AbortSignal.timeout(5_000);
		const ready = await fetch(`${url}/healthz/readiness`, { signal }).then(
			(response) => response.ok,
			() => false,
		);
		if (ready) return;
		const ended = child.exitCode ?? child.signalCode;
		if (ended !== null || Date.now() > deadline) {
			const what = ended === null ? 'did not respond in time' : `ended with ${ended}`;
			throw new Error(
				`n8n ${what}. Its log, ${logFile}, ends:\n${tail(await readFile(logFile, 'utf8'))}`,
			);
		}
		await sleep(POLL_MS);
	}
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.pid === undefined) return;
	if (child.exitCode === null && child.signalCode === null) {
		const closed = once(child, 'exit');
		child.kill('SIGTERM');
		await Promise.race([closed, sleep(STOP_LIMIT_MS, undefined, { ref: false })]);
	}
	try {
		process.kill(-child.pid, 'SIGKILL');
	} catch {
		// No process of the group is left.
	}
}
