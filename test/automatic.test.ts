import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INode } from 'n8n-workflow';

import { itemWith, listModels } from './engine';
import { GATEWAYS, type GatewayFacts } from './facts/gateways';
import type { Operation } from './facts/models';
import type { ProfileName } from './gateway';
import { byId, DATA_FIELD, onDay, picture, TINY, useGateway } from './support';

/** The day after Volcengine ended 5.0 Lite, 4.5 and 4.0-250828. */
const DAY = '2026-11-25';

const bench = useGateway({ day: DAY });
beforeEach(() => onDay(DAY));

const LITE = 'doubao-seedream-5-0-260128';
const FIVE_FIVE = 'doubao-seedream-5-5-261028';
const FOUR = 'doubao-seedream-4-0-20260415';

/** What Automatic stands for at each gateway, for single images and for sets. */
const RECOMMENDED: Array<[ProfileName, single: string, set?: string]> = [
	['volcengine', FIVE_FIVE, FOUR],
	['byteplus', 'dola-seedream-5-5-261028', 'seedream-5-0-260128'],
	['deerapi', LITE, LITE],
	['gateway001', LITE, LITE],
	['gateway002', LITE],
	['routescope', LITE, LITE],
	['unode', LITE, LITE],
	// By its own list, which still has retired models.
	['new-api', FIVE_FIVE, FOUR],
];

/** What stands before the nodes of the examples. */
async function input() {
	const image = { bytes: await picture(512, 512), mimeType: 'image/png', fileName: 'mug.png' };
	const prompt = 'A red bicycle';
	return itemWith(
		{ data: image, character: image, place: image },
		{ prompt, ratio: '3:2', name: 'bicycle', fileName: 'mug.png', body: { prompt } },
	);
}

const modelsSent = () => bench.bodies().map(({ model }) => model);

const listRequests = () => bench.gateway.ledger.requests.filter(({ method }) => method === 'GET');

describe('Automatic is the recommended model of the gateway for the operation', () => {
	const cases = RECOMMENDED.flatMap(([profile, single, set]) => [
		{ profile, operation: 'textToImage', model: single },
		{ profile, operation: 'imageToImage', model: single },
		...(set ? [{ profile, operation: 'imageSet', model: set }] : []),
	]);

	it.each(cases)('$profile, $operation: $model', async ({ profile, operation, model }) => {
		const values = { operation, prompt: TINY, referenceImages: DATA_FIELD };
		const run = { credentials: bench.credentials(profile), items: [await input()] };
		const [preview] = await bench.items({ ...values, options: { previewRequest: true } }, run);
		expect(preview.json.body).toMatchObject({ model });
		expect(bench.bodies()).toEqual([]);
		const items = await bench.items(values, run);
		expect(modelsSent()).toEqual([model]);
		for (const { json, binary } of items) {
			expect(json.model).toBe(model);
			expect(binary?.data.mimeType).toBe('image/jpeg');
		}
	});

	it.each(['automatic', ' Automatic '])('also when an expression gives “%s”', async (value) => {
		await bench.items({ model: byId(`={{ "${value}" }}`), prompt: TINY });
		expect(modelsSent()).toEqual([FIVE_FIVE]);
	});

	it('it comes first in the list', async () => {
		const { results } = await listModels(bench.credentials(), { operation: 'imageSet' });
		expect(results[0]).toEqual({ name: 'Automatic (Recommended)', value: 'automatic' });
	});
});

