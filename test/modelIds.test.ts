import { familyOf } from '../nodes/Seedream/catalog/models';
import { FAMILIES, MODELS, PREFIXES } from './facts/models';

it.each(FAMILIES)('%s is recognized in every spelling of its ids', (family) => {
	const { ids, names } = MODELS[family];
	const spelled = [...PREFIXES, 'vendor/bytedance/'].flatMap((prefix) =>
		names.flatMap((name) => ['', '-260628', '-20260415'].map((date) => prefix + name + date)),
	);
	for (const id of [...spelled, ...ids.map((each) => each.id)]) {
		expect([id, familyOf(id)?.id]).toEqual([id, family]);
	}
});

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
