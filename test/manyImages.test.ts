import { setTimeout as pause } from 'node:timers/promises';
import { Logger } from '@n8n/backend-common';
import { Container } from '@n8n/di';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith, toolsOfAgent } from './engine';
import { hurry, IDS, parameters, picture, TINY, useGateway } from './support';
import { A, answer, B, json, type RawResponse, type Setting } from './unkind/server';

const bench = useGateway();

const { '4.0': MODEL } = IDS;
const three = (more: INodeParameters = {}) =>
	parameters('textToImage', MODEL, {
		...more,
		options: { numberOfImages: 3, ...(more.options as object) },
	});

const names = (items: INodeExecutionData[]) => items.map(({ binary }) => binary?.data.fileName);

describe('Number of Images', () => {
	it('is that many requests where the gateway does not support n', async () => {
		const items = await bench.items(three({ options: { fileName: 'bike-{index}' } }));
		const body = {
			model: MODEL,
			prompt: TINY,
			response_format: 'url',
			size: '2K',
			watermark: false,
		};
		expect(bench.bodies()).toEqual([body, body, body]);
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2]);
		expect(names(items)).toEqual(['bike-0.jpg', 'bike-1.jpg', 'bike-2.jpg']);
		expect(new Set(items.map(({ json }) => json.url)).size).toBe(3);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(Array(3).fill({ item: 0 }));
	});

	it('works with Automatic, for which the editor hides what some models lack', async () => {
		const model = { __rl: true, mode: 'list', value: 'automatic' };
		expect(await bench.items({ ...three(), model })).toHaveLength(3);
	});

	it('is n where the gateway supports it', async () => {
		const model = 'doubao-seedream-3-0-t2i-250415';
		const values = parameters('textToImage', model, { options: { numberOfImages: 3 } });
		const items = await bench.items(values, { credentials: bench.credentials('routescope') });
		expect(bench.bodies()).toEqual([
			{
				model,
				prompt: TINY,
				n: 3,
				response_format: 'url',
				size: '1024x1024',
				watermark: false,
			},
		]);
		expect(items).toHaveLength(3);
	});

	it.each(['gateway002', 'other'] as const)('is that many requests at %s', async (gateway) => {
		const credentials = bench.credentials(gateway === 'other' ? 'new-api' : gateway);
		await bench.items(three(), { credentials });
		const n = gateway === 'gateway002' ? 1 : undefined;
		expect(bench.bodies().map((body) => body.n)).toEqual([n, n, n]);
	});

	it('is that many sets in an image set, numbered on', async () => {
		const set = parameters('imageSet', MODEL, { maxImages: 2, options: { numberOfImages: 2 } });
		const items = await bench.items(set);
		expect(bench.bodies()).toHaveLength(2);
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2, 3]);
	});

	it('warns once of a seed that all requests share', async () => {
		const model = 'doubao-seedream-3-0-t2i-250415';
		const items = await bench.items(
			parameters('textToImage', model, { options: { numberOfImages: 2, seed: 7 } }),
		);
		expect(items.map(({ json }) => json.warnings)).toEqual([
			[
				'Each of the 2 requests has the seed 7, so their images may be alike. Set Seed to -1 for different ones.',
				'The image is 16x16 pixels; 1024x1024 was requested.',
			],
			['The image is 16x16 pixels; 1024x1024 was requested.'],
		]);
	});

	it('counts for Max Images per Run, and Preview says how often the request is sent', async () => {
		const { message } = await bench.refusal(three({ options: { maxImagesPerRun: 2 } }));
		expect(message).toBe(
			'This run would generate up to 3 images, more than the 2 of Max Images per Run [item 0]',
		);
		const previews = await bench.items(three({ options: { previewRequest: true } }));
		expect(previews.map(({ json }) => [json.requests, json.maxImages])).toEqual([[3, 3]]);
	});

	it('puts all images into one item, with their usage added up', async () => {
		const [item, ...more] = await bench.items(three({ options: { output: 'singleItem' } }));
		expect(more).toEqual([]);
		expect(Object.keys(item.binary ?? {})).toEqual(['data', 'data_1', 'data_2']);
		expect((item.json.images as unknown[]).length).toBe(3);
		expect(item.json.usage).toMatchObject({ generated_images: 3 });
		expect(new Set(item.json.requestIds as string[]).size).toBe(3);
	});

	it('sends 19 requests for 5 items of 3 images of which 4 are refused once', async () => {
		hurry();
		const refused = { on: 'request', status: 429, code: 'ServerOverloaded' } as const;
		for (const nth of [2, 5, 8, 11]) bench.gateway.inject({ ...refused, nth });
		const items = await bench.items(three(), { items: Array(5).fill({ json: {} }) });
		expect(items).toHaveLength(15);
		expect(bench.bodies()).toHaveLength(19);
		expect(bench.gateway.ledger.images).toHaveLength(15);
	});
});

