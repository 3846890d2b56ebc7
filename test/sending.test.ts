import { OutboundHttp } from '@n8n/backend-network';
import { Container } from '@n8n/di';
import type { IHttpRequestOptions, INodeParameters } from 'n8n-workflow';
import { Socket } from 'node:net';

import { runNode, toolsOfAgent, type NodeRun } from './engine';
import { secretsIn } from './faults/secrets';
import { startGateway, type Fault } from './gateway';
import { bytesOf, hurry, IDS, KEY, parameters, useGateway } from './support';

const bench = useGateway();

const MODEL = IDS['4.0'];
const CONTINUE = { onError: 'continueRegularOutput' } as const;
const ERROR_OUTPUT = { onError: 'continueErrorOutput' } as const;
const RETRY = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };

/** Input items with a prompt each. */
function scenes(count: number) {
	return Array.from({ length: count }, (_, i) => ({
		json: { prompt: `scene ${i}; [pixels:16x16]` },
	}));
}

function text(options: INodeParameters = {}, more: INodeParameters = {}): INodeParameters {
	return parameters('textToImage', MODEL, { prompt: '={{ $json.prompt }}', options, ...more });
}

function set(options: INodeParameters = {}, more: INodeParameters = {}): INodeParameters {
	return parameters('imageSet', MODEL, {
		maxImages: 4,
		options: { stream: 'off', ...options },
		...more,
	});
}

/** A fault of the requests of one item. */
function atScene(i: number, fault: Omit<Extract<Fault, { on: 'request' }>, 'on'>): Fault {
	return { on: 'request', match: { prompt: `scene ${i};` }, ...fault };
}

const REFUSED = { status: 400, code: 'InvalidParameter', message: 'The prompt is not valid.' };
const BROKEN = { status: 500, code: 'InternalServiceError', message: 'Something broke.' };
const BUSY = { status: 429, code: 'ServerOverloaded', message: 'Try again.' };

function billed(): string[] {
	return bench.gateway.ledger.images.filter((image) => image.billed).map(({ prompt }) => prompt);
}

/** URLs of the images that were billed, in the order of their items. */
function billedUrls(): string[] {
	return [...bench.gateway.ledger.images]
		.filter((image) => image.billed)
		.sort((a, b) => a.prompt.localeCompare(b.prompt))
		.map(({ url = '' }) => url);
}

function expectNothingTwice(): void {
	expect(new Set(billed()).size).toBe(billed().length);
}

function posts(): number {
	return bench.bodies().length;
}

