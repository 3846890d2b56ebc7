import { getEventListeners } from 'node:events';

import { Queue, type Outcome } from '../../nodes/Seedream/run/queue';
import { VirtualClock } from './clock';
import { play } from './play';
import { SCENARIOS } from './scenarios';

/** Far above what `npm run limits` asks for; far below what a limit cost before there was a pacer. */
const MAX_RATIO = 2;

it.each(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
	'at a limit of %s every request is generated once, in order',
	async (_, scenario) => {
		const { failed, twice, isOrdered, ours, ideal } = await play(scenario, { seed: 1 });
		expect({ failed, twice, isOrdered }).toEqual({ failed: 0, twice: 0, isOrdered: true });
		expect(ours / ideal).toBeLessThan(MAX_RATIO);
	},
);

describe('a gateway that admits nothing', () => {
	const refusal = new Error('busy');
	const busy = (clock: VirtualClock, patience: number) => async (): Promise<Outcome<void>> => {
		await clock.wait(20);
		return { refused: refusal, patience };
	};
	const request = (order: number, signals: AbortSignal[] = []) => ({ images: 1, order, signals });

	it('fails a thousand requests of an execution together', async () => {
		const clock = new VirtualClock();
		const queue = new Queue(clock);
		const execution = {};
		let attempts = 0;
		const attempt = async () => {
			attempts += 1;
			return await busy(clock, 180_000)();
		};
		const all = Array.from({ length: 1_000 }, async (_, order) => {
			await expect(queue.send(execution, attempt, request(order))).rejects.toBe(refusal);
			return clock.now();
		});
		const ends = await clock.run(Promise.all(all));
		expect(Math.min(...ends)).toBeGreaterThanOrEqual(180_000);
		expect(Math.max(...ends)).toBeLessThan(181_000);
		expect(attempts).toBeLessThan(100);
	});

	it('lets go of a request whose execution is cancelled', async () => {
		const clock = new VirtualClock();
		const queue = new Queue(clock);
		const cancel = new AbortController();
		clock.after(5_000, () => cancel.abort());
		const sent = queue.send({}, busy(clock, 180_000), request(0, [cancel.signal]));
		expect(await clock.run(sent)).toBeUndefined();
		expect(clock.now()).toBe(5_000);
	});

	it('puts no pile of listeners on the signal of an execution', async () => {
		const clock = new VirtualClock();
		const queue = new Queue(clock);
		const { signal } = new AbortController();
		const execution = {};
		const all = Array.from({ length: 40 }, async (_, order) => {
			await expect(
				queue.send(execution, busy(clock, 1_000), request(order, [signal])),
			).rejects.toBe(refusal);
		});
		expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
		await clock.run(Promise.all(all));
	});

	it('is forgotten after a while', async () => {
		const clock = new VirtualClock();
		const queue = new Queue(clock);
		await expect(clock.run(queue.send({}, busy(clock, 0), request(0)))).rejects.toBe(refusal);
		expect(queue.isIdle).toBe(false);
		await clock.run(clock.wait(200_000));
		expect(queue.isIdle).toBe(true);
	});
});

it('executions take turns', async () => {
	const clock = new VirtualClock();
	const queue = new Queue(clock);
	const order: string[] = [];
	let running = 0;
	const attempt = (name: string) => async (): Promise<Outcome<void>> => {
		await clock.wait(5);
		if (running === 1) return { refused: new Error('busy'), patience: 180_000 };
		running += 1;
		order.push(name);
		await clock.wait(1_000);
		running -= 1;
		return { done: undefined };
	};
	const [first, second] = [{}, {}];
	const all = [0, 1, 2, 3].flatMap((index) => [
		queue.send(first, attempt('first'), { images: 1, order: index, signals: [] }),
	]);
	const others = [0, 1].map(
		async (index) =>
			await queue.send(second, attempt('second'), { images: 1, order: index, signals: [] }),
	);
	await clock.run(Promise.all([...all, ...others]));
	expect(order.slice(0, 4).filter((name) => name === 'second')).toHaveLength(2);
	expect(order).toHaveLength(6);
});
