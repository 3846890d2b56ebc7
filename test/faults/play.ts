import type { INodeParameters } from 'n8n-workflow';

import { runNode, type NodeResult, type NodeRun } from '../engine';
import { startGateway, type Gateway } from '../gateway';
import { IDS, KEY, parameters } from '../support';
import { settle, type Account, type Originals } from './account';
import type { Case, Shape } from './cases';
import { secretsIn, urlsIn } from './secrets';
import type { FileStore } from './store';

const RETRY = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 } as const;

/** What n8n is to do when the node fails. */
export const MODES = {
	stop: {},
	continue: { onError: 'continueRegularOutput' },
	'error output': { onError: 'continueErrorOutput' },
	'stop, retry': RETRY,
	'continue, retry': { onError: 'continueRegularOutput', ...RETRY },
} as const satisfies Record<string, NodeRun['settings']>;
export type Mode = keyof typeof MODES;

/** Requests of a run that may be in progress at once, by default. */
const MAX_IN_FLIGHT = 8;

/** A fault in one mode and shape, and what it came to. */
export interface Row extends Account {
	name: string;
	mode: Mode;
	shape: Shape;
	requests: number;
	/** Images of which the protocol itself leaves open whether they were generated. */
	unknowable: number;
	/** Rules that do not hold. */
	wrong: string[];
}

/** What all rows share. */
export interface Stage {
	originals: Originals;
	store: FileStore;
	/** URL of a server where nothing may arrive with a key. */
	decoy: string;
}

/** Prompts of the items of a run; the seventh of ten goes wrong. */
function promptsOf(shape: Shape): { prompts: string[]; target: string } {
	const count = shape.startsWith('ten') ? 10 : 1;
	const names = shape.startsWith('set')
		? ['set of foxes']
		: Array.from({ length: count }, (_, i) => `scene ${i};`);
	const prompts = names.map((name) => `${name} [pixels:16x16]`);
	return { prompts, target: names[6] ?? names[0] };
}

/** Requests of each item: Volcengine does not support `n`. */
const requestsOf = (shape: Shape) => (shape === 'one, twice' ? 2 : 1);

function parametersOf(shape: Shape, { options, advanced, timeout }: Case): INodeParameters {
	const isSet = shape.startsWith('set');
	return parameters(isSet ? 'imageSet' : 'textToImage', IDS['4.0'], {
		prompt: '={{ $json.prompt }}',
		...(isSet && { maxImages: 4 }),
		options: { numberOfImages: requestsOf(shape), ...options },
		advanced: {
			responseFormat: shape.includes('base64') ? 'b64_json' : 'url',
			...(isSet && { stream: shape.includes('streamed') ? 'on' : 'off' }),
			...advanced,
		},
		...(timeout && { requestOptions: { timeout } }),
	});
}

/** Whatever a user gets to read of a run. */
function shownOf({ error, items }: NodeResult): string {
	return JSON.stringify([error?.message, error?.description, items.map(({ json }) => json)]);
}

/** The rules that hold whatever goes wrong. @returns those that do not */
function check({ ledger }: Gateway, result: NodeResult, prompts: string[]): string[] {
	const wrong: string[] = [];
	if (ledger.maxInFlight > MAX_IN_FLIGHT) wrong.push(`${ledger.maxInFlight} parallel requests`);
	if (ledger.downloads.some(({ authorization }) => authorization)) {
		wrong.push('the key went to a download');
	}
	for (const output of result.outputs) {
		const order = output.map(({ pairedItem }) => (pairedItem as { item: number }).item);
		if (order.some((item, i) => i > 0 && item < order[i - 1])) wrong.push('out of order');
	}
	for (const { pairedItem, json } of result.items) {
		const { item } = pairedItem as { item: number };
		if (json.prompt !== undefined && prompts[item] !== json.prompt) wrong.push('badly paired');
	}
	const shown = shownOf(result);
	return [...wrong, ...secretsIn([result.error, result.items, shown], KEY, urlsIn(shown))];
}

/** Plays a case in n8n's engine against a gateway of its own, and settles the account. */
export async function play(
	each: Case,
	mode: Mode,
	shape: Shape,
	{ originals, store, decoy }: Stage,
): Promise<Row> {
	const { prompts, target } = promptsOf(shape);
	const gateway = await startGateway({ key: KEY });
	const elsewhere = gateway.url.replace('127.0.0.1', 'localhost');
	const faults = each.faults({ match: { prompt: target }, elsewhere, decoy });
	for (const fault of faults) gateway.inject(fault);
	const result = await runNode({
		credentials: { baseUrl: `${gateway.profileUrl('volcengine')}/api/v3`, apiKey: KEY },
		parameters: parametersOf(shape, each),
		items: prompts.map((prompt) => ({ json: { prompt } })),
		settings: MODES[mode],
		restApiUrl: store.restApiUrl,
	});
	const account = await settle(gateway, result, originals, requestsOf(shape), store.read);
	await gateway.close();
	const wrong = check(gateway, result, prompts);
	const isOfTarget = (prompt: string) => !!each.unknowable && prompt.startsWith(target);
	// A fault meets one request, whatever others have the same prompt.
	const images = shape.startsWith('set') ? 4 : 1;
	const ofTarget = account.lost.filter(isOfTarget);
	const unknowable = Math.min(ofTarget.length, images);
	const lost = [...account.lost.filter((prompt) => !isOfTarget(prompt)), ...ofTarget.slice(images)];
	if (unknowable > 0 && !/may have been generated and charged/.test(shownOf(result))) {
		wrong.push('does not say that images may have been generated and charged');
	}
	const requests = gateway.ledger.requests.length;
	return { name: each.name, mode, shape, requests, ...account, lost, unknowable, wrong };
}

/** Plays many items at a gateway that admits some requests a second, and refuses the rest with 429. */
export async function playMany(
	{ originals, store }: Stage,
	{ items, rate }: { items: number; rate: number },
): Promise<Row> {
	const gateway = await startGateway({ key: KEY, rate });
	const prompts = Array.from({ length: items }, (_, i) => `one of many, ${i}; [pixels:16x16]`);
	const result = await runNode({
		credentials: { baseUrl: `${gateway.profileUrl('volcengine')}/api/v3`, apiKey: KEY },
		parameters: parameters('textToImage', IDS['4.0'], { prompt: '={{ $json.prompt }}' }),
		items: prompts.map((prompt) => ({ json: { prompt } })),
		restApiUrl: store.restApiUrl,
	});
	const account = await settle(gateway, result, originals, 1, store.read);
	await gateway.close();
	const wrong = check(gateway, result, prompts);
	if (result.error) wrong.push(result.error.message);
	if (result.items.length !== items) wrong.push(`${result.items.length} items`);
	const name = `${items} items, ${rate} requests a second admitted`;
	const requests = gateway.ledger.requests.length;
	return { name, mode: 'stop', shape: 'ten', requests, unknowable: 0, ...account, wrong };
}