/** The outcome of every request once the gateway has noticed it. */
async function outcomes(): Promise<string[]> {
	const { requests } = bench.gateway.ledger;
	for (let i = 0; i < 200 && requests.some(({ outcome }) => outcome === 'open'); i += 1) {
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
	return requests.map(({ outcome }) => outcome);
}

/** Resolves when a condition holds; the test's own time limit ends the wait. */
async function until(condition: () => boolean): Promise<void> {
	while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('failures in numbers', () => {
	it('10 items, the 7th rejected: only requests in progress are billed, and the message lists every image', async () => {
		bench.gateway.inject(atScene(6, REFUSED));
		bench.gateway.inject({ on: 'request', nth: 'every', delay: 100 });
		const { error, items } = await bench.run(text(), { items: scenes(10) });
		expect(items).toEqual([]);
		expect(billed().length).toBeGreaterThanOrEqual(6);
		expect(billed().length).toBeLessThanOrEqual(8);
		expectNothingTwice();
		expect(error?.message).toMatch(/^The prompt is not valid\. Request id: \w+ \[item 6\]$/);
		for (const { prompt, url } of bench.gateway.ledger.images) {
			const item = /scene (\d)/.exec(prompt)?.[1];
			expect(error?.description).toContain(`Item ${item}: ${url}\n`.trim());
			expect((await fetch(String(url))).status).toBe(200);
		}
	});

	it('the same with On Error: Continue returns 9 images and an error item', async () => {
		bench.gateway.inject(atScene(6, REFUSED));
		const { items, error } = await bench.run(text(), { items: scenes(10), settings: CONTINUE });
		expect(error).toBeUndefined();
		expect([billed().length, posts()]).toEqual([9, 10]);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(
			Array.from({ length: 10 }, (_, item) => ({ item })),
		);
		expect(items.filter(({ binary }) => binary)).toHaveLength(9);
		const { id } = bench.gateway.ledger.requests.find(({ status }) => status === 400) ?? {};
		expect(items[6].json).toEqual({
			error: `The prompt is not valid. Request id: ${id} [item 6]`,
			message: expect.stringContaining(
				`Change the field it names.\nCode: InvalidParameter, HTTP status: 400, Request ID: ${id}`,
			) as string,
			details: { code: 'InvalidParameter', status: 400, requestId: id, index: undefined },
		});
	});

	it('the same with an error output', async () => {
		bench.gateway.inject(atScene(6, REFUSED));
		const { outputs } = await bench.run(text(), { items: scenes(10), settings: ERROR_OUTPUT });
		expect(outputs.map(({ length }) => length)).toEqual([9, 1]);
		expect(outputs[1][0]).toMatchObject({
			json: { details: { code: 'InvalidParameter', status: 400 } },
			pairedItem: { item: 6 },
		});
	});

	it('10 items, the 7th returns 500 twice, Retry On Fail: 12 requests, 10 billed, 10 delivered', async () => {
		bench.gateway.inject(atScene(6, { ...BROKEN, times: 2 }));
		const items = await bench.items(text(), { items: scenes(10), settings: RETRY });
		expect([posts(), billed().length, items.length]).toEqual([12, 10, 10]);
		expectNothingTwice();
		expect(items.map(({ json }) => json.url)).toEqual(billedUrls());
		for (const item of items) {
			const file = await fetch(String(item.json.url));
			expect(bytesOf(item)).toEqual(Buffer.from(await file.arrayBuffer()));
		}
	});

	it('a set of 4, the 3rd moderated: 3 billed, 3 delivered, the 4th reported', async () => {
		bench.gateway.inject({ on: 'request', moderate: [2] });
		const items = await bench.items(set());
		expect([billed().length, items.length]).toEqual([3, 3]);
		expect(items.map(({ json }) => json.index)).toEqual([0, 1, 3]);
		expect(items[0].json.warnings).toEqual([
			expect.stringMatching(/^Image 2 was not generated: OutputImageSensitiveContentDetected: /),
		]);
	});

	it('a set of 4, the 3rd download fails once: 4 billed, 4 delivered', async () => {
		bench.gateway.inject({ on: 'download', status: 500, match: { imageIndex: 2 } });
		const items = await bench.items(set());
		expect(items.map(({ binary }) => !!binary)).toEqual([true, true, true, true]);
		expect([billed().length, bench.gateway.ledger.downloads.length]).toEqual([4, 5]);
	});

	it('429 with Retry-After: delivered', async () => {
		bench.gateway.inject({ on: 'request', ...BUSY, retryAfter: 1 });
		const [item] = await bench.items(parameters('textToImage', MODEL));
		expect([item.binary?.data.mimeType, posts()]).toEqual(['image/jpeg', 2]);
		const [first, second] = bench.gateway.ledger.requests;
		expect(second.at - first.at).toBeGreaterThanOrEqual(990);
	});
});

describe('retries', () => {
	const once = async (fault: object, options: INodeParameters = {}) => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...fault } as Fault);
		const { error } = await bench.run(
			parameters('textToImage', MODEL, { options: { waitWhenBusy: 1.5, ...options } }),
		);
		expect(error).toBeDefined();
		return { tries: posts(), error };
	};

	it.each([
		[2, '429', { ...BUSY, retryAfter: 1 }, {}],
		[2, '503', { status: 503, code: 'ServerOverloaded', retryAfter: 1 }, {}],
		[2, '503 as a web page', { status: 503, html: true, retryAfter: 1 }, {}],
		[3, '500 where the user says so', BROKEN, { retryServerErrors: 'always' }],
	])('%d attempts after %s', async (count, _, fault, options) => {
		const { tries, error } = await once(fault, options);
		expect([tries, error?.message]).toEqual([
			count,
			expect.stringContaining(`(after ${count} attempts)`),
		]);
	});

	it.each([
		['400', REFUSED],
		['401', { status: 401, code: 'AuthenticationError' }],
		['403', { status: 403, code: 'AccountOverdueError' }],
		['500, unless the gateway says so', BROKEN],
		['429 SetLimitExceeded', { ...BUSY, code: 'SetLimitExceeded' }],
		['429 used-up trial', { ...BUSY, code: 'QuotaExceeded', message: 'Your free trial is over.' }],
		['429 used-up plan', { ...BUSY, code: 'QuotaExceeded', message: 'The usage quota is over.' }],
		['429 no money', { ...BUSY, code: 'insufficient_user_quota' }],
		['503 without such a model', { status: 503, code: 'model_not_found' }],
		['a redirect', { redirect: '/elsewhere', status: 307 }],
		['an error in 200', { errorIn200: { code: 'InternalServiceError', message: 'Broke.' } }],
		['no images', { empty: true }],
	])('not after %s', async (_, fault) => {
		expect((await once(fault)).tries).toBe(1);
	});

	it.each([
		['408', { status: 408, html: true }],
		['502', { status: 502, html: true, made: true }],
		['504', { status: 504, made: true }],
		['524', { status: 524, html: true, made: true }],
		['a reset', { reset: 'after' }],
		['an answer cut at once', { cut: 0 }],
		['an answer cut in the middle', { cut: 100 }],
		['no answer in time', { noAnswer: true }],
		['an answer that stalls', { stall: 100 }],
		['an answer that stalls before it begins', { stall: 0 }],
		['half an answer that ends properly', { body: '{"data":[{"url":"http' }],
		['an answer that gives signs of life only', { stall: 20, beat: 100 }],
		['a message that may say that all went well', { body: '{"message":"Generated","list":[]}' }],
		['a task', { body: '{"success":true,"message":"Submitted","data":{"task_id":"t"}}' }],
		['a task with an empty error', { body: '{"task_id":"t","error":""}' }],
		['an answer that the gateway lost', { ...BROKEN, code: 'do_request_failed', made: true }],
		['an answer that the gateway could not read', { ...BROKEN, code: 'bad_response_body' }],
	])('never after %s, which may have been charged', async (_, fault) => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...fault } as Fault);
		const { error } = await bench.run(
			parameters('textToImage', MODEL, {
				requestOptions: { timeout: 1_500 },
				options: { retryServerErrors: 'always' },
			}),
			{ settings: RETRY },
		);
		expect(posts()).toBe(1);
		expect(error?.description).toMatch(/may have been generated and charged|may be charged/);
	});

	it('never after 500 if the user turned that off, not by Retry On Fail either', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...BROKEN });
		const { error } = await bench.run(
			parameters('textToImage', MODEL, { options: { retryServerErrors: 'never' } }),
			{ settings: RETRY },
		);
		expect([posts(), error?.message]).toEqual([1, expect.stringContaining('Something broke.')]);
	});

	it('end for all items together when the gateway admits nothing', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...BUSY });
		const started = Date.now();
		const { items } = await bench.run(text({ waitWhenBusy: 1, concurrentRequests: 2 }), {
			items: scenes(20),
			settings: CONTINUE,
		});
		expect(items.map(({ json }) => !!json.error)).toEqual(scenes(20).map(() => true));
		expect(Date.now() - started).toBeLessThan(5_000);
		expect(posts()).toBeLessThan(15);
	});

	it('after 500 if the gateway’s document says so', async () => {
		bench.gateway.inject({ on: 'request', ...BROKEN, retryAfter: 1 });
		await bench.items(parameters('textToImage', IDS['5.0-lite']), {
			credentials: bench.credentials('deerapi'),
		});
		expect(posts()).toBe(2);
	});

	it.each([
		['a date', () => new Date(Date.now() + 2_000), 900],
		['a part of a second', () => '0.8', 790],
		['nothing at all', () => 0, 45],
		['a date that is over', () => new Date(0), 45],
		['a word', () => 'soon', 45],
	])('wait as long as Retry-After says: %s', async (_, retryAfter, atLeast) => {
		bench.gateway.inject({ on: 'request', ...BUSY, retryAfter: retryAfter() });
		await bench.items(parameters('textToImage', MODEL));
		const [first, second] = bench.gateway.ledger.requests;
		expect(second.at - first.at).toBeGreaterThanOrEqual(atLeast);
	});

	it('outlast a limit of one minute', async () => {
		hurry();
		bench.gateway.inject({ on: 'request', nth: 'every', ...BUSY });
		setTimeout(() => bench.gateway.reset(), 60_000);
		const [item] = await bench.items(parameters('textToImage', MODEL));
		expect([item.binary?.data.mimeType, posts()]).toEqual(['image/jpeg', 1]);
	});

	it('report an unreachable host within seconds, after two further attempts', async () => {
		hurry();
		const credentials = bench.credentials('volcengine', { baseUrl: 'http://127.0.0.1:1' });
		const { now } = Date;
		const started = now();
		const { error } = await bench.run(parameters('textToImage', MODEL), { credentials });
		expect(error?.message).toBe('The host 127.0.0.1 cannot be reached (after 3 attempts) [item 0]');
		expect(now() - started).toBeLessThan(8_000);
	});

	it.each([
		['a closed port', 'http://127.0.0.1:1', 'ECONNREFUSED'],
		['a name that does not exist', 'http://no-such-host.invalid', 'ENOTFOUND|EAI_AGAIN'],
	])('after %s, when nothing was sent', async (_, baseUrl, code) => {
		hurry();
		const { items } = await bench.run(parameters('textToImage', MODEL), {
			credentials: bench.credentials('volcengine', { baseUrl }),
			settings: CONTINUE,
		});
		expect(items).toEqual([
			{
				json: {
					error: `The host ${new URL(baseUrl).hostname} cannot be reached (after 3 attempts) [item 0]`,
					message: expect.stringMatching(/^Nothing was sent\./) as string,
					details: expect.objectContaining({
						code: expect.stringMatching(code) as string,
					}) as object,
				},
				pairedItem: { item: 0 },
			},
		]);
	});
});

