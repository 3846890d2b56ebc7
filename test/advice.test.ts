import { IDS, onDay, parameters, useGateway } from './support';

const bench = useGateway();

const MODEL = IDS['4.0'];

/** What users read when the gateway returns an error instead of an image. */
async function told(answer: object): Promise<{ message: string; description: string }> {
	bench.gateway.inject({ on: 'request', ...answer } as Parameters<typeof bench.gateway.inject>[0]);
	const { error } = await bench.run(
		parameters('textToImage', MODEL, { options: { waitWhenBusy: 0 } }),
	);
	return { message: error?.message ?? '', description: error?.description ?? '' };
}

describe('the message is the gateway’s own, the description says what to do', () => {
	it.each<[string, number, string, string, RegExp]>([
		['a refused prompt', 400, 'InputTextSensitiveContentDetected', 'It is sensitive.', /prompt/],
		['a refused image', 400, 'OutputImageRiskDetection', 'It is risky.', /content filter/],
		['a debt', 403, 'AccountOverdueError', 'It is overdue.', /balance.*Top it up/],
		['no quota', 403, 'insufficient_user_quota', 'It is too little.', /quota/],
		['a spending limit', 429, 'SetLimitExceeded', 'It is reached.', /limit/],
		['a wrong key', 401, 'AuthenticationError', 'It is unknown.', /Check the API key/],
		['a model that is not opened', 404, 'ModelNotOpen', 'It is closed.', /Activate it/],
		['an unknown model', 404, 'InvalidEndpointOrModel.NotFound', 'It is not there.', /no model “/],
		['a model without channel', 503, 'model_not_found', 'No available channel.', /no model “/],
		['a reference nobody can read', 400, 'InvalidImageURL.InvalidFormat', 'It is odd.', /public/],
		['a size', 400, 'InvalidParameter', 'The parameter `size` is not valid.', /field it names/],
		['too many requests', 429, 'RequestBurstTooFast', 'It is too fast.', /Raise Wait When Busy/],
		['a request that is too large', 413, '', 'It is too large.', /smaller reference images/],
		['a breakdown', 500, 'InternalServiceError', 'It broke.', /usage page/],
	])('%s', async (_, status, code, message, advice) => {
		const { message: shown, description } = await told({ status, code, message });
		const [{ id }] = bench.gateway.ledger.requests;
		expect(shown).toBe(`${message} Request id: ${id} [item 0]`);
		expect(description).toMatch(advice);
		const details = [code && `Code: ${code}`, `HTTP status: ${status}`, `Request ID: ${id}`];
		expect(description.split('\n').at(-1)).toBe(details.filter(Boolean).join(', '));
	});

	it('a wrong Base URL', async () => {
		const { error } = await bench.run(parameters('textToImage', IDS['5.0-lite']), {
			credentials: bench.credentials('deerapi', {
				baseUrl: `${bench.gateway.profileUrl('deerapi')}/api/v9`,
				gateway: 'other',
			}),
		});
		expect(error?.message).toContain('Invalid URL (POST /api/v9/images/generations)');
		expect(error?.description).toMatch(/Check the Base URL of the credential/);
	});

	it.each([
		['a web page', { html: true, status: 404 }],
		['an empty answer', { body: '', status: 404 }],
	])('%s: the base URL may be wrong', async (_, answer) => {
		const { message, description } = await told(answer);
		expect(message).toMatch(/HTTP 404/);
		expect(description).toMatch(/Check the Base URL of the credential/);
	});
});

it.each([
	['doubao-seedream-4-5-251129', 'doubao-seedream-4-5-251128'],
	['seedream-4.5', 'doubao-seedream-4-5-251128'],
	['doubao-seedream-5-0-flash', 'doubao-seedream-5-0-flash-260915'],
	['Seedream 4.0', 'doubao-seedream-4-0-20260415'],
])('for %s, the nearest name comes first', async (model, nearest) => {
	onDay('2026-09-01');
	const { error } = await bench.run(parameters('textToImage', model));
	expect(error?.description).toContain(`“${model}”`);
	expect(error?.description).toContain(`is known to offer ${nearest}`);
});

