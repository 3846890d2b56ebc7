import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { TABLES, withTables } from './tables';

const root = join(__dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const reference = readFileSync(join(root, 'docs/reference.md'), 'utf8');
const scripts = (
	JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
		scripts: Record<string, string>;
	}
).scripts;

describe('README', () => {
	it.each(Object.keys(TABLES))(
		'%s has tables that match the catalog (see npm run docs)',
		(page) => {
			const markdown = readFileSync(join(root, page), 'utf8');
			expect(markdown).toBe(withTables(page, markdown));
		},
	);

	it('is short enough to be read', () => {
		expect(readme.split(/\s+/).length).toBeLessThanOrEqual(1_800);
	});

	it('names every parameter that the documents of the gateways list', () => {
		const documented = [
			...['model', 'prompt', 'image', 'size', 'response_format', 'watermark', 'n', 'user'],
			...['guidance_scale', 'seed', 'output_format', 'quality', 'style', 'background', 'tools'],
			...['sequential_image_generation', 'sequential_image_generation_options.max_images'],
			'optimize_prompt_options.mode',
		];
		const missing = documented.filter((name) => !reference.includes(`| \`${name}\` |`));
		expect(missing).toEqual([]);
	});

	it('names no npm script that does not exist', () => {
		const named = [...readme.matchAll(/npm (?:run ([\w:]+)|(start|test))/g)].map(
			([, run, short]) => run ?? short,
		);
		expect(named.length).toBeGreaterThan(0);
		expect(named.filter((name) => !(name in scripts))).toEqual([]);
	});

	it.each([
		['README', '.', readme],
		['the reference', 'docs', reference],
	])('links from %s to headings and files that exist', (_name, folder, markdown) => {
		const anchors = [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
			title
				.toLowerCase()
				.replace(/[^\w\s-]/g, '')
				.replace(/\s/g, '-'),
		);
		const links = [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
		const broken = links.filter((target) => {
			if (/^https:/.test(target)) return false;
			if (target.startsWith('#')) return !anchors.includes(target.slice(1));
			try {
				readFileSync(join(root, folder, target.replace(/#.*/, '')));
				return false;
			} catch {
				return true;
			}
		});
		expect(broken).toEqual([]);
	});

	it('shows valid JSON with the keys of items', () => {
		const blocks = [...reference.matchAll(/```json\n([^]*?)```/g)].map(
			([, text]) => JSON.parse(text) as object,
		);
		expect(blocks.map((block) => Object.keys(block))).toEqual([
			[
				...['index', 'model', 'prompt', 'created', 'requestId', 'size', 'width', 'height'],
				...['mimeType', 'fileName', 'url', 'usage'],
			],
		]);
	});

	it('shows commands that CI runs, or that need a real key', () => {
		const ci = readFileSync(join(root, '.ci', 'run'), 'utf8');
		const commands = [...readme.matchAll(/```bash\n([^]*?)```/g)].flatMap(([, text]) =>
			text.trim().split(/\n| && /),
		);
		const elsewhere = [/^git clone /, /^cd /, /^docker run /, /^npm start$/];
		const rest = commands.filter((command) => !elsewhere.some((each) => each.test(command)));
		expect(new Set(rest)).toEqual(new Set(['npm ci', 'npm test']));
		for (const command of [...rest, 'npm start -- --once']) expect(ci).toContain(`${command}\n`);
	});
});

it('CONTRIBUTING and the design page name source files that exist', () => {
	for (const page of ['CONTRIBUTING.md', 'docs/design.md']) {
		const text = readFileSync(join(root, page), 'utf8');
		const files = [...text.matchAll(/`([\w/.]+\.ts)`/g)].map(([, file]) => file);
		expect(files.length).toBeGreaterThan(1);
		const missing = files.filter(
			(file) => ![file, `nodes/Seedream/${file}`].some((path) => existsSync(join(root, path))),
		);
		expect([page, missing]).toEqual([page, []]);
	}
});