describe('a request without a response', () => {
	const broken = (syscall: string, code: string) =>
		Object.assign(new Error(`${syscall} ${code} 192.0.2.1:443`), { code, syscall });
	const several = Object.assign(new AggregateError([broken('connect', 'ETIMEDOUT')]), {
		code: 'ETIMEDOUT',
	});
	const tls = 'Client network socket disconnected before secure TLS connection was established';

	it.each<[string, Error, string]>([
		['no connection in time', broken('connect', 'ETIMEDOUT'), 'Nothing was sent.'],
		['none to any address of the host', several, 'Nothing was sent.'],
		['no way there', broken('connect', 'EHOSTUNREACH'), 'Nothing was sent.'],
		[
			'a way that is gone later',
			broken('read', 'EHOSTUNREACH'),
			'The image may have been generated',
		],
		['a connection that died', broken('read', 'ETIMEDOUT'), 'The image may have been generated'],
		[
			'a connection that was reset',
			broken('read', 'ECONNRESET'),
			'The image may have been generated',
		],
		['no greeting', Object.assign(new Error(tls), { code: 'ECONNRESET' }), 'Check the credential'],
	])('%s', async (_, cause, words) => {
		jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket) {
			process.nextTick(() => this.destroy(cause));
			return this;
		});
		const { error } = await bench.run(
			parameters('textToImage', MODEL, { options: { waitWhenBusy: 0 } }),
		);
		expect(error?.description).toMatch(new RegExp(`^${words}`));
	});

	it('https for a gateway that only supports http', async () => {
		const baseUrl = bench.credentials().baseUrl.replace('http:', 'https:');
		const { error } = await bench.run(parameters('textToImage', MODEL), {
			credentials: bench.credentials('volcengine', { baseUrl }),
		});
		expect(error?.message).toMatch(/^The request could not be sent: /);
		expect(error?.description).not.toContain('charged');
	});
});

