import { createHash } from 'node:crypto';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import manifest from './package.json';
import { CommandError, run } from './process';

const NODE_MAJOR = 24;
const CURRENT = manifest.dependencies.n8n;
const CACHE = path.resolve(__dirname, '../../.cache');

/** What older n8n leaves open and what has moved on without it; and it takes xlsx from no registry. */
const LEFT_OPEN = {
	'@langchain/langgraph': '1.1.2',
	'@langchain/langgraph-checkpoint': '1.0.0',
	xlsx: '0.18.5',
};

/** Older versions that can be installed, with what must be overridden for each. */
export const OLDER = {
	'2.20.12': { ...LEFT_OPEN, '@opentelemetry/core': '2.10.0' },
	'2.14.2': { ...LEFT_OPEN, '@opentelemetry/core': '2.10.0' },
	'2.0.0': LEFT_OPEN,
	'1.123.81': LEFT_OPEN,
} satisfies Record<string, Record<string, string>>;

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
 * Installs an n8n server and a Node that can run it. Does nothing if both are installed already.
 * @param wanted a version or a tag such as `latest`, by default that of the environment variable
 * N8N_VERSION. Without one it is the version of this folder's lockfile, in `.cache/n8n`; others are
 * installed without a lockfile, in `.cache/n8n-<version>`
 * @throws Error that says what to do: no Node 24 for this platform, a failed download, no compiler
 */
export async function installN8n(
	wanted = process.env.N8N_VERSION || CURRENT,
): Promise<N8nInstallation> {
	const version = await resolveVersion(wanted);
	const folder = path.join(CACHE, version === CURRENT ? 'n8n' : `n8n-${version}`);
	const modules = path.join(folder, 'node_modules');
	const node = n8nNode(modules);
	const files = await filesFor(version);
	const fingerprint = createHash('sha256')
		.update(files.at(-1)?.content ?? '')
		.update(path.relative(folder, node))
		.digest('hex');
	const stamp = path.join(modules, '.complete');

	if ((await readFile(stamp, 'utf8').catch(() => '')) !== fingerprint) {
		await rm(modules, { recursive: true, force: true });
		await mkdir(folder, { recursive: true });
		for (const { name, content } of files) await writeFile(path.join(folder, name), content);
		console.log(`Installing n8n ${version} (2.4 GB, 1 to 5 minutes, once) …`);
		// Not `ci`, which insists on lockfile entries for platform packages that the registry does not have.
		await download('n8n', folder, ['install', '--legacy-peer-deps', '--no-save']);
		await compileSqlite(folder, node);
		await writeFile(stamp, fingerprint);
	}
	return {
		node,
		n8n: path.join(modules, 'n8n/bin/n8n'),
		userFolder: path.join(folder, 'user'),
	};
}

/** The version that a tag stands for. */
async function resolveVersion(wanted: string): Promise<string> {
	if (/^\d/.test(wanted)) return wanted;
	const version = await run('npm', ['view', `n8n@${wanted}`, 'version'], { cwd: __dirname });
	return version.trim();
}

/** What npm installs n8n from; the last file says exactly what. */
async function filesFor(version: string): Promise<Array<{ name: string; content: string }>> {
	if (version === CURRENT) {
		const names = ['package.json', 'package-lock.json'];
		return await Promise.all(
			names.map(async (name) => ({
				name,
				content: await readFile(path.join(__dirname, name), 'utf8'),
			})),
		);
	}
	const old = {
		...manifest,
		dependencies: { n8n: version },
		overrides: { ...manifest.overrides, ...OLDER[version as keyof typeof OLDER] },
	};
	return [{ name: 'package.json', content: JSON.stringify(old, null, '\t') }];
}

/** n8n wants Node 24. npm has it for Linux, and the lockfile names it; elsewhere the running Node must do. */
function n8nNode(modules: string): string {
	const { platform, arch, versions } = process;
	if (platform === 'linux' && (arch === 'x64' || arch === 'arm64')) {
		return path.join(modules, `node-linux-${arch}/bin/node`);
	}
	if (Number(versions.node.split('.')[0]) < NODE_MAJOR) {
		throw new Error(
			`n8n ${CURRENT} needs Node ${NODE_MAJOR} or newer; this is Node ${versions.node}. Install Node ${NODE_MAJOR} and run the command again.`,
		);
	}
	return process.execPath;
}

/**
 * Runs npm's `install` or `ci` in a folder, without install scripts, once more when it breaks off.
 * @throws Error that says what to do
 */
export async function download(name: string, folder: string, args: string[]): Promise<void> {
	const install = async () =>
		await run(
			'npm',
			[
				...args,
				'--ignore-scripts',
				'--no-audit',
				'--no-fund',
				'--loglevel=error',
				// Without a network, npm's own patience would take more than ten minutes.
				'--fetch-retries=4',
				'--fetch-retry-mintimeout=1000',
				'--fetch-retry-maxtimeout=5000',
			],
			{ cwd: folder },
		);
	try {
		await install();
	} catch (error) {
		const [reason] = /npm error .*/.exec((error as CommandError).output) ?? [];
		console.log(`  The download broke off (${reason}); trying once more …`);
		await install().catch((error: Error) => {
			throw new Error(
				`${name} could not be downloaded. Check the network connection and free disk space, then run the command again: finished downloads are kept.\n${error.message}`,
			);
		});
	}
}

/** The one native module without a ready-made binary in its npm package. */
async function compileSqlite(folder: string, node: string): Promise<void> {
	console.log("Compiling n8n's database driver (about 1 minute, once) …");
	const nodeRoot = path.resolve(node, '../..');
	const hasHeaders = await exists(path.join(nodeRoot, 'include/node/node.h'));
	try {
		await run('npm', ['rebuild', 'sqlite3', '--ignore-scripts=false', '--foreground-scripts'], {
			cwd: folder,
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
			run(tool, ['--version'], { cwd: __dirname }).then(
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
