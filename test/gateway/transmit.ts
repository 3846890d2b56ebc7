import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './faults';
import type { RequestRecord } from './ledger';
import type { HttpResponse } from './responses';

/** The part of a fault that concerns the way of a response. */
export type Wire = Pick<
	Fault,
	'headers' | 'retryAfter' | 'delay' | 'cut' | 'stall' | 'beat' | 'slow' | 'endless'
>;

/** How many times a second a slow response sends something. */
const SLOW_BEATS = 20;

/**
 * Sends a response, with what a fault does to it on the way.
 * @param cutAtEnd destroy the connection where the response would end
 * @returns what became of it; `answered` when every byte was handed to the network
 */
export async function transmit(
	response: ServerResponse,
	{ status, headers, pieces, length }: HttpResponse,
	wire: Wire = {},
	cutAtEnd = false,
): Promise<Exclude<RequestRecord['outcome'], 'open'>> {
	const closed = closing(response);
	if (wire.delay) await Promise.race([pause(wire.delay), closed]);
	const known = length === undefined || wire.endless ? {} : { 'Content-Length': String(length) };
	const limit = Math.min(wire.cut ?? Infinity, wire.stall ?? Infinity);
	let sent = 0;
	const write = async (piece: Buffer) => {
		sent += piece.length;
		await Promise.race([new Promise((flushed) => response.write(piece, flushed)), closed]);
	};
	const open = () => {
		if (response.headersSent) return;
		response.writeHead(status, { ...headers, ...known, ...retryAfter(wire), ...wire.headers });
		response.flushHeaders();
	};
	for await (const piece of paced(pieces, wire.slow)) {
		if (response.destroyed) return 'left';
		open();
		if (sent + piece.length >= limit) {
			await write(piece.subarray(0, limit - sent));
			break;
		}
		await write(piece);
	}
	open();
	if (wire.cut !== undefined || cutAtEnd) {
		response.destroy();
		return 'broken';
	}
	const filler = Buffer.alloc(65_536, ' ');
	while (wire.endless && !response.destroyed) await write(filler);
	const isEvents = /^text\/event-stream/.test(headers['Content-Type'] ?? '');
	while (wire.beat && !response.destroyed) {
		await write(Buffer.from(isEvents ? ': PING\n\n' : '\n'));
		await Promise.race([pause(wire.beat), closed]);
	}
	if (wire.stall !== undefined) await closed;
	if (response.destroyed) return 'left';
	response.end();
	await closed;
	return response.writableFinished ? 'answered' : 'left';
}

/** Waits until the connection of a response has ended, whoever ended it. */
export async function closing(response: ServerResponse): Promise<void> {
	if (response.closed) return;
	await new Promise<void>((resolve) => response.once('close', resolve));
}

/** Resets a connection. */
export function reset(response: ServerResponse): 'broken' {
	response.socket?.resetAndDestroy();
	return 'broken';
}

async function* paced(
	pieces: Iterable<Buffer> | AsyncIterable<Buffer>,
	bytesPerSecond: number | undefined,
): AsyncGenerator<Buffer> {
	for await (const piece of pieces) {
		if (bytesPerSecond === undefined) {
			yield piece;
			continue;
		}
		const step = Math.max(1, Math.floor(bytesPerSecond / SLOW_BEATS));
		for (let at = 0; at < piece.length; at += step) {
			yield piece.subarray(at, at + step);
			await pause((1000 * step) / bytesPerSecond);
		}
	}
}

/** Does not keep the process alive: a client that still waits does. */
async function pause(milliseconds: number): Promise<void> {
	await sleep(milliseconds, undefined, { ref: false });
}

function retryAfter({ retryAfter: value }: Wire): Record<string, string> {
	if (value === undefined) return {};
	return { 'Retry-After': value instanceof Date ? value.toUTCString() : String(value) };
}
