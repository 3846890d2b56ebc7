import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { INode } from 'n8n-workflow';

import { itemWith, listModels, runNode } from './engine';
import { GATEWAYS } from './facts/gateways';
import type { Operation } from './facts/models';
import type { ProfileName } from './gateway';
import { DATA_FIELD, onDay, picture, TINY, useGateway } from './support';

/** The day after Volcengine ended 5.0 Lite, 4.5 and 4.0-250828. */
const DAY = '2026-11-25';

const bench = useGateway({ day: DAY });
beforeEach(() => onDay(DAY));

const PROFILES: ProfileName[] = [
	'volcengine',
	'byteplus',
	'deerapi',
	'gateway001',
	'gateway002',
	'routescope',
	'unode',
	'new-api',
];

const LITE = 'doubao-seedream-5-0-260128';

const file = async () =>
	itemWith({ data: { bytes: await picture(), mimeType: 'image/png', fileName: 'mug.png' } });

/** The ids that were asked for. */
const modelsSent = () => bench.bodies().map(({ model }) => model);

/** Puts a list of models in place of the gateway's own, for every request of the test. */
function offer(...ids: string[]): void {
	const data = ids.map((id) => ({ id }));
	bench.gateway.inject({
		on: 'models',
		nth: 'every',
		body: JSON.stringify({ object: 'list', data }),
	});
}

const listRequests = () => bench.gateway.ledger.requests.filter(({ method }) => method === 'GET');

describe('Automatic is the recommended model of the gateway for the operation', () => {
	const RECOMMENDED: Record<ProfileName, Partial<Record<Operation, string>>> = {
		volcengine: {
			textToImage: 'doubao-seedream-5-5-261028',
			imageToImage: 'doubao-seedream-5-5-261028',
			imageSet: 'doubao-seedream-4-0-20260415',
		},
		byteplus: {
			textToImage: 'dola-seedream-5-5-261028',
			imageToImage: 'dola-seedream-5-5-261028',
			imageSet: 'seedream-5-0-260128',
		},
		deerapi: { textToImage: LITE, imageToImage: LITE, imageSet: LITE },
		gateway001: { textToImage: LITE, imageToImage: LITE, imageSet: LITE },
		gateway002: { textToImage: LITE, imageToImage: LITE },
		routescope: { textToImage: LITE, imageToImage: LITE, imageSet: LITE },
		unode: { textToImage: LITE, imageToImage: LITE, imageSet: LITE },
		// By its own list, in which ended models still stand.
		'new-api': {
			textToImage: 'doubao-seedream-5-5-261028',
			imageToImage: 'doubao-seedream-5-5-261028',
			imageSet: 'doubao-seedream-4-0-20260415',
		},
	};
	const cases = Object.entries(RECOMMENDED).flatMap(([profile, models]) =>
		Object.entries(models).map(([operation, model]) => ({ profile, operation, model })),
	);

	it.each(cases)('$profile, $operation: $model', async ({ profile, operation, model }) => {
		const values = { operation, prompt: TINY, referenceImages: DATA_FIELD };
		const options = {
			credentials: bench.credentials(profile as ProfileName),
			items: [await file()],
		};
		const [preview] = await bench.items({ ...values, options: { previewRequest: true } }, options);
		expect(preview.json.body).toMatchObject({ model });
		expect(bench.bodies()).toEqual([]);
		const items = await bench.items(values, options);
		expect(modelsSent()).toEqual([model]);
		for (const { json, binary } of items) {
			expect(json.model).toBe(model);
			expect(binary).toHaveProperty('data');
		}
	});

	it.each(['automatic', ' Automatic '])('also when an expression gives “%s”', async (value) => {
		await bench.items(
			{ model: { __rl: true, mode: 'id', value: '={{ $json.model }}' }, prompt: TINY },
			{ items: [{ json: { model: value } }] },
		);
		expect(modelsSent()).toEqual(['doubao-seedream-5-5-261028']);
	});

	it('it comes first in the list, and what is typed finds it', async () => {
		const { results } = await listModels(bench.credentials(), { operation: 'imageSet' });
		expect(results[0]).toEqual({ name: 'Automatic (Recommended)', value: 'automatic' });
		const found = await listModels(bench.credentials(), { operation: 'imageSet' }, 'auto');
		expect(found.results).toEqual([results[0]]);
	});
});

