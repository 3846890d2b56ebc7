import { createHash } from 'node:crypto';
import { access, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { dependencies } from './package.json';
import { CommandError, run } from './process';

const NODE_MAJOR = 24;
const CACHE = path.resolve(__dirname, '../../.cache/n8n');
const NODE_MODULES = path.join(CACHE, 'node_modules');

/** An installed n8n server and the Node that runs it. */
export interface N8nInstallation {
	/** The Node executable n8n runs on. */
	node: string;
	/** n8n's command-line script. */
	n8n: string;
	/** Folder for what the server keeps; below n8n's own, so that nothing of this repository is found from it. */
	userFolder: string;
}

/**
 * Installs the n8n server this folder's lockfile names, and a Node that can run it, below `.cache/n8n`.
 * Returns at once when that is already done.
 * @throws Error that says what to do: no Node 24 for this platform, a broken download, no compiler
 */
export async function installN8n(): Promise<N8nInstallation> {
	const node = n8nNode();
	const lockfile = await readFile(path.join(__dirname, 'package-lock.json'));
	const fingerprint = createHash('sha256')
		.update(lockfile)
		.update(path.relative(CACHE, node))
		.digest('hex');
	const stamp = path.join(NODE_MODULES, '.complete');

	if ((await readFile(stamp, 'utf8').catch(() => '')) !== fingerprint) {
		await rm(NODE_MODULES, { recursive: true, force: true });
		await download();
		await compileSqlite(node);
		await writeFile(stamp, fingerprint);
	}
	return {
		node,
		n8n: path.join(NODE_MODULES, 'n8n/bin/n8n'),
		userFolder: path.join(CACHE, 'user'),
	};
}

/** n8n wants Node 24. npm has it for Linux, and the lockfile names it; elsewhere the running Node must do. */
function n8nNode(): string {
	const { platform, arch, versions } = process;
	if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) {
		return path.join(NODE_MODULES, `node-linux-${arch}/bin/node`);
	}
	if (Number(versions.node.split('.')[0]) < NODE_MAJOR) {
		throw new Error(
			`n8n ${dependencies.n8n} needs Node ${NODE_MAJOR} or newer; this is Node ${versions.node}. Install Node ${NODE_MAJOR} and run the command again.`,
		);
	}
	return process.execPath;
}

async function download(): Promise<void> {
	console.log(`Installing n8n ${dependencies.n8n} (2.4 GB, 1 to 5 minutes, once) …`);
	await mkdir(CACHE, { recursive: true });
	for (const file of ['package.json', 'package-lock.json']) {
		await copyFile(path.join(__dirname, file), path.join(CACHE, file));
	}
	const install = async () =>
		await run(
			'npm',
			[
				// Not `ci`, which insists on lockfile entries for platform packages that the registry does not have.
				'install',
				'--ignore-scripts',
				'--legacy-peer-deps',
				'--no-audit',
				'--no-fund',
				'--no-save',
				'--loglevel=error',
				// Without a network, npm's own patience would take more than ten minutes.
				'--fetch-retries=4',
				'--fetch-retry-mintimeout=1000',
				'--fetch-retry-maxtimeout=5000',
			],
			{ cwd: CACHE },
		);
	try {
		await install();
	} catch (error) {
		const [reason] = /npm error .*/.exec((error as CommandError).output) ?? [];
		console.log(`  The download broke off (${reason}); trying once more …`);
		await install().catch((error: Error) => {
			throw new Error(
				`n8n could not be downloaded. Check the network connection and free disk space, then run the command again: finished downloads are kept.\n${error.message}`,
			);
		});
	}
}

/** The one native module without a ready-made binary in its npm package. */
async function compileSqlite(node: string): Promise<void> {
	console.log("Compiling n8n's database driver (about 1 minute, once) …");
	const nodeRoot = path.resolve(node, '../..');
	const hasHeaders = await exists(path.join(nodeRoot, 'include/node/node.h'));
	try {
		await run('npm', ['rebuild', 'sqlite3', '--ignore-scripts=false', '--foreground-scripts'], {
			cwd: CACHE,
			env: {
				...process.env,
				PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
				...(hasHeaders && { npm_config_nodedir: nodeRoot }),
			},
		});
	} catch (error) {
		const missing = await missingTools(['python3', 'make', 'g++']);
		if (missing.length === 0) throw error;
		throw new Error(
			`n8n's database driver could not be compiled: ${missing.join(', ')} not found. Install the tools (on Debian and Ubuntu: apt-get install -y python3 make g++) and run the command again.`,
		);
	}
}

async function missingTools(tools: string[]): Promise<string[]> {
	const found = await Promise.all(
		tools.map((tool) =>
			run(tool, ['--version'], { cwd: CACHE }).then(
				() => true,
				(error: CommandError) => !error.message.includes('ENOENT'),
			),
		),
	);
	return tools.filter((_, index) => !found[index]);
}

async function exists(file: string): Promise<boolean> {
	return await access(file).then(
		() => true,
		() => false,
	);
}
