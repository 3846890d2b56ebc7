import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { INodeParameters, INodePropertyOptions } from 'n8n-workflow';

import { SeedreamApi } from '../credentials/SeedreamApi.credentials';
import { apiBaseUrl } from '../nodes/Seedream/http/baseUrl';
import { isShown } from './editor';
import { listModels, runNode, testCredential, type CredentialValues } from './engine';
import { startGateway, type Fault } from './gateway';
import { IDS, KEY, parameters, useGateway } from './support';

const bench = useGateway();

/**
 * Stands between n8n and the world, so that requests go to the gateways' real host names and no
 * further: what it receives is recorded and responded to with an empty list.
 */
class Recorder {
	readonly seen: string[] = [];
	private readonly server: Server = createServer((request, response) => {
		this.seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
		response.writeHead(200, { 'Content-Type': 'application/json' });
		response.end('{"data":[]}');
	});

	async start(): Promise<void> {
		await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		const { port } = this.server.address() as AddressInfo;
		process.env.HTTP_PROXY = `http://127.0.0.1:${port}`;
	}

	stop(): void {
		delete process.env.HTTP_PROXY;
		this.server.close();
		this.server.closeAllConnections();
	}
}

/** Ways in which people paste a base URL; `{}` stands for scheme and host, `{v}` for the version. */
const SPELLINGS = [
	'{}',
	'{}/',
	'{}///',
	'{}{v}',
	'{}{v}/',
	'{}/{v}//',
	'{}{v}/images/generations',
	'{}{v}/images/generations/',
	'{}{v}//images//generations',
	'{}{v}/images/edits',
	'{}{v}/images',
	'{}{v}/models',
	'{}{v}/chat/completions',
	'{}{v}/IMAGES/generations',
	'{}{v}?key=x&y=/z',
	'{}{v}/images/generations#create',
	'  {}{v}\n',
	'"{}{v}"',
	'<{}{v}/images/generations>',
];

const HOSTS: Array<[gateway: string, host: string, version: string]> = [
	['volcengine', 'http://ark.cn-beijing.volces.com', '/api/v3'],
	['byteplus', 'http://ark.ap-southeast.bytepluses.com', '/api/v3'],
	['byteplus in Europe', 'http://ark.eu-west.bytepluses.com', '/api/v3'],
	['deerapi', 'http://api.deerapi.com', '/v1'],
	['routescope', 'http://api.routescope.ai', '/v1'],
	['unode', 'http://www.unodetech.xyz', '/v1'],
	['a gateway nobody knows', 'http://images.example.com:8080', '/v1'],
];

