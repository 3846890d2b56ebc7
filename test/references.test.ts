import type { IDataObject, INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith } from './engine';
import { bmp, heif, pngOf } from './imageFiles';
import { DATA_FIELD, dataUri, IDS, parameters, picture, urls, useGateway } from './support';

const bench = useGateway();

/** Four pictures that differ in every byte that counts. */
let pictures: Record<'one' | 'two' | 'three' | 'four', Buffer>;
let uris: Record<'one' | 'two' | 'three' | 'four', string>;
beforeAll(async () => {
	pictures = {
		one: await picture(20, 20),
		two: await picture(30, 20, 'jpeg'),
		three: await picture(40, 20, 'webp'),
		four: await picture(50, 20, 'gif'),
	};
	uris = {
		one: dataUri('png', pictures.one),
		two: dataUri('jpeg', pictures.two),
		three: dataUri('webp', pictures.three),
		four: dataUri('gif', pictures.four),
	};
});

/** An item with the four pictures and a text, all declared as what they are not. */
function item(json = {}): INodeExecutionData {
	const mimeType = 'image/x-unknown';
	return itemWith(
		{
			one: { bytes: pictures.one, mimeType },
			two: { bytes: pictures.two, mimeType },
			three: { bytes: pictures.three, mimeType },
			four: { bytes: pictures.four, mimeType },
			notes: { bytes: Buffer.from('a note that is no picture'), mimeType: 'text/plain' },
		},
		json,
	);
}

function fields(...names: string[]): INodeParameters {
	return { image: names.map((name) => ({ source: 'binary', binaryPropertyName: name })) };
}

async function sent(
	referenceImages: INodeParameters,
	items: INodeExecutionData[] = [item()],
	more: Parameters<typeof bench.body>[1] = {},
): Promise<unknown> {
	const values = parameters('imageToImage', IDS['4.5'], { referenceImages });
	return (await bench.body(values, { items, ...more })).image;
}

describe('sources of references', () => {
	it('one field, as a string', async () => {
		expect(await sent(fields('two'))).toBe(uris.two);
	});

	it('the field data by default', async () => {
		const { image } = await bench.body(parameters('imageToImage', IDS['4.5']), {
			items: [itemWith({ data: { bytes: pictures.one, mimeType: 'image/png' } })],
		});
		expect(image).toBe(uris.one);
	});

	it('several names, with or without spaces', async () => {
		expect(await sent(fields('three,one , two'))).toEqual([uris.three, uris.one, uris.two]);
	});

	it('names and files from expressions', async () => {
		expect(await sent(fields('={{ ["four", "one"] }}'))).toEqual([uris.four, uris.one]);
		expect(await sent(fields('={{ Object.keys($binary).slice(1, 3) }}'))).toEqual([
			uris.two,
			uris.three,
		]);
		const { binary } = item();
		expect(await sent(fields('={{ $json.file }}'), [item({ file: binary?.two })])).toBe(uris.two);
	});

	it('all image fields of the item, and only those', async () => {
		expect(await sent({ image: [{ source: 'allBinary' }] })).toEqual([
			uris.one,
			uris.two,
			uris.three,
			uris.four,
		]);
	});

	it('JSON that resembles a file is not an image field', async () => {
		const { binary = {} } = item();
		const single = itemWith({ data: { bytes: pictures.two, mimeType: 'image/jpeg' } }, {
			file: binary.one,
			_files: { more: binary.three },
		} as IDataObject);
		expect(await sent({ image: [{ source: 'allBinary' }] }, [single])).toBe(uris.two);
	});

	it('a URL is sent as it is', async () => {
		const address = `${bench.gateway.url}/samples/32x32.png?a=1&b=%20x`;
		expect(await sent(urls(address))).toBe(address);
		expect(await sent(urls(`  ${address}\n`))).toBe(address);
	});

	it('several URLs: one per line, or a list from an expression', async () => {
		const [a, b] = ['png', 'jpeg'].map((name) => `${bench.gateway.url}/samples/32x32.${name}`);
		expect(await sent(urls(`${a}\n\n${b}\r\n`))).toEqual([a, b]);
		expect(await sent(urls('={{ $json.list }}'), [item({ list: [b, a] })])).toEqual([b, a]);
	});

	it('data URIs are checked and sent with the MIME type of their bytes', async () => {
		expect(await sent(urls(uris.one))).toBe(uris.one);
		const wrong = uris.two.replace('image/jpeg', 'image/PNG');
		expect(await sent(urls(wrong))).toBe(uris.two);
		const bare = uris.two.replace('image/jpeg', '');
		expect(await sent(urls(bare))).toBe(uris.two);
		expect(await sent(urls('={{ $json.list }}'), [item({ list: [uris.three, uris.one] })])).toEqual(
			[uris.three, uris.one],
		);
	});

	it('a data URI broken into lines', async () => {
		const lines = uris.two.replace(/(.{76})/g, '$1\n');
		expect(await sent(urls('={{ $json.uri }}'), [item({ uri: lines })])).toBe(uris.two);
	});

	it('all kinds mixed, in order', async () => {
		const address = `${bench.gateway.url}/samples/64x32.jpeg`;
		const image = [
			{ source: 'url', url: uris.four },
			{ source: 'binary', binaryPropertyName: 'two, one' },
			{ source: 'url', url: address },
			{ source: 'binary', binaryPropertyName: 'three' },
		];
		expect(await sent({ image })).toEqual([uris.four, uris.two, uris.one, address, uris.three]);
	});

	it('references are optional for a set', async () => {
		const values = (referenceImages: INodeParameters) =>
			parameters('imageSet', IDS['4.5'], { referenceImages, maxImages: 2 });
		expect((await bench.body(values(fields('two')), { items: [item()] })).image).toBe(uris.two);
		expect(await bench.body(values({}), { items: [item()] })).not.toHaveProperty('image');
		expect(await bench.body(parameters('imageSet', IDS['4.5']))).not.toHaveProperty('image');
	});

	it('a gateway that does not support URLs receives the image itself', async () => {
		const address = `${bench.gateway.url}/samples/32x32.png`;
		const bytes = Buffer.from(await (await fetch(address)).arrayBuffer());
		const credentials = bench.credentials('unode');
		expect(await sent(urls(address), [item()], { credentials })).toBe(dataUri('png', bytes));
		const { message, description } = await bench.refusal(
			parameters('imageToImage', IDS['4.5'], {
				referenceImages: urls(`${bench.gateway.url}/samples/none.png`),
			}),
			{ credentials },
		);
		expect(message).toContain('could not be downloaded');
		expect(description).toContain('404');
	});
});

