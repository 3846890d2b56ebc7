import { RequestFailure, type Failure } from '../errors';
import type { ImageRequest } from '../request';
import type { Settings } from '../request/settings';
import type { RunItem } from './run';

/** Milliseconds before the second try; doubled for each further one. */
const FIRST_WAIT = 1_000;

/** Longest wait in milliseconds, whatever the service asks for: limits are by the minute. */
const LONGEST_WAIT = 60_000;

/** Longest wait in milliseconds that is not for a busy service: a mistyped address is told soon. */
const LONGEST_WAIT_OTHERWISE = 4_000;

/**
 * Whether another try can help and cannot be paid for twice: only where the answer says that nothing
 * was made, or where nothing was sent. Codes: Volcengine Ark error codes, CometAPI for `invalid_request`.
 */
function canRetry(failure: Failure, retriesServerErrors: boolean): boolean {
	if (failure.mayBeCharged) return false;
	const { status, code = '', message, isUnreachable, isRefused } = failure;
	switch (status) {
		case undefined:
			return isUnreachable === true;
		case 429:
			if (/SetLimitExceeded|insufficient/i.test(code)) return false;
			return !(/QuotaExceeded/i.test(code) && /free trial|usage quota/i.test(message));
		case 503:
			return isRefused === true && code !== 'model_not_found';
		case 500:
			return retriesServerErrors && code !== 'invalid_request';
		default:
			return false;
	}
}

/** Whether a service takes no more requests for a while, whichever they are. */
function isBusy({ status }: Failure): boolean {
	return status === 429 || status === 503;
}

/** At least what the service asks for; longer with each try, as others may wait for the same moment. */
function waitBefore(tries: number, failure: Failure): number {
	const backoff = FIRST_WAIT * 2 ** (tries - 1) * (0.75 + Math.random() * 0.5);
	const own = isBusy(failure) ? backoff : Math.min(LONGEST_WAIT_OTHERWISE, backoff);
	return Math.min(LONGEST_WAIT, Math.max(failure.retryAfter ?? 0, own));
}

/**
 * Does something until it works or another try is of no use.
 * @param step what to do; done again only when nothing can have been made
 * @throws the last failure of `step`
 */
export async function withRetries<T>(
	{ gateway }: ImageRequest,
	{ maxTries, retryServerErrors: choice }: Settings,
	item: RunItem,
	step: () => Promise<T>,
): Promise<T> {
	const retriesServerErrors =
		choice === 'automatic' ? gateway.retryServerErrors : choice === 'always';
	for (let tries = 1; ; tries += 1) {
		const outcome = await step().then(
			(value) => ({ value }),
			(error: unknown) => ({ error }),
		);
		if ('value' in outcome) {
			item.gatewayUnavailable = false;
			return outcome.value;
		}
		if (!(outcome.error instanceof RequestFailure)) throw outcome.error;
		const { failure } = outcome.error;
		const isWorthwhile = canRetry(failure, retriesServerErrors);
		const isAway = isBusy(failure) || failure.isUnreachable === true;
		const isEnough = tries >= (isAway && item.gatewayUnavailable ? 1 : maxTries);
		const milliseconds = waitBefore(tries, failure);
		if (isWorthwhile && !isEnough) {
			if (isBusy(failure)) item.pauseAll(milliseconds);
			if (await item.pause(milliseconds)) continue;
		}
		if (isWorthwhile && isEnough && isAway) item.gatewayUnavailable = true;
		throw new RequestFailure({
			...failure,
			message: tries > 1 ? `${failure.message} (after ${tries} attempts)` : failure.message,
			// Who never wants to pay for a second try does not want one of Retry On Fail either.
			mayBeCharged: failure.mayBeCharged || (failure.status === 500 && choice === 'never'),
		});
	}
}
