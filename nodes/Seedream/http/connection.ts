import type { IExecuteSingleFunctions } from 'n8n-workflow';

/** Ends a request and what is left of its response. */
export interface Connection {
	/** Aborts when the connection is closed or the execution is cancelled. */
	signal: AbortSignal;
	close(): void;
}

/** A connection to give to whoever sends a request; to be closed when its response was read. */
export function openConnection(context: IExecuteSingleFunctions): Connection {
	const controller = new AbortController();
	const cancelled = context.getExecutionCancelSignal();
	const { signal } = controller;
	return {
		signal: cancelled ? AbortSignal.any([cancelled, signal]) : signal,
		close: () => controller.abort(),
	};
}

/** Why a stream failed, for a message; Node says `aborted` for a lost connection. */
export function reasonOf(error: unknown): string {
	const { message } = error as Error;
	return /^(aborted|premature close|ECONNRESET)$|socket hang up/i.test(message)
		? 'the connection was cut'
		: message;
}
