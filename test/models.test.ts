import { listModels } from './engine';
import type { ProfileName } from './gateway';
import { KEY, onDay, useGateway } from './support';

const bench = useGateway();

/** A day before any end is announced. */
beforeEach(() => onDay('2026-09-01'));

interface Listing {
	gateway?: ProfileName;
	operation?: string;
	filter?: string;
	/** Entries of the gateway's own list, in place of those it has. */
	live?: object[];
}

/** The list as the editor gets it. */
async function list({ gateway = 'volcengine', operation = 'textToImage', filter, live }: Listing) {
	if (live) {
		bench.gateway.inject({ on: 'models', body: JSON.stringify({ object: 'list', data: live }) });
	}
	const { results } = await listModels(bench.credentials(gateway), { operation }, filter);
	return results;
}

const names = async (listing: Listing) => (await list(listing)).map(({ name }) => name);
const ids = async (listing: Listing) => (await list(listing)).map(({ value }) => value);

const SETS_AT_VOLCENGINE = [
	'automatic',
	'doubao-seedream-5-0-260128',
	'doubao-seedream-5-0-lite-260128',
	'doubao-seedream-4-5-251128',
	'doubao-seedream-4-0-20260415',
	'doubao-seedream-4-0-250828',
];

it('the list has Automatic, then the newest models first', async () => {
	expect((await list({})).map(({ name, value }) => [name, value])).toEqual([
		['Automatic (Recommended)', 'automatic'],
		['Seedream 5.5', 'doubao-seedream-5-5-261028'],
		['Seedream 5.0 Pro', 'doubao-seedream-5-0-pro-260628'],
		['Seedream 5.0 Flash', 'doubao-seedream-5-0-flash-260915'],
		['Seedream 5.0 Lite (260128)', 'doubao-seedream-5-0-260128'],
		['Seedream 5.0 Lite (lite-260128)', 'doubao-seedream-5-0-lite-260128'],
		['Seedream 4.5', 'doubao-seedream-4-5-251128'],
		['Seedream 4.0 (20260415)', 'doubao-seedream-4-0-20260415'],
		['Seedream 4.0 (250828)', 'doubao-seedream-4-0-250828'],
	]);
	const [{ method, path, headers }] = bench.gateway.ledger.requests;
	expect([method, path]).toEqual(['GET', '/volcengine/api/v3/models']);
	expect(headers.authorization).toBe('Bearer ***');
});

it.each<[ProfileName, operation: string, expected: string[]]>([
	['volcengine', 'imageSet', SETS_AT_VOLCENGINE],
	[
		'gateway001',
		'textToImage',
		[
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
			'doubao-seedream-3-0-t2i-250415',
		],
	],
	[
		'gateway001',
		'imageToImage',
		[
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-250828',
			'doubao-seededit-3-0-i2i-250628',
		],
	],
])('%s lists what its document has for %s', async (gateway, operation, expected) => {
	expect(await ids({ gateway, operation })).toEqual(expected);
});

it('without an operation, every model is listed', async () => {
	const { results } = await listModels(bench.credentials('gateway001'), {});
	expect(results.map(({ value }) => value)).toEqual([
		'automatic',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-250828',
		'doubao-seedream-3-0-t2i-250415',
		'doubao-seededit-3-0-i2i-250628',
	]);
});

describe('a model that its service retires', () => {
	/** The list without what the gateway's own adds. */
	const documented = async (day: string, gateway?: ProfileName) => {
		onDay(day);
		return await names({ gateway, live: [] });
	};

	it('is announced 60 days before', async () => {
		expect(await documented('2026-09-24')).toContain('Seedream 4.5');
		expect(await documented('2026-09-25')).toEqual([
			'Automatic (Recommended)',
			'Seedream 5.5',
			'Seedream 5.0 Pro',
			'Seedream 5.0 Flash',
			'Seedream 5.0 Lite (260128), ends 2026-11-24',
			'Seedream 5.0 Lite (lite-260128), ends 2026-11-24',
			'Seedream 4.5, ends 2026-11-24',
			'Seedream 4.0 (20260415)',
			'Seedream 4.0 (250828), ends 2026-11-24',
		]);
	});

	it('is gone from the list after it', async () => {
		expect(await documented('2026-11-25')).toEqual([
			'Automatic (Recommended)',
			'Seedream 5.5',
			'Seedream 5.0 Pro',
			'Seedream 5.0 Flash',
			'Seedream 4.0',
		]);
	});

	it('stays as retired where the gateway’s own list still has it in use', async () => {
		onDay('2026-11-25');
		const id = 'doubao-seedream-4-5-251128';
		const retiring = await names({ live: [{ id, status: 'Retiring' }] });
		expect(retiring).toContain('Seedream 4.5, retired');
		const shutDown = await names({ live: [{ id, status: 'Shutdown' }] });
		expect(shutDown.join()).not.toContain('4.5');
	});

	it('stays at other gateways, which have channels of their own', async () => {
		expect(await documented('2026-11-25', 'deerapi')).toEqual([
			'Automatic (Recommended)',
			'Seedream 5.0 Lite',
		]);
	});
});

