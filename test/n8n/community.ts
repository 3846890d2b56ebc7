import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { run } from './process';

const REPOSITORY = path.resolve(__dirname, '../..');

interface PackageJson {
	name: string;
	version: string;
	devDependencies?: Record<string, string>;
	peerDependencies?: Record<string, string>;
	optionalDependencies?: Record<string, string>;
}

/**
 * Builds the package and packs it as it would be published.
 * @param folder where the tarball goes; it must exist
 * @returns the tarball's path
 */
export async function packPackage(folder: string): Promise<string> {
	await run('npm', ['run', 'build'], { cwd: REPOSITORY });
	const name = await run('npm', ['pack', '--silent', '--pack-destination', folder], {
		cwd: REPOSITORY,
	});
	return path.join(folder, name.trim());
}

/**
 * Leaves a tarball in n8n's community folder exactly as n8n's own installer does
 * (`downloadPackage` in its community-packages.service.js), which takes packages from npm's registry only.
 * @param userFolder the server's N8N_USER_FOLDER
 */
export async function installPackage(tarball: string, userFolder: string): Promise<void> {
	const nodes = path.join(userFolder, '.n8n/nodes');
	const folder = path.join(nodes, 'node_modules/n8n-nodes-seedream');
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { recursive: true });
	await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1'], { cwd: nodes });

	const manifest = JSON.parse(
		await readFile(path.join(folder, 'package.json'), 'utf8'),
	) as PackageJson;
	delete manifest.devDependencies;
	delete manifest.peerDependencies;
	delete manifest.optionalDependencies;
	await writeJson(path.join(folder, 'package.json'), manifest);
	await run(
		'npm',
		[
			'install',
			'--audit=false',
			'--fund=false',
			'--bin-links=false',
			'--install-strategy=shallow',
			'--ignore-scripts=true',
			'--package-lock=false',
		],
		{ cwd: folder },
	);
	await writeJson(path.join(nodes, 'package.json'), {
		name: 'installed-nodes',
		private: true,
		dependencies: { [manifest.name]: manifest.version },
	});
}

async function writeJson(file: string, content: object): Promise<void> {
	await writeFile(file, JSON.stringify(content, null, 2));
}
