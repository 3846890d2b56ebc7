import { itemWith } from '../engine';
import { FAMILIES } from '../facts/models';
import { post } from '../gateway/testing';
import { KEY, picture, useGateway } from '../support';
import { casesOf, makePictures, runCase, type Pictures } from './cases';
import { DOCUMENTS } from './documents';
import { EXAMPLES, PICTURES } from './examples';

const bench = useGateway();

const TABLES = DOCUMENTS.map((document) => [document.name, document] as const);

/**
 * What takes seconds: each field and resolution with the first operation and the first kind of
 * references, every kind with nothing else set, and new-api once. `npm run contract` runs all of them.
 */
describe('requests by the document', () => {
	let pictures: Pictures;
	beforeAll(async () => {
		pictures = await makePictures(bench.gateway);
	});

	it.each(TABLES.filter(([name]) => !/placement: (topLevel|extraFields)/.test(name)))(
		'%s',
		async (_name, document) => {
			const cases = casesOf(document, pictures).filter(({ isRepresentative }) => isRepresentative);
			const failed: string[] = [];
			for (const each of cases) {
				const differences = await runCase(bench.gateway, document, each);
				if (differences.length > 0) failed.push([each.name, ...differences].join('\n'));
			}
			expect(failed).toEqual([]);
			expect(cases.length).toBeGreaterThan(50);
		},
		120_000,
	);

	it.each(TABLES)(
		'%s: no two cases are the same, and every family has cases or a reason',
		(_name, document) => {
			const names = casesOf(document, pictures).map(({ name }) => name);
			expect(new Set(names).size).toBe(names.length);
			const reasons = document.left.map(([what]) => what).join(', ');
			const covered = document.models.map(([, family]) => family);
			for (const family of FAMILIES.filter((each) => !covered.includes(each))) {
				const spelled = family === 'seededit-3.0' ? 'SeedEdit' : family.replace('-', ' ');
				expect(reasons).toMatch(new RegExp(`${spelled}|every family but`));
			}
		},
	);
});

describe('the request examples of the documents', () => {
	it.each(EXAMPLES.map((example) => [example.name, example] as const))(
		'%s',
		async (_name, { profile, body, parameters, added, refused }) => {
			const bytes = await Promise.all(PICTURES.map(async (_, i) => await picture(20 + i, 20)));
			const files = PICTURES.map((name, i) => [name, { bytes: bytes[i], mimeType: 'image/png' }]);
			const printed = PICTURES.reduce(
				(text, name, i) => text.replaceAll(name, bytes[i].toString('base64')),
				JSON.stringify(body),
			);
			// As printed, without what the node adds.
			const response = await post(bench.gateway, profile, printed, KEY);
			expect(response.status).toBe(refused ? 400 : 200);
			bench.gateway.reset();
			const { error, items } = await bench.run(parameters, {
				credentials: bench.credentials(profile),
				items: [itemWith(Object.fromEntries(files) as Parameters<typeof itemWith>[0])],
			});
			const values = Object.entries(added).map(([field, [value]]) => [field, value]);
			expect(bench.bodies()).toEqual([
				{ ...(JSON.parse(printed) as object), ...Object.fromEntries(values) },
			]);
			if (refused) {
				expect(error).toBeDefined();
				return;
			}
			expect(error).toBeUndefined();
			expect(items.every(({ binary }) => binary?.data)).toBe(true);
			// Nothing that the document prints is overruled.
			expect(Object.keys(body).filter((field) => field in added)).toEqual([]);
		},
	);
});
