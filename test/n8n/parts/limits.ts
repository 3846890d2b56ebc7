import assert from 'node:assert/strict';

import { startGateway } from '../../gateway';
import { fixed, sliding } from '../../limits/gateway';
import { startNginx, startProxy, type Front } from '../fronts';
import type { Part } from '../run';
import { credentialData, onStage, type Stage } from '../stage';
import { row, SEEDREAM, workflowOf } from '../workflow';

/** Milliseconds to generate an image. */
const LATENCY = 500;

/** nginx's limits are for each key, as in the node's queue. */
const REQUESTS_ZONE = 'limit_req_zone $http_authorization zone=requests:1m rate=5r/s';
const CONNECTIONS_ZONE = 'limit_conn_zone $http_authorization zone=connections:1m';

interface Case {
	name: string;
	start: (gatewayUrl: string) => Promise<Front>;
	items: number;
	concurrentRequests: number;
	/** Seconds from the first request to the last response, when every place is filled at once. */
	ideal: number;
	/** Largest ratio to the ideal. */
	target: number;
}

const CASES: Case[] = [
	{
		name: '5 a second (sliding), Retry-After: 1',
		start: async (url) => await startProxy(url, { limit: () => sliding(5, 1_000), retryAfter: 1 }),
		items: 30,
		concurrentRequests: 10,
		ideal: 5.5,
		target: 1.4,
	},
	{
		name: '10 a second (sliding), no Retry-After',
		start: async (url) => await startProxy(url, { limit: () => sliding(10, 1_000) }),
		items: 100,
		concurrentRequests: 20,
		ideal: 9.5,
		target: 1.4,
	},
	{
		name: '20 in 10 s (fixed window), no Retry-After',
		start: async (url) => await startProxy(url, { limit: (now) => fixed(20, 10_000, -now) }),
		items: 60,
		concurrentRequests: 10,
		// The third window admits 20, of which 10 are in flight at a time.
		ideal: 21,
		target: 1.4,
	},
	{
		name: '4 in flight',
		start: async (url) => await startProxy(url, { inFlight: 4 }),
		items: 40,
		concurrentRequests: 12,
		ideal: 5,
		target: 1.4,
	},
	{
		name: 'none',
		start: async (url) => await startProxy(url, {}),
		items: 40,
		concurrentRequests: 8,
		ideal: 2.5,
		target: 1.4,
	},
	...[503, 429].map((status) => ({
		name: `nginx limit_req 5 a second, burst 2, status ${status}`,
		start: async (url: string) =>
			await startNginx(
				url,
				REQUESTS_ZONE,
				'limit_req zone=requests burst=2',
				`limit_req_status ${status}`,
			),
		items: 20,
		concurrentRequests: 10,
		ideal: 4.3,
		target: 1.6,
	})),
	{
		name: 'nginx limit_conn 3',
		start: async (url) => await startNginx(url, CONNECTIONS_ZONE, 'limit_conn connections 3'),
		items: 20,
		concurrentRequests: 10,
		ideal: 3.5,
		target: 1.6,
	},
];

/** How fast a run is at a gateway's limit, compared with the limit itself. */
export const limits: Part = async (product, check) => {
	await onStage(product, 'limits', async (stage) => {
		// What is needed once, such as loading the node's code, counts for nobody.
		await runCase(stage, { ...CASES[4], items: 8 });
		for (const each of CASES) {
			await check(`at most ${each.target} × the ideal: ${each.name}`, async () => {
				const { seconds, sent, refused } = await runCase(stage, each);
				const ratio = seconds / each.ideal;
				console.log(
					`    ${each.items} items, Concurrent Requests ${each.concurrentRequests}: ideal ${each.ideal} s, ` +
						`ours ${seconds.toFixed(1)} s (${ratio.toFixed(2)} ×), ${refused} of ${sent} refused`,
				);
				assert.ok(ratio <= each.target, `${ratio.toFixed(2)} × the ideal`);
			});
		}
	});
};

/** Runs a workflow at a limit; every image is generated once, and is an item in its order. */
async function runCase(
	{ client }: Stage,
	{ name, start, items, concurrentRequests }: Case,
): Promise<{ seconds: number; sent: number; refused: number }> {
	const gateway = await startGateway({ latency: LATENCY });
	const front = await start(gateway.url);
	try {
		await client.saveCredential({
			name: 'Seedream account',
			type: 'seedreamApi',
			data: { ...credentialData({ gateway }), baseUrl: `${front.url}/api/v3` },
		});
		const prompts = Array.from({ length: items }, (_, index) => `Apple ${index}. [pixels:64x64]`);
		const id = await client.saveWorkflow(
			workflowOf(
				`Limit ${name} ${items}`,
				{
					Start: { type: 'manualTrigger' },
					Prompts: {
						type: 'set',
						typeVersion: 3.4,
						parameters: { mode: 'raw', jsonOutput: JSON.stringify({ prompts }), options: {} },
					},
					Split: {
						type: 'splitOut',
						parameters: {
							fieldToSplitOut: 'prompts',
							options: { destinationFieldName: 'prompt' },
						},
					},
					Seedream: {
						type: SEEDREAM,
						parameters: {
							operation: 'textToImage',
							model: { __rl: true, mode: 'id', value: 'doubao-seedream-4-5-251128' },
							prompt: '={{ $json.prompt }}',
							options: { concurrentRequests },
						},
					},
				},
				row('Start', 'Prompts', 'Split', 'Seedream'),
			),
		);
		const execution = await client.execute(id);
		assert.equal(execution.status, 'success', execution.error?.message);
		const { requests, images, downloads } = gateway.ledger;
		const found = execution.items('Seedream').map(({ json }) => json.prompt);
		assert.deepEqual(found, prompts);
		assert.deepEqual(images.map(({ prompt }) => prompt).sort(), [...prompts].sort());
		// An image's download begins with its response.
		const last = Math.max(...downloads.map(({ at }) => at));
		return { seconds: (last - requests[0].at) / 1000, ...(await front.counts()) };
	} finally {
		await front.close();
		await gateway.close();
	}
}