describe('the base URL, pasted in any form', () => {
	const recorder = new Recorder();
	beforeAll(async () => await recorder.start());
	beforeEach(() => recorder.seen.splice(0));
	afterAll(() => recorder.stop());

	const ask = async (credentials: CredentialValues) => {
		await runNode({ credentials, parameters: parameters('textToImage', IDS['5.0-lite']) });
		await testCredential(credentials);
		await listModels(credentials, { operation: 'textToImage' });
		return recorder.seen.splice(0);
	};
	const right = (base: string) => [
		`POST ${base}/images/generations Bearer ${KEY}`,
		// For the credential's Test, whose checks come before n8n's own request, and for the model list.
		...Array<string>(3).fill(`GET ${base}/models Bearer ${KEY}`),
	];

	it.each(HOSTS)('%s', async (_gateway, host, version) => {
		for (const spelling of SPELLINGS) {
			const baseUrl = spelling.replace('{}', host).replace('{v}', version);
			expect([baseUrl, await ask({ baseUrl, apiKey: KEY })]).toEqual([
				baseUrl,
				right(host + version),
			]);
		}
	});

	it.each([
		// The first party speaks no /v1; whoever types it means /api/v3.
		['http://ark.cn-beijing.volces.com/v1', 'http://ark.cn-beijing.volces.com/api/v3'],
		['http://ark.cn-beijing.volces.com/api', 'http://ark.cn-beijing.volces.com/api/v3'],
		['http://api.deerapi.com/api/v3', 'http://api.deerapi.com/v1'],
		// Subscription keys have a base of their own.
		[
			'http://ark.cn-beijing.volces.com/api/plan/v3',
			'http://ark.cn-beijing.volces.com/api/plan/v3',
		],
		['http://images.example.com/proxy', 'http://images.example.com/proxy/v1'],
		['http://images.example.com/proxy/v4/', 'http://images.example.com/proxy/v4'],
		['HTTP://images.example.com/v1', 'http://images.example.com/v1'],
	])('%s', async (baseUrl, base) => {
		expect(await ask({ baseUrl, apiKey: KEY })).toEqual(right(base));
	});

	it.each([
		['volcengine', '/api/v3'],
		['byteplus', '/api/v3'],
		['deerapi', '/v1'],
		['gateway001', '/v1'],
		['gateway002', '/v1'],
		['routescope', '/v1'],
		['unode', '/v1'],
		['other', '/v1'],
	])('an unknown host, with Provider set to %s', async (provider, version) => {
		for (const baseUrl of ['http://images.example.com', `http://images.example.com${version}/`]) {
			expect(await ask({ baseUrl, apiKey: KEY, provider })).toEqual(
				right(`http://images.example.com${version}`),
			);
		}
	});

	it.each([
		['ark.cn-beijing.volces.com', 'https://ark.cn-beijing.volces.com/api/v3'],
		['api.deerapi.com/v1/images/generations', 'https://api.deerapi.com/v1'],
		['https://api.routescope.ai', 'https://api.routescope.ai/v1'],
		['images.example.com:8443/v1', 'https://images.example.com:8443/v1'],
		['localhost:3000', 'http://localhost:3000/v1'],
		['127.0.0.1:3000/v1/', 'http://127.0.0.1:3000/v1'],
		['http://[::1]:3000', 'http://[::1]:3000/v1'],
	])('%s is %s', (baseUrl, base) => {
		expect(apiBaseUrl(baseUrl, 'byBaseUrl')).toBe(base);
	});
});

/** Fields that the editor shows for a credential. */
function fieldsShown(values: INodeParameters) {
	return new SeedreamApi().properties.filter((field) => isShown(values, field));
}

