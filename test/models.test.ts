import { listModels } from './engine';
import { KEY, onDay, useGateway } from './support';

const bench = useGateway();

const ids = async (
	operation: string,
	filter?: string,
	credentials = bench.credentials(),
): Promise<unknown[]> => {
	const { results } = await listModels(credentials, { operation }, filter);
	return results.map(({ value }) => value);
};

/** Returns these entries as the next model list. */
function offer(...data: object[]): void {
	bench.gateway.inject({ on: 'models', body: JSON.stringify({ object: 'list', data }) });
}

/** What a user reads in the list. */
const names = async (operation: string, credentials = bench.credentials()): Promise<string[]> => {
	const { results } = await listModels(credentials, { operation });
	return results.map(({ name }) => name);
};

/** A day before any end is announced. */
beforeEach(() => onDay('2026-09-01'));

it('Text-to-Image at Volcengine: Automatic, then the newest first', async () => {
	expect(await names('textToImage')).toEqual([
		'Automatic (Recommended)',
		'Seedream 5.5',
		'Seedream 5.0 Pro',
		'Seedream 5.0 Flash',
		'Seedream 5.0 Lite (260128)',
		'Seedream 5.0 Lite (lite-260128)',
		'Seedream 4.5',
		'Seedream 4.0 (20260415)',
		'Seedream 4.0 (250828)',
	]);
	expect(await ids('textToImage')).toEqual([
		'automatic',
		'doubao-seedream-5-5-261028',
		'doubao-seedream-5-0-pro-260628',
		'doubao-seedream-5-0-flash-260915',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-5-0-lite-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-20260415',
		'doubao-seedream-4-0-250828',
	]);
	const [{ method, path, headers }] = bench.gateway.ledger.requests;
	expect([method, path]).toEqual(['GET', '/volcengine/api/v3/models']);
	expect(headers.authorization).toBe('Bearer ***');
});

