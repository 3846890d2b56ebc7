import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';

import { startGateway, type Gateway, type GatewayOptions } from '../../gateway';
import type { N8nClient } from '../client';
import { onCluster, type Cluster } from '../cluster';
import { fetchBytes } from '../images';
import { until } from '../process';
import type { Part } from '../run';
import type { N8nServer } from '../server';
import { credentialData } from '../stage';
import { row, SEEDREAM, workflowOf } from '../workflow';

/** Executions a worker runs in parallel; n8n's own default. */
const CONCURRENCY = 10;

/** Seconds an image takes. */
const LATENCY = 5;

/**
 * Milliseconds an image takes where it is to be quick. Less would be no image: n8n 2.41 never answers a
 * webhook whose execution is over before its main process has noted that it began.
 */
const QUICK_MS = 1_000;

/** A webhook's caller waits longer: executions may wait for the gateway, and for each other. */
const CALL_MS = 240_000;

/** n8n in queue mode with a gateway. */
interface Scene extends Cluster {
	gateway: Gateway;
	/** Creates and activates a workflow that responds to a webhook with the first image it generated. */
	addWorkflow(name: string, concurrentRequests?: number): Promise<Workflow>;
}

interface Workflow {
	id: string;
	/** URL of its webhook. */
	url: string;
}

/** What the caller of a webhook got. */
interface Answer {
	prompts: string[];
	status: number;
	body: Buffer;
}

/** Requests a second that a busy gateway takes. */
const RATE = 10;

/** n8n's queue mode: how fast workers are, and what becomes of images when a part of it fails. */
export const queue: Part = async (product, check) => {
	await onCluster(product, async (cluster) => {
		const { startWorker } = cluster;
		await onScene(cluster, { latency: QUICK_MS }, async (scene) => {
			const first = await startWorker('worker-1', CONCURRENCY);
			const second = await startWorker('worker-2', CONCURRENCY);
			await check('200 executions: all images delivered, none billed twice', () =>
				deliver(scene, [first, second]),
			);
			await second.stop();
		});
		await onScene(cluster, { latency: QUICK_MS, rate: RATE }, async (scene) => {
			const second = await startWorker('worker-2', CONCURRENCY);
			for (const run of ['first', 'second', 'third']) {
				await check(
					`many executions past the gateway’s limit: all delivered, none billed twice (${run} run)`,
					() => pastTheLimit(scene, run),
				);
			}
			await second.stop();
		});
		await onScene(cluster, { latency: LATENCY * 1000 }, async (scene) => {
			await check('images per minute with 1 worker', () => measure(scene, 1, 40));
			let second = await startWorker('worker-2', CONCURRENCY);
			await check('images per minute with 2 workers', () => measure(scene, 2, 80));
			await check('images per minute with 2 workers, executions of 12 images', () =>
				measure(scene, 2, 40, { images: 12, concurrentRequests: 3 }),
			);
			await check('Redis restarted in mid-run: all images delivered, none billed twice', () =>
				restartRedis(scene),
			);
			await check('a worker stopped in mid-run delivers its images first', () =>
				stopWorker(scene, second),
			);
			second = await startWorker('worker-2', CONCURRENCY);
			await check('a worker killed in mid-run: nothing is billed twice', () =>
				killWorker(scene, second),
			);
		});
	});
};

async function onScene(
	cluster: Cluster,
	options: GatewayOptions,
	play: (scene: Scene) => Promise<void>,
): Promise<void> {
	const gateway = await startGateway(options);
	try {
		await cluster.client.saveCredential({
			name: 'Seedream account',
			type: 'seedreamApi',
			data: credentialData({ gateway }),
		});
		await play({
			...cluster,
			gateway,
			addWorkflow: async (...args) => await addWorkflow(cluster.client, ...args),
		});
	} finally {
		await gateway.close();
	}
}

async function addWorkflow(
	client: N8nClient,
	name: string,
	concurrentRequests = 3,
): Promise<Workflow> {
	const path = name.replace(/\W+/g, '-');
	const workflow = workflowOf(
		name,
		{
			Webhook: {
				type: 'webhook',
				typeVersion: 2,
				webhookId: path,
				parameters: {
					httpMethod: 'POST',
					path,
					responseMode: 'lastNode',
					responseData: 'firstEntryBinary',
					responseBinaryPropertyName: 'data',
				},
			},
			'Split Out': {
				type: 'splitOut',
				parameters: {
					fieldToSplitOut: 'body.prompts',
					options: { destinationFieldName: 'prompt' },
				},
			},
			Seedream: {
				type: SEEDREAM,
				parameters: {
					operation: 'textToImage',
					model: { __rl: true, mode: 'id', value: 'doubao-seedream-4-5-251128' },
					prompt: '={{ $json.prompt }}',
					advanced: { concurrentRequests },
				},
			},
		},
		row('Webhook', 'Split Out', 'Seedream'),
	);
	const id = await client.saveWorkflow(workflow);
	return { id, url: await client.activateWebhook(id, path) };
}

