import { gatewayOf } from '../nodes/Seedream/catalog/gateways';
import { apiBaseUrl } from '../nodes/Seedream/http/baseUrl';
import { runNode, testCredential } from './engine';
import type { ProfileName } from './gateway';
import { IDS, KEY, parameters, useGateway } from './support';

const bench = useGateway();

/** Ways in which people paste a base URL: `{}` for scheme and host, `{h}` without scheme, `{v}` for the version. */
const SPELLINGS = [
	'{}',
	'{}/',
	'{}{v}',
	'{}{v}/',
	'{}{v}//',
	'{}/{v}',
	'{}{v}/images/generations',
	'{}{v}/images/generations/',
	'{}{v}/images/edits',
	'{}{v}/models',
	'{}{v}/chat/completions',
	'{}{v}?api-version=2&x=/y',
	'{}{v}/images/generations#body',
	' \t{}{v} \n',
	'"{}{v}"',
	"'{}{v}/'",
	'`{}{v}`',
	'“{}{v}”',
	'‘{}{v}’',
	'<{}{v}>',
	'({}{v})',
	'{}{v},',
	'{}{v};',
	'{}{v}.',
	'{}{v}/images/generations \\',
	'\u200b{}{v}\ufeff',
	'{h}',
	'{h}{v}/',
	'{h}{v}/images/generations',
];

function spell(spelling: string, origin: string, version: string): string {
	return spelling
		.replace('{}', origin)
		.replace('{h}', origin.replace(/^https?:\/\//, ''))
		.replace('{v}', version);
}

describe('every gateway, with its base URL pasted in any form: node and credential test', () => {
	const GATEWAYS: Array<[profile: ProfileName, gateway: string, version: string]> = [
		['volcengine', 'volcengine', '/api/v3'],
		['byteplus', 'byteplus', '/api/v3'],
		['deerapi', 'deerapi', '/v1'],
		['gateway001', 'gateway001', '/v1'],
		['gateway002', 'gateway002', '/v1'],
		['routescope', 'routescope', '/v1'],
		['unode', 'unode', '/v1'],
		['new-api', 'other', '/v1'],
	];

	it.each(GATEWAYS)('%s', async (profile, gateway, version) => {
		const { port } = new URL(bench.gateway.url);
		for (const host of ['127.0.0.1', 'LOCALHOST']) {
			for (const spelling of SPELLINGS) {
				const baseUrl = spell(spelling, `http://${host}:${port}/${profile}`, version);
				const credentials = { baseUrl, apiKey: KEY, gateway };
				bench.gateway.reset();
				const { error } = await runNode({
					credentials,
					parameters: parameters('textToImage', IDS['4.5']),
				});
				await testCredential(credentials);
				const seen = bench.gateway.ledger.requests.map(({ method, path }) => `${method} ${path}`);
				expect([baseUrl, error?.message, seen]).toEqual([
					baseUrl,
					undefined,
					[`POST /${profile}${version}/images/generations`, `GET /${profile}${version}/models`],
				]);
			}
		}
	});
});

/** Real hosts, which no test may call: what the node would call, and by whose rules. */
const HOSTS: Array<[origin: string, version: string, gateway: string]> = [
	['https://ark.cn-beijing.volces.com', '/api/v3', 'volcengine'],
	['https://ARK.CN-Beijing.Volces.com', '/api/v3', 'volcengine'],
	['https://ark.ap-southeast.bytepluses.com', '/api/v3', 'byteplus'],
	['https://ark.eu-west.bytepluses.com:443', '/api/v3', 'byteplus'],
	['https://api.deerapi.com', '/v1', 'deerapi'],
	['https://DeerAPI.com', '/v1', 'deerapi'],
	['https://api.routescope.ai', '/v1', 'routescope'],
	['https://www.unodetech.xyz', '/v1', 'unode'],
	['https://unodetech.xyz:8443', '/v1', 'unode'],
	['https://api.cometapi.com', '/v1', 'other'],
	['https://deerapi.com.example.com', '/v1', 'other'],
	['https://notdeerapi.com', '/v1', 'other'],
	['https://new-api.example.com:3000', '/v1', 'other'],
	['https://[2001:db8::1]:3000', '/v1', 'other'],
];

describe('the hosts of the real gateways', () => {
	it.each(HOSTS)('%s', (origin, version, gateway) => {
		for (const spelling of SPELLINGS) {
			const baseUrl = spell(spelling, origin, version);
			const base = apiBaseUrl(baseUrl, 'automatic');
			expect([baseUrl, base]).toEqual([baseUrl, origin + version]);
			expect(gatewayOf(base, 'automatic').id).toBe(gateway);
		}
	});

	it('the gateway chosen in the credential takes precedence over the host', () => {
		for (const choice of ['unode', 'gateway001', 'gateway002', 'other', 'byteplus']) {
			expect(gatewayOf('https://api.deerapi.com/v1', choice).id).toBe(choice);
		}
		expect(gatewayOf('https://user:key@api.deerapi.com/v1', 'automatic').id).toBe('deerapi');
		expect(gatewayOf('no address', 'automatic').id).toBe('other');
	});

	it.each([
		// The first party has no /v1, the others no /api/v3.
		['https://ark.cn-beijing.volces.com/v1', 'https://ark.cn-beijing.volces.com/api/v3'],
		['https://ark.cn-beijing.volces.com/v3', 'https://ark.cn-beijing.volces.com/api/v3'],
		['https://api.deerapi.com/api/v3', 'https://api.deerapi.com/v1'],
		// Keys of a subscription have bases of their own.
		[
			'https://ark.cn-beijing.volces.com/api/plan/v3/images/generations',
			'https://ark.cn-beijing.volces.com/api/plan/v3',
		],
		[
			'https://ark.cn-beijing.volces.com/api/coding/v3/',
			'https://ark.cn-beijing.volces.com/api/coding/v3',
		],
		['https://example.com/proxy/v2/models', 'https://example.com/proxy/v2'],
		['http://localhost:3000', 'http://localhost:3000/v1'],
		['localhost:3000/v1', 'http://localhost:3000/v1'],
		['', 'https:///v1'],
	])('%s becomes %s', (baseUrl, base) => {
		expect(apiBaseUrl(baseUrl, 'automatic')).toBe(base);
	});

	it.each(['volcengine', 'byteplus'])(
		'an unknown host with the gateway %s gets the path /api/v3',
		(gateway) => {
			expect(apiBaseUrl('https://proxy.example.com', gateway)).toBe(
				'https://proxy.example.com/api/v3',
			);
		},
	);
});

describe('an invalid base URL is rejected before anything is sent', () => {
	it.each([
		'',
		' ',
		'""',
		'ftp://example.com/v1',
		'FTP://example.com',
		'ws://example.com/v1',
		'file:///v1',
		'https://',
		'https:///v1',
		'http://:8080/v1',
		'https://exam ple.com',
		'my gateway',
		'/v1/images/generations',
		'sk-0123 4567',
	])('“%s”', async (baseUrl) => {
		const { message, description } = await bench.refusal(parameters('textToImage', IDS['4.5']), {
			credentials: { baseUrl, apiKey: KEY },
		});
		expect(message).toBe('The Base URL of the credential is not a valid HTTP(S) URL [item 0]');
		expect(description).toMatch(/^Open the credential and enter a URL/);
		await expect(testCredential({ baseUrl, apiKey: KEY })).rejects.toThrow(/\w/);
	});
});