describe('a model that its service ends', () => {
	/** The list without what the gateway's own adds. */
	const documented = async (gateway: 'volcengine' | 'deerapi') => {
		bench.gateway.inject({ on: 'models', status: 404 });
		return await names('textToImage', bench.credentials(gateway));
	};

	it('is announced 60 days before', async () => {
		onDay('2026-09-24');
		expect(await documented('volcengine')).toContain('Seedream 4.5');
		onDay('2026-09-25');
		expect(await documented('volcengine')).toEqual([
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
		onDay('2026-11-25');
		expect(await documented('volcengine')).toEqual([
			'Automatic (Recommended)',
			'Seedream 5.5',
			'Seedream 5.0 Pro',
			'Seedream 5.0 Flash',
			'Seedream 4.0',
		]);
	});

	it('stays as retired where the gateway’s own list still has it', async () => {
		onDay('2026-11-25');
		offer({ id: 'doubao-seedream-4-5-251128', status: 'Retiring' });
		expect(await names('textToImage')).toContain('Seedream 4.5, retired');
		offer({ id: 'doubao-seedream-4-5-251128', status: 'Shutdown' });
		expect((await names('textToImage')).join()).not.toContain('4.5');
	});

	it('stays at other gateways, which have channels of their own', async () => {
		onDay('2026-11-25');
		expect(await documented('deerapi')).toEqual(['Automatic (Recommended)', 'Seedream 5.0 Lite']);
	});
});

it('Image Set: only models that generate sets', async () => {
	expect(await ids('imageSet')).toEqual([
		'automatic',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-5-0-lite-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-20260415',
		'doubao-seedream-4-0-250828',
	]);
	expect(await ids('imageSet', undefined, bench.credentials('byteplus'))).toEqual([
		'automatic',
		'seedream-5-0-260128',
		'seedream-5-0-lite-260128',
		'seedream-4-5-251128',
		'seedream-4-0-250828',
	]);
});

it('Image-to-Image: SeedEdit if a document still lists it, 3.0 never', async () => {
	const gateway001 = bench.credentials('gateway001');
	expect(await ids('imageToImage', undefined, gateway001)).toEqual([
		'automatic',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-250828',
		'doubao-seededit-3-0-i2i-250628',
	]);
	expect(await ids('textToImage', undefined, gateway001)).toEqual([
		'automatic',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-250828',
		'doubao-seedream-3-0-t2i-250415',
	]);
});

it('each gateway lists the models of its document', async () => {
	expect(await ids('textToImage', undefined, bench.credentials('deerapi'))).toContain(
		'doubao-seedream-5-0-260128',
	);
	expect(await ids('textToImage', undefined, bench.credentials('gateway002'))).toEqual([
		'automatic',
		'doubao-seedream-5-0-260128',
		'doubao-seedream-4-5-251128',
		'doubao-seedream-4-0-250828',
		'seedream-4-0-250828',
	]);
	expect(await ids('imageSet', undefined, bench.credentials('unode'))).toEqual(
		expect.arrayContaining(['doubao-seedream-5-0-260128', 'doubao-seedream-4-5-251128']),
	);
});

describe('models that the live list adds', () => {
	it('Seedream ids that the catalog does not know come last, without duplicates', async () => {
		offer(
			{ id: 'doubao-seedream-6-0-pro-270101' },
			{ id: 'doubao-seedream-5-0-pro-260628' },
			{ id: 'bytedance/seedream-4.5' },
			{ id: 'SeedEdit-4.0' },
			{ id: 'gpt-4o-mini' },
			{ id: 'doubao-seedance-1-0-pro-250528' },
		);
		const { results } = await listModels(bench.credentials(), { operation: 'textToImage' });
		const values = results.map(({ value }) => value);
		expect(values.slice(-2)).toEqual(['doubao-seedream-6-0-pro-270101', 'SeedEdit-4.0']);
		expect(results.find(({ value }) => value === 'bytedance/seedream-4.5')?.name).toBe(
			'Seedream 4.5 (bytedance/seedream-4.5)',
		);
		expect(new Set(values).size).toBe(values.length);
		expect(values).not.toContain('gpt-4o-mini');
		expect(values).not.toContain('doubao-seedance-1-0-pro-250528');
	});

	it('no model that the service has shut down', async () => {
		offer({ id: 'doubao-seedream-3-0-t2i-250415', status: 'Shutdown' });
		expect(await ids('textToImage')).not.toContain('doubao-seedream-3-0-t2i-250415');
	});

	it('no model that does not support the operation', async () => {
		offer({ id: 'bytedance/seedream-5.0-pro' });
		expect(await ids('imageSet')).not.toContain('bytedance/seedream-5.0-pro');
	});

	it('invalid entries are ignored', async () => {
		offer({ name: 'no id' }, { id: 7 }, { id: 'doubao-seedream-9' });
		expect(await ids('textToImage')).toContain('doubao-seedream-9');
	});
});

describe('the filter', () => {
	it('finds models by family and by id, in any case', async () => {
		expect(await ids('textToImage', 'FLASH')).toEqual(['doubao-seedream-5-0-flash-260915']);
		expect(await ids('textToImage', 'Seedream 4.5')).toEqual(['doubao-seedream-4-5-251128']);
		expect(await ids('textToImage', 'nothing of the kind')).toEqual([]);
	});

	it('finds other models of the gateway, and * shows all', async () => {
		const models = [{ id: 'gpt-image-1' }, { id: 'my-tuned-model' }];
		offer(...models);
		expect(await ids('textToImage', 'tuned')).toEqual(['my-tuned-model']);
		offer(...models);
		expect(await ids('textToImage', '*')).toEqual(
			expect.arrayContaining(['gpt-image-1', 'my-tuned-model', 'doubao-seedream-4-5-251128']),
		);
	});
});

describe('a gateway without a list', () => {
	it.each([
		['404', { status: 404 }],
		['404 with nothing', { status: 404, body: '' }],
		['a web page', { html: true as const, status: 200 }],
		['a redirect', { redirect: 'https://example.com/models' }],
		['a text', { body: 'ok' }],
		['null', { body: 'null' }],
		['a list of another form', { body: '{"models":["a"]}' }],
		['data that is no list', { body: '{"data":{"id":"seedream-x"}}' }],
		['entries that are null', { body: '{"data":[null,"seedream-9"]}' }],
		['a service that broke down', { status: 500, message: 'no' }],
	])('(%s) still shows the catalog', async (_name, fault) => {
		bench.gateway.inject({ on: 'models', ...fault });
		expect(await ids('imageSet')).toEqual([
			'automatic',
			'doubao-seedream-5-0-260128',
			'doubao-seedream-5-0-lite-260128',
			'doubao-seedream-4-5-251128',
			'doubao-seedream-4-0-20260415',
			'doubao-seedream-4-0-250828',
		]);
	});

	it('but an unreachable gateway is reported', async () => {
		const credentials = { baseUrl: 'http://127.0.0.1:9', apiKey: KEY, gateway: 'unode' };
		await expect(ids('textToImage', undefined, credentials)).rejects.toThrow(
			'The service refused the connection',
		);
	});
});

describe('a wrong key', () => {
	it.each(['volcengine', 'deerapi'] as const)(
		'%s: the message says so, and what to do',
		async (gateway) => {
			const credentials = bench.credentials(gateway, { apiKey: 'sk-wrong' });
			await expect(listModels(credentials, { operation: 'textToImage' })).rejects.toMatchObject({
				message: expect.stringMatching(/rejected the API key/) as string,
				description: expect.stringMatching(/credential.*By ID/s) as string,
				httpCode: '401',
			});
		},
	);

	it.each([
		['nothing', { status: 401, body: '' }],
		['a text', { status: 403, body: 'Forbidden' }],
		['a web page', { status: 403, html: true as const }],
		['the key', { status: 401, message: `Incorrect API key ${KEY}` }],
	])('when it returns %s', async (_name, fault) => {
		bench.gateway.inject({ on: 'models', ...fault });
		const failure = await listModels(bench.credentials(), { operation: 'textToImage' }).then(
			() => undefined,
			(error: Error & { description?: string }) => error,
		);
		expect(failure?.message).toMatch(/rejected the API key/);
		expect(`${failure?.message} ${failure?.description}`).not.toContain(KEY);
	});
});

it('without an operation, every model is listed', async () => {
	const { results } = await listModels(bench.credentials('gateway001'), {});
	expect(results.map(({ value }) => value)).toEqual(
		expect.arrayContaining(['doubao-seedream-3-0-t2i-250415', 'doubao-seededit-3-0-i2i-250628']),
	);
});