describe('a provider that is chosen by name', () => {
	it.each([
		['byteplus', 'https://ark.ap-southeast.bytepluses.com/api/v3'],
		['volcengine', 'https://ark.cn-beijing.volces.com/api/v3'],
		['deerapi', 'https://api.deerapi.com/v1'],
		['routescope', 'https://api.routescope.ai/v1'],
		['unode', 'https://www.unodetech.xyz/v1'],
	])('%s fills in an empty Base URL, and the editor shows it', (provider, base) => {
		for (const empty of ['', ' ', '""']) expect(apiBaseUrl(empty, provider)).toBe(base);
		const shown = fieldsShown({ provider });
		const [field] = shown.filter(({ name }) => name === 'baseUrl');
		expect(shown.map(({ name }) => name)).toEqual([
			'provider',
			`${provider}Key`,
			'baseUrl',
			'apiKey',
			'tested',
		]);
		expect([field.required, field.placeholder]).toEqual([undefined, base]);
		expect(shown[1].displayName).toMatch(/^Create an API key for [\w ]+ at <a href="https:/);
	});

	it('uses the Base URL that is entered, such as another region or a plan', () => {
		const plan = 'https://ark.cn-beijing.volces.com/api/plan/v3';
		expect(apiBaseUrl(plan, 'volcengine')).toBe(plan);
		expect(apiBaseUrl('ark.eu-west.bytepluses.com', 'byteplus')).toBe(
			'https://ark.eu-west.bytepluses.com/api/v3',
		);
	});

	it.each(['byBaseUrl', 'other', 'gateway001', 'gateway002'])(
		'%s names none, so that Base URL is required',
		async (provider) => {
			const fields = fieldsShown({ provider }).filter(({ name }) => name === 'baseUrl');
			expect(fields.map(({ required }) => required)).toEqual([true]);
			const credentials = { baseUrl: ' ', apiKey: KEY, provider };
			expect(await bench.refusal(parameters('textToImage', IDS['4.5']), { credentials })).toEqual({
				message: 'The credential has no Base URL [item 0]',
				description: 'Open the credential and choose your Provider, or enter the URL of its API.',
			});
		},
	);

	it('can be looked up in the order in which people know them', () => {
		const { options } = new SeedreamApi().properties[0];
		expect((options as INodePropertyOptions[]).map(({ name }) => name)).toEqual([
			'By Base URL',
			'BytePlus ModelArk',
			'Volcengine Ark',
			'DeerAPI',
			'RouteScope',
			'Unode',
			'Other (OpenAI Compatible)',
			'Image Sets Without Streaming, with Seed, Guidance Scale',
			'Pixels Only, with Quality, Style, Background',
		]);
	});
});

describe('the credential test', () => {
	const EVERY = [
		'volcengine',
		'byteplus',
		'deerapi',
		'gateway001',
		'gateway002',
		'routescope',
		'unode',
		'new-api',
	] as const;

	it.each(EVERY)('%s: a valid key passes, and nothing is charged', async (gateway) => {
		await testCredential(bench.credentials(gateway));
		const { requests, images } = bench.gateway.ledger;
		const paths = requests.map(({ method, path }) => `${method} ${path.replace(/.*\//, '')}`);
		expect([paths, images]).toEqual([['GET models', 'GET models'], []]);
	});

	it.each(['volcengine', 'byteplus', 'deerapi', 'routescope', 'new-api'] as const)(
		'%s: a wrong key does not',
		async (gateway) => {
			const credentials = bench.credentials(gateway, { apiKey: 'sk-wrong-0123' });
			await expect(testCredential(credentials)).rejects.toThrow(
				'The provider rejected the API key. Check the key, and that it belongs to this Base URL: regions and plans have their own.',
			);
		},
	);

	const PAGE = { status: 200, html: true } as const;
	const LOST = { body: '<html><head><title>n8n.io</title></head></html>' };
	const WEB_PAGE = /^Unexpected response \(HTTP 200\) from http:\S+: a web page instead of JSON/;
	const TEXT = /^Unexpected response \(HTTP 200\) from http:\S+: ok\. Check the Base URL/;
	const NOT_FOUND =
		/^http:\S+ is not a URL of [\w ]+ \(HTTP 404\)\. Check the Base URL: it must be/;
	const REDIRECT =
		/^http:\S+ redirects to http:\/\/other\/v1\/models\. The redirect was not followed/;
	const FORBIDDEN = /^The provider rejected the API key \(HTTP 403\)\. Check its permissions/;

	/** What a response means at a provider with a list of models, and where nobody knows of one. */
	it.each<[string, object, RegExp | undefined, RegExp | undefined]>([
		['a web page', PAGE, WEB_PAGE, WEB_PAGE],
		['a web page with a title', LOST, /JSON \(“n8n\.io”\)\. Check/, /JSON \(“n8n\.io”\)\. Check/],
		['a redirect', { redirect: 'http://other/v1/models', status: 307 }, REDIRECT, REDIRECT],
		['a key without permission', { status: 403, message: 'no' }, FORBIDDEN, FORBIDDEN],
		['an unknown path', { status: 404 }, NOT_FOUND, undefined],
		['an unknown path with a page', { status: 404, html: true }, NOT_FOUND, undefined],
		['a method that is not allowed', { status: 405 }, /HTTP 405.*Check the Base URL/, undefined],
		['an outage', { status: 503, message: 'busy' }, /HTTP 503.*busy.*Try again later/, undefined],
		['a text', { body: 'ok' }, TEXT, undefined],
		['an empty list', { body: '{"data":[]}' }, undefined, undefined],
	])('%s', async (_, fault, atKnown, atOther) => {
		for (const [gateway, words] of [
			['deerapi', atKnown],
			['new-api', atOther],
		] as const) {
			bench.gateway.reset();
			bench.gateway.inject({ on: 'models', nth: 'every', ...fault } as Fault);
			const testing = testCredential(bench.credentials(gateway));
			if (words) await expect(testing).rejects.toThrow(words);
			else await testing;
		}
	});

	it('base URLs of subscription plans need no list of models, unlike mistyped ones', async () => {
		const { url } = bench.gateway;
		const at = (path: string) => ({ baseUrl: url + path, apiKey: KEY, provider: 'volcengine' });
		bench.gateway.inject({ on: 'models', nth: 'every', status: 404 });
		await testCredential(at('/volcengine/api/plan/v3'));
		await expect(testCredential(at('/volcengine/api/v33'))).rejects.toThrow(NOT_FOUND);
	});

	it.each([
		['a mistyped host', 'https://ark.invalid', 'The host ark.invalid cannot be reached. Nothing'],
		['no server', 'http://127.0.0.1:9', 'The host 127.0.0.1 cannot be reached. Nothing was sent.'],
		['no URL', 'ftp://host/v1', 'The Base URL of the credential is not a valid HTTP(S) URL. Open'],
		['text', 'not a url', 'The Base URL of the credential is not a valid HTTP(S) URL. Open'],
		['nothing', '', 'The credential has no Base URL. Open the credential and choose your Provider'],
	])('%s', async (_, baseUrl, words) => {
		await expect(testCredential({ baseUrl, apiKey: KEY })).rejects.toThrow(words);
	});

	it('a message shows no key', async () => {
		const body = JSON.stringify({ message: `what is ${KEY}?` });
		bench.gateway.inject({ on: 'models', nth: 'every', status: 500, body });
		await expect(testCredential(bench.credentials())).rejects.toThrow(/what is \*\*\*\?/);
	});

	it('the key is not sent to the target of a redirect', async () => {
		const recorder = new Recorder();
		await recorder.start();
		const elsewhere = process.env.HTTP_PROXY ?? '';
		delete process.env.HTTP_PROXY;
		try {
			const redirect = `${elsewhere}/v1/models`;
			bench.gateway.inject({ on: 'models', nth: 'every', redirect, status: 307 });
			await expect(testCredential(bench.credentials())).rejects.toThrow(/redirects to/);
			expect(recorder.seen).toEqual([]);
		} finally {
			recorder.stop();
		}
	});
});

it('each item sends its own key to its own gateway', async () => {
	const others = await startGateway({ key: 'sk-of-another-account' });
	const mine = bench.credentials();
	const theirs = {
		...mine,
		baseUrl: `${others.profileUrl('volcengine')}/api/v3`,
		apiKey: 'sk-of-another-account',
	};
	const { items, error } = await runNode({
		credentials: (item) => (item === 0 ? mine : theirs),
		parameters: parameters('textToImage', IDS['5.0-lite']),
		items: [{ json: {} }, { json: {} }],
	});
	await others.close();
	expect([error, items.length]).toEqual([undefined, 2]);
	expect([bench.gateway, others].map(({ ledger }) => ledger.images.length)).toEqual([1, 1]);
});

describe('the domains that a credential allows', () => {
	const run = async (allowed: object) => {
		const credentials = { ...bench.credentials(), ...allowed } as CredentialValues;
		return await bench.run(parameters('textToImage', IDS['4.0']), { credentials });
	};

	it('that do not include the host of the Base URL stop the request', async () => {
		const { error, items } = await run({
			allowedHttpRequestDomains: 'domains',
			allowedDomains: 'example.com',
		});
		expect(items).toEqual([]);
		expect(error?.message).toMatch(/Domain not allowed/);
		expect(error?.description).not.toContain('may have been');
		expect(bench.gateway.ledger.requests).toEqual([]);
	});

	it.each([
		['that include it', { allowedHttpRequestDomains: 'domains', allowedDomains: '127.0.0.1' }],
		['all of them', { allowedHttpRequestDomains: 'all' }],
		['none for HTTP Request nodes', { allowedHttpRequestDomains: 'none' }],
	])('let it through: %s', async (_, allowed) => {
		const { error, items } = await run(allowed);
		expect([error, items.length]).toEqual([undefined, 1]);
	});
});
