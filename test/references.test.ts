import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith, type NodeRun } from './engine';
import type { Family } from './facts/models';
import { heif, pngOf } from './imageFiles';
import {
	dataItem,
	DATA_FIELD,
	dataUri,
	hurry,
	IDS,
	parameters,
	picture,
	urls,
	useGateway,
} from './support';

const bench = useGateway();

const MODEL = IDS['4.5'];

/** Four pictures that differ in every byte that counts, as files and as data URIs. */
let files: Record<'one' | 'two' | 'three' | 'four', Buffer>;
let uris: Record<'one' | 'two' | 'three' | 'four', string>;
beforeAll(async () => {
	files = {
		one: await picture(20, 20),
		two: await picture(30, 20, 'jpeg'),
		three: await picture(40, 20, 'webp'),
		four: await picture(50, 20, 'gif'),
	};
	uris = {
		one: dataUri('png', files.one),
		two: dataUri('jpeg', files.two),
		three: dataUri('webp', files.three),
		four: dataUri('gif', files.four),
	};
});

/** An item with the four pictures and a text, all declared as what they are not. */
function item(json = {}): INodeExecutionData {
	const entries = Object.entries(files).map(([name, bytes]) => [name, image(bytes)]);
	const notes = { bytes: Buffer.from('a note that is no picture'), mimeType: 'text/plain' };
	return itemWith(
		{ ...Object.fromEntries(entries), notes } as Parameters<typeof itemWith>[0],
		json,
	);
}

const image = (bytes: Buffer) => ({ bytes, mimeType: 'image/x-unknown' });

const fields = (...names: string[]): INodeParameters => ({
	image: names.map((name) => ({ source: 'binary', binaryPropertyName: name })),
});
const ALL: INodeParameters = { image: [{ source: 'allBinary' }] };

const edit = (referenceImages: INodeParameters, model = MODEL) =>
	parameters('imageToImage', model, { referenceImages });

/** What `image` is for these references. */
async function sent(referenceImages: INodeParameters, run: Partial<NodeRun> = {}) {
	return (await bench.body(edit(referenceImages), { items: [item()], ...run })).image;
}

describe('references', () => {
	it('are all images of the item by default, whatever their fields are called', async () => {
		const body = await bench.body(parameters('imageToImage', MODEL), { items: [item()] });
		expect(body.image).toEqual(Object.values(uris));
	});

	it.each<[names: string, expected: Array<keyof typeof uris>]>([
		['three,one , two', ['three', 'one', 'two']],
		['={{ ["four", "one"] }}', ['four', 'one']],
		['={{ Object.keys($binary).slice(1, 3) }}', ['two', 'three']],
	])('are the fields named by %s, in order', async (names, expected) => {
		expect(await sent(fields(names))).toEqual(expected.map((name) => uris[name]));
	});

	it('are a file that an expression gives, under URL too, also in a list', async () => {
		const items = [item({ file: item().binary?.two, url: uris.one })];
		for (const from of [fields, urls]) {
			expect(await sent(from('={{ $json.file }}'), { items })).toBe(uris.two);
		}
		const list = '={{ [$json.url, $json.file] }}';
		expect(await sent(urls(list), { items })).toEqual([uris.one, uris.two]);
	});

	it('are all image fields of the item, and nothing else', async () => {
		expect(await sent(ALL)).toEqual(Object.values(uris));
		const { binary = {} } = item();
		const odd = { mimeType: null, data: 'x' };
		const json = { file: binary.one, odd, _files: { more: binary.three } };
		const items = [dataItem(files.two, json)];
		expect(await sent(ALL, { items })).toBe(uris.two);
	});

	it('are URLs as they are, however they are separated, or a list from an expression', async () => {
		const a = `${bench.gateway.url}/samples/32x32.png?a=1,2&b=%20x`;
		const b = `${bench.gateway.url}/samples/32x32.jpeg`;
		for (const one of [`  ${a}\n`, `${a},`]) expect(await sent(urls(one))).toBe(a);
		for (const between of ['\n\n', '\r\n', ',', ', ', ' ,\n', ' ']) {
			expect(await sent(urls(`${a}${between}${b}\r\n`))).toEqual([a, b]);
		}
		expect(await sent(urls('={{ $json.list }}'), { items: [item({ list: [b, a] })] })).toEqual([
			b,
			a,
		]);
	});

	it('are data URIs, with the MIME type of their bytes', async () => {
		for (const declared of ['image/jpeg', 'image/PNG', '']) {
			expect(await sent(urls(uris.two.replace('image/jpeg', declared)))).toBe(uris.two);
		}
		const broken = uris.two.replace(/(.{76})/g, '$1\n');
		const items = [item({ list: [uris.three, broken] })];
		expect(await sent(urls('={{ $json.list }}'), { items })).toEqual([uris.three, uris.two]);
		expect(await sent(urls('={{ $json.list[1] }}'), { items })).toBe(uris.two);
		const url = `${bench.gateway.url}/samples/32x32.png`;
		const all = [uris.one, url, uris.three];
		for (const text of [all.join(','), all.join(', '), `${broken}, ${url},\n${uris.three}`]) {
			const [, ...rest] = (await sent(urls(text))) as string[];
			expect(rest).toEqual(all.slice(1));
		}
	});

	it('keep their order across entries of all kinds', async () => {
		const url = `${bench.gateway.url}/samples/64x32.jpeg`;
		const entries = [urls(uris.four), fields('two, one'), urls(url), fields('three')];
		const all = { image: entries.flatMap((each) => each.image as object[]) };
		expect(await sent(all as INodeParameters)).toEqual([
			uris.four,
			uris.two,
			uris.one,
			url,
			uris.three,
		]);
	});

	it('are optional for a set', async () => {
		const set = (more: INodeParameters) => bench.body(parameters('imageSet', MODEL, more));
		expect(await set({ referenceImages: {} })).not.toHaveProperty('image');
		expect(await set({})).not.toHaveProperty('image');
	});
});

