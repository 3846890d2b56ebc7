import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { withTables } from './tables';

const root = join(__dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const scripts = (
	JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
		scripts: Record<string, string>;
	}
).scripts;

describe('README', () => {
	it('has tables that say what the catalog says (npm run docs writes them)', () => {
		expect(readme).toBe(withTables(readme));
	});

	it('names every parameter that the documents of the gateways list', () => {
		const documented = [
			...['model', 'prompt', 'image', 'size', 'response_format', 'watermark', 'n', 'user'],
			...['guidance_scale', 'seed', 'output_format', 'quality', 'style', 'background', 'tools'],
			...['sequential_image_generation', 'sequential_image_generation_options.max_images'],
			'optimize_prompt_options.mode',
		];
		const missing = documented.filter((name) => !readme.includes(`| \`${name}\` |`));
		expect(missing).toEqual([]);
	});

	it('names no npm script that does not exist', () => {
		const named = [...readme.matchAll(/npm (?:run ([\w:]+)|(start|test))/g)].map(
			([, run, short]) => run ?? short,
		);
		expect(named.length).toBeGreaterThan(0);
		expect(named.filter((name) => !(name in scripts))).toEqual([]);
	});

	it('links to headings and files that exist', () => {
		const anchors = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
			title
				.toLowerCase()
				.replace(/[^\w\s-]/g, '')
				.replace(/\s/g, '-'),
		);
		const links = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
		const broken = links.filter((target) => {
			if (/^https:/.test(target)) return false;
			if (target.startsWith('#')) return !anchors.includes(target.slice(1));
			try {
				readFileSync(join(root, target));
				return false;
			} catch {
				return true;
			}
		});
		expect(broken).toEqual([]);
	});
});