describe('at a gateway that no document describes', () => {
	const credentials = () => bench.credentials('new-api');

	it('its list is asked once a run, however many items there are', async () => {
		const items = Array.from({ length: 5 }, () => ({ json: {} }));
		await bench.items({ prompt: TINY }, { credentials: credentials(), items });
		expect(bench.bodies()).toHaveLength(5);
		expect(listRequests()).toHaveLength(1);
		await bench.items({ prompt: TINY }, { credentials: credentials() });
		expect(listRequests()).toHaveLength(2);
	});

	it('is not asked where a model is chosen, and no other gateway is', async () => {
		const model = { __rl: true, mode: 'id', value: 'doubao-seedream-5-0-pro-260628' };
		await bench.items({ model, prompt: TINY }, { credentials: credentials() });
		await bench.items({ prompt: TINY }, { credentials: bench.credentials('deerapi') });
		expect(listRequests()).toEqual([]);
	});

	const chosen = async (operation: Operation) => {
		const [{ json }] = await bench.items(
			{ operation, prompt: TINY, options: { previewRequest: true } },
			{ credentials: credentials() },
		);
		return (json.body as { model: string }).model;
	};

	it('the newest model of its list is used that supports the operation, in its own spelling', async () => {
		offer('gpt-image-1', 'seedream-4.5', 'bytedance/seedream-5.0-flash', 'doubao-seedream-9');
		expect(await chosen('textToImage')).toBe('bytedance/seedream-5.0-flash');
		expect(await chosen('imageSet')).toBe('seedream-4.5');
	});

	it('a model that its own service has ended comes last', async () => {
		offer('doubao-seedream-4-5-251128', 'doubao-seedream-4-0-20260415');
		expect(await chosen('imageSet')).toBe('doubao-seedream-4-0-20260415');
		bench.gateway.reset();
		offer('doubao-seedream-4-5-251128');
		expect(await chosen('imageSet')).toBe('doubao-seedream-4-5-251128');
	});

	it.each([
		['has no list', { status: 404 }],
		['breaks down', { status: 500, message: 'no' }],
		['cuts the connection', { reset: 'before' as const }],
		['lists nothing that it knows', { body: '{"data":[{"id":"gpt-image-1"}]}' }],
	])('5.0 Lite is used where it %s', async (_what, fault) => {
		bench.gateway.inject({ on: 'models', ...fault });
		expect(await chosen('textToImage')).toBe(LITE);
	});
});

/** Nodes of ours in the examples, by file. */
const EXAMPLES = join(__dirname, '..', 'examples');
const NODES = readdirSync(EXAMPLES).flatMap((name) => {
	const { nodes } = JSON.parse(readFileSync(join(EXAMPLES, name), 'utf8')) as {
		nodes: Array<Pick<INode, 'type' | 'name' | 'parameters' | 'onError'>>;
	};
	return nodes
		.filter(({ type }) => type.startsWith('n8n-nodes-seedream.'))
		.map((node) => ({ ...node, file: name }));
});

/** What stands before our nodes in the examples. */
async function input() {
	const bytes = await picture();
	const image = { bytes, mimeType: 'image/png', fileName: 'mug.png' };
	const prompt = 'A red bicycle';
	return itemWith(
		{ data: image, character: image, place: image },
		{ prompt, ratio: '3:2', name: 'bicycle', fileName: 'mug.png', body: { prompt } },
	);
}

describe.each(PROFILES)('at %s, on the day after the end of 5.0 Lite at Volcengine', (profile) => {
	it('a new node with nothing but a prompt generates an image', async () => {
		const items = await bench.items({ prompt: TINY }, { credentials: bench.credentials(profile) });
		expect(items.map(({ binary }) => binary?.data.mimeType)).toEqual(['image/jpeg']);
	});

	it('every example generates images, and none of its nodes fails', async () => {
		// Gateway 002 has no image sets, and the node says so.
		const nodes = NODES.filter(
			({ parameters }) => parameters.operation !== 'imageSet' || hasSets(profile),
		);
		expect(nodes.length).toBeGreaterThan(10);
		const failed: string[] = [];
		const images: Record<string, number> = {};
		for (const { file: name, name: node, parameters, onError } of nodes) {
			bench.gateway.reset();
			const isTool = name === 'ai-agent-illustrates.json';
			const { error, outputs } = await runNode({
				credentials: bench.credentials(profile),
				parameters,
				settings: { onError },
				...(isTool ? { toolCall: { Prompt: TINY } } : { items: [await input()] }),
			});
			images[name] = (images[name] ?? 0) + (outputs[0] ?? []).filter(({ json }) => json.url).length;
			if (error) failed.push(`${name}, ${node}: ${error.message} ${error.description}`);
		}
		expect(failed).toEqual([]);
		expect(Object.entries(images).filter(([, count]) => count === 0)).toEqual([]);
	}, 120_000);
});

function hasSets(profile: ProfileName): boolean {
	const { parameters } = GATEWAYS[profile === 'new-api' ? 'other' : profile];
	return 'sequential_image_generation' in parameters;
}

it('the model list is not asked for at a domain that the credential does not allow', async () => {
	const limits = { allowedHttpRequestDomains: 'domains', allowedDomains: 'example.com' };
	const credentials = { ...bench.credentials('new-api'), ...limits };
	const { error } = await bench.run(
		{
			operation: 'textToImage',
			model: { __rl: true, mode: 'list', value: 'automatic' },
			prompt: 'a fox',
		},
		{ credentials },
	);
	expect(error?.message).toMatch(/Domain not allowed/);
	expect(bench.gateway.ledger.requests).toEqual([]);
});