describe('files that n8n stores in the JSON (combined binary mode)', () => {
	const combined = () => {
		const { binary = {} } = item();
		const json = { id: 7, nested: { photo: { ...binary.two } }, _files: { ...binary } };
		return { items: [{ json }], workflowSettings: { binaryMode: 'combined' } as const };
	};

	it.each<[INodeParameters, expected: Array<keyof typeof uris>]>([
		[fields('={{ $json._files.one }}'), ['one']],
		[fields('_files.one'), ['one']],
		[fields('three, one'), ['three', 'one']],
		[fields('nested.photo'), ['two']],
		[ALL, ['one', 'two', 'three', 'four']],
	])('are found by %j', async (referenceImages, expected) => {
		const images = expected.map((name) => uris[name]);
		expect([await sent(referenceImages, combined())].flat()).toEqual(images);
	});

	it('are listed where a name is not found', async () => {
		const { message, description } = await bench.refusal(edit(fields('missing')), combined());
		expect(message).toBe('Reference Images: the input item has no binary field “missing” [item 0]');
		expect(description).toMatch(/^It has “one”, “two”, “three”, “four”, “notes”\. /);
	});
});

describe('a file is rejected', () => {
	const TOO_SMALL =
		'Each side must be longer than 14 pixels, and the image must have at least 196 pixels.';
	const TOO_NARROW = 'The longer side may be at most 16 times the shorter one.';
	const TOO_LARGE = 'An image may have up to 36,000,000 pixels, such as 6000 x 6000.';
	const MEGABYTE = 1024 * 1024;
	const ANY = 'jpeg, png, webp, bmp, tiff, gif, heic, heif';

	it.each<[Family, what: string, Buffer | (() => Promise<Buffer>), advice: string]>([
		['4.5', 'is 14 x 100 pixels, which is too small', pngOf(14, 100), TOO_SMALL],
		['4.5', 'is 100 x 14 pixels, which is too small', pngOf(100, 14), TOO_SMALL],
		['4.5', 'is 1 x 1 pixels, which is too small', pngOf(1, 1), TOO_SMALL],
		['4.5', 'is 15 x 241 pixels, which is too narrow', pngOf(15, 241), TOO_NARROW],
		['4.5', 'is 241 x 15 pixels, which is too narrow', pngOf(241, 15), TOO_NARROW],
		['4.5', 'is 6000 x 6001 pixels, which is too large', pngOf(6000, 6001), TOO_LARGE],
		['4.5', 'is 65000 x 65000 pixels, which is too large', pngOf(65_000, 65_000), TOO_LARGE],
		[
			'seededit-3.0',
			'is 300 x 901 pixels, which is too narrow',
			pngOf(300, 901),
			'The longer side may be at most 3 times the shorter one.',
		],
		[
			'4.5',
			'has 30.0 MB, more than the 30.0 MB Seedream 4.5 supports',
			pngOf(300, 300, 30 * MEGABYTE + 1),
			'Use a smaller file, for example through the Edit Image node.',
		],
		[
			'seededit-3.0',
			'has 10.0 MB, more than the 10.0 MB SeedEdit 3.0 supports',
			pngOf(300, 300, 10 * MEGABYTE + 1),
			'Use a smaller file, for example through the Edit Image node.',
		],
		[
			'4.5',
			'is AVIF, which Volcengine Ark does not support for Seedream 4.5',
			async () => await picture(32, 32, 'avif'),
			`Convert it to one of: ${ANY}.`,
		],
		[
			'seededit-3.0',
			'is WEBP, which Volcengine Ark does not support for SeedEdit 3.0',
			async () => await picture(32, 32, 'webp'),
			'Convert it to one of: jpeg, png.',
		],
	])('%s: %s', async (family, what, make, advice) => {
		const bytes = Buffer.isBuffer(make) ? make : await make();
		const values = edit(DATA_FIELD, IDS[family]);
		expect(await bench.refusal(values, { items: [dataItem(bytes)] })).toEqual({
			message: `Reference Images: image 1 (field “data”) ${what} [item 0]`,
			description: advice,
		});
	});

	it.each<[Family | 'ep-20260101000000-abcde', Buffer]>([
		['4.5', pngOf(15, 15)],
		['4.5', pngOf(15, 240)],
		['4.5', pngOf(240, 15)],
		['4.5', pngOf(6000, 6000)],
		['4.5', pngOf(23_984, 1499)],
		['4.5', pngOf(300, 300, 30 * MEGABYTE)],
		['seededit-3.0', pngOf(300, 900)],
		['seededit-3.0', pngOf(300, 300, 10 * MEGABYTE)],
		// What nobody knows has no limits.
		['ep-20260101000000-abcde', pngOf(3, 9000)],
	])('but not by %s at its limits', async (model, bytes) => {
		// A preview, because these are no pictures, and a large file takes seconds on its way.
		const values = edit(DATA_FIELD, model in IDS ? IDS[model as Family] : model);
		const options = { previewRequest: true };
		const [{ json }] = await bench.items({ ...values, options }, { items: [dataItem(bytes)] });
		expect(json).toHaveProperty('body.image', expect.stringMatching(/^data:image\/png;base64,… /));
	});

	it('by DeerAPI, whose document lists fewer formats', async () => {
		const refusal = await bench.refusal(edit(DATA_FIELD, IDS['5.0-lite']), {
			items: [dataItem(heif('heic', 320, 320))],
			credentials: bench.credentials('deerapi'),
		});
		expect(refusal).toEqual({
			message:
				'Reference Images: image 1 (field “data”) is HEIC, which DeerAPI does not support for Seedream 5.0 Lite [item 0]',
			description: 'Convert it to one of: jpeg, png, webp, bmp, tiff, gif.',
		});
	});

	it.each(['5.0-pro', '5.0-flash'] as const)(
		'by %s for a transparent background, unless it is a PNG with an alpha channel',
		async (family) => {
			for (const bytes of [files.one, files.two]) {
				const values = edit(DATA_FIELD, IDS[family]);
				const { message, description } = await bench.refusal(
					{ ...values, options: { background: 'transparent' } },
					{ items: [dataItem(bytes)] },
				);
				expect(message).toContain('(field “data”) is not a PNG with an alpha channel [item 0]');
				expect(description).toContain('needs a PNG with transparent pixels.');
			}
		},
	);

	it.each([
		['a text', Buffer.from('a note')],
		['an SVG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"/>')],
		['an empty file', Buffer.alloc(0)],
	])('by every model if it is %s', async (_, bytes) => {
		for (const model of [MODEL, 'ep-20260101000000-abcde']) {
			const items = [dataItem(bytes)];
			expect(await bench.refusal(edit(DATA_FIELD, model), { items })).toEqual({
				message: 'Reference Images: image 1 (field “data”) is not an image [item 0]',
				description: 'Use a JPEG, PNG or WebP file.',
			});
		}
	});

	it('with the number of its item and its entry, while other items are sent', async () => {
		const items = [dataItem(files.one), dataItem(Buffer.from('no picture'))];
		const values = edit({ image: [...(urls(uris.two).image as []), { source: 'binary' }] });
		const settings = { onError: 'continueRegularOutput' } as const;
		const { items: output } = await bench.run(values, { items, settings });
		expect(output[1].json.error).toBe(
			'Reference Images: image 2 (field “data”) is not an image [item 1]',
		);
		expect(bench.bodies()).toHaveLength(1);
	});

	it('that is no longer stored', async () => {
		const data = { id: 'filesystem-v2:gone', data: 'filesystem-v2', mimeType: 'image/png' };
		const items = [{ json: {}, binary: { data } }];
		expect(await bench.refusal(edit(DATA_FIELD), { items })).toEqual({
			message:
				'Reference Images: the file of image 1 (field “data”) is no longer stored in n8n [item 0]',
			description: 'Run the node that outputs the file again.',
		});
	});
});

