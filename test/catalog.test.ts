import { gatewayOf } from '../nodes/Seedream/catalog/gateways';
import { familyOf } from '../nodes/Seedream/catalog/models';

/** Every spelling that a document, a list or a user is known to use. */
const SPELLINGS: Record<string, string[]> = {
	'5.5': [
		'doubao-seedream-5-5-261028',
		'dola-seedream-5-5-261028',
		'seedream-5-5-261028',
		'seedream-5.5',
		'bytedance/seedream-5-5',
	],
	'5.0-pro': [
		'doubao-seedream-5-0-pro-260628',
		'dola-seedream-5-0-pro-260628',
		'seedream-5-0-pro-260628',
		'doubao-seedream-5-0-pro',
		'doubao-seedream-5.0-pro',
		'seedream-5.0-pro',
		'bytedance/dola-seedream-5-0-pro',
	],
	'5.0-flash': [
		'doubao-seedream-5-0-flash-260915',
		'dola-seedream-5-0-flash-260915',
		'seedream-5.0-flash',
		'vendor/bytedance/seedream-5-0-flash',
	],
	'5.0-lite': [
		'doubao-seedream-5-0-260128',
		'doubao-seedream-5-0-lite-260128',
		'seedream-5-0-260128',
		'seedream-5-0-lite-260128',
		'doubao-seedream-5.0-lite',
		'seedream-5.0',
		'bytedance/seedream-5.0',
	],
	'4.5': [
		'doubao-seedream-4-5-251128',
		'seedream-4-5-251128',
		'bytedance/seedream-4.5',
		'seedream-4-5',
	],
	'4.0': [
		'doubao-seedream-4-0-250828',
		'seedream-4-0-250828',
		'doubao-seedream-4-0-20260415',
		'seedream-4.0',
	],
	'3.0': [
		'doubao-seedream-3-0-t2i-250415',
		'seedream-3-0-t2i-250415',
		'seedream-3.0',
		'bytedance/seedream-3-0-t2i',
	],
	'seededit-3.0': [
		'doubao-seededit-3-0-i2i-250628',
		'seededit-3-0-i2i-250628',
		'seededit-3.0',
		'doubao-seededit-3-0-i2i',
	],
};

it.each(Object.entries(SPELLINGS).flatMap(([family, ids]) => ids.map((id) => [id, family])))(
	'%s is %s',
	(id, family) => {
		expect(familyOf(id)?.id).toBe(family);
	},
);

it.each([
	'',
	'ep-20260101000000-abcde',
	'doubao-seedream-6-0-270101',
	'doubao-seedream-5-5-pro',
	'doubao-seedream-5-0-ultra-260628',
	'doubao-seedream-4-5-turbo',
	'doubao-seedance-1-0-pro-250528',
	'my-seedream-4-5',
	'gpt-image-1',
	'seedream',
])('“%s” is unknown', (id) => {
	expect(familyOf(id)).toBeUndefined();
});

it.each([
	['https://ark.cn-beijing.volces.com/api/v3', 'volcengine'],
	['https://ark.ap-southeast.bytepluses.com/api/v3', 'byteplus'],
	['https://ark.eu-west.bytepluses.com/api/v3', 'byteplus'],
	['https://api.deerapi.com/v1', 'deerapi'],
	['https://api.routescope.ai/v1', 'routescope'],
	['https://www.unodetech.xyz/v1', 'unode'],
	['https://UNODETECH.xyz:443/v1', 'unode'],
	['https://user@api.deerapi.com/v1', 'deerapi'],
	['https://deerapi.com.example.org/v1', 'other'],
	['https://notdeerapi.com/v1', 'other'],
	['https://example.org/deerapi.com/v1', 'other'],
	['http://127.0.0.1:4000/v1', 'other'],
])('%s is %s', (baseUrl, id) => {
	expect(gatewayOf(baseUrl, 'automatic').id).toBe(id);
	expect(gatewayOf(baseUrl, 'gateway002').id).toBe('gateway002');
});