describe('files that n8n stores in the JSON (combined binary mode)', () => {
	const workflowSettings = { binaryMode: 'combined' } as const;
	const combined = (): INodeExecutionData => {
		const { binary = {} } = item();
		return { json: { id: 7, nested: { photo: { ...binary.two } }, _files: { ...binary } } };
	};

	it('by name, by path, by the file itself, and all image fields', async () => {
		expect(await sent(fields('={{ $json._files.one }}'), [combined()], { workflowSettings })).toBe(
			uris.one,
		);
		expect(await sent(fields('_files.one'), [combined()], { workflowSettings })).toBe(uris.one);
		expect(await sent(fields('three, one'), [combined()], { workflowSettings })).toEqual([
			uris.three,
			uris.one,
		]);
		expect(await sent(fields('nested.photo'), [combined()], { workflowSettings })).toBe(uris.two);
		expect(
			await sent({ image: [{ source: 'allBinary' }] }, [combined()], { workflowSettings }),
		).toEqual([uris.one, uris.two, uris.three, uris.four]);
	});

	it('an unknown name lists the existing ones', async () => {
		const { message, description } = await bench.refusal(
			parameters('imageToImage', IDS['4.5'], { referenceImages: fields('missing') }),
			{ items: [combined()], workflowSettings },
		);
		expect(message).toContain('“missing”');
		expect(description).toContain('“three”');
	});
});

