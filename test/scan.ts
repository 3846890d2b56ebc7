import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { packPackage } from './n8n/community';
import { run } from './n8n/process';

/** n8n's own check of community packages; its command takes published packages only. */
const SCANNER = '@n8n/scan-community-package@0.32.0';

const ROOT = path.resolve(__dirname, '..');
const CACHE = path.join(ROOT, '.cache/scan');

/** Both lint legs of the scanner; it runs as a module of its own because it is one of ES. */
const SCRIPT = `
import { analyzePackage, SOURCE_FILE_PATTERNS } from '@n8n/scan-community-package/scanner/scanner.mjs';
const [source, tarball] = process.argv.slice(2);
const legs = { source: [source, SOURCE_FILE_PATTERNS], tarball: [tarball, ['**/*.js', 'package.json']] };
let failed = 0;
for (const [name, [folder, patterns]] of Object.entries(legs)) {
	const { passed, details, message } = await analyzePackage(folder, patterns);
	if (!passed) failed += 1;
	console.log(name + ': ' + (passed ? 'no findings' : (details ?? message)));
}
console.log((2 - failed) + ' passed, ' + failed + ' failed');
process.exitCode = failed;
`;

/** Scans the source and the packed tarball as n8n does before it verifies a package. */
async function scan(): Promise<void> {
	await mkdir(CACHE, { recursive: true });
	await writeFile(path.join(CACHE, 'package.json'), '{ "private": true, "type": "module" }');
	console.log(`Installing ${SCANNER} …`);
	await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', SCANNER], {
		cwd: CACHE,
	});
	const folder = await mkdtemp(path.join(CACHE, 'tarball-'));
	try {
		const tarball = await packPackage(folder);
		await run('tar', ['-xzf', tarball, '-C', folder], { cwd: folder });
		const script = path.join(CACHE, 'scan.mjs');
		await writeFile(script, SCRIPT);
		const unpacked = path.join(folder, 'package');
		process.stdout.write(await run(process.execPath, [script, ROOT, unpacked], { cwd: CACHE }));
	} finally {
		await rm(folder, { recursive: true });
	}
}

scan().catch((error: Error) => {
	console.error(error.message);
	process.exitCode = 1;
});