describe('parallel requests', () => {
	it('errors break lines as HTML in the editor, and plainly in error items', async () => {
		const fault = atScene(1, { status: 400, code: 'InvalidParameter', message: 'No' });
		bench.gateway.inject(fault);
		const options = { items: scenes(2) };
		const { error } = await bench.run(text({ concurrentRequests: 1 }), options);
		expect(error?.description).toMatch(
			/ <br>\nCode: InvalidParameter.* <br>\n.* <br>\nItem 0: http/,
		);
		bench.gateway.inject(fault);
		const { items } = await bench.run(text(), { ...options, settings: CONTINUE });
		expect(items[1].json.message).toMatch(/\nCode: InvalidParameter/);
		expect(items[1].json.message).not.toContain('<br>');
	});

	it('start in the order of the items, whichever is prepared first', async () => {
		const options = { items: scenes(5), shuffleCredentials: true } as const;
		await bench.run(text({ concurrentRequests: 1 }), options);
		expect(bench.bodies().map(({ prompt }) => prompt)).toEqual(
			scenes(5).map(({ json }) => json.prompt),
		);
	});

	it.each([
		[8, {}],
		[1, { concurrentRequests: 1 }],
		[5, { concurrentRequests: 5 }],
	])('are limited to %d, and items keep their order', async (most, options) => {
		bench.gateway.inject({
			on: 'request',
			nth: 'every',
			match: { prompt: 'scene 0;' },
			delay: 300,
		});
		bench.gateway.inject({ on: 'request', nth: 'every', delay: 30 });
		const items = await bench.items(text(options), { items: scenes(12) });
		expect(bench.gateway.ledger.maxInFlight).toBe(most);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(
			Array.from({ length: 12 }, (_, item) => ({ item })),
		);
		expectNothingTwice();
	});

	it('succeed at a gateway that allows fewer', async () => {
		const gateway = await startGateway({ key: KEY, rate: 10 });
		const baseUrl = `${gateway.profileUrl('volcengine')}/api/v3`;
		const { items, error } = await runNode({
			credentials: bench.credentials('volcengine', { baseUrl }),
			parameters: text(),
			items: scenes(30),
		});
		await gateway.close();
		expect(error).toBeUndefined();
		expect(items.map(({ json }) => json.prompt)).toEqual(scenes(30).map(({ json }) => json.prompt));
		expect(gateway.ledger.images).toHaveLength(30);
		expect(gateway.ledger.maxInFlight).toBeLessThanOrEqual(8);
		expect(gateway.ledger.requests.some(({ status }) => status === 429)).toBe(true);
	});
});