/**
 * Calls a webhook for each execution, `callsAtOnce` at a time.
 * @param images of each execution
 */
async function callAll(
	{ url }: Workflow,
	executions: number,
	{ images = 1, callsAtOnce = executions } = {},
): Promise<Answer[]> {
	const limit = pLimit(callsAtOnce);
	const call = async (execution: number): Promise<Answer> => {
		const prompts = Array.from(
			{ length: images },
			(_, image) => `Apple ${execution}.${image}. [pixels:256x256]`,
		);
		const response = await fetch(url, {
			method: 'POST',
			// n8n may close a connection that waits for its next request, just when that comes.
			headers: { 'content-type': 'application/json', connection: 'close' },
			body: JSON.stringify({ prompts }),
			signal: AbortSignal.timeout(CALL_MS),
		}).catch((cause: unknown) => {
			throw new Error(`The webhook gave no answer for “${prompts[0]}”`, { cause });
		});
		return {
			prompts,
			status: response.status,
			body: Buffer.from(await response.arrayBuffer()),
		};
	};
	return await Promise.all(
		Array.from({ length: executions }, (_, execution) => limit(() => call(execution))),
	);
}

/** A workflow's executions that ended with a status: how many, and the ids of the last 100. */
async function executions(
	{ client }: Scene,
	{ id: workflowId }: Workflow,
	status: 'success' | 'error',
): Promise<{ count: number; results: Array<{ id: string }> }> {
	const filter = JSON.stringify({ workflowId, status: [status] });
	const query = new URLSearchParams({ filter, limit: '100' });
	return await client.request('GET', `/executions?${query}`);
}

/** Each prompt was sent once, and made and billed once. */
function assertPaidOnce({ gateway: { ledger } }: Scene, answers: Answer[]): void {
	const asked = answers.flatMap(({ prompts }) => prompts).sort();
	assert.equal(ledger.requests.length, asked.length);
	assert.deepEqual(
		ledger.images
			.filter(({ billed }) => billed)
			.map(({ prompt }) => prompt)
			.sort(),
		asked,
	);
}

/** What a caller got is the image that was made for it, fetched once. */
async function assertDelivered({ gateway: { ledger } }: Scene, answers: Answer[]): Promise<void> {
	for (const { prompts, status, body } of answers) {
		assert.equal(status, 200, body.toString());
		const image = ledger.images.find(({ prompt }) => prompt === prompts[0]);
		assert.equal(image?.delivered, 1);
		assert.ok(body.equals(await fetchBytes(image?.url)), prompts[0]);
	}
}

/** No execution failed; the caller of a webhook is not told why one does. */
async function assertNoneFailed(scene: Scene, workflow: Workflow): Promise<void> {
	const { results } = await executions(scene, workflow, 'error');
	const errors = await Promise.all(
		results.map(async ({ id }) => (await scene.client.execution(id)).error),
	);
	assert.deepEqual(
		errors.map((error) => [error?.message, error?.description]),
		[],
	);
}

async function assertAllWell(scene: Scene, workflow: Workflow, answers: Answer[]): Promise<void> {
	await assertNoneFailed(scene, workflow);
	await assertDelivered(scene, answers);
	assertPaidOnce(scene, answers);
	assert.equal((await executions(scene, workflow, 'success')).count, answers.length);
}

