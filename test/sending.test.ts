import { OutboundHttp } from '@n8n/backend-network';
import { Container } from '@n8n/di';
import type { IHttpRequestOptions, INodeParameters } from 'n8n-workflow';
import { Socket } from 'node:net';

import { GATEWAYS } from '../nodes/Seedream/catalog/gateways';
import { RequestFailure } from '../nodes/Seedream/errors';
import type { Settings } from '../nodes/Seedream/request/settings';
import { Attempts } from '../nodes/Seedream/run/attempts';
import { Queue } from '../nodes/Seedream/run/queue';
import { toolsOfAgent, type NodeRun } from './engine';
import type { Fault } from './gateway';
import { VirtualClock } from './limits/clock';
import { hurry, IDS, parameters, useGateway } from './support';

const bench = useGateway();

const MODEL = IDS['4.0'];
const CONTINUE = { onError: 'continueRegularOutput' } as const;
const RETRY = { retryOnFail: true, maxTries: 3, waitBetweenTries: 1 };

const REFUSED = { status: 400, code: 'InvalidParameter', message: 'The prompt is not valid.' };
const BROKEN = { status: 500, code: 'InternalServiceError', message: 'Something broke.' };
const BUSY = { status: 429, code: 'ServerOverloaded', message: 'Try again.' };

type RequestFault = Omit<Extract<Fault, { on: 'request' }>, 'on'>;

/** Input items with a prompt each. */
const scenes = (count: number) =>
	Array.from({ length: count }, (_, i) => ({ json: { prompt: `scene ${i}; [pixels:16x16]` } }));

const text = (advanced: INodeParameters = {}, more: INodeParameters = {}) =>
	parameters('textToImage', MODEL, { prompt: '={{ $json.prompt }}', advanced, ...more });

const one = (advanced: INodeParameters = {}, more: INodeParameters = {}) =>
	parameters('textToImage', MODEL, { advanced, ...more });

const set = (options: INodeParameters = {}, more: INodeParameters = {}) =>
	parameters('imageSet', MODEL, {
		maxImages: 4,
		options: { ...options },
		advanced: { stream: 'off' },
		...more,
	});

/** A fault of the next request, or of every one. */
const inject = (fault: RequestFault) => bench.gateway.inject({ on: 'request', ...fault });
const injectAlways = (fault: RequestFault) => inject({ nth: 'every', ...fault });

/** A fault of the requests of one item. */
const atScene = (i: number, fault: RequestFault) =>
	inject({ match: { prompt: `scene ${i};` }, ...fault });

const posts = () => bench.bodies().length;
const billed = () => bench.gateway.ledger.images.filter((image) => image.billed);

/** URLs of the images that were billed, in the order of their items; none is billed twice. */
function billedUrls(): string[] {
	const images = billed().sort((a, b) => a.prompt.localeCompare(b.prompt));
	expect(new Set(images.map(({ prompt, index }) => `${prompt} ${index}`)).size).toBe(images.length);
	return images.map(({ url = '' }) => url);
}