describe('a failed run', () => {
	it('sends nothing more, and waits for requests in progress', async () => {
		bench.gateway.inject({ ...atScene(1, { delay: 400 }) });
		bench.gateway.inject(atScene(0, { status: 401, code: 'AuthenticationError', message: 'No.' }));
		const { error } = await bench.run(text({ concurrentRequests: 2 }), { items: scenes(10) });
		expect(posts()).toBe(2);
		const [{ url }] = bench.gateway.ledger.images;
		expect(error?.message).toContain('[item 0]');
		expect(error?.description).toContain(`Item 1: ${url}`);
	});

	it('reports every image that may have been charged, not only the first failure', async () => {
		bench.gateway.inject({ ...atScene(1, { delay: 300, cut: 50 }) });
		bench.gateway.inject(atScene(0, REFUSED));
		const { error } = await bench.run(text({ concurrentRequests: 2 }), { items: scenes(4) });
		expect(posts()).toBe(2);
		expect(error?.message).toContain('The prompt is not valid');
		expect(error?.description).toMatch(/\[item 1\].*may have been generated and charged/s);
	});

	it('lists the images of every incomplete set', async () => {
		for (const i of [0, 1]) bench.gateway.inject(atScene(i, { moderate: [2], delay: 100 * i }));
		const { error } = await bench.run(
			set({ failedImages: 'fail' }, { prompt: '={{ $json.prompt }}' }),
			{ items: scenes(2) },
		);
		expect(billed()).toHaveLength(6);
		for (const url of billedUrls()) expect(error?.description).toContain(url);
	});

	it('lists images generated before and after the failure, across attempts', async () => {
		bench.gateway.inject(atScene(4, { ...BROKEN, nth: 'every' }));
		const { error } = await bench.run(text(), { items: scenes(8), settings: RETRY });
		expectNothingTwice();
		for (const url of billedUrls()) expect(error?.description).toContain(url);
	});
});