/** A refused prompt among others; the second request of its item in a run of three. */
const FILTERED = {
	on: 'request',
	status: 400,
	code: 'InputTextSensitiveContentDetected',
	message: 'The request failed because the input text may contain sensitive information.',
	nth: 2,
} as const;

describe('Number of Images, when one of the requests fails', () => {
	const filtered = 'The content filter rejected this prompt [item 0]';

	it('with On Error: Continue the other images and the failure are items', async () => {
		bench.gateway.inject(FILTERED);
		const { items, error } = await bench.run(three(), {
			settings: { onError: 'continueRegularOutput' },
		});
		expect(error).toBeUndefined();
		expect(items.map(({ json }) => json.error)).toEqual([undefined, filtered, undefined]);
		expect(bench.gateway.ledger.images).toHaveLength(2);
		expect(items.filter(({ binary }) => binary)).toHaveLength(2);
	});

	it('without, the message links every billed image once, those of other items too', async () => {
		// The last request fails when all others are done.
		bench.gateway.inject({ ...FILTERED, nth: 1, match: { prompt: 'bad' } });
		const values = three({ options: {}, advanced: { concurrentRequests: 1 } });
		const { error } = await bench.run(
			{ ...values, prompt: '={{ $json.prompt }}' },
			{
				items: ['one', 'two', 'bad'].map((name) => ({
					json: { prompt: `${name} [pixels:16x16]` },
				})),
			},
		);
		expect(error?.message).toBe('The content filter rejected this prompt [item 2]');
		const { images } = bench.gateway.ledger;
		const links = images.map(({ url = '', prompt }) => {
			const item = prompt.startsWith('one') ? 0 : 1;
			return `Item ${item}: <a href="${url}" target="_blank">${url}</a>`;
		});
		expect(links).toHaveLength(6);
		const lines = (error?.description ?? '').split(' <br>\n');
		expect(lines.filter((line) => line.includes('http'))).toEqual(links);
		expect(error?.messages).toEqual(images.map(({ url }, i) => `Item ${i < 3 ? 0 : 1}: ${url}`));
	});

	it('with On Error: Continue, what no request was sent for is one failed item', async () => {
		const { items } = await bench.run(three({ options: { maxImagesPerRun: 5 } }), {
			items: [{ json: {} }, { json: {} }],
			settings: { onError: 'continueRegularOutput' },
		});
		expect(items.map(({ json }) => json.error)).toEqual(
			[0, 1].map(
				(i) =>
					`This run would generate up to 6 images, more than the 5 of Max Images per Run [item ${i}]`,
			),
		);
	});

	it('with Retry On Fail the images that exist are not generated again', async () => {
		bench.gateway.inject(FILTERED);
		const settings = { retryOnFail: true, maxTries: 2, waitBetweenTries: 0 };
		const items = await bench.items(three(), { settings });
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2]);
		expect(bench.bodies()).toHaveLength(4);
		expect(bench.gateway.ledger.images).toHaveLength(3);
	});

	it('with Retry On Fail an image that may exist stops the run before anything is sent', async () => {
		bench.gateway.inject({ on: 'request', reset: 'after', nth: 2 });
		const { error } = await bench.run(three({ advanced: { concurrentRequests: 1 } }), {
			items: [{ json: {} }, { json: {} }],
			settings: { retryOnFail: true, maxTries: 3, waitBetweenTries: 0 },
			shuffleCredentials: true,
		});
		expect(error?.description).toContain('may have been generated and charged');
		expect(error?.description).toContain(`Item 0: <a href="${bench.gateway.ledger.images[0].url}"`);
		expect(bench.bodies()).toHaveLength(2);
	});

	it('with Retry On Fail a request that was not sent any more is sent then', async () => {
		hurry();
		const { status, code } = FILTERED;
		// It waits while the second one is rejected.
		const busy = { status: 429, code: 'ServerOverloaded', retryAfter: 30 };
		bench.gateway.inject({ on: 'request', ...busy, nth: 1 });
		bench.gateway.inject({ on: 'request', status, code, delay: 5_000, nth: 2 });
		const items = await bench.items(three(), {
			settings: { retryOnFail: true, maxTries: 2, waitBetweenTries: 0 },
		});
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 2]);
		expect(bench.gateway.ledger.images).toHaveLength(3);
	});

	it('a tool of an agent names the images, and the next equal call does not generate them again', async () => {
		bench.gateway.inject(FILTERED);
		const values = three({ advanced: { concurrentRequests: 1 } });
		const call = toolsOfAgent({ credentials: bench.credentials(), parameters: values }, [
			{ json: {} },
		]);
		const [first] = await Promise.allSettled([call('Seedream')]);
		const { images } = bench.gateway.ledger;
		const { description } = (first as PromiseRejectedResult).reason as { description: string };
		expect(images.map(({ url = '' }) => description.includes(url))).toEqual([true]);
		for (const billed of [3, 6]) {
			expect(await call('Seedream')).toHaveLength(3);
			expect(images).toHaveLength(billed);
		}
	});

	it.each([
		[1, 420, 'before its end'],
		[3, 432, 'behind it'],
	])(
		'cancelled with %i requests at once, every billed image is logged: %i bytes have arrived, the URL in them, %s',
		async (most, stall) => {
			const logged: string[] = [];
			jest
				.spyOn(Container.get(Logger), 'warn')
				.mockImplementation((line) => void logged.push(line));
			const { ledger } = bench.gateway;
			// The third image is billed, and its response on its way when the run is cancelled.
			bench.gateway.inject({ on: 'request', nth: 3, stall });
			let cancel = () => {};
			const running = bench.run(three({ advanced: { concurrentRequests: most } }), {
				onStart: (stop) => (cancel = stop),
			});
			const isReady = () =>
				ledger.images.length === 3 &&
				ledger.downloads.filter(({ complete }) => complete).length >= 2;
			while (!isReady()) await pause(5);
			await pause(100);
			cancel();
			const { items } = await running;
			const told = () => [...logged, JSON.stringify(items.map(({ json }) => json.url))].join(' ');
			const isTold = ({ url = '' }) => told().includes(url);
			for (let i = 0; i < 100 && !ledger.images.every(isTold); i += 1) await pause(10);
			expect(ledger.images.map(isTold)).toEqual([true, true, true]);
			expect(logged.join().match(/https?:/g)).toHaveLength(3);
		},
	);
});