describe('one of ten items is rejected', () => {
	beforeEach(() => atScene(6, { ...REFUSED, nth: 'every' }));

	it('the run fails, sends nothing more, and lists every image in its message', async () => {
		injectAlways({ delay: 100 });
		const { error, items } = await bench.run(text(), { items: scenes(10), settings: RETRY });
		expect(items).toEqual([]);
		expect(error?.message).toBe('The provider rejected a parameter [item 6]');
		const urls = billedUrls();
		expect(urls.length).toBeGreaterThanOrEqual(6);
		const numbers = billed().map(({ prompt }) => /\d/.exec(prompt)?.[0]);
		for (const [i, number] of numbers.sort().entries()) {
			expect(error?.description).toContain(`Item ${number}: <a href="${urls[i]}"`);
		}
	});

	it('with On Error: Continue there are nine images and an error item', async () => {
		const { items, error } = await bench.run(text(), { items: scenes(10), settings: CONTINUE });
		expect(error).toBeUndefined();
		expect([billedUrls().length, posts()]).toEqual([9, 10]);
		expect(items.map(({ pairedItem }) => pairedItem)).toEqual(
			scenes(10).map((_, item) => ({ item })),
		);
		expect(items.filter(({ binary }) => binary)).toHaveLength(9);
		const { id } = bench.gateway.ledger.requests.find(({ status }) => status === 400) ?? {};
		expect(items[6].json).toEqual({
			error: 'The provider rejected a parameter [item 6]',
			message: [
				'Change the field that the provider names below.',
				'Provider: The prompt is not valid.',
				`Code: InvalidParameter, HTTP status: 400, Request ID: ${id}`,
			].join('\n'),
			details: {
				code: 'InvalidParameter',
				status: 400,
				requestId: id,
				index: undefined,
				prompt: 'scene 6; [pixels:16x16]',
			},
		});
	});

	it('with an error output it is there', async () => {
		const { outputs } = await bench.run(text(), {
			items: scenes(10),
			settings: { onError: 'continueErrorOutput' },
		});
		expect(outputs.map(({ length }) => length)).toEqual([9, 1]);
		expect(outputs[1][0]).toMatchObject({
			json: { details: { code: 'InvalidParameter', status: 400 } },
			pairedItem: { item: 6 },
		});
	});
});

describe('the node retries', () => {
	it.each([
		[2, 'a 429', { ...BUSY, retryAfter: 20 }, {}],
		[2, 'a 503', { status: 503, code: 'ServerOverloaded', retryAfter: 20 }, {}],
		[2, 'a 503 as a web page', { status: 503, html: true, retryAfter: 20 } as const, {}],
		[3, 'a 500 where the user says so', BROKEN, { retryServerErrors: 'always' }],
	])('with %i attempts at %s', async (attempts, _, fault, advanced) => {
		hurry();
		injectAlways(fault);
		const { error } = await bench.run(one({ waitWhenBusy: 30, ...advanced }));
		expect(error?.message).toContain(`(after ${attempts} attempts)`);
		expect(posts()).toBe(attempts);
	});

	it('a 500 where the gateway’s document says so', async () => {
		hurry();
		inject(BROKEN);
		await bench.items(parameters('textToImage', IDS['5.0-lite']), {
			credentials: bench.credentials('deerapi'),
		});
		expect(posts()).toBe(2);
	});

	it('no sooner than Retry-After says', async () => {
		hurry();
		inject({ ...BUSY, retryAfter: 30 });
		await bench.items(one());
		const [first, second] = bench.gateway.ledger.requests;
		expect(second.at - first.at).toBeGreaterThanOrEqual(29_900);
	});

	it('through a limit that lasts a minute', async () => {
		hurry();
		injectAlways(BUSY);
		setTimeout(() => bench.gateway.reset(), 60_000);
		const [item] = await bench.items(one());
		expect([item.binary?.data.mimeType, posts()]).toEqual(['image/jpeg', 1]);
	});

	it('until a gateway that admits ten requests a second has done thirty', async () => {
		hurry();
		const items = await bench.items(text(), { items: scenes(30) });
		expect(items.map(({ json }) => json.prompt)).toEqual(scenes(30).map(({ json }) => json.prompt));
	});

	it('twice when the host cannot be reached', async () => {
		const clock = new VirtualClock();
		let attempts = 0;
		const failure = { message: 'Unreachable', description: '', mayBeCharged: false };
		const requests = new Attempts<void>(
			async () => {
				attempts += 1;
				throw new RequestFailure({ ...failure, isUnreachable: true });
			},
			GATEWAYS[0],
			{ retryServerErrors: 'automatic', waitWhenBusy: 180_000 } as Settings,
			async () => true,
		);
		const request = { images: 1, order: 0, signals: [] };
		const sent = new Queue(clock).send({}, async () => await requests.next(), request);
		await expect(clock.run(sent)).rejects.toThrow('Unreachable');
		expect([attempts, clock.now()]).toEqual([3, expect.closeTo(5_000, -3.1)]);
	});
});