describe('nothing is sent', () => {
	it('when an expression of a later item cannot be resolved', async () => {
		const items = scenes(5).map((item, i) => ({ json: { ...item.json, bad: i === 2 } }));
		const { error } = await bench.run(
			text({}, { prompt: '={{ $json.bad ? $("Nowhere").item.json.x : $json.prompt }}' }),
			{ items, settings: RETRY },
		);
		expect(error?.message).toBeTruthy();
		await new Promise((resolve) => setTimeout(resolve, 100));
		expect(posts()).toBe(0);
	});

	it('when a later item is invalid', async () => {
		const items = scenes(10);
		items[6].json.prompt = '';
		const { error } = await bench.run(text(), { items });
		expect(error?.message).toContain('[item 6]');
		expect(posts()).toBe(0);
	});

	it('but the others are with On Error: Continue', async () => {
		const items = scenes(10).map((item, i) => ({ json: { ...item.json, bad: i === 2 } }));
		items[6].json.prompt = '';
		const result = await bench.run(
			text({}, { prompt: '={{ $json.bad ? $("Nowhere").item.json.x : $json.prompt }}' }),
			{ items, settings: CONTINUE },
		);
		expect(billed()).toHaveLength(8);
		expect(result.items.filter(({ binary }) => binary)).toHaveLength(8);
	});
});

describe('batches', () => {
	const batched = { batching: { batch: { batchSize: 2, batchInterval: 50 } } };

	it('are sent one after another', async () => {
		const items = await bench.items(text({}, { requestOptions: batched }), { items: scenes(6) });
		expect([items.length, billed().length]).toEqual([6, 6]);
	});

	it('stop when the run fails', async () => {
		bench.gateway.inject(atScene(1, REFUSED));
		const { error } = await bench.run(text({}, { requestOptions: batched }), { items: scenes(8) });
		expect(posts()).toBeLessThanOrEqual(4);
		for (const url of billedUrls()) expect(error?.description).toContain(url);
	});

	it('are not sent when an expression of a later one cannot be resolved', async () => {
		const items = scenes(6).map((item, i) => ({ json: { ...item.json, bad: i === 4 } }));
		const { error } = await bench.run(
			text(
				{},
				{
					prompt: '={{ $json.bad ? $("Nowhere").item.json.x : $json.prompt }}',
					requestOptions: batched,
				},
			),
			{ items, settings: RETRY },
		);
		expect(error?.message).toBe("Referenced node doesn't exist");
		expect(posts()).toBe(0);
	});
});

