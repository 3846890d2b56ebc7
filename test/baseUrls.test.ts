import { gatewayOf } from '../nodes/Seedream/catalog/gateways';
import { apiBaseUrl, baseUrlProblem } from '../nodes/Seedream/http/baseUrl';

/** Ways to paste a base URL: `{}` is scheme and host, `{h}` the host without scheme, `{v}` the version. */
const SPELLINGS = [
	'{}',
	'{}/',
	'{}///',
	'{}{v}',
	'{}{v}/',
	'{}{v}//',
	'{}/{v}',
	'{}{v}/images',
	'{}{v}/images/generations',
	'{}{v}/images/generations/',
	'{}{v}//images//generations',
	'{}{v}/IMAGES/generations',
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

/** Every kind of host, with the version of its API and the gateway it belongs to. */
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
	['https://example.org/deerapi.com', '/v1', 'other'],
	['https://new-api.example.com:3000', '/v1', 'other'],
	['https://[2001:db8::1]:3000', '/v1', 'other'],
];

it.each(HOSTS)('%s, pasted in any form, is called at %s by the rules of %s', (...host) => {
	const [origin, version, gateway] = host;
	for (const spelling of SPELLINGS) {
		const pasted = spelling
			.replace('{}', origin)
			.replace('{h}', origin.replace('https://', ''))
			.replace('{v}', version);
		const base = apiBaseUrl(pasted, 'byBaseUrl');
		expect([pasted, base]).toEqual([pasted, origin + version]);
		expect(baseUrlProblem(base)).toBeUndefined();
		expect(gatewayOf(base, 'byBaseUrl').id).toBe(gateway);
	}
});

it.each([
	// The first party has no /v1, the others no /api/v3.
	['https://ark.cn-beijing.volces.com/v1', 'https://ark.cn-beijing.volces.com/api/v3'],
	['https://ark.cn-beijing.volces.com/v3', 'https://ark.cn-beijing.volces.com/api/v3'],
	['https://ark.cn-beijing.volces.com/api', 'https://ark.cn-beijing.volces.com/api/v3'],
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
	// Other hosts keep their path, and get a version unless an endpoint was pasted without one.
	['https://example.com/proxy', 'https://example.com/proxy/v1'],
	['https://example.com/proxy/v2/models', 'https://example.com/proxy/v2'],
	['https://example.com/openai/images/generations', 'https://example.com/openai'],
	['https://example.com/openai/v1/images/generations/', 'https://example.com/openai/v1'],
	['https://example.com/proxy/openai/images/edits', 'https://example.com/proxy/openai'],
	['https://example.com/openai/chat/completions?x=1', 'https://example.com/openai'],
	['HTTP://images.example.com/v1', 'HTTP://images.example.com/v1'],
	['http://localhost:3000', 'http://localhost:3000/v1'],
	// Without a scheme, this machine is reached over HTTP.
	['localhost:3000/v1', 'http://localhost:3000/v1'],
	['127.0.0.1:3000/v1/', 'http://127.0.0.1:3000/v1'],
	['images.example.com:8443/v1', 'https://images.example.com:8443/v1'],
])('%s becomes %s', (pasted, base) => {
	expect(apiBaseUrl(pasted, 'byBaseUrl')).toBe(base);
	expect(baseUrlProblem(base)).toBeUndefined();
});

it.each([
	['volcengine', '/api/v3'],
	['byteplus', '/api/v3'],
	['gateway002', '/v1'],
	['other', '/v1'],
])('the gateway %s chosen in the credential decides, not the host', (choice, version) => {
	const proxy = 'https://proxy.example.com';
	expect(apiBaseUrl(proxy, choice)).toBe(proxy + version);
	expect(gatewayOf(proxy, choice).id).toBe(choice);
	expect(gatewayOf('https://api.deerapi.com/v1', choice).id).toBe(choice);
});

it.each(['', ' ', '""'])('“%s” is no URL, and stands for that of the provider', (pasted) => {
	expect(baseUrlProblem(apiBaseUrl(pasted, 'byBaseUrl'))?.message).toBe(
		'The credential has no Base URL',
	);
	expect(apiBaseUrl(pasted, 'deerapi')).toBe('https://api.deerapi.com/v1');
});

it.each([
	'ftp://example.com/v1',
	'FTP://example.com',
	'ws://example.com/v1',
	'file:///etc/passwd',
	'https://',
	'https:///v1',
	'http://:8080/v1',
	'https://exam ple.com',
	'my gateway',
	'/v1/images/generations',
	'sk-0123 4567',
	`https://${'x'.repeat(64)}.example/v1`,
	`https://${'x.'.repeat(130)}example/v1`,
])('“%s” is not a valid URL', (pasted) => {
	const base = apiBaseUrl(pasted, 'byBaseUrl');
	expect(baseUrlProblem(base)?.message).toBe(
		'The Base URL of the credential is not a valid HTTP(S) URL',
	);
	expect(gatewayOf(base, 'byBaseUrl').id).toBe('other');
});

it('a URL may not contain a user name or password', () => {
	const base = 'https://user:key@api.deerapi.com/v1';
	expect(apiBaseUrl(base, 'automatic')).toBe(base);
	expect(baseUrlProblem(base)?.message).toBe(
		'The Base URL of the credential contains a user name or password',
	);
	expect(gatewayOf(base, 'byBaseUrl').id).toBe('deerapi');
});
