import { recommendedModel } from '../catalog/automatic';
import { livingModels, modelsFor } from '../catalog/gateways';
import { hasEnded, modelId, SERVICE_NAMES, today, type ModelId } from '../catalog/models';
import type { ImageRequest } from '../request';
import type { ServiceError } from './serviceError';

/** What an error means to the user. */
export interface Advice {
	/** What happened, in one sentence without a full stop. */
	headline: string;
	/** What to do about it. */
	todo: string;
}

export const CHECK_BASE_URL =
	'Check the Base URL of the credential: it must be the URL of the API, such as https://host/v1.';

const NO_API: Advice = { headline: 'There is no image API at this Base URL', todo: CHECK_BASE_URL };

const RATE_LIMIT: Advice = {
	headline: 'The provider’s rate limit was reached',
	todo: 'Nothing was charged for this request. Raise Wait When Busy, or run again later.',
};

const FILTERED = 'Sending the same again rarely helps.';

/**
 * By the first pattern that the code, or else the message, matches.
 * Codes: Volcengine Ark error codes (2026-08), new-api `types/error.go`.
 */
const BY_CODE: ReadonlyArray<[RegExp, Advice]> = [
	[
		/InputText(Sensitive|Risk)|sensitive_words/i,
		{
			headline: 'The content filter rejected this prompt',
			todo: `Change the prompt. ${FILTERED}`,
		},
	],
	[
		/InputImage(Sensitive|Risk)/i,
		{
			headline: 'The content filter rejected a reference image',
			todo: `Use another image. ${FILTERED}`,
		},
	],
	[
		/OutputImage(Sensitive|Risk)/i,
		{
			headline: 'The content filter rejected the generated image',
			todo: `Change the prompt or the reference images. ${FILTERED}`,
		},
	],
	[
		/Sensitive|RiskDetection/i,
		{
			headline: 'The content filter rejected this request',
			todo: `Change the prompt or the reference images. ${FILTERED}`,
		},
	],
	[
		/Overdue|InvalidAccountStatus|insufficient_user_quota|QuotaExceeded|SetLimitExceeded|InvalidSubscription|balance|quota/i,
		{
			headline: 'The account’s balance, quota or spending limit is used up',
			todo: 'Top it up or raise the limit at the provider, then run again.',
		},
	],
	[
		/ModelNotOpen|ServiceNotOpen|AccessDisabled|AccessDenied|access_denied|PermissionDenied/i,
		{
			headline: 'The model is not available for this account',
			todo: 'Activate it in the provider’s console, or choose another Model.',
		},
	],
	[
		/InvalidImageURL|TosURLInvalid/i,
		{
			headline: 'The provider could not read a reference image',
			todo: 'Its URL must be public and show the image itself; or pass the image as a binary field.',
		},
	],
	[/RateLimit|Overloaded|BurstTooFast|InflightBatchsize/i, RATE_LIMIT],
	[
		/InvalidParameter|MissingParameter|invalid_request/i,
		{
			headline: 'The provider rejected a parameter',
			todo: 'Change the field that the provider names below.',
		},
	],
];

const BY_STATUS: Readonly<Record<number, Advice>> = {
	401: {
		headline: 'The provider rejected the API key',
		todo: 'Check the API key in the credential, and that it belongs to this Base URL.',
	},
	402: {
		headline: 'The account’s balance is used up',
		todo: 'Top it up at the provider, then run again.',
	},
	403: {
		headline: 'The provider denied access',
		todo: 'Check the permissions and the balance of the API key.',
	},
	405: NO_API,
	413: {
		headline: 'The request is too large for the provider',
		todo: 'Use fewer or smaller reference images, or pass them as URLs.',
	},
	429: RATE_LIMIT,
};

/** Engines' words for a path that they do not have. */
const NO_ROUTE = /Invalid URL|no route|Cannot POST/i;

const NO_MODEL =
	/InvalidEndpointOrModel\.NotFound|model_not_found|UnsupportedModel|no available channel/i;

/** The ids that share the most parts with an unknown one, the nearest first. */
function nearest(unknown: string, ids: readonly string[]): string[] {
	const parts = new Set(unknown.toLowerCase().split(/[^a-z\d]+/));
	const shared = (id: string) =>
		[...new Set(id.split('-'))].filter((part) => parts.has(part)).length;
	return [...ids].sort((a, b) => shared(b) - shared(a)).slice(0, 4);
}

/** When the service of a model ends it or has ended it. */
function endOf(known: ModelId): string | undefined {
	if (!known.ends) return undefined;
	const service = SERVICE_NAMES[known.service];
	if (known.ends === 'retired') return `${service} has retired it.`;
	return hasEnded(known, today())
		? `${service} retired it on ${known.ends}.`
		: `${service} retires it on ${known.ends}.`;
}

function adviceOnModel({ model, gateway, operation }: ImageRequest): Advice {
	const known = modelId(model);
	const end = known && endOf(known);
	const offering =
		gateway.hosts.length > 0 ? `${gateway.name} is known to offer` : 'Such gateways offer';
	const others = modelsFor(operation.id, livingModels(gateway)).filter((id) => id !== model);
	const successor = [known?.successor, recommendedModel(gateway, operation.id)].find(
		(id) => id && others.includes(id),
	);
	return {
		headline: `The provider has no model “${model}” for this account`,
		todo: [
			'Choose a Model from the list, or activate this one in the provider’s console.',
			end,
			end && successor && `Use ${successor} instead.`,
			others.length > 0 && `${offering} ${nearest(model, others).join(', ')}.`,
		]
			.filter(Boolean)
			.join(' '),
	};
}

/**
 * What an error of the service means, and what to do.
 * @param error what the response states; undefined where it is not the API's
 * @param status HTTP status of the response
 */
export function adviceOn(
	error: ServiceError | undefined,
	status: number,
	request: ImageRequest,
): Advice {
	const { code = '', message = '' } = error ?? {};
	const text = `${code} ${message}`;
	if (NO_ROUTE.test(text)) return NO_API;
	if (NO_MODEL.test(text)) return adviceOnModel(request);
	const byCode = BY_CODE.find(([pattern]) => pattern.test(code));
	const byMessage = BY_CODE.find(([pattern]) => pattern.test(message));
	// A key that is rejected is not helped by what else the message may speak of.
	const byText = status === 401 ? undefined : (byCode ?? byMessage);
	if (byText) return byText[1];
	if (status === 404) return error?.isExplicit ? adviceOnModel(request) : NO_API;
	if (BY_STATUS[status]) return BY_STATUS[status];
	if (status >= 500) {
		return {
			headline: `The provider could not generate the image (HTTP ${status})`,
			todo: 'Check the provider’s usage page for images generated nevertheless before running again.',
		};
	}
	return {
		headline: 'The provider rejected the request',
		todo: 'Turn on Preview Request and compare what it shows with the provider’s document.',
	};
}