describe('Retry On Fail', () => {
	it('returns existing images even if the prompt changes with each attempt', async () => {
		bench.gateway.inject(atScene(3, { ...BROKEN, times: 2 }));
		const items = await bench.items(
			text({}, { prompt: '={{ $json.prompt }} {{ Math.random() }}' }),
			{ items: scenes(5), settings: RETRY },
		);
		expect([posts(), billed().length]).toEqual([7, 5]);
		expect(items.map(({ json }) => json.url)).toEqual(billedUrls());
	});

	it.each([
		['stop', {}],
		['continue', CONTINUE],
		['error output', ERROR_OUTPUT],
	])('does not retry requests that may have been charged (%s)', async (_, settings) => {
		bench.gateway.inject(atScene(0, { reset: 'after' }));
		await bench.run(text(), { items: scenes(4), settings: { ...RETRY, ...settings } });
		expect(posts()).toBeLessThanOrEqual(4);
		expectNothingTwice();
	});

	it('also applies to error items', async () => {
		bench.gateway.inject(atScene(0, { ...BROKEN, times: 2 }));
		const { items } = await bench.run(text(), {
			items: scenes(4),
			settings: { ...RETRY, ...CONTINUE },
		});
		expect([posts(), billed().length, items.filter(({ binary }) => binary).length]).toEqual([
			6, 4, 4,
		]);
	});
});

describe('a separate request', () => {
	it('is every call of a tool that n8n runs for an agent', async () => {
		for (const call of [1, 2]) {
			const { items } = await bench.run(parameters('textToImage', MODEL), {
				toolCall: { prompt: 'a fox' },
			});
			expect([items.length, billed().length]).toEqual([1, call]);
		}
	});

	it('is every call of a tool that an agent runs itself, whatever the input of the agent', async () => {
		const call = toolsOfAgent(
			{ credentials: bench.credentials(), parameters: parameters('textToImage', MODEL) },
			scenes(5),
		);
		for (const calls of [1, 2]) {
			const items = await call('Seedream');
			expect([items.length, billed().length]).toEqual([1, calls]);
		}
		await Promise.all([call('Seedream'), call('Seedream')]);
		expect(billed()).toHaveLength(4);
	});

	it('is that of another tool of the same agent', async () => {
		const call = toolsOfAgent(
			{ credentials: bench.credentials(), parameters: parameters('textToImage', MODEL) },
			[{ json: {} }],
		);
		bench.gateway.inject({ on: 'request', ...REFUSED });
		await expect(call('First')).rejects.toThrow('not valid');
		const made = await Promise.all([call('Second'), call('Third'), call('Second')]);
		expect([billed().length, new Set(made.map(([{ json }]) => json.url)).size]).toEqual([3, 3]);
		bench.gateway.inject({ on: 'request', ...REFUSED });
		await expect(call('First')).rejects.toThrow('not valid');
		expect([await call('Second'), billed().length]).toEqual([[expect.anything()], 4]);
	});

	it('is not the retry of a call that may have been charged', async () => {
		const call = toolsOfAgent(
			{ credentials: bench.credentials(), parameters: parameters('textToImage', MODEL) },
			[{ json: {} }],
		);
		bench.gateway.inject({ on: 'request', reset: 'after' });
		await expect(call('Seedream')).rejects.toThrow('lost');
		await expect(call('Seedream')).rejects.toThrow('lost');
		expect(billed()).toHaveLength(1);
	});

	it('is the next iteration of a loop', async () => {
		for (const round of [1, 2]) {
			await bench.items(text(), { items: scenes(2) });
			expect(posts()).toBe(2 * round);
		}
	});

	it('is the one item of Execute Once', async () => {
		const items = await bench.items(text(), { items: scenes(5), settings: { executeOnce: true } });
		expect([items.length, posts()]).toEqual([1, 1]);
	});
});

