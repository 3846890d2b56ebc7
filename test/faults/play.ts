import type { INodeParameters } from 'n8n-workflow';

import { runNode, type NodeResult, type NodeRun } from '../engine';
import { startGateway, type Gateway } from '../gateway';
import { IDS, KEY, parameters } from '../support';
import { addressesIn, settle, type Account, type Originals } from './account';
import type { Case, Shape } from './cases';
import { secretsIn } from './secrets';
import type { FileStore } from './store';

/** What n8n is to do when the node fails. */
export const MODES = {
	stop: {},
	continue: { onError: 'continueRegularOutput' },
	'error output': { onError: 'continueErrorOutput' },
	'stop, retry': { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 },
	'continue, retry': {
		onError: 'continueRegularOutput',
		retryOnFail: true,
		maxTries: 3,
		waitBetweenTries: 1,
	},
} as const satisfies Record<string, NodeRun['settings']>;
export type Mode = keyof typeof MODES;

const TINY = '[pixels:16x16]';

/** The item of ten that goes wrong. */
const SEVENTH = 6;

interface Setting {
	operation: 'textToImage' | 'imageSet';
	prompts: string[];
	/** Images of each request. */
	images: number;
	/** Prompt of the item that goes wrong. */
	target: string;
	options: INodeParameters;
}

function settingOf(shape: Shape): Setting {
	const options = {
		responseFormat: shape.includes('base64') ? 'b64_json' : 'url',
		...(shape.startsWith('set') && { stream: shape.includes('streamed') ? 'on' : 'off' }),
	};
	if (shape.startsWith('set')) {
		const target = 'set of foxes';
		return {
			operation: 'imageSet',
			prompts: [`${target} ${TINY}`],
			images: 4,
			target,
			options,
		};
	}
	const names = Array.from({ length: shape.startsWith('ten') ? 10 : 1 }, (_, i) => `scene ${i};`);
	return {
		operation: 'textToImage',
		prompts: names.map((name) => `${name} ${TINY}`),
		images: 1,
		target: names[SEVENTH] ?? names[0],
		options,
	};
}

/** A fault in one mode and shape, and what it came to. */
export interface Row extends Account {
	name: string;
	mode: Mode;
	shape: Shape;
	requests: number;
	/** Images of which the protocol itself leaves open whether they were made. */
	unknowable: number;
	/** Rules that do not hold. */
	wrong: string[];
}

/** What all rows share. */
export interface Stage {
	originals: Originals;
	store: FileStore;
	/** Address of a server where nothing may arrive with a key. */
	decoy: string;
}

const MAY_BE_CHARGED = /may have been generated and charged/;

/** Whatever a user gets to read of a run. */
function told({ error, items }: NodeResult): string {
	return JSON.stringify([error?.message, error?.description, items.map(({ json }) => json)]);
}

function check(each: Case, row: Row, setting: Setting, gateway: Gateway, result: NodeResult): void {
	const { ledger } = gateway;
	const { target, prompts } = setting;
	const isOfTarget = (prompt: string) => prompt.startsWith(target);
	if (each.unknowable) {
		row.unknowable = row.lost.filter(isOfTarget).length;
		row.lost = row.lost.filter((prompt) => !isOfTarget(prompt));
		if (row.unknowable > 0 && !MAY_BE_CHARGED.test(told(result))) {
			row.wrong.push('does not say that images may have been generated and charged');
		}
	}
	if (ledger.maxInFlight > 8) row.wrong.push(`${ledger.maxInFlight} requests at once`);
	if (ledger.downloads.some(({ authorization }) => authorization)) {
		row.wrong.push('the key went to a download');
	}
	for (const output of result.outputs) {
		const order = output.map(({ pairedItem }) => (pairedItem as { item: number }).item);
		if (order.some((item, i) => i > 0 && item < order[i - 1])) row.wrong.push('out of order');
	}
	for (const { pairedItem, json } of result.items) {
		const { item } = pairedItem as { item: number };
		if (json.prompt !== undefined && prompts[item] !== json.prompt) row.wrong.push('badly paired');
	}
	const addresses = addressesIn(told(result));
	const { error, items } = result;
	row.wrong.push(...secretsIn([error, items, told(result)], KEY, addresses));
}

/** Plays a case in n8n's engine against a gateway of its own, and settles the account. */
export async function play(each: Case, mode: Mode, shape: Shape, stage: Stage): Promise<Row> {
	const setting = settingOf(shape);
	const gateway = await startGateway({ key: KEY });
	const { port } = new URL(gateway.url);
	const faults = each.faults({
		match: { prompt: setting.target },
		elsewhere: `http://localhost:${port}`,
		decoy: stage.decoy,
	});
	for (const fault of faults) gateway.inject(fault);
	const result = await runNode({
		credentials: {
			baseUrl: `${gateway.profileUrl('volcengine')}/api/v3`,
			apiKey: KEY,
			gateway: 'volcengine',
		},
		parameters: parameters(setting.operation, IDS['4.0'], {
			prompt: '={{ $json.prompt }}',
			...(setting.operation === 'imageSet' && { maxImages: setting.images }),
			options: { ...setting.options, ...each.options },
			...(each.timeout && { requestOptions: { timeout: each.timeout } }),
		}),
		items: setting.prompts.map((prompt) => ({ json: { prompt } })),
		settings: MODES[mode],
		restApiUrl: stage.store.restApiUrl,
	});
	const account = await settle(gateway, result, stage.originals, stage.store.read);
	const requests = gateway.ledger.requests.length;
	const row: Row = { name: each.name, mode, shape, requests, unknowable: 0, wrong: [], ...account };
	check(each, row, setting, gateway, result);
	await gateway.close();
	return row;
}
