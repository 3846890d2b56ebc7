import { RequestFailure, type Failure } from '../errors';
import type { Gateway } from '../catalog/gateways';
import type { Settings } from '../request/settings';
import type { Outcome } from './queue';

/** An unreachable host is reported after two further attempts. */
const UNREACHABLE_PAUSE_MS = 2_000;
const UNREACHABLE_PATIENCE_MS = 5_000;

/** Milliseconds before each retry after status 500. */
const SERVER_ERROR_PAUSES_MS = [1_000, 3_000];

/**
 * Whether the gateway did not admit a request because it is busy. Codes: Volcengine Ark error codes;
 * money and quotas are not a matter of time.
 */
function isBusy({ status, code = '', words = '', mayBeCharged, isRefused }: Failure): boolean {
	if (mayBeCharged) return false;
	if (status === 503) return isRefused === true && code !== 'model_not_found';
	if (status !== 429) return false;
	if (/SetLimitExceeded|insufficient/i.test(code)) return false;
	return !(/QuotaExceeded/i.test(code) && /free trial|usage quota/i.test(words));
}

/** Whether an outcome is status 500, which says that nothing was generated. */
function isServerError(outcome: Outcome<unknown>): boolean {
	if (!('failed' in outcome) || !(outcome.failed instanceof RequestFailure)) return false;
	const { status, code, mayBeCharged } = outcome.failed.failure;
	return status === 500 && code !== 'invalid_request' && !mayBeCharged;
}

/**
 * The attempts at one request: what the gateway refused is left to the queue, status 500 is retried here
 * where the user or the gateway's document says so.
 */
export class Attempts<T> {
	private count = 0;

	/**
	 * @param exchange sends the request and reads its response
	 * @param pause waits some milliseconds; false where the run ends meanwhile
	 */
	constructor(
		private readonly exchange: () => Promise<T>,
		private readonly gateway: Gateway,
		private readonly settings: Settings,
		private readonly pause: (milliseconds: number) => Promise<boolean>,
	) {}

	/** Sends the request. */
	async next(): Promise<Outcome<T>> {
		const { gateway, settings } = this;
		const choice = settings.retryServerErrors;
		const retries = choice === 'automatic' ? gateway.retryServerErrors : choice === 'always';
		const pauses = retries ? [...SERVER_ERROR_PAUSES_MS] : [];
		for (;;) {
			const outcome = await this.attempt();
			const pause = isServerError(outcome) ? pauses.shift() : undefined;
			if (pause === undefined || !(await this.pause(pause))) return outcome;
		}
	}

	/** A failure as the user gets it. */
	failureOf(error: unknown): unknown {
		if (!(error instanceof RequestFailure)) return error;
		const { failure } = error;
		const { status, message } = failure;
		const note =
			this.count === 0 ? ' (not sent)' : this.count > 1 ? ` (after ${this.count} attempts)` : '';
		return new RequestFailure({
			...failure,
			message: message + note,
			// Who never wants to be charged for a retry does not want one of Retry On Fail either.
			mayBeCharged:
				failure.mayBeCharged || (status === 500 && this.settings.retryServerErrors === 'never'),
		});
	}

	private async attempt(): Promise<Outcome<T>> {
		this.count += 1;
		try {
			return { done: await this.exchange() };
		} catch (error) {
			return this.outcomeOf(error);
		}
	}

	private outcomeOf(error: unknown): Outcome<T> {
		const failure = error instanceof RequestFailure ? error.failure : undefined;
		if (failure?.isUnreachable) {
			const patience = Math.min(UNREACHABLE_PATIENCE_MS, this.settings.waitWhenBusy);
			return { refused: error, retryAfter: UNREACHABLE_PAUSE_MS, patience };
		}
		if (failure && isBusy(failure)) {
			const { retryAfter } = failure;
			return { refused: error, retryAfter, patience: this.settings.waitWhenBusy };
		}
		return { failed: error };
	}
}
