import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { startGateway, type Gateway } from '../test/gateway';
import { installPackage, packPackage } from '../test/n8n/community';
import { installN8n, type N8nInstallation } from '../test/n8n/install';
import { dependencies } from '../test/n8n/package.json';
import { freePort, run, tail } from '../test/n8n/process';
import { n8nEnvironment } from '../test/n8n/server';
import { EMPTY, WAYS, workflow, type Load, type Way } from './workflows';

/** Runs of each way; the middle one counts. */
const ROUNDS = 3;

const MB = 1_000_000;

/** Wall and CPU time in seconds, peak memory in MB, of a whole process. */
interface Figures {
	wall: number;
	cpu: number;
	memory: number;
}

interface Row {
	load: Load;
	way: Way;
	/** Above the empty workflow. */
	above: Figures;
}

const BARE: Way = { name: 'a bare Node script, URL', nodes: () => [] };

/** Requests the images and saves them with a few lines of Node. */
const BARE_SCRIPT = `
const { createWriteStream } = require('node:fs');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const [url, key, folder, items, images, bytes] = process.argv.slice(2);
process.argv.push('execute');
const headers = { authorization: 'Bearer ' + key, 'content-type': 'application/json' };
const set = images > 1 ? { sequential_image_generation: 'auto', sequential_image_generation_options: { max_images: +images } } : {};
const one = async (n) => {
	const body = { model: 'doubao-seedream-4-5-251128', prompt: 'An apple, number ' + n + ' [bytes:' + bytes + ']', size: '2K', response_format: 'url', watermark: false, ...set };
	const answer = await fetch(url + '/api/v3/images/generations', { method: 'POST', headers, body: JSON.stringify(body) });
	const { data } = await answer.json();
	await Promise.all(data.map(async (image, i) => {
		const file = await fetch(image.url);
		await pipeline(Readable.fromWeb(file.body), createWriteStream(folder + '/' + n + '-' + i));
	}));
};
Promise.all(Array.from({ length: +items }, (_, n) => one(n)));
`;

