import { chmod, copyFile, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { N8nClient } from './client';
import { installPackage } from './community';
import { startPostgres, startRedis, type Database } from './databases';
import { startServer, type N8nServer } from './server';
import { REPORTS, type Product } from './stage';

/** n8n in queue mode: one main process, which workers are added to. */
export interface Cluster {
	main: N8nServer;
	client: N8nClient;
	redis: Database;
	/**
	 * Starts a worker.
	 * @param name one that was killed before starts again with its files
	 * @param concurrency executions it runs in parallel
	 */
	startWorker(name: string, concurrency: number): Promise<N8nServer>;
}

/** n8n finds out within 20 s that a worker is gone, instead of 90 s. */
const IMPATIENT = {
	QUEUE_WORKER_LOCK_DURATION: '15000',
	QUEUE_WORKER_LOCK_RENEW_TIME: '3000',
	QUEUE_WORKER_STALLED_INTERVAL: '5000',
};

/**
 * Starts Redis, PostgreSQL and n8n's main process, lets a part play with them, and ends them and all
 * workers. As in containers, each process of n8n has a folder of its own, with our package in it; they
 * share the databases and the key only. The servers' logs stay in the reports.
 */
export async function onCluster(
	{ installation, tarball }: Product,
	play: (cluster: Cluster) => Promise<void>,
): Promise<void> {
	const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'seedream-queue-'));
	// PostgreSQL, which runs as another user, must reach its folder in this one.
	await chmod(folder, 0o711);
	const closing: Array<() => Promise<void>> = [
		async () => await rm(folder, { recursive: true, force: true }),
	];
	try {
		const postgres = await startPostgres(path.join(folder, 'postgres'));
		closing.push(postgres.stop);
		const redis = await startRedis(path.join(folder, 'redis'));
		closing.push(redis.stop);

		const env = {
			EXECUTIONS_MODE: 'queue',
			QUEUE_BULL_REDIS_HOST: '127.0.0.1',
			QUEUE_BULL_REDIS_PORT: String(redis.port),
			DB_TYPE: 'postgresdb',
			DB_POSTGRESDB_HOST: '127.0.0.1',
			DB_POSTGRESDB_PORT: String(postgres.port),
			DB_POSTGRESDB_DATABASE: 'postgres',
			DB_POSTGRESDB_USER: 'postgres',
			N8N_ENCRYPTION_KEY: 'shared-by-main-and-workers',
			...IMPATIENT,
		};
		const prepared = new Map<string, number>();
		const start = async (name: string, command: string[], more: Record<string, string>) => {
			const userFolder = path.join(folder, name);
			const times = (prepared.get(name) ?? 0) + 1;
			prepared.set(name, times);
			if (times === 1) await installPackage(tarball, userFolder);
			const server = await startServer({
				installation,
				command,
				userFolder,
				workingFolder: userFolder,
				filesFolder: userFolder,
				env: { ...env, ...more },
			});
			const stop = async () => {
				await server.stop();
				await mkdir(REPORTS, { recursive: true });
				await copyFile(server.logFile, path.join(REPORTS, `queue-${name}-${times}.log`));
			};
			closing.push(stop);
			return { ...server, stop };
		};

		const main = await start('main', ['start'], {});
		const client = new N8nClient(main.url);
		await client.signIn();
		await play({
			main,
			client,
			redis,
			startWorker: async (name, concurrency) =>
				await start(name, ['worker', `--concurrency=${concurrency}`], {
					QUEUE_HEALTH_CHECK_ACTIVE: 'true',
					N8N_WORKER_SERVER_ADDRESS: '127.0.0.1',
				}),
		});
	} finally {
		for (const close of closing.reverse()) await close();
	}
}
