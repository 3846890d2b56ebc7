import { wait } from '../http/wait';
import { Queue, type Clock } from './queue';

const clock: Clock = { now: () => Date.now(), wait };

/** By base URL and key: what a gateway admits is learned by all executions of an n8n process together. */
export const queues = new Map<string, Queue>();

/**
 * The queue of a gateway and key.
 * @param onChange is told of what the queue learns, for a log; that of the execution that opens it counts
 */
export function queueFor(baseUrl: string, apiKey: string, onChange: (text: string) => void): Queue {
	for (const [name, queue] of queues) if (queue.isIdle) queues.delete(name);
	const name = `${baseUrl} ${apiKey}`;
	const queue = queues.get(name) ?? new Queue(clock, onChange);
	queues.set(name, queue);
	return queue;
}