describe('a gateway with ways of its own, asked for several images', () => {
	/** A run of so many requests, each of which gets the next response. */
	const answers = async (count: number, responses: RawResponse[], setting: Setting = {}) =>
		await answer(responses, {
			...setting,
			options: { numberOfImages: count, ...setting.options },
			advanced: { concurrentRequests: 1, ...setting.advanced },
		});
	const numbered = (count: number, of: (n: number) => RawResponse) =>
		Array.from({ length: count }, (_, n) => of(n));
	const CONTINUE = { settings: { onError: 'continueRegularOutput' } } as const;

	it('gives more images than requested numbers and names of their own', async () => {
		const two = json({ data: [{ url: A }, { url: B }] });
		for (const fileName of ['fox', 'fox-{index}']) {
			const { result } = await answers(3, [two], { options: { fileName } });
			expect(result.items.map((item) => item.json.index)).toEqual([0, 3, 1, 4, 2, 5]);
			expect(new Set(names(result.items)).size).toBe(6);
		}
	});

	it('names the URLs of all responses that are not understood, however many and alike', async () => {
		const urls = Array.from({ length: 24 }, (_, n) => `HOST/${n}.png`);
		const numberIn = (sent: string) => Number(/scene (\d+)/.exec(sent)?.[1]);
		const { description, requests } = await answer(
			({ body: sent }) => {
				const raw = json({ payload: { link: urls[numberIn(sent)] } });
				// The first failure ends the run, when the others have been sent.
				return { ...raw, body: [1_000, ...raw.body] };
			},
			{
				values: { prompt: '=scene {{ $json.n }}' },
				advanced: { concurrentRequests: 24 },
				run: { items: urls.map((_, n) => ({ json: { n } })) },
			},
		);
		expect(requests.length).toBeGreaterThan(12);
		const lines = description.split('\n');
		for (const { body: sent } of requests) expect(lines).toContain(urls[numberIn(sent)]);
		const { description: ofOneItem } = await answers(
			2,
			numbered(2, (n) => json({ payload: { link: urls[n] } })),
			{ advanced: { concurrentRequests: 2 } },
		);
		expect(ofOneItem.match(/HOST.*/g)?.sort()).toEqual(urls.slice(0, 2));
	});

	it('keeps the fields of files in line with the images of a single item', async () => {
		hurry();
		const urls = ['HOST/none/a.png', B, 'HOST/c.png'];
		const { result } = await answers(
			3,
			numbered(3, (n) => json({ data: [{ url: urls[n] }] })),
			{ options: { output: 'singleItem' } },
		);
		const [{ binary = {}, json: item }] = result.items;
		const images = item.images as Array<{ fileName?: string }>;
		expect(images.map(({ fileName }) => fileName)).toEqual([
			undefined,
			binary.data_1.fileName,
			binary.data_2.fileName,
		]);
		expect(item).not.toHaveProperty('usage');
	});

	it('adds up usage, within objects too', async () => {
		const usage = { total_tokens: 2, details: { text: 1 }, model: 'm' };
		const { result } = await answers(2, [json({ data: [{ url: A }], usage })], {
			options: { output: 'singleItem' },
		});
		expect(result.items[0].json.usage).toEqual({
			total_tokens: 4,
			details: { text: 2 },
			model: 'm',
		});
	});

	it.each([
		['in its words', { error: { message: `<img src=x onerror="a()"> <a href='//evil'>` } }, 400],
		['in a code', { error: { message: 'no', code: '<script>a()</script>' } }, 400],
		['in the URL of an image', { data: [{ url: `${A}?"><script>a()</script>` }] }, 200],
		['in another kind of URL', { data: [{ url: 'javascript:a("https://h/a.png")' }] }, 200],
	])('cannot put HTML %s into what the editor shows', async (_, value, status) => {
		hurry();
		const responses = [json(value, status), json({ error: { message: 'no' } }, 400)];
		const { result } = await answers(2, responses);
		const tags = result.error?.description?.match(/<[^>]*>/g) ?? [];
		const isOurs = /^<(br|a href="https?:[^"<>]*" target="_blank"|\/a)>$/;
		expect(tags.filter((tag) => !isOurs.test(tag))).toEqual([]);
		const { message } = await answers(2, responses, { run: CONTINUE });
		expect(message).not.toMatch(/<br>|&lt;/);
	});
});