describe('an entry is rejected', () => {
	const OTHERS = 'It has “one”, “two”, “three”, “four”, “notes”. Change Binary Field Name.';
	const NAME = 'Enter the name of the field that holds the image, for example data.';
	const URL =
		'Enter a URL that starts with https:// or http://, or a data URI (data:image/png;base64,…).';

	it.each<[INodeParameters, what: string, advice: string]>([
		[fields('one, missing'), 'the input item has no binary field “missing”', OTHERS],
		[fields('={{ 5 }}'), 'the input item has no binary field “5”', OTHERS],
		[fields(''), 'a Binary Field Name is empty', NAME],
		[fields('={{ { a: 1 } }}'), 'a Binary Field Name is not a name', NAME],
		[urls(''), 'a URL is empty', URL],
		[urls('={{ $json.none }}'), 'a URL is empty', URL],
		[urls('={{ { a: 1 } }}'), 'a URL is not a URL', URL],
		[urls('example.com/a.png'), '“example.com/a.png” is not a URL', URL],
		[urls('/home/me/a.png'), '“/home/me/a.png” is not a URL', URL],
		[urls('data:image/svg+xml,<svg/>'), '“data:image/svg+xml,<svg/>” is not base64', URL],
		[
			urls('data:image/png;base64,aGVsbG8='),
			'image 1 (data URI) is not an image',
			'Use a JPEG, PNG or WebP file.',
		],
	])('%j', async (referenceImages, what, advice) => {
		expect(await bench.refusal(edit(referenceImages), { items: [item()] })).toEqual({
			message: `Reference Images: ${what} [item 0]`,
			description: advice,
		});
	});

	it.each<[node: string, ...links: string[]]>([
		[
			'Google Drive',
			'https://drive.google.com/file/d/1a2b/view?usp=sharing',
			'https://drive.google.com/open?id=1a2b',
			'https://docs.google.com/document/d/1a2b/edit',
		],
		[
			'Dropbox',
			'https://www.dropbox.com/scl/fi/1a2b/mug.png?rlkey=x&dl=0',
			'https://dropbox.com/s/1a2b/mug.png',
		],
		['Microsoft OneDrive', 'https://1drv.ms/i/s!1a2b', 'https://onedrive.live.com/?id=1a2b&cid=3c'],
	])('that is a share link of %s', async (node, ...links) => {
		for (const link of links) {
			expect(await bench.refusal(edit(urls(link)))).toEqual({
				message: `Reference Images: “${link}” is a share link, not the image itself [item 0]`,
				description: `Use the ${node} node before this one to download the file, and set Source to All Images of the Item.`,
			});
		}
	});

	it.each([
		'https://drive.google.com/uc?export=download&id=1a2b',
		'https://www.dropbox.com/scl/fi/1a2b/mug.png?rlkey=x&dl=1',
		'https://www.dropbox.com/s/1a2b/mug.png?raw=1',
		'https://dl.dropboxusercontent.com/s/1a2b/mug.png',
		'https://onedrive.live.com/download?resid=1a2b',
		'https://example.com/drive.google.com/file/mug.png',
	])('but not a link to the file itself: %s', async (link) => {
		const preview = { ...edit(urls(link)), options: { previewRequest: true } };
		const [{ json }] = await bench.items(preview);
		expect(json.body).toMatchObject({ image: link });
	});

	it.each<[INodeParameters, advice: string]>([
		[
			{ imageSource: 'url', imageUrl: 'https://drive.google.com/file/d/1a2b/view' },
			'Use the Google Drive node before this one to download the file, and set Image Source to Binary Field.',
		],
		[
			{ imageSource: 'binary' },
			'It has no files at all. Put a node before this one that outputs the image as a file, or set Image Source to URL. AI Agents pass no files, so give them URLs.',
		],
		[
			{ imageSource: '={{ "disk" }}' },
			'Set Image Source to Binary Field or URL; in an expression these are binary and url.',
		],
	])('as the Image of layers too, by the labels of its fields: %j', async (set, advice) => {
		const values = parameters('layers', IDS['5.5'], set);
		expect((await bench.refusal(values)).description).toBe(advice);
	});

	it('without repeating base64', async () => {
		const items = [item({ text: files.one.toString('base64') })];
		const { message } = await bench.refusal(edit(urls('={{ $json.text }}')), { items });
		expect(message).toMatch(/ is not a URL \[item 0\]$/);
	});
});