describe('the format', () => {
	it.each([
		['png', async () => await picture(32, 32, 'png')],
		['jpeg', async () => await picture(32, 32, 'jpeg')],
		['webp', async () => await picture(32, 32, 'webp')],
		['gif', async () => await picture(32, 32, 'gif')],
		['tiff', async () => await picture(32, 32, 'tiff')],
		['bmp', async () => await Promise.resolve(bmp(32, 32))],
		['heic', async () => await Promise.resolve(heif('heic', 320, 320))],
		['heif', async () => await Promise.resolve(heif('mif1', 320, 320))],
	])('%s is recognized by its bytes and accepted', async (format, make) => {
		const bytes = await make();
		const file = itemWith({ data: { bytes, mimeType: 'application/octet-stream' } });
		expect(await sent(DATA_FIELD, [file])).toBe(dataUri(format, bytes));
	});

	it('AVIF is not supported', async () => {
		const bytes = await picture(32, 32, 'avif');
		const { message, description } = await refused(bytes, IDS['4.5']);
		expect(message).toContain('AVIF');
		expect(description).toContain('jpeg, png, webp, bmp, tiff, gif, heic, heif');
	});

	it('SeedEdit supports only JPEG and PNG', async () => {
		const { message, description } = await refused(
			await picture(32, 32, 'webp'),
			IDS['seededit-3.0'],
		);
		expect(message).toContain('WEBP');
		expect(description).toMatch(/jpeg, png\./);
	});

	it('DeerAPI does not support HEIC', async () => {
		const { message } = await refused(heif('heic', 320, 320), IDS['5.0-lite'], 'deerapi');
		expect(message).toContain('HEIC');
	});

	it.each([
		['a text', Buffer.from('a note that is no picture')],
		['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"/>')],
		['an empty file', Buffer.alloc(0)],
	])('%s is not an image', async (_name, bytes) => {
		const { message } = await refused(bytes, IDS['4.5']);
		expect(message).toBe('Reference Images: image 1 (field “data”) is not an image [item 0]');
		// The same for an unknown model.
		await refused(bytes, 'ep-20260101000000-abcde');
	});
});

async function refused(
	bytes: Buffer,
	model: string,
	gateway: 'volcengine' | 'deerapi' = 'volcengine',
) {
	const refusal = await bench.refusal(
		parameters('imageToImage', model, { referenceImages: DATA_FIELD }),
		{
			items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
			credentials: bench.credentials(gateway),
		},
	);
	expect(refusal.message).toContain('image 1 (field “data”)');
	return refusal;
}

/** Whether a picture that only looks like one is sent; what becomes of it does not matter here. */
async function isSent(bytes: Buffer, model: string): Promise<boolean> {
	bench.gateway.reset();
	bench.gateway.inject({ on: 'request', status: 400, message: 'seen' });
	const { error } = await bench.run(parameters('imageToImage', model), {
		items: [itemWith({ data: { bytes, mimeType: 'image/png' } })],
	});
	expect(error?.message).toContain('seen');
	return bench.bodies()[0]?.image === dataUri('png', bytes);
}

describe('pixels and bytes, at and beyond the limits', () => {
	const { '4.5': model, 'seededit-3.0': seedEdit } = IDS;

	it.each([
		[15, 15],
		[15, 240],
		[240, 15],
		[6000, 6000],
		[23_984, 1499],
	])('%d x %d is accepted', async (width, height) => {
		expect(await isSent(pngOf(width, height), model)).toBe(true);
	});

	it.each([
		[14, 100, 'too small', '14 pixels'],
		[100, 14, 'too small', '14 pixels'],
		[1, 1, 'too small', '14 pixels'],
		[15, 241, 'too narrow', '16 times'],
		[241, 15, 'too narrow', '16 times'],
		[6000, 6001, 'too large', '36000000 pixels'],
		[65_000, 65_000, 'too large', '36000000 pixels'],
	])('%d x %d is %s', async (width, height, what, limit) => {
		const { message, description } = await refused(pngOf(width, height), model);
		expect(message).toContain(`is ${width} x ${height} pixels, which is ${what}`);
		expect(description).toContain(limit);
	});

	it('SeedEdit: ratios up to 1:3', async () => {
		expect(await isSent(pngOf(300, 900), seedEdit)).toBe(true);
		expect((await refused(pngOf(300, 901), seedEdit)).description).toContain('3 times');
		expect((await refused(pngOf(901, 300), seedEdit)).message).toContain('too narrow');
	});

	it('SeedEdit: up to 10 MB', async () => {
		const limit = 10 * 1024 * 1024;
		expect(await isSent(pngOf(300, 300, limit), seedEdit)).toBe(true);
		const { message } = await refused(pngOf(300, 300, limit + 1), seedEdit);
		expect(message).toMatch(/more than the 10(\.0)? MB/);
	});

	it('up to 30 MB', async () => {
		const limit = 30 * 1024 * 1024;
		expect(await isSent(pngOf(300, 300, limit), model)).toBe(true);
		expect((await refused(pngOf(300, 300, limit + 1), model)).message).toMatch(
			/more than the 30(\.0)? MB/,
		);
	});

	it('an unknown model has no limits', async () => {
		expect(await isSent(pngOf(3, 9000), 'ep-20260101000000-abcde')).toBe(true);
	});
});