describe('Images of All Input Items', () => {
	const all = (more: INodeParameters = {}) =>
		parameters('imageToImage', MODEL, {
			referenceImages: { image: [{ source: 'allItems' }] },
			...more,
		});

	async function inputs(count: number): Promise<INodeExecutionData[]> {
		return await Promise.all(
			Array.from({ length: count }, async (_, i) =>
				itemWith(
					{
						data: { bytes: await picture(32 + i), mimeType: 'image/png', fileName: `pic${i}.png` },
					},
					{ sku: `S${i}` },
				),
			),
		);
	}

	const uri = async (width: number) =>
		`data:image/png;base64,${(await picture(width)).toString('base64')}`;

	it('is one request with the images of all items in their order, paired with all', async () => {
		const [item, ...more] = await bench.items(all({ prompt: '={{ $json.sku }} [pixels:16x16]' }), {
			items: await inputs(3),
		});
		expect(more).toEqual([]);
		expect(bench.bodies()).toEqual([
			{
				model: MODEL,
				prompt: 'S0 [pixels:16x16]',
				image: [await uri(32), await uri(33), await uri(34)],
				response_format: 'url',
				size: '2K',
				watermark: false,
			},
		]);
		expect(item.pairedItem).toEqual([{ item: 0 }, { item: 1 }, { item: 2 }]);
	});

	it.each([
		['Execute Once', { executeOnce: true }],
		['On Error: Continue', { onError: 'continueRegularOutput' as const }],
		['Retry On Fail', { retryOnFail: true, waitBetweenTries: 0 }],
	])('works with %s', async (_name, settings) => {
		if ('retryOnFail' in settings) bench.gateway.inject({ ...FILTERED, nth: 1 });
		const items = await bench.items(all(), { items: await inputs(2), settings });
		expect(items).toHaveLength(1);
		expect(bench.bodies().at(-1)?.image).toEqual([await uri(32), await uri(33)]);
		expect(bench.gateway.ledger.images).toHaveLength(1);
	});

	it('stands beside other sources, with Max Images per Run and Preview', async () => {
		const image = [
			{ source: 'allItems' },
			{ source: 'url', url: bench.gateway.url + '/samples/64x64.png' },
		];
		const options = { maxImagesPerRun: 1, previewRequest: true };
		const [{ json }, ...more] = await bench.items(all({ referenceImages: { image }, options }), {
			items: await inputs(2),
		});
		expect(more).toEqual([]);
		expect((json.body as { image: string[] }).image).toHaveLength(3);
	});

	it('checks the limit of references over all items', async () => {
		const { message } = await bench.refusal(all(), { items: await inputs(15) });
		expect(message).toMatch(/^15 Reference Images are too many for Seedream 4.0/);
	});

	it('names the item and the field of a file that is no image', async () => {
		const items = await inputs(2);
		const bad = itemWith({ photo: { bytes: Buffer.from('text'), mimeType: 'image/png' } });
		const { message } = await bench.refusal(all(), { items: [...items, bad] });
		expect(message).toBe(
			'Reference Images: image 3 (field “photo” of item 2) is not an image [item 0]',
		);
	});

	it.each(['textToImage', 'layers'] as const)('means nothing to %s', async (operation) => {
		const values = all({
			...parameters(operation, IDS['5.5']),
			imageSource: 'url',
			imageUrl: `${bench.gateway.url}/samples/600x600.png`,
		});
		await bench.items(values, { items: await inputs(2) });
		expect(bench.bodies()).toHaveLength(2);
	});

	it('is refused from an expression, which other items would not know of', async () => {
		const image = [{ source: '={{ "allItems" }}' }];
		const { message } = await bench.refusal(all({ referenceImages: { image } }));
		expect(message).toBe('Reference Images: “allItems” is not a Source [item 0]');
	});
});
