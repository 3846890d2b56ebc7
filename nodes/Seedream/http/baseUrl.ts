import { chosenGateway, GATEWAYS, gatewayOf } from '../catalog/gateways';

/** What people paste along with a URL: quotes, brackets, punctuation, blanks and zero-width ones. */
const AROUND = /^[\s"'`“”‘’<(\u200b]+|[\s"'`“”‘’>),;.\\\u200b]+$/g;

/** Paths of endpoints, which people copy out of examples. */
const ENDPOINT = /\/(?:images(?:\/\w+)?|models|chat\/completions)$/i;

/** An endpoint that is pasted without a version has none. */
const WHOLE_ENDPOINT = /\/(?:images\/(?:generations|edits)|chat\/completions)$/i;

const VERSION = /\/v\d+$/i;

/** A URL of nothing but scheme, host and an API version. */
const BARE_HOST = /^(https?:\/\/[^/@]+)(?:\/api)?(?:\/v\d+)?$/i;

/** The host of a URL, without its port. */
export function hostOf(url: string): string {
	return /^https?:\/\/([^/:]+)/i.exec(url)?.[1].toLowerCase() ?? '';
}

/**
 * The API's base URL, without a trailing slash, for a base URL however it was pasted.
 * @param pasted with or without scheme, version, trailing slash or the full path of an endpoint; empty for
 * the provider's own
 * @param provider the credential's Provider field
 * @returns an empty text where neither of them names one
 */
export function apiBaseUrl(pasted: string, provider: string | undefined): string {
	const entered = pasted.replace(AROUND, '');
	if (!entered) return chosenGateway(provider)?.baseUrl ?? '';
	const whole = entered
		.replace(/[?#].*$/, '')
		.replace(/([^:/])\/{2,}/g, '$1/')
		.replace(/\/+$/, '')
		.replace(/^(?=localhost\b|127\.)/i, 'http://')
		.replace(/^(?![a-z][a-z0-9+.-]*:\/\/)/i, 'https://');
	const url = whole.replace(ENDPOINT, '');
	const host = hostOf(url);
	const owner = GATEWAYS.find(({ hosts }) =>
		hosts.some((name) => host === name || host.endsWith(`.${name}`)),
	);
	const bare = owner && BARE_HOST.exec(url);
	if (bare) return `${bare[1]}${owner.apiPath}`;
	if (VERSION.test(url) || WHOLE_ENDPOINT.test(whole)) return url;
	return `${url}${gatewayOf(url, provider).apiPath}`;
}

/**
 * Why a base URL cannot be used: what happened, and what to do.
 * @param url as {@link apiBaseUrl} returns it
 * @returns undefined for one that can
 */
export function baseUrlProblem(url: string): { message: string; description: string } | undefined {
	if (!url) {
		return {
			message: 'The credential has no Base URL',
			description: 'Open the credential and choose your Provider, or enter the URL of its API.',
		};
	}
	const [, userInfo, host] =
		/^https?:\/\/([^\s/@]*@)?(\[[\da-f:.]+\]|[^\s/:@]+)(?::\d+)?(?:\/\S*)?$/i.exec(url) ?? [];
	if (userInfo) {
		return {
			message: 'The Base URL of the credential contains a user name or password',
			description:
				'Remove everything between // and @, so that no password is sent or shown. The key belongs into API Key.',
		};
	}
	const isHost = !!host && host.length <= 253 && host.split('.').every((part) => part.length <= 63);
	if (isHost) return undefined;
	return {
		message: 'The Base URL of the credential is not a valid HTTP(S) URL',
		description:
			'Open the credential and enter a URL that starts with https://, for example https://ark.ap-southeast.bytepluses.com/api/v3.',
	};
}