describe('the gateway’s own list', () => {
	it('adds Seedream ids that nobody knows, without duplicates and invalid entries', async () => {
		const added = await list({
			live: [
				{ id: 'doubao-seedream-6-0-pro-270101' },
				{ id: 'doubao-seedream-5-0-pro-260628' },
				{ id: 'bytedance/seedream-4.5' },
				{ id: 'SeedEdit-4.0' },
				{ id: 'gpt-4o-mini' },
				{ id: 'doubao-seedance-1-0-pro-250528' },
				{ id: 'doubao-seedream-3-0-t2i-250415', status: 'Shutdown' },
				{ name: 'no id' },
				{ id: 7 },
			],
		});
		expect(added.map(({ value }) => value)).toEqual([
			'automatic',
			'doubao-seedream-5-5-261028',
			'doubao-seedream-5-0-pro-260628',
			'doubao-seedream-5-0-flash-260915',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'bytedance/seedream-4.5',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-20260415',
			'doubao-seedream-4-0-250828',
			'doubao-seedream-6-0-pro-270101',
			'SeedEdit-4.0',
		]);
		expect(added[6].name).toBe('Seedream 4.5 (bytedance/seedream-4.5)');
	});

	it('adds no model that does not support the operation', async () => {
		const live = [{ id: 'bytedance/seedream-5.0-pro' }];
		expect(await ids({ operation: 'imageSet', live })).toEqual(SETS_AT_VOLCENGINE);
	});

	it('of an unknown gateway replaces the ids of families that it has', async () => {
		const live = ['gpt-image-1', 'bytedance/seedream-4.5', 'seedream-4-0', 'bytedance/seedream-4'];
		const listing = { operation: 'imageSet', live: live.map((id) => ({ id })) };
		expect(await ids({ gateway: 'new-api', ...listing })).toEqual([
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'bytedance/seedream-4.5',
			'seedream-4-0',
			'bytedance/seedream-4',
		]);
	});

	it('may be absent: then the documented models are listed', async () => {
		const faults = [
			{ status: 404 },
			{ status: 404, body: '' },
			{ html: true as const, status: 200 },
			{ redirect: 'https://example.com/models' },
			{ body: 'ok' },
			{ body: 'null' },
			{ body: '{"models":["a"]}' },
			{ body: '{"data":{"id":"seedream-x"}}' },
			{ body: '{"data":[null,"seedream-9"]}' },
			{ status: 500, message: 'no' },
		];
		for (const fault of faults) {
			bench.gateway.inject({ on: 'models', ...fault });
			const listed = await ids({ operation: 'imageSet' });
			expect([fault, listed]).toEqual([fault, SETS_AT_VOLCENGINE]);
		}
	});
});

it.each<[filter: string, Listing, expected: string[]]>([
	['FLASH', {}, ['doubao-seedream-5-0-flash-260915']],
	['Seedream 4.5', {}, ['doubao-seedream-4-5-251128']],
	['auto', {}, ['automatic']],
	['nothing of the kind', {}, []],
	['tuned', { live: [{ id: 'gpt-image-1' }, { id: 'my-tuned-model' }] }, ['my-tuned-model']],
	[
		'*',
		{ operation: 'imageSet', live: [{ id: 'z-image' }, { id: 'gpt-image-1' }] },
		[...SETS_AT_VOLCENGINE, 'gpt-image-1', 'z-image'],
	],
])('typing “%s” finds models by name and id', async (filter, listing, expected) => {
	expect(await ids({ ...listing, filter })).toEqual(expected);
});

it('an unreachable gateway is reported', async () => {
	const credentials = { baseUrl: 'http://127.0.0.1:9', apiKey: KEY, provider: 'unode' };
	await expect(listModels(credentials, {})).rejects.toThrow('The service refused the connection');
});

it('a credential without a base URL is reported', async () => {
	await expect(listModels({ baseUrl: '', apiKey: KEY }, {})).rejects.toThrow(
		'The credential has no Base URL',
	);
});

it.each([
	['nothing', { status: 401, body: '' }],
	['a text', { status: 403, body: 'Forbidden' }],
	['a web page', { status: 403, html: true as const }],
	['the key', { status: 401, message: `Incorrect API key ${KEY}` }],
])('a rejected key is reported when the gateway returns %s', async (_, fault) => {
	bench.gateway.inject({ on: 'models', ...fault });
	await expect(list({})).rejects.toMatchObject({
		message: 'The gateway rejected the API key of the credential',
		description: 'Open the credential and check key and Base URL. Or enter the model By ID.',
		httpCode: String(fault.status),
	});
});
