import { readImageHeader } from './image/header';

/** A shorter key is more likely a test's than a secret, and would turn `2048x2048` into stars. */
const MIN_KEY_LENGTH = 8;

/** Characters; longer words without separators are treated as data. Hashes and ids are shorter. */
const MAX_WORD_LENGTH = 100;

const MAX_DEPTH = 40;

const DATA_URI = /data:[\w/+.-]*(?:;[\w=-]+)*;base64,[A-Za-z0-9+/=_-]{16,}/gi;
const URL_OR_LONG_WORD = /(https?:\/\/[^\s"'<>]+)|[A-Za-z0-9+/]{40,}={0,2}/gi;

/**
 * The key as it is sent and redacted: without pasted blanks, quotes, line ends and a leading `Bearer`.
 */
export function apiKeyOf(value: unknown): string {
	return String(value ?? '')
		.replace(/^[\s"'`\u200b\ufeff]+|[\s"'`\u200b\ufeff]+$/g, '')
		.replace(/^Bearer\s+/i, '');
}

function isImageData(word: string): boolean {
	if (word.length >= MAX_WORD_LENGTH) return !/^[\da-f]+$/i.test(word);
	return readImageHeader(Buffer.from(word.slice(0, 64), 'base64')) !== undefined;
}

function redactText(text: string, key: string): string {
	const spellings = key.length < MIN_KEY_LENGTH ? [] : [key, encodeURIComponent(key)];
	return spellings
		.reduce((open, secret) => open.split(secret).join('***'), text)
		.replace(/Bearer\s+[^\s"',]+/gi, 'Bearer ***')
		.replace(DATA_URI, 'data:…')
		.replace(
			URL_OR_LONG_WORD,
			(word: string, url: string | undefined) => url ?? (isImageData(word) ? '…' : word),
		);
}

/**
 * Removes the key and image data from a text or JSON value. Applied once, where something leaves the node:
 * a message, a log, an item's JSON. URLs are kept.
 * @param key as {@link apiKeyOf} returns it
 */
export function redact<T>(value: T, key: string, depth = 0): T {
	if (typeof value === 'string') return redactText(value, key) as T;
	if (typeof value !== 'object' || value === null) return value;
	if (depth > MAX_DEPTH) return '…' as T;
	if (Array.isArray(value)) return value.map((each) => redact<unknown>(each, key, depth + 1)) as T;
	return Object.fromEntries(
		Object.entries(value).map(([name, inner]) => [
			redactText(name, key),
			redact<unknown>(inner, key, depth + 1),
		]),
	) as T;
}