function middle(values: number[]): number {
	return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** One whole bench: an installed n8n, a gateway, and what was measured. */
class Bench {
	private readonly measured = new Map<string, Figures[]>();

	private constructor(
		private readonly installation: N8nInstallation,
		private readonly folder: string,
		private readonly gateway: Gateway,
	) {}

	static async open(): Promise<Bench> {
		const installation = await installN8n();
		const folder = await mkdtemp(path.join(path.dirname(installation.userFolder), 'bench-'));
		console.log('Packing and installing this package …');
		const tarball = await packPackage(folder);
		await installPackage(tarball, folder);
		const bench = new Bench(installation, folder, await startGateway());
		await bench.importCredentials();
		return bench;
	}

	async close(): Promise<void> {
		await this.gateway.close();
		await rm(this.folder, { recursive: true, force: true });
	}

	private async n8n(...args: string[]): Promise<void> {
		const { node, n8n } = this.installation;
		const env = n8nEnvironment(this.installation, this.folder);
		await run(node, [n8n, ...args], { cwd: this.folder, env: env as NodeJS.ProcessEnv });
	}

	private async importFile(kind: 'credentials' | 'workflow', content: object[]): Promise<void> {
		const file = path.join(this.folder, `${kind}.json`);
		await writeFile(file, JSON.stringify(content));
		await this.n8n(`import:${kind}`, `--input=${file}`);
	}

	private async importCredentials(): Promise<void> {
		const { url: baseUrl, key: apiKey } = this.gateway;
		await this.importFile('credentials', [
			{
				id: 'bench',
				name: 'bench',
				type: 'seedreamApi',
				data: { baseUrl, apiKey, provider: 'volcengine' },
			},
			{
				id: 'header',
				name: 'header',
				type: 'httpHeaderAuth',
				data: { name: 'Authorization', value: `Bearer ${apiKey}` },
			},
		]);
	}

	/** Runs all ways of a load in turn, several times over. */
	async measure(load: Load, ways: Way[]): Promise<void> {
		console.log(`\n${load.name}`);
		// The gateway takes its time with pictures of a size that it has not made yet.
		await this.runBare(load);
		const inN8n = ways.filter((way) => way !== BARE);
		await this.importFile(
			'workflow',
			inN8n.map((way) => workflow(load, way, this.gateway)),
		);
		for (let round = 0; round < ROUNDS; round += 1) {
			for (const way of ways) {
				this.gateway.reset();
				const figures = await (way === BARE ? this.runBare(load) : this.runWorkflow(load, way));
				this.check(load, way);
				const key = `${load.name} ${way.name}`;
				this.measured.set(key, [...(this.measured.get(key) ?? []), figures]);
				console.log(
					`  ${way.name}: ${figures.wall.toFixed(2)} s, CPU ${figures.cpu.toFixed(2)} s, ${figures.memory.toFixed(0)} MB`,
				);
			}
		}
	}

	/** Each image must have been made once and have reached its way once. */
	private check({ items, images }: Load, way: Way): void {
		if (way === EMPTY) return;
		const made = this.gateway.ledger.images;
		const delivered = made.filter((image) => image.delivered === 1);
		if (made.length === items * images && delivered.length === made.length) return;
		throw new Error(`${way.name}: ${made.length} images made, ${delivered.length} delivered`);
	}

	private async runWorkflow(load: Load, way: Way): Promise<Figures> {
		const { id } = workflow(load, way, this.gateway);
		return await this.timed(this.installation.n8n, 'execute', `--id=${String(id)}`);
	}

	private async runBare({ items, images, bytes }: Load): Promise<Figures> {
		const script = path.join(this.folder, 'bare.cjs');
		const target = path.join(this.folder, 'bare');
		await writeFile(script, BARE_SCRIPT);
		await mkdir(target, { recursive: true });
		const numbers = [items, images, bytes].map(String);
		return await this.timed(script, this.gateway.url, this.gateway.key, target, ...numbers);
	}

	private async timed(...args: string[]): Promise<Figures> {
		const usageFile = path.join(this.folder, 'usage.json');
		const log = await open(path.join(this.folder, 'run.log'), 'w');
		const started = performance.now();
		const child = spawn(this.installation.node, args, {
			cwd: this.folder,
			stdio: ['ignore', log.fd, log.fd],
			env: {
				...n8nEnvironment(this.installation, this.folder),
				N8N_RUNNERS_BROKER_PORT: String(await freePort()),
				N8N_CUSTOM_EXTENSIONS: path.join(__dirname, 'floor'),
				BENCH_USAGE: usageFile,
				NODE_OPTIONS: `--require ${path.join(__dirname, 'usage.cjs')}`,
			},
		});
		const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
		const wall = (performance.now() - started) / 1000;
		await log.close();
		if (code !== 0) {
			const output = await readFile(path.join(this.folder, 'run.log'), 'utf8');
			throw new Error(`${args[0]} ended with ${signal ?? code}\n${tail(output)}`);
		}
		const usage = JSON.parse(await readFile(usageFile, 'utf8')) as Omit<Figures, 'wall'>;
		return { wall, ...usage };
	}

	private middle(load: Load, way: Way): Figures {
		const all = this.measured.get(`${load.name} ${way.name}`) ?? [];
		const of = (name: keyof Figures) => middle(all.map((figures) => figures[name]));
		return { wall: of('wall'), cpu: of('cpu'), memory: of('memory') };
	}

	/** Middle figures, less those of the empty workflow; the bare script stands for itself. */
	rows(load: Load, ways: Way[]): Row[] {
		const empty = this.middle(load, EMPTY);
		return ways
			.filter((way) => way !== EMPTY)
			.map((way) => {
				const { wall, cpu, memory } = this.middle(load, way);
				const base = way === BARE ? { wall: 0, cpu: 0, memory: 0 } : empty;
				return {
					load,
					way,
					above: { wall: wall - base.wall, cpu: cpu - base.cpu, memory: memory - base.memory },
				};
			});
	}
}

function table(rows: Row[]): string {
	const reference = rows.find(({ way }) => way === WAYS.httpUrl);
	const times = (value: number, of: number | undefined) =>
		of === undefined ? '' : ` (${(value / of).toFixed(2)} ×)`;
	return [
		'| Way | Wall, s | CPU, s | Peak memory, MB |',
		'| --- | --- | --- | --- |',
		...rows.map(({ way, above: { wall, cpu, memory } }) => {
			const of = way === BARE ? undefined : reference?.above;
			return `| ${way.name} | ${wall.toFixed(2)}${times(wall, of?.wall)} | ${cpu.toFixed(2)}${times(cpu, of?.cpu)} | ${memory.toFixed(0)}${times(memory, of?.memory)} |`;
		}),
	].join('\n');
}

async function main(): Promise<void> {
	const { url, base64, stream, httpUrl, floor, httpBase64 } = WAYS;
	const single: Load = { name: '1 image of 1 MB', items: 1, images: 1, bytes: MB };
	const set: Load = { name: '15 images of 12 MB', items: 1, images: 15, bytes: 12 * MB };
	const sets: Load = {
		name: '60 images of 12 MB, set after set',
		items: 4,
		images: 15,
		bytes: 12 * MB,
		concurrency: 1,
	};
	const hundred: Load = { name: '100 items, 1 MB each', items: 100, images: 1, bytes: MB };
	const growth = [10, 100, 1000].map(
		(items): Load => ({ name: `${items} items, 50 kB each`, items, images: 1, bytes: 50_000 }),
	);
	const plan: Array<[Load, Way[]]> = [
		[single, [EMPTY, url, base64, httpUrl, httpBase64, BARE]],
		[set, [EMPTY, url, base64, stream, httpUrl, floor, httpBase64, BARE]],
		[sets, [EMPTY, url, base64, stream]],
		[hundred, [EMPTY, url, httpUrl, BARE]],
		...growth.map((load): [Load, Way[]] => [load, [EMPTY, url, httpUrl]]),
	];

	const [filter] = process.argv.slice(2);
	const chosen = plan.filter(([load]) => !filter || load.name.includes(filter));
	const bench = await Bench.open();
	try {
		for (const [load, ways] of chosen) await bench.measure(load, ways);
	} finally {
		await bench.close();
	}

	const sections = chosen.map(
		([load, ways]) => `## ${load.name}\n\n${table(bench.rows(load, ways))}`,
	);
	const results = `# Measured

Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: n8n ${dependencies.n8n}, this package ${process.env.npm_package_version}, ${os.cpus().length} cores. Each way runs ${ROUNDS} times, alternating with the others, in its own process (\`n8n execute\`, binary data in files); the table shows medians. Wall time, CPU time and peak memory are those of the whole process minus those of an empty workflow in the same run; nothing is subtracted from the bare script. In brackets: the ratio to two HTTP Request nodes.

${sections.join('\n\n')}
`;
	if (!filter) await writeFile(path.join(__dirname, 'results.md'), results);
	console.log(`\n${results}`);
}

main().catch((error: Error) => {
	console.error(error.message);
	process.exitCode = 1;
});