describe('the node does not retry', () => {
	it.each<[string, RequestFault]>([
		['400', REFUSED],
		['401', { status: 401, code: 'AuthenticationError' }],
		['403', { status: 403, code: 'AccountOverdueError' }],
		['500, unless the gateway’s document says so', BROKEN],
		['429 SetLimitExceeded', { ...BUSY, code: 'SetLimitExceeded' }],
		['429 used-up trial', { ...BUSY, code: 'QuotaExceeded', message: 'Your free trial is over.' }],
		['429 used-up plan', { ...BUSY, code: 'QuotaExceeded', message: 'The usage quota is over.' }],
		['429 no money', { ...BUSY, code: 'insufficient_user_quota' }],
		['503 without such a model', { status: 503, code: 'model_not_found' }],
		['a redirect', { redirect: '/elsewhere', status: 307 }],
		['an error in 200', { errorIn200: { code: 'InternalServiceError', message: 'Broke.' } }],
		['no images', { empty: true }],
	])('%s', async (_, fault) => {
		injectAlways(fault);
		const { error } = await bench.run(one());
		expect(error?.message).toMatch(/ \[item 0\]$/);
		expect(posts()).toBe(1);
	});

	it.each<[string, RequestFault]>([
		['408', { status: 408, html: true }],
		['502', { status: 502, html: true, made: true }],
		['a response that the gateway lost', { ...BROKEN, code: 'do_request_failed', made: true }],
		['a reset', { reset: 'after' }],
		['a response that is cut', { cut: 100 }],
		['no response in time', { noAnswer: true }],
		['a response that stalls before it begins', { stall: 0 }],
	])('what may have been charged, whatever the user says: %s', async (_, fault) => {
		injectAlways(fault);
		const values = one({ retryServerErrors: 'always' }, { requestOptions: { timeout: 700 } });
		const { error } = await bench.run(values, { settings: RETRY });
		expect(posts()).toBe(1);
		expect(error?.description).toContain('may have been generated and charged');
	});

	it('a 500 if the user turned that off, not by Retry On Fail either', async () => {
		injectAlways(BROKEN);
		const { error } = await bench.run(one({ retryServerErrors: 'never' }), { settings: RETRY });
		expect(error?.message).toBe('The provider could not generate the image (HTTP 500) [item 0]');
		expect(posts()).toBe(1);
	});
});