describe('for a gateway that does not support URLs (Unode), a URL', () => {
	let server: Server;
	let origin: string;
	let respond: RequestListener;
	let seen: Array<Record<string, unknown>>;
	beforeAll(async () => {
		server = createServer((request, response) => {
			seen.push({ url: request.url, authorization: request.headers.authorization });
			respond(request, response);
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	});
	beforeEach(() => {
		seen = [];
	});
	afterAll(() => {
		server.close();
		server.closeAllConnections();
	});

	const unode = () => ({ credentials: bench.credentials('unode') });

	it.each<[keyof typeof files, format: string, path: string, type: string]>([
		['two', 'jpeg', '/picture.png', 'image/png'],
		['one', 'png', '/picture', 'text/plain'],
		['three', 'webp', '/a/b.jpg?x=1&y=%20', 'application/octet-stream'],
		['four', 'gif', '/gif', 'image/jpeg'],
	])('is downloaded, whatever its name and type say: %s is %s', async (name, _, path, type) => {
		respond = (_request, response) => response.setHeader('Content-Type', type).end(files[name]);
		expect(await sent(urls(origin + path), unode())).toBe(uris[name]);
		expect(seen).toEqual([{ url: path, authorization: undefined }]);
	});

	it('keeps its place among other references', async () => {
		respond = ({ url }, response) => response.end(url === '/1' ? files.two : files.one);
		const image = [
			{ source: 'url', url: `${origin}/1\n${origin}/2` },
			{ source: 'binary', binaryPropertyName: 'three' },
		];
		expect(await sent({ image }, unode())).toEqual([uris.two, uris.one, uris.three]);
	});

	it('is followed to where it redirects, still without the key', async () => {
		respond = ({ url }, response) => {
			if (url === '/there') response.end(files.one);
			else response.writeHead(302, { Location: '/there' }).end();
		};
		expect(await sent(urls(`${origin}/here`), unode())).toBe(uris.one);
		expect(seen).toEqual([
			{ url: '/here', authorization: undefined },
			{ url: '/there', authorization: undefined },
		]);
	});

	const endless: RequestListener = (_request, response) => {
		const more = () => !response.destroyed && response.write(Buffer.alloc(65_536), more);
		more();
	};

	it.each<[reason: string, RequestListener]>([
		['HTTP status 403', (_, response) => response.writeHead(403).end('no')],
		['HTTP status 404', (_, response) => response.writeHead(404).end()],
		['HTTP status 500', (_, response) => response.writeHead(500).end()],
		['the connection was cut', ({ socket }) => socket.destroy()],
		['nothing arrived for 60 s', (_, response) => response.write('GIF89a')],
		['it is larger than 64 MB', endless],
	])('that cannot be downloaded is reported: %s', async (reason, how) => {
		respond = how;
		hurry();
		expect(await bench.refusal(edit(urls(`${origin}/a.png`)), unode())).toEqual({
			message: `Reference Images: image 1 (${origin}/a.png) could not be downloaded [item 0]`,
			description: `${reason}. The gateway supports no URLs, so this node downloads the image itself. Check the URL, or pass the image as a Binary Field.`,
		});
		expect(seen).toHaveLength(1);
	});

	it.each([
		['is not an image', '<html>Sign in</html>'],
		['is not an image', ''],
		['is 10 x 10 pixels, which is too small', pngOf(10, 10)],
	])('is checked as files are: %s', async (what, content) => {
		respond = (_, response) => response.end(content);
		const { message } = await bench.refusal(edit(urls(`${origin}/a.png`)), unode());
		expect(message).toBe(`Reference Images: image 1 (${origin}/a.png) ${what} [item 0]`);
	});
});
