import { runNode } from '../engine';
import { startGateway } from '../gateway';
import { IDS, KEY, parameters } from '../support';
import { settle } from './account';
import type { Row, Stage } from './play';

/** Items for a gateway that lets only some requests through in a second, and answers 429 to the rest. */
export async function playMany(
	{ originals, store }: Pick<Stage, 'originals' | 'store'>,
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
	const { ledger } = gateway;
	const wrong: string[] = [];
	if (ledger.maxInFlight > 8) wrong.push(`${ledger.maxInFlight} requests at once`);
	if (result.error) wrong.push(result.error.message);
	const order = result.items.map(({ json }) => json.prompt);
	if (JSON.stringify(order) !== JSON.stringify(prompts)) wrong.push('not all, or out of order');
	const account = await settle(gateway, result, originals, store.read);
	await gateway.close();
	return {
		name: `${items} items, ${rate} requests a second allowed`,
		mode: 'stop',
		shape: 'ten',
		requests: ledger.requests.length,
		unknowable: 0,
		wrong,
		...account,
	};
}