describe('a request without a response', () => {
	const broken = (syscall: string, code: string) =>
		Object.assign(new Error(`${syscall} ${code} 192.0.2.1:443`), { code, syscall });
	const several = Object.assign(new AggregateError([broken('connect', 'ETIMEDOUT')]), {
		code: 'ETIMEDOUT',
	});
	const tls = Object.assign(
		new Error('Client network socket disconnected before secure TLS connection was established'),
		{ code: 'ECONNRESET' },
	);

	it.each<[string, Error, RegExp]>([
		['no connection in time', broken('connect', 'ETIMEDOUT'), /^Nothing was sent\./],
		['none to any IP address of the host', several, /^Nothing was sent\./],
		['no route', broken('connect', 'EHOSTUNREACH'), /^Nothing was sent\./],
		['a route that is gone later', broken('read', 'EHOSTUNREACH'), /^The image may have been/],
		['a connection that timed out', broken('read', 'ETIMEDOUT'), /^The image may have been/],
		['a connection that was reset', broken('read', 'ECONNRESET'), /^The image may have been/],
		['no TLS handshake', tls, /^Check the credential/],
	])('%s', async (_, cause, description) => {
		jest.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket) {
			process.nextTick(() => this.destroy(cause));
			return this;
		});
		const { error } = await bench.run(one({ waitWhenBusy: 0 }));
		expect(error?.description).toMatch(description);
	});

	it('https for a gateway that only supports http', async () => {
		const baseUrl = bench.credentials().baseUrl.replace('http:', 'https:');
		const { error } = await bench.run(one(), {
			credentials: bench.credentials('volcengine', { baseUrl }),
		});
		expect(error?.message).toMatch(/^The request could not be sent: /);
		expect(error?.description).not.toContain('charged');
	});

	it.each([
		['a closed port', 'http://127.0.0.1:1', /^ECONNREFUSED$/],
		['a name that does not exist', 'http://no-such-host.invalid', /^ENOTFOUND|EAI_AGAIN$/],
	])('%s', async (_, baseUrl, code) => {
		const { items } = await bench.run(one({ waitWhenBusy: 0 }), {
			credentials: bench.credentials('volcengine', { baseUrl }),
			settings: CONTINUE,
		});
		const { error, message, details } = items[0].json as Record<string, { code: string }>;
		expect(error).toMatch(
			/^The host (127\.0\.0\.1|no-such-host\.invalid) cannot be reached \[item 0\]$/,
		);
		expect(message).toMatch(/^Nothing was sent\./);
		expect(details.code).toMatch(code);
	});
});

describe('parallel requests', () => {
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
	])('are limited to %d, and items keep their order', async (most, advanced) => {
		atScene(0, { nth: 'every', delay: 100 });
		injectAlways({ delay: 20 });
		const items = await bench.items(text(advanced), { items: scenes(12) });
		expect(bench.gateway.ledger.maxInFlight).toBe(most);
		expect(items.map(({ json }) => json.url)).toEqual(
			scenes(12).map(({ json }) => billed().find(({ prompt }) => prompt === json.prompt)?.url),
		);
	});
});

describe('a failed run', () => {
	it('waits for requests in progress, and lists what they generated', async () => {
		atScene(1, { delay: 200 });
		atScene(0, { status: 401, code: 'AuthenticationError', message: 'No.' });
		const { error } = await bench.run(text({ concurrentRequests: 2 }), { items: scenes(10) });
		expect(posts()).toBe(2);
		expect(error?.message).toContain('[item 0]');
		expect(error?.description).toContain(`Item 1: <a href="${billedUrls()[0]}"`);
	});

	it('reports every image that may have been charged, not only the first failure', async () => {
		atScene(1, { delay: 200, cut: 50 });
		atScene(0, REFUSED);
		const { error } = await bench.run(text({ concurrentRequests: 2 }), { items: scenes(4) });
		expect(posts()).toBe(2);
		expect(error?.message).toBe('The provider rejected a parameter [item 0]');
		expect(error?.description).toMatch(/\[item 1\].*may have been generated and charged/s);
	});

	it('lists the images of every incomplete set', async () => {
		for (const i of [0, 1]) atScene(i, { moderate: [2], delay: 50 * i });
		const values = set({ failedImages: 'fail' }, { prompt: '={{ $json.prompt }}' });
		const { error } = await bench.run(values, { items: scenes(2) });
		expect(billedUrls()).toHaveLength(6);
		for (const url of billedUrls()) expect(error?.description).toContain(url);
	});

	it('breaks lines as HTML for the editor, and plainly in error items', async () => {
		atScene(1, { ...REFUSED, times: 2 });
		const { error } = await bench.run(text({ concurrentRequests: 1 }), { items: scenes(2) });
		expect(error?.description).toMatch(
			/ <br>\nCode: InvalidParameter(.* <br>\n){3}Item 0: <a href="http/,
		);
		const { items } = await bench.run(text(), { items: scenes(2), settings: CONTINUE });
		expect(items[1].json.message).toMatch(/\nCode: InvalidParameter/);
		expect(items[1].json.message).not.toContain('<br>');
	});
});