it('does not suggest the model that was rejected', async () => {
	const gone = { status: 404, code: 'InvalidEndpointOrModel.NotFound', message: 'It is gone.' };
	bench.gateway.inject({ on: 'request', nth: 'every', ...gone });
	const model = IDS['5.0-lite'];
	for (const profile of ['volcengine', 'deerapi'] as const) {
		const { error } = await bench.run(parameters('textToImage', model), {
			credentials: bench.credentials(profile),
		});
		expect(error?.description?.split(model)).toHaveLength(2);
	}
});

describe('a model that its service has ended is not there', () => {
	const gone = { status: 404, code: 'InvalidEndpointOrModel.NotFound', message: 'It is gone.' };
	const adviceOn = async (
		day: string,
		operation: 'textToImage' | 'imageSet',
		model: string,
		profile: 'volcengine' | 'byteplus' | 'deerapi' = 'volcengine',
	) => {
		onDay(day);
		bench.gateway.inject({ on: 'request', ...gone });
		const { error } = await bench.run(parameters(operation, model), {
			credentials: bench.credentials(profile),
		});
		return error?.description ?? '';
	};

	it.each([
		['textToImage', '5.0-lite', 'doubao-seedream-5-5-261028'],
		['textToImage', '4.5', 'doubao-seedream-5-0-pro-260628'],
		// The successor that the notice names generates no sets.
		['imageSet', '4.5', 'doubao-seedream-4-0-20260415'],
		['imageSet', '5.0-lite', 'doubao-seedream-4-0-20260415'],
	] as const)('%s, %s: %s is named instead', async (operation, family, successor) => {
		const description = await adviceOn('2026-11-25', operation, IDS[family]);
		expect(description).toContain('Volcengine retired it on 2026-11-24.');
		expect(description).toContain(`Use ${successor} instead.`);
		// Nothing else that has ended, or that does not support the operation.
		const named = [...description.matchAll(/doubao-[a-z\d-]+\d{6}/g)].map(([id]) => id);
		const living = ['5-5-261028', '5-0-pro-260628', '5-0-flash-260915', '4-0-20260415'];
		const able = operation === 'imageSet' ? living.slice(3) : living;
		const allowed = [IDS[family], ...able.map((id) => `doubao-seedream-${id}`)];
		expect(named.filter((id) => !allowed.includes(id))).toEqual([]);
	});

	it('before its end, the day is named', async () => {
		const description = await adviceOn('2026-10-01', 'textToImage', IDS['4.5']);
		expect(description).toContain('Volcengine retires it on 2026-11-24.');
	});

	it('a gateway of its own names only what its document lists', async () => {
		const model = 'doubao-seedream-4-5-251128';
		const description = await adviceOn('2026-11-25', 'textToImage', model, 'deerapi');
		expect(description).toContain('Use doubao-seedream-5-0-260128 instead.');
	});
});

describe('a model that does not support the operation', () => {
	const choices = async (day: string, profile: 'volcengine' | 'byteplus' | 'routescope') => {
		onDay(day);
		const { message, description } = await bench.refusal(parameters('imageSet', IDS['5.5']), {
			credentials: bench.credentials(profile),
		});
		expect(message).toBe('Seedream 5.5 does not support image sets [item 0]');
		return description;
	};

	it('only living models of the gateway are named', async () => {
		expect(await choices('2026-10-01', 'volcengine')).toBe(
			'Choose another Model: Seedream 5.0 Lite, Seedream 4.5, Seedream 4.0.',
		);
		expect(await choices('2026-11-25', 'volcengine')).toBe('Choose another Model: Seedream 4.0.');
		expect(await choices('2026-11-25', 'byteplus')).toBe(
			'Choose another Model: Seedream 5.0 Lite, Seedream 4.5, Seedream 4.0.',
		);
	});

	it('a gateway with one model names that one', async () => {
		const { description } = await bench.refusal(parameters('textToImage', IDS['seededit-3.0']), {
			credentials: bench.credentials('deerapi'),
		});
		expect(description).toBe('Choose another Model: Seedream 5.0 Lite.');
	});
});