async function deliver(scene: Scene, workers: N8nServer[]): Promise<void> {
	const workflow = await scene.addWorkflow('All delivered');
	const answers = await callAll(workflow, 200, { callsAtOnce: 40 });
	await assertAllWell(scene, workflow, answers);
	for (const { pid } of workers) {
		const [, peak] = /VmHWM:\s*(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
		console.log(`    a worker's memory at its peak: ${Math.round(Number(peak) / 1024)} MB`);
	}
}

/** Has workers make images, and compares how many a minute that was with the arithmetic. */
async function measure(
	scene: Scene,
	workers: number,
	executions: number,
	{ images = 1, concurrentRequests = 3 } = {},
): Promise<void> {
	const { ledger } = scene.gateway;
	scene.gateway.reset();
	const workflow = await scene.addWorkflow(`Measured ${workers} ${images}`, concurrentRequests);
	const answers = await callAll(workflow, executions, { images });
	const [first] = ledger.requests;
	const last = Math.max(...ledger.downloads.map(({ at }) => at));
	const measured = (ledger.images.length * 60_000) / (last - first.at);
	const inFlight = workers * CONCURRENCY * Math.min(images, concurrentRequests);
	const calculated = (inFlight * 60) / LATENCY;
	console.log(
		`    ${workers} × ${CONCURRENCY} executions, ${images} images each, Concurrent Requests ${concurrentRequests}: ` +
			`${measured.toFixed(0)} of ${calculated} images a minute, ${ledger.maxInFlight} requests in flight, ` +
			`${availableParallelism()} cores`,
	);
	await assertAllWell(scene, workflow, answers);
	assert.ok(ledger.maxInFlight <= inFlight);
}

/** Two workers know nothing of each other, so each finds its share of the gateway's limit for itself. */
async function pastTheLimit(scene: Scene, run: string): Promise<void> {
	scene.gateway.reset();
	const { requests, images } = scene.gateway.ledger;
	const workflow = await scene.addWorkflow(`Past the limit, ${run} run`);
	const answers = await callAll(workflow, 60, { images: 2 });
	await assertNoneFailed(scene, workflow);
	await assertDelivered(scene, answers);
	const asked = answers.flatMap(({ prompts }) => prompts).sort();
	assert.deepEqual(images.map(({ prompt }) => prompt).sort(), asked);
	const refused = requests.filter(({ status }) => status === 429).length;
	assert.equal(requests.length, images.length + refused);
	assert.ok(refused > 0);
	const seconds = (requests[requests.length - 1].at - requests[0].at) / 1000;
	console.log(
		`    ${images.length} images in ${seconds.toFixed(0)} s at ${RATE} requests a second, ${refused} refused on the way`,
	);
}

/** Starts 30 executions, and lets something happen when all workers are busy. */
async function disturb(
	scene: Scene,
	name: string,
	happen: () => Promise<unknown>,
): Promise<{ workflow: Workflow; answers: Answer[] }> {
	const { gateway } = scene;
	gateway.reset();
	const workflow = await scene.addWorkflow(name);
	const calls = callAll(workflow, 30);
	const count = 2 * CONCURRENCY;
	await until(`${count} requests are in flight`, () => gateway.ledger.inFlight >= count);
	await happen();
	return { workflow, answers: await calls };
}

async function restartRedis(scene: Scene): Promise<void> {
	const { workflow, answers } = await disturb(scene, 'Redis restarted', scene.redis.restart);
	await assertAllWell(scene, workflow, answers);
}

/** As a new version or fewer workers do it: with SIGTERM. */
async function stopWorker(scene: Scene, worker: N8nServer): Promise<void> {
	const { workflow, answers } = await disturb(scene, 'Worker stopped', worker.stop);
	await assertAllWell(scene, workflow, answers);
}

/**
 * As when memory runs out; the worker comes back at once, as containers do. The images under way are
 * paid for and lost with it: nobody but the worker knew of them.
 */
async function killWorker(scene: Scene, worker: N8nServer): Promise<void> {
	const { ledger } = scene.gateway;
	const { workflow, answers } = await disturb(scene, 'Worker killed', async () => {
		process.kill(-worker.pid, 'SIGKILL');
		await worker.stop();
		await scene.startWorker('worker-2', CONCURRENCY);
	});
	const [lost, others] = [500, 200].map((code) => answers.filter(({ status }) => status === code));
	await assertDelivered(scene, others);
	const left = ledger.requests.filter(({ outcome }) => outcome === 'left');
	assert.notEqual(left.length, 0);
	for (const { body } of left) {
		assert.ok(lost.some(({ prompts }) => prompts[0] === (body as { prompt: string }).prompt));
	}
	await until('n8n has written down that the lost executions failed', async () => {
		const { count } = await executions(scene, workflow, 'error');
		return count === lost.length;
	});
	assert.equal((await executions(scene, workflow, 'success')).count, others.length);
	for (const { id } of (await executions(scene, workflow, 'error')).results) {
		const { error } = await scene.client.execution(id);
		assert.match(String(error?.message), /will no longer retry/);
	}
	assertPaidOnce(scene, answers);
}