describe('before all items are ready nothing is sent', () => {
	const batched = { requestOptions: { batching: { batch: { batchSize: 2, batchInterval: 300 } } } };
	const prompt = '={{ $json.isBad ? $("Nowhere").item.json.x : $json.prompt }}';
	const unresolvable = "Referenced node doesn't exist";
	/** Items of which the third has an expression that fails, or is empty. */
	const scenesWith = (bad: object) =>
		scenes(6).map(({ json }, i) => ({ json: { ...json, ...(i === 2 ? bad : {}) } }));

	it.each([
		['an expression of a later item fails', { isBad: true }, {}, unresolvable],
		['an expression of a later batch fails', { isBad: true }, batched, unresolvable],
		['a later item is invalid', { prompt: '' }, {}, 'The Prompt is empty [item 2]'],
		['a later batch is invalid', { prompt: '' }, batched, 'The Prompt is empty [item 2]'],
	])('when %s', async (_, bad, more, message) => {
		const options = { items: scenesWith(bad), settings: RETRY };
		const { error } = await bench.run(text({}, { prompt, ...more }), options);
		expect(error?.message).toBe(message);
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(posts()).toBe(0);
	});

	it('but the others are with On Error: Continue', async () => {
		const items = scenesWith({ isBad: true });
		items[4].json.prompt = '';
		const result = await bench.run(text({}, { prompt }), { items, settings: CONTINUE });
		expect([billedUrls().length, result.items.filter(({ binary }) => binary).length]).toEqual([
			4, 4,
		]);
	});

	it('and batches stop when the run fails', async () => {
		atScene(1, REFUSED);
		const { error } = await bench.run(text({}, batched), { items: scenes(8) });
		expect(posts()).toBeLessThanOrEqual(4);
		for (const url of billedUrls()) expect(error?.description).toContain(url);
	});
});

describe('Retry On Fail', () => {
	it.each([
		['', '={{ $json.prompt }}', {}],
		[', even if the prompt changes with each', '={{ $json.prompt }} {{ Math.random() }}', {}],
		[', also with On Error: Continue', '={{ $json.prompt }}', CONTINUE],
	])('sends only the failed item again%s', async (_, prompt, settings) => {
		// Of error items, n8n looks at the first output item alone.
		atScene(0, { ...BROKEN, times: 2 });
		const values = text({}, { prompt });
		const items = await bench.items(values, {
			items: scenes(5),
			settings: { ...RETRY, ...settings },
		});
		expect(posts()).toBe(7);
		expect(items.map(({ json }) => json.url)).toEqual(billedUrls());
		expect(items.filter(({ binary }) => binary)).toHaveLength(5);
	});
});

describe('a request of its own is', () => {
	const tools = (input = [{ json: {} }]) =>
		toolsOfAgent({ credentials: bench.credentials(), parameters: one() }, input);

	it('every call of a tool that n8n runs for an agent', async () => {
		for (const calls of [1, 2]) {
			const { items } = await bench.run(one(), { toolCall: { prompt: 'a fox' } });
			expect([items.length, billed().length]).toEqual([1, calls]);
		}
	});

	it('every call of a tool that an agent runs itself, whatever the input of the agent', async () => {
		const call = tools(scenes(5));
		for (const calls of [1, 2]) {
			const items = await call('Seedream');
			expect([items.length, billed().length]).toEqual([1, calls]);
		}
		await Promise.all([call('Seedream'), call('Seedream')]);
		expect(billed()).toHaveLength(4);
	});

	it('that of another tool of the same agent', async () => {
		const call = tools();
		inject(REFUSED);
		await expect(call('First')).rejects.toThrow('rejected a parameter');
		const items = await Promise.all([call('Second'), call('Third'), call('Second')]);
		expect([billed().length, new Set(items.map(([{ json }]) => json.url)).size]).toEqual([3, 3]);
		inject(REFUSED);
		await expect(call('First')).rejects.toThrow('rejected a parameter');
		expect([await call('Second'), billed().length]).toEqual([[expect.anything()], 4]);
	});

	it('not the retry of a call that may have been charged', async () => {
		const call = tools();
		inject({ reset: 'after' });
		await expect(call('Seedream')).rejects.toThrow('lost');
		await expect(call('Seedream')).rejects.toThrow('lost');
		expect(billed()).toHaveLength(1);
	});

	it('the next iteration of a loop', async () => {
		for (const round of [1, 2]) {
			await bench.items(text(), { items: scenes(2) });
			expect(posts()).toBe(2 * round);
		}
	});

	it('the one item of Execute Once', async () => {
		const items = await bench.items(text(), { items: scenes(5), settings: { executeOnce: true } });
		expect([items.length, posts()]).toEqual([1, 1]);
	});
});

