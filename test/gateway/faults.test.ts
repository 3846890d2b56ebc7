import { type Fault, type Gateway, startGateway } from './index';
import { ask, inspect, post } from './testing';

const MODEL = 'doubao-seedream-4-0-250828';
const ONE = { model: MODEL, prompt: 'a fox', size: '1K' };
const set = (max_images: number) => ({
	...ONE,
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images },
});

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** What the ledger has of images: made, and billed. */
function account(): { made: number; billed: number } {
	const { images } = gateway.ledger;
	return { made: images.length, billed: images.filter(({ billed }) => billed).length };
}

/** The outcome of the last request, once the gateway has noticed it. */
async function outcome(): Promise<string | undefined> {
	for (let tries = 0; tries < 100; tries += 1) {
		const last = gateway.ledger.requests.at(-1);
		if (last && last.outcome !== 'open') return last.outcome;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
	return 'open';
}

describe('a response in place of the proper one generates and bills nothing', () => {
	const substitutes: Array<[name: string, fault: Omit<Fault, 'on'>, status: number, text: string]> =
		[
			['a status and a code', { status: 429, code: 'ServerOverloaded' }, 429, '"ServerOverloaded"'],
			['a status alone', { status: 504 }, 504, '"error"'],
			['a body', { status: 413, body: 'too large' }, 413, 'too large'],
			['an HTML page', { html: true }, 502, '<!DOCTYPE html>'],
			['an HTML page with 200', { html: true, status: 200 }, 200, '<!DOCTYPE html>'],
			['an error in 200', { errorIn200: { code: 'C', message: 'm' } } as Fault, 200, '"code":"C"'],
			['no data', { empty: true } as Fault, 200, '"data":[]'],
			['a task id', { taskId: true } as Fault, 200, '"task_id"'],
		];

	it.each(substitutes)('%s', async (_, fault, status, text) => {
		gateway.inject({ on: 'request', ...fault } as Fault);
		const response = await post(gateway, 'volcengine', ONE);
		expect(response.status).toBe(status);
		expect(await response.text()).toContain(text);
		expect(account()).toEqual({ made: 0, billed: 0 });
		expect((await ask(gateway, 'volcengine', ONE)).status).toBe(200);
	});

	it('unless it is told to', async () => {
		gateway.inject({ on: 'request', status: 504, html: true, made: true });
		expect((await post(gateway, 'volcengine', ONE)).status).toBe(504);
		expect(account()).toEqual({ made: 1, billed: 1 });
		expect(gateway.ledger.images[0].delivered).toBe(0);
	});

	it.each([
		[2, '2'],
		[new Date(Date.UTC(2030, 0, 1)), 'Tue, 01 Jan 2030 00:00:00 GMT'],
		['soon', 'soon'],
	])('Retry-After %p', async (retryAfter, header) => {
		gateway.inject({ on: 'request', status: 429, retryAfter, headers: { 'x-more': 'y' } });
		const { headers } = await post(gateway, 'volcengine', ONE);
		expect([headers.get('retry-after'), headers.get('x-more')]).toEqual([header, 'y']);
	});

	it('a redirect', async () => {
		gateway.inject({ on: 'request', status: 307, redirect: `${gateway.url}{path}` });
		const answers = await post(gateway, 'volcengine', ONE);
		expect([answers.redirected, answers.status]).toEqual([true, 200]);
	});
});

describe('what a fault meets', () => {
	const statuses = async (count: number) => {
		const found: number[] = [];
		for (let i = 1; i <= count; i += 1) {
			const answered = await post(gateway, 'volcengine', { ...ONE, prompt: `item ${i}` });
			found.push(answered.status);
		}
		return found;
	};

	it('is the next request, in a queue', async () => {
		gateway.inject({ on: 'request', status: 500 });
		gateway.inject({ on: 'request', status: 503, times: 2 });
		expect(await statuses(4)).toEqual([500, 503, 503, 200]);
	});

	it('is the nth, and those after it', async () => {
		gateway.inject({ on: 'request', nth: 2, times: 2, status: 500 });
		expect(await statuses(4)).toEqual([200, 500, 500, 200]);
	});

	it('is every one that matches', async () => {
		gateway.inject({ on: 'request', nth: 'every', match: { prompt: 'item 2' }, status: 500 });
		gateway.inject({ on: 'request', nth: 'every', match: { model: 'another' }, status: 501 });
		expect([await statuses(3), await statuses(2)]).toEqual([
			[200, 500, 200],
			[200, 500],
		]);
	});

	it('is rejected when it makes no sense', () => {
		expect(() => gateway.inject({ on: 'download', empty: true } as unknown as Fault)).toThrow();
	});
});

describe('a response that does not arrive', () => {
	it.each([
		['before', { made: 0, billed: 0 }],
		['after', { made: 1, billed: 1 }],
	] as const)('reset %s making', async (reset, expected) => {
		gateway.inject({ on: 'request', reset });
		await expect(post(gateway, 'volcengine', ONE)).rejects.toThrow();
		expect([account(), await outcome()]).toEqual([expected, 'broken']);
	});

	it('cut after some bytes', async () => {
		gateway.inject({ on: 'request', cut: 20 });
		const response = await post(gateway, 'volcengine', ONE);
		await expect(response.text()).rejects.toThrow();
		expect([account(), await outcome()]).toEqual([{ made: 1, billed: 1 }, 'broken']);
	});

	it.each([
		['no answer', { noAnswer: true }],
		['late', { delay: 10_000 }],
		['stalled', { stall: 20 }],
		['endless', { endless: true }],
		['slow', { slow: 40 }],
	] as const)('%s: made and billed, the client leaves', async (_, fault) => {
		gateway.inject({ on: 'request', ...fault });
		const url = `${gateway.url}/api/v3/images/generations`;
		const headers = { Authorization: 'Bearer sk-test' };
		const signal = AbortSignal.timeout(200);
		const sent = fetch(url, { method: 'POST', headers, body: JSON.stringify(ONE), signal });
		await expect(sent.then(async (response) => await response.text())).rejects.toThrow();
		expect([account(), await outcome()]).toEqual([{ made: 1, billed: 1 }, 'left']);
	});

	it('counts the base64 images that went out before a cut', async () => {
		const whole = await post(gateway, 'volcengine', { ...set(3), response_format: 'b64_json' });
		const length = (await whole.text()).length;
		gateway.reset();
		gateway.inject({ on: 'request', cut: length - 300 });
		const cut = await post(gateway, 'volcengine', { ...set(3), response_format: 'b64_json' });
		await expect(cut.text()).rejects.toThrow();
		expect(gateway.ledger.images.map(({ delivered }) => delivered)).toEqual([1, 1, 0]);
	});
});

describe('moderation', () => {
	it('holds back images of a set, unbilled', async () => {
		gateway.inject({ on: 'request', moderate: [1] });
		const { status, data, usage } = await ask(gateway, 'volcengine', set(3));
		expect(status).toBe(200);
		expect(data.map(({ error }) => error?.code)).toEqual([
			undefined,
			'OutputImageSensitiveContentDetected',
			undefined,
		]);
		expect(usage?.generated_images).toBe(2);
		expect(account()).toEqual({ made: 3, billed: 2 });
	});

	it('of a whole set is an error at the top of a 200, of a single image a 400', async () => {
		gateway.inject({ on: 'request', moderate: [0, 1] });
		const all = await ask(gateway, 'volcengine', set(2));
		expect(all).toMatchObject({ status: 200, data: [], usage: { generated_images: 0 } });
		gateway.inject({ on: 'request', moderate: [0] });
		const single = await ask(gateway, 'volcengine', ONE);
		expect(single.status).toBe(400);
		for (const { error } of [all, single]) {
			expect(error?.code).toBe('OutputImageSensitiveContentDetected');
		}
		expect(account().billed).toBe(0);
	});
});

describe('downloads', () => {
	const download = async (fault: Omit<Extract<Fault, { on: 'download' }>, 'on'>) => {
		const { data } = await ask(gateway, 'volcengine', set(2));
		gateway.inject({ on: 'download', match: { imageIndex: 1 }, ...fault });
		expect((await fetch(data[0].url ?? '')).status).toBe(200);
		return async () => await fetch(data[1].url ?? '', { signal: AbortSignal.timeout(300) });
	};

	it.each([403, 404, 500])('can respond %i once', async (status) => {
		const get = await download({ status });
		expect((await get()).status).toBe(status);
		expect(gateway.ledger.images[1].delivered).toBe(0);
		expect((await get()).status).toBe(200);
	});

	it.each([
		['cut', { cut: 1000 }],
		['stalled', { stall: 1000 }],
		['endless', { endless: true }],
		['slow', { slow: 1000 }],
		['reset', { reset: 'before' }],
	] as const)('can be %s', async (_, fault) => {
		const get = await download(fault);
		await expect(get().then(async (file) => await file.arrayBuffer())).rejects.toThrow();
		expect(gateway.ledger.images[1].delivered).toBe(0);
		expect(gateway.ledger.downloads.at(-1)?.complete).toBe(false);
	});

	it('can be something else', async () => {
		const page = await (await download({ html: true, status: 200 }))();
		expect(await page.text()).toContain('<!DOCTYPE html>');
		gateway.reset();
		const moved = await (await download({ redirect: `${gateway.url}{path}` }))();
		expect(await inspect(await moved.arrayBuffer())).toMatchObject({ format: 'jpeg', width: 1024 });
		expect(gateway.ledger.downloads.map(({ status }) => status)).toEqual([200, 302, 200]);
	});
});

it('model lists can fail too', async () => {
	gateway.inject({ on: 'models', html: true });
	const get = async () =>
		await fetch(`${gateway.url}/api/v3/models`, { headers: { Authorization: 'Bearer sk-test' } });
	expect([(await get()).status, (await get()).status]).toEqual([502, 200]);
});
