import './nodeVersion';

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { checkFor, type Check, type Count } from './check';
import { packPackage } from './community';
import { installN8n } from './install';
import { agent } from './parts/agent';
import { browser, pictures } from './parts/browser';
import { chains } from './parts/chains';
import { core } from './parts/core';
import { examples } from './parts/examples';
import { layers } from './parts/layers';
import { limits } from './parts/limits';
import { queue } from './parts/queue';
import { versions } from './parts/versions';
import { REPORTS, type Product } from './stage';

/** A part of the product's tests, which can be run alone. */
export type Part = (product: Product, check: Check) => Promise<void>;

const PARTS: Record<string, Part> = {
	core,
	examples,
	chains,
	agent,
	browser,
	layers,
	queue,
};

/** Parts that run only when they are named: the times of `limits` mean nothing on a busy machine. */
const ON_DEMAND: Record<string, Part> = { limits, pictures, versions };

/** Runs parts on the real server. @returns how many cases failed */
async function runParts(names: string[]): Promise<number> {
	const parts = { ...PARTS, ...ON_DEMAND };
	const unknown = names.filter((name) => !(name in parts));
	if (unknown.length > 0) {
		throw new Error(`No part ${unknown.join(', ')}; there are: ${Object.keys(parts).join(', ')}`);
	}
	const installation = await installN8n();
	const folder = await mkdtemp(path.join(tmpdir(), 'seedream-package-'));
	const counts = names.map((part) => ({ part, passed: 0, failed: 0 }));
	try {
		console.log('Building and packing n8n-nodes-seedream …');
		const tarball = await packPackage(folder);
		for (const count of counts) {
			console.log(`\n${count.part}`);
			const check = checkFor(count);
			await check('the server starts and stops', () =>
				parts[count.part]({ installation, tarball }, check),
			);
		}
	} finally {
		await rm(folder, { recursive: true });
	}
	console.log(`\nServer logs and screenshots: ${path.relative(process.cwd(), REPORTS)}`);
	for (const { part, passed, failed } of counts) {
		console.log(`${part}: ${passed} passed, ${failed} failed`);
	}
	const sum = (way: keyof Count) => counts.reduce((all, count) => all + count[way], 0);
	console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
	return sum('failed');
}

const chosen = process.argv.slice(2);
runParts(chosen.length > 0 ? chosen : Object.keys(PARTS)).then(
	(failed) => process.exit(failed === 0 ? 0 : 1),
	(error: Error) => {
		console.error(error.message);
		process.exit(1);
	},
);