describe('at a gateway that no document describes', () => {
	const credentials = () => bench.credentials('new-api');

	it('its list is requested once a run, however many items there are', async () => {
		const items = Array.from({ length: 5 }, () => ({ json: {} }));
		await bench.items({ prompt: TINY }, { credentials: credentials(), items });
		expect([bench.bodies().length, listRequests().length]).toEqual([5, 1]);
		await bench.items({ prompt: TINY }, { credentials: credentials() });
		expect(listRequests()).toHaveLength(2);
	});

	it('is not asked where a model is chosen, and no other gateway is', async () => {
		const model = byId('doubao-seedream-5-0-pro-260628');
		await bench.items({ model, prompt: TINY }, { credentials: credentials() });
		await bench.items({ prompt: TINY }, { credentials: bench.credentials('deerapi') });
		expect(listRequests()).toEqual([]);
	});

	it('is not asked where the credential does not allow its domain', async () => {
		const limits = { allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com' };
		const { error } = await bench.run(
			{ prompt: TINY },
			{ credentials: { ...credentials(), ...limits } },
		);
		expect(error?.message).toMatch(/Domain not allowed/);
		expect(bench.gateway.ledger.requests).toEqual([]);
	});

	const chosen = async (operation: Operation) => {
		const [{ json }] = await bench.items(
			{ operation, prompt: TINY, options: { previewRequest: true } },
			{ credentials: credentials() },
		);
		return (json.body as { model: string }).model;
	};

	// Newest first, in the list's own spelling; those that their own service has retired come last.
	it.each<[Operation, listed: string[], expected: string]>([
		[
			'textToImage',
			['gpt-image-1', 'seedream-4.5', 'bytedance/seedream-5.0-flash', 'doubao-seedream-9'],
			'bytedance/seedream-5.0-flash',
		],
		['imageSet', ['seedream-4.5', 'bytedance/seedream-5.0-flash'], 'seedream-4.5'],
		['imageSet', ['doubao-seedream-4-5-251128', FOUR], FOUR],
		['imageSet', ['doubao-seedream-4-5-251128'], 'doubao-seedream-4-5-251128'],
	])('the newest listed model that supports %s of %j is used', async (operation, ids, expected) => {
		const body = JSON.stringify({ object: 'list', data: ids.map((id) => ({ id })) });
		bench.gateway.inject({ on: 'models', body });
		expect(await chosen(operation)).toBe(expected);
	});

	it.each([
		['has no list', { status: 404 }],
		['fails', { status: 500, message: 'no' }],
		['cuts the connection', { reset: 'before' as const }],
		['lists nothing that is known', { body: '{"data":[{"id":"gpt-image-1"}]}' }],
	])('5.0 Lite is used where it %s', async (_, fault) => {
		bench.gateway.inject({ on: 'models', ...fault });
		expect(await chosen('textToImage')).toBe(LITE);
	});
});

/** Whether a gateway has the layers or the model that a node of an example asks for. */
function isFor(profile: ProfileName, parameters: INode['parameters'], onError: unknown): boolean {
	const gateway: GatewayFacts = GATEWAYS[profile === 'new-api' ? 'other' : profile];
	const { value } = parameters.model as { value: string };
	if (value !== 'automatic' && !onError && !gateway.models.includes(value)) return false;
	// Of layers, new-api loses what is not in extra_fields.
	return parameters.operation !== 'layers' || gateway.service !== undefined;
}

describe('every example works on the day after 5.0 Lite was retired', () => {
	const folder = join(__dirname, '..', 'examples');
	const nodes = readdirSync(folder).flatMap((file) => {
		const workflow = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
			nodes: Array<Pick<INode, 'type' | 'name' | 'parameters' | 'onError'>>;
		};
		return workflow.nodes
			.filter(({ type }) => type.startsWith('n8n-nodes-seedream.'))
			.map((node) => ({ ...node, file }));
	});

	it.each(RECOMMENDED.map(([profile, , set]) => [profile, set !== undefined] as const))(
		'at %s (image sets: %s)',
		async (profile, hasSets) => {
			const images: Record<string, number> = {};
			for (const { file, name, parameters, onError } of nodes) {
				if (parameters.operation === 'imageSet' && !hasSets) continue;
				if (!isFor(profile, parameters, onError)) continue;
				const isTool = file === 'ai-agent-illustrates.json';
				// A large picture takes the stand-in gateway a second.
				const prompt = `${String(parameters.prompt)} [pixels:16x16]`;
				const { error, outputs } = await bench.run(
					{ ...parameters, prompt: isTool ? parameters.prompt : prompt },
					{
						credentials: bench.credentials(profile),
						settings: { onError },
						...(isTool ? { toolCall: { Prompt: TINY } } : { items: [await input()] }),
					},
				);
				expect([file, name, error]).toEqual([file, name, undefined]);
				const made = (outputs[0] ?? []).filter(({ json }) => json.url);
				images[file] = (images[file] ?? 0) + made.length;
			}
			expect(Object.keys(images).length).toBeGreaterThan(hasSets ? 10 : 8);
			expect(Object.entries(images).filter(([, count]) => count === 0)).toEqual([]);
		},
	);
});
