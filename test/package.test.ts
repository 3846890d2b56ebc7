import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PackageDirectoryLoader } from 'n8n-core';
import sharp from 'sharp';

/** What `npm publish` would publish of the last build, unpacked. */
interface Packed {
	files: string[];
	folder: string;
	manifest: Record<string, unknown>;
}

const root = resolve(__dirname, '..');
let work = '';
let packed: Packed;

beforeAll(() => {
	work = mkdtempSync(join(tmpdir(), 'seedream-package-'));
	const answer = execFileSync(
		'npm',
		['pack', '--json', '--ignore-scripts', '--pack-destination', work],
		{ cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
	);
	const [{ files, filename }] = JSON.parse(answer) as Array<{
		files: Array<{ path: string }>;
		filename: string;
	}>;
	execFileSync('tar', ['-xzf', join(work, filename), '-C', work]);
	// n8n finds what the package requires among its own modules; here those of the repository serve.
	symlinkSync(join(root, 'node_modules'), join(work, 'node_modules'));
	const folder = join(work, 'package');
	packed = {
		files: files.map(({ path }) => path).sort(),
		folder,
		manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Packed['manifest'],
	};
}, 60_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Every source file that is to be published, by its compiled name. */
function sources(folder: string): string[] {
	return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
		const path = `${folder}/${entry.name}`;
		return entry.isDirectory() ? sources(path) : [path.replace(/\.ts$/, '.js')];
	});
}

it('contains the compiled sources, icons, README and licence, and nothing else', () => {
	const expected = [...sources('nodes'), ...sources('credentials'), ...sources('icons')];
	expect(packed.files).toEqual(
		['LICENSE.md', 'README.md', 'package.json', ...expected.map((path) => `dist/${path}`)].sort(),
	);
});

it('contains no test and no source map', () => {
	expect(packed.files.filter((path) => /test|\.map$|\.ts$|example|\.env/i.test(path))).toEqual([]);
	for (const path of packed.files.filter((each) => each.endsWith('.js'))) {
		expect(readFileSync(join(packed.folder, path), 'utf8')).not.toContain('sourceMappingURL');
	}
});

it('depends only on what n8n provides', () => {
	const { manifest } = packed;
	expect(manifest.dependencies ?? {}).toEqual({});
	expect(manifest.peerDependencies).toEqual({ 'n8n-workflow': '*' });
	for (const kind of ['optionalDependencies', 'bundledDependencies', 'bundleDependencies']) {
		expect(manifest).not.toHaveProperty(kind);
	}
	const required = packed.files
		.filter((path) => path.endsWith('.js'))
		.flatMap((path) => {
			const code = readFileSync(join(packed.folder, path), 'utf8');
			return [...code.matchAll(/require\("([^".][^"]*)"\)/g)].map(([, name]) => name);
		});
	expect([...new Set(required)].sort()).toEqual(['n8n-workflow', 'zod/v4']);
});

it('runs nothing when it is installed', () => {
	const scripts = Object.keys(packed.manifest.scripts as object);
	expect(scripts.filter((name) => /^(pre|post)?(install|prepare|publish)/.test(name))).toEqual([]);
});

it("is loaded by n8n's own loader: node, credential, icons, codex", async () => {
	const loader = new PackageDirectoryLoader(packed.folder);
	await loader.loadAll();
	expect(Object.keys(loader.nodeTypes)).toEqual(['seedream']);
	expect(Object.keys(loader.credentialTypes)).toEqual(['seedreamApi']);
	expect(loader.known.nodes.seedream).toMatchObject({ className: 'Seedream' });
	expect(loader.known.credentials.seedreamApi).toMatchObject({
		className: 'SeedreamApi',
		supportedNodes: ['seedream'],
	});

	const { description } = loader.getNode('seedream').type;
	const icon = (theme: string) => `icons/n8n-nodes-seedream/dist/icons/seedream${theme}.svg`;
	expect(description).toMatchObject({
		displayName: 'Seedream',
		usableAsTool: true,
		iconUrl: { light: icon(''), dark: icon('.dark') },
		codex: {
			categories: expect.arrayContaining([expect.any(String)]) as string[],
			alias: expect.arrayContaining(['ByteDance']) as string[],
		},
	});
	expect(loader.getCredential('seedreamApi').type).toMatchObject({
		displayName: 'Seedream API',
		iconUrl: { light: icon(''), dark: icon('.dark') },
	});
});

it('has valid icons, one for the light theme and one for the dark one', async () => {
	const [light, dark] = ['seedream.svg', 'seedream.dark.svg'].map((name) =>
		readFileSync(join(packed.folder, 'dist/icons', name)),
	);
	expect(light.equals(dark)).toBe(false);
	for (const [i, bytes] of [light, dark].entries()) {
		const { format, width, height } = await sharp(bytes).metadata();
		expect([format, width === height]).toEqual(['svg', true]);
		const source = join(root, 'icons', i === 0 ? 'seedream.svg' : 'seedream.dark.svg');
		expect(bytes).toEqual(readFileSync(source));
	}
});
