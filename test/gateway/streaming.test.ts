import { type Fault, type Gateway, type ProfileName, startGateway } from './index';
import { inspect, post } from './testing';

const LITE = 'doubao-seedream-5-0-260128';
const SEEDREAM_4_0 = 'doubao-seedream-4-0-250828';
const THREE = {
	stream: true,
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 3 },
};
const SET = { model: SEEDREAM_4_0, prompt: 'a fox', size: '1K', ...THREE };

interface Frame {
	event?: string;
	data: Record<string, unknown> | '[DONE]';
}

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

/** Reads events as the standard says: `data` lines joined, comments ignored. */
function frames(text: string): Frame[] {
	const blocks = text.split(/\r?\n\r?\n/).filter((block) => block !== '');
	return blocks.map((block) => {
		const lines = block.split(/\r?\n/);
		const field = (name: string) =>
			lines
				.filter((line) => line.startsWith(`${name}: `))
				.map((line) => line.slice(name.length + 2));
		const data = field('data').join('\n');
		return {
			event: field('event')[0],
			data: data === '[DONE]' ? data : (JSON.parse(data) as Record<string, unknown>),
		};
	});
}

async function stream(body: object, profile: ProfileName = 'volcengine'): Promise<Frame[]> {
	const response = await post(gateway, profile, body);
	expect(response.headers.get('content-type')).toContain('text/event-stream');
	return frames(await response.text());
}

const short = (event?: string) => event?.replace('image_generation.', '');

describe('Ark', () => {
	it('sends each image as it is generated, then usage and [DONE]', async () => {
		const found = await stream(SET);
		expect(found.map(({ event }) => short(event))).toEqual([
			...Array<string>(3).fill('partial_succeeded'),
			'completed',
			undefined,
		]);
		expect(found[1].data).toMatchObject({
			type: 'image_generation.partial_succeeded',
			model: SEEDREAM_4_0,
			image_index: 1,
			size: '1024x1024',
		});
		expect(found[3].data).toMatchObject({
			usage: { generated_images: 3, output_tokens: 12288, total_tokens: 12288 },
		});
		expect(found[4].data).toBe('[DONE]');
	});

	it('opens the response with the first image, and sends base64 on request', async () => {
		const slow = await startGateway({ latency: 60 });
		const started = performance.now();
		const response = await post(slow, 'byteplus', {
			...SET,
			model: 'seedream-4-0-250828',
			response_format: 'b64_json',
		});
		expect(performance.now() - started).toBeGreaterThan(55);
		expect(slow.ledger.images.length).toBeLessThan(3);
		const [first] = frames(await response.text());
		const { b64_json: base64 } = first.data as Record<string, unknown>;
		const file = Buffer.from(String(base64), 'base64');
		expect(await inspect(file)).toMatchObject({ format: 'jpeg', width: 1024 });
		expect(slow.ledger.images.map(({ delivered }) => delivered)).toEqual([1, 1, 1]);
		await slow.close();
	});

	it('reports a moderated image in its place', async () => {
		gateway.inject({ on: 'request', moderate: [1] });
		const found = await stream(SET);
		expect(found[1]).toMatchObject({
			event: 'image_generation.partial_failed',
			data: { image_index: 1, error: { code: 'OutputImageSensitiveContentDetected' } },
		});
		expect(gateway.ledger.images.map(({ billed }) => billed)).toEqual([true, false, true]);
	});

	it('responds to a rejected request with plain JSON', async () => {
		const response = await post(gateway, 'volcengine', { ...SET, size: '3K' });
		expect([response.status, response.headers.get('content-type')]).toEqual([
			400,
			'application/json; charset=utf-8',
		]);
	});
});

it.each(['new-api', 'routescope'] as const)(
	'%s sends completed events, an image each',
	async (profile) => {
		const set = profile === 'new-api' ? { stream: true, extra_fields: THREE } : THREE;
		const found = await stream({ model: LITE, prompt: 'a fox', ...set }, profile);
		expect(found).toHaveLength(4);
		expect(found[0]).toMatchObject({
			event: 'image_generation.completed',
			data: { type: 'image_generation.completed', url: expect.stringContaining('/files/') },
		});
		expect(found[3].data).toBe('[DONE]');
	},
);

it('Unode responds with plain JSON', async () => {
	const body = { model: LITE, prompt: 'a fox', extra_fields: THREE };
	const response = await post(gateway, 'unode', body);
	expect(((await response.json()) as { data: unknown[] }).data).toHaveLength(3);
});

describe('faults', () => {
	const faulty = async (fault: Extract<Fault, { on: 'request' }>['stream']) => {
		gateway.inject({ on: 'request', stream: fault });
		const response = await post(gateway, 'volcengine', SET);
		return await response.text();
	};

	it.each([
		['multi-line data', { multiLine: true }, /^data: \{\ndata: {3}"type"/m],
		['comments', { comments: true }, /^: keep-alive$/m],
		['CRLF', { crlf: true }, /\r\n\r\n/],
	] as const)('%s keep their meaning', async (_, fault, form) => {
		const text = await faulty(fault);
		expect(text).toMatch(form);
		expect(frames(text)).toHaveLength(5);
		expect(frames(text)[2].data).toMatchObject({ image_index: 2 });
	});

	it.each([
		['noCompleted', { noCompleted: true }, 4],
		['noDone', { noDone: true }, 4],
		['both', { noCompleted: true, noDone: true }, 3],
	] as const)('an end that is missing: %s', async (_, fault, count) => {
		expect(frames(await faulty(fault))).toHaveLength(count);
	});

	it('plain JSON in response to a stream request', async () => {
		expect((JSON.parse(await faulty({ json: true })) as { data: unknown[] }).data).toHaveLength(3);
	});

	it('a connection that breaks after two images: two are generated and billed', async () => {
		await expect(faulty({ cutAfterImages: 2 })).rejects.toThrow();
		expect(gateway.ledger.images).toHaveLength(2);
		expect(gateway.ledger.requests[0].outcome).toBe('broken');
	});

	it('an error after one image', async () => {
		const found = frames(await faulty({ errorAfterImages: 1 }));
		expect(found.map(({ event }) => short(event))).toEqual(['partial_succeeded', 'error']);
		expect(found[1].data).toMatchObject({ error: { code: 'InternalServiceError' } });
		expect(gateway.ledger.images).toHaveLength(1);
	});

	it('a cut within an event', async () => {
		gateway.inject({ on: 'request', cut: 700 });
		const response = await post(gateway, 'volcengine', SET);
		await expect(response.text()).rejects.toThrow();
	});
});