describe('cancelling', () => {
	const cancelled = async (
		values: INodeParameters,
		when: () => boolean,
		options: Partial<NodeRun> = {},
	) => {
		let cancel = () => {};
		const running = bench.run(values, { ...options, onStart: (stop) => void (cancel = stop) });
		await until(when);
		const at = Date.now();
		cancel();
		await running;
		return Date.now() - at;
	};

	it('closes requests in progress immediately, and sends nothing more', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', noAnswer: true });
		const took = await cancelled(text({ concurrentRequests: 3 }), () => billed().length === 3, {
			items: scenes(8),
			settings: RETRY,
		});
		expect(took).toBeLessThan(1_000);
		expect(await outcomes()).toEqual(['left', 'left', 'left']);
	});

	it('closes a response that is being read', async () => {
		bench.gateway.inject({ on: 'request', stall: 50 });
		const { requests } = bench.gateway.ledger;
		const took = await cancelled(
			parameters('textToImage', MODEL),
			() => requests[0]?.status === 200,
		);
		expect(took).toBeLessThan(1_000);
		expect(await outcomes()).toEqual(['left']);
	});

	it('ends the wait for the next attempt immediately', async () => {
		bench.gateway.inject({ on: 'request', nth: 'every', ...BUSY, retryAfter: 30 });
		const { requests } = bench.gateway.ledger;
		const took = await cancelled(
			parameters('textToImage', MODEL),
			() => requests[0]?.outcome === 'answered',
		);
		expect(took).toBeLessThan(1_000);
		expect(posts()).toBe(1);
	});

	it('ends downloads and their retries', async () => {
		const { downloads } = bench.gateway.ledger;
		bench.gateway.inject({ on: 'download', stall: 100 });
		expect(
			await cancelled(parameters('textToImage', MODEL), () => downloads[0]?.status === 200),
		).toBeLessThan(1_000);
		bench.gateway.reset();
		bench.gateway.inject({ on: 'download', nth: 'every', status: 500 });
		expect(
			await cancelled(parameters('textToImage', MODEL), () => downloads.length === 2),
		).toBeLessThan(1_000);
		expect(downloads).toHaveLength(2);
	});
});

describe('the key and image data', () => {
	const base64 = Buffer.alloc(90, 'image').toString('base64');

	it('are not in an item with the whole response', async () => {
		const [{ url }] = (await bench.items(parameters('textToImage', MODEL))).map(({ json }) => json);
		const echo = { prompt_echo: `Bearer ${KEY}`, thumbnail: base64 };
		bench.gateway.inject({
			on: 'request',
			body: JSON.stringify({ data: [{ url, ...echo }], debug: { ...echo, note: [KEY] } }),
		});
		const [item] = await bench.items(
			parameters('textToImage', MODEL, { options: { simplify: false } }),
		);
		expect(secretsIn(item.json, KEY, [String(url)])).toEqual([]);
		expect(item.json.response).toMatchObject({ data: [{ url }] });
	});

	it.each([
		['stop', {}],
		['continue', CONTINUE],
	])('are not in an error that repeats them (%s)', async (_, settings) => {
		for (const fault of [
			{ status: 400, code: 'InvalidParameter', message: `No ${base64} with Bearer ${KEY}` },
			{ status: 401, body: JSON.stringify({ error: `${KEY} is unknown` }) },
			{ status: 200, body: JSON.stringify({ data: [{ error: { message: `${KEY} ${base64}` } }] }) },
			{ status: 500, html: true as const, headers: { 'X-Request-Id': 'abc' } },
		]) {
			bench.gateway.inject({ on: 'request', ...fault });
			const { error, items, run } = await bench.run(parameters('textToImage', MODEL), { settings });
			expect(secretsIn([error, items, run.data.resultData], KEY)).toEqual([]);
		}
	});
});

describe('the timeout of a request', () => {
	it.each<[string, INodeParameters, number]>([
		['one image', parameters('textToImage', MODEL), 300_000],
		['a set of 4', set(), 420_000],
		['a set where the user sets it', set({}, { requestOptions: { timeout: 20_000 } }), 20_000],
	])('for %s', async (_, values, timeout) => {
		const http = Container.get(OutboundHttp);
		const requests = http.requests.bind(http);
		const given: unknown[] = [];
		const spy = jest.spyOn(http, 'requests').mockImplementation((...options) => {
			const client = requests(...options);
			const request = client.request.bind(client);
			return Object.assign(client, {
				request: async (each: IHttpRequestOptions) => {
					if (each.method === 'POST') given.push(each.timeout);
					return await request(each);
				},
			});
		});
		await bench.items(values);
		spy.mockRestore();
		expect(given).toEqual([timeout]);
	});
});