describe('the number of references', () => {
	const list = (count: number) => urls(...Array.from({ length: count }, () => uris.one));
	const image = async (count: number, model: string) =>
		(await bench.body(parameters('imageToImage', model, { referenceImages: list(count) }))).image;

	it.each([
		['5.0-pro', 10],
		['5.0-flash', 10],
		['5.0-lite', 14],
		['4.5', 14],
		['4.0', 14],
		['seededit-3.0', 1],
	] as const)('%s supports up to %d', async (family, max) => {
		const all = Array.from({ length: max }, () => uris.one);
		expect(await image(max, IDS[family])).toEqual(max === 1 ? uris.one : all);
		const { message, description } = await bench.refusal(
			parameters('imageToImage', IDS[family], { referenceImages: list(max + 1) }),
		);
		expect(message).toContain(`${max + 1} Reference Images are too many for Seed`);
		expect(description).toContain(`up to ${max}`);
	});

	it('references and images of a set add up to at most 15', async () => {
		const set = (references: number, maxImages: number) =>
			parameters('imageSet', IDS['4.5'], { referenceImages: list(references), maxImages });
		expect((await bench.body(set(14, 1))).image).toHaveLength(14);
		expect((await bench.body(set(1, 14))).image).toBe(uris.one);
		for (const [references, maxImages] of [
			[14, 4],
			[14, 2],
			[1, 15],
		]) {
			const { message, description } = await bench.refusal(set(references, maxImages));
			expect(message).toContain('more than 15 together');
			expect(description).toContain(`Max Images to ${15 - references} or fewer`);
		}
	});
});

describe('invalid entries', () => {
	it.each<[string, INodeParameters, RegExp, RegExp]>([
		['no entry', {}, /Reference Images is empty/, /at least one image/],
		['an empty list', { image: [] }, /Reference Images is empty/, /at least one image/],
		['a missing field', fields('one, missing'), /“missing”/, /“one”, “two”/],
		['an empty name', fields(''), /Binary Field Name is empty/, /for example data/],
		['a name that is a number', fields('={{ 5 }}'), /“5”/, /“one”/],
		['an empty address', urls(''), /URL is empty/, /https:\/\//],
		[
			'an address without a scheme',
			urls('example.com/a.png'),
			/“example.com\/a.png”/,
			/https:\/\//,
		],
		['a path', urls('/home/me/a.png'), /is not a URL/, /https:\/\//],
		['nothing from an expression', urls('={{ $json.none }}'), /URL is empty/, /https:\/\//],
		['an object as a name', fields('={{ { a: 1 } }}'), /is not a name/, /for example data/],
		['an object', urls('={{ { a: 1 } }}'), /is not a URL/, /https:\/\//],
		['a data URI that is not base64', urls('data:image/svg+xml,<svg/>'), /base64/, /base64/],
		['a data URI of no image', urls('data:image/png;base64,aGVsbG8='), /is not an image/, /PNG/],
	])('%s', async (_name, referenceImages, message, description) => {
		const refusal = await bench.refusal(
			parameters('imageToImage', IDS['4.5'], { referenceImages }),
			{ items: [item()] },
		);
		expect(refusal.message).toMatch(message);
		expect(refusal.description).toMatch(description);
	});

	it('bare base64 is not repeated in the message', async () => {
		const referenceImages = urls('={{ $json.text }}');
		const { message } = await bench.refusal(
			parameters('imageToImage', IDS['4.5'], { referenceImages }),
			{ items: [item({ text: pictures.one.toString('base64') })] },
		);
		expect(message).toContain('is not a URL');
	});

	it('All Image Fields of an item without any', async () => {
		const { message } = await bench.refusal(
			parameters('imageToImage', IDS['4.5'], {
				referenceImages: { image: [{ source: 'allBinary' }] },
			}),
			{ items: [itemWith({ notes: { bytes: Buffer.from('text'), mimeType: 'text/plain' } })] },
		);
		expect(message).toContain('Reference Images is empty');
	});

	it('the message names the item and the entry', async () => {
		const items = [
			itemWith({ data: { bytes: pictures.one, mimeType: 'image/png' } }),
			itemWith({ data: { bytes: Buffer.from('no picture'), mimeType: 'image/png' } }),
		];
		const { items: output } = await bench.run(
			parameters('imageToImage', IDS['4.5'], {
				referenceImages: {
					image: [
						{ source: 'url', url: uris.two },
						{ source: 'binary', binaryPropertyName: 'data' },
					],
				},
			}),
			{ items, settings: { onError: 'continueRegularOutput' } },
		);
		expect(output[1].json.error).toBe(
			'Reference Images: image 2 (field “data”) is not an image [item 1]',
		);
		expect(bench.bodies()).toHaveLength(1);
	});
});