describe('cancelling', () => {
	/** Resolves when a condition holds; the test's own time limit ends the wait. */
	async function until(condition: () => boolean): Promise<void> {
		while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
	}

	/** Cancels a run when a condition holds, and expects it to end at once. */
	async function cancelWhen(
		condition: () => boolean,
		values = one(),
		options: Partial<NodeRun> = {},
	): Promise<void> {
		let cancel = () => {};
		const running = bench.run(values, { ...options, onStart: (stop) => void (cancel = stop) });
		await until(condition);
		const at = Date.now();
		cancel();
		await running;
		expect(Date.now() - at).toBeLessThan(1_000);
	}

	const expectClosed = async (count: number) => {
		const { requests } = bench.gateway.ledger;
		await until(() => requests.every(({ outcome }) => outcome !== 'open'));
		expect(requests.map(({ outcome }) => outcome)).toEqual(Array(count).fill('left'));
	};

	it('closes requests in progress at once, and sends nothing more', async () => {
		injectAlways({ noAnswer: true });
		const options = { items: scenes(8), settings: RETRY };
		await cancelWhen(() => billed().length === 3, text({ concurrentRequests: 3 }), options);
		await expectClosed(3);
	});

	it('closes a response that is being read', async () => {
		inject({ stall: 50 });
		await cancelWhen(() => bench.gateway.ledger.requests[0]?.status === 200);
		await expectClosed(1);
	});

	it('ends the wait for the next attempt', async () => {
		injectAlways({ ...BUSY, retryAfter: 30 });
		await cancelWhen(() => bench.gateway.ledger.requests[0]?.outcome === 'answered');
		expect(posts()).toBe(1);
	});

	it('ends a download', async () => {
		bench.gateway.inject({ on: 'download', stall: 100 });
		await cancelWhen(() => bench.gateway.ledger.downloads[0]?.status === 200);
	});

	it('ends the attempts at a download', async () => {
		bench.gateway.inject({ on: 'download', nth: 'every', status: 500 });
		const { downloads } = bench.gateway.ledger;
		await cancelWhen(() => downloads.length === 2);
		expect(downloads).toHaveLength(2);
	});
});

it.each<[string, INodeParameters, number]>([
	['one image', one(), 300_000],
	['a set of 4', set(), 420_000],
	['a set where the user sets it', set({}, { requestOptions: { timeout: 20_000 } }), 20_000],
])('the timeout of a request for %s', async (_, values, timeout) => {
	const http = Container.get(OutboundHttp);
	const requests = http.requests.bind(http);
	const timeouts: unknown[] = [];
	jest.spyOn(http, 'requests').mockImplementation((...options) => {
		const client = requests(...options);
		const request = client.request.bind(client);
		return Object.assign(client, {
			request: async (each: IHttpRequestOptions) => {
				if (each.method === 'POST') timeouts.push(each.timeout);
				return await request(each);
			},
		});
	});
	await bench.items(values);
	expect(timeouts).toEqual([timeout]);
});
