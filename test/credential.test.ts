import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { apiBaseUrl } from '../nodes/Seedream/http/baseUrl';
import { listModels, runNode, testCredential, type CredentialValues } from './engine';
import { startGateway } from './gateway';
import { IDS, KEY, parameters, useGateway } from './support';

const bench = useGateway();

/**
 * Stands between n8n and the world, so that requests go to the gateways' real host names and no
 * further: what it receives is recorded and rejected.
 */
class Recorder {
	readonly seen: string[] = [];
	private readonly server: Server = createServer((request, response) => {
		this.seen.push(`${request.method} ${request.url} ${request.headers.authorization}`);
		response.writeHead(400, { 'Content-Type': 'application/json' });
		response.end('{"error":{"message":"seen"}}');
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
		`GET ${base}/models Bearer ${KEY}`,
		`GET ${base}/models Bearer ${KEY}`,
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
	])('an unknown host, with Gateway set to %s', async (gateway, version) => {
		for (const baseUrl of ['http://images.example.com', `http://images.example.com${version}/`]) {
			expect(await ask({ baseUrl, apiKey: KEY, gateway })).toEqual(
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
		expect(apiBaseUrl(baseUrl, 'automatic')).toBe(base);
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
		expect(requests.map(({ method, path }) => [method, path.endsWith('/models')])).toEqual([
			['GET', true],
		]);
		expect(images).toEqual([]);
	});

	it.each(['volcengine', 'byteplus', 'deerapi', 'routescope', 'new-api'] as const)(
		'%s: a wrong key does not',
		async (gateway) => {
			const credentials = bench.credentials(gateway, { apiKey: 'sk-wrong' });
			await expect(testCredential(credentials)).rejects.toMatchObject({ httpCode: '401' });
		},
	);

	it('a rejected key does not pass', async () => {
		bench.gateway.inject({ on: 'models', status: 403, code: 'AccountOverdueError', message: 'no' });
		await expect(testCredential(bench.credentials())).rejects.toMatchObject({ httpCode: '403' });
	});

	it.each([
		['an unknown path', { status: 404 }],
		['an unknown path with a page', { status: 404, html: true as const }],
		['a method that is not allowed', { status: 405 }],
		['an empty list', { body: '{"data":[]}' }],
		['a text', { body: 'ok' }],
	])('a gateway without a list (%s) says nothing about the key', async (_name, fault) => {
		bench.gateway.inject({ on: 'models', ...fault });
		await testCredential(bench.credentials());
	});

	it('the key is not sent to the target of a redirect', async () => {
		const recorder = new Recorder();
		await recorder.start();
		const elsewhere = process.env.HTTP_PROXY ?? '';
		delete process.env.HTTP_PROXY;
		try {
			bench.gateway.inject({ on: 'models', redirect: `${elsewhere}/v1/models`, status: 307 });
			await testCredential(bench.credentials()).catch(() => undefined);
			expect(recorder.seen).toEqual([]);
		} finally {
			recorder.stop();
		}
	});

	it.each([
		['ftp://host/v1', /not a valid HTTP\(S\) URL/],
		['file:///etc/passwd', /not a valid HTTP\(S\) URL/],
		['not a url', /URL/],
		['https://', /not a valid HTTP\(S\) URL/],
		['', /not a valid HTTP\(S\) URL/],
	])('“%s” is rejected', async (baseUrl, words) => {
		await expect(testCredential({ baseUrl, apiKey: KEY })).rejects.toThrow(words);
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
