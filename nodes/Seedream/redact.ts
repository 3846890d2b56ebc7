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

/** Characters of a key that a text may show before it is cut; no text that is shown is longer. */
const MAX_CUT_KEY_LENGTH = 500;

/** A character of a key as JSON, URLs and HTML may write it, as a pattern. */
function spellings(character: string): string {
	if (/[\w-]/.test(character)) return character;
	const code = character.charCodeAt(0);
	const hex = code.toString(16).padStart(2, '0');
	const itself = `\\\\*\\u${hex.padStart(4, '0')}`;
	return `(?:${itself}|%${hex}|\\\\+u00${hex}|&#0*${code};|&#x0*${hex};|&\\w{2,6};)`;
}

/**
 * Finds a key however it is escaped, and what is left of it where a text was cut before it got here:
 * cut texts end in an ellipsis.
 */
function keyPattern(key: string): RegExp {
	const characters = key.split('').map(spellings);
	const least = MIN_KEY_LENGTH / 2;
	const rest = characters
		.slice(least, -1)
		.slice(0, MAX_CUT_KEY_LENGTH)
		.reduceRight((behind, character) => `(?:…|${character}${behind})`, '…');
	return new RegExp(`${characters.join('')}|${characters.slice(0, least).join('')}${rest}`, 'gi');
}

function redactText(text: string, key: RegExp | undefined): string {
	return (key ? text.replace(key, '***') : text)
		.replace(/Bearer\s+[^\s"',]+/gi, 'Bearer ***')
		.replace(DATA_URI, 'data:…')
		.replace(
			URL_OR_LONG_WORD,
			(word: string, url: string | undefined) => url ?? (isImageData(word) ? '…' : word),
		);
}

function redactAll(value: unknown, key: RegExp | undefined, depth: number): unknown {
	if (typeof value === 'string') return redactText(value, key);
	if (typeof value !== 'object' || value === null) return value;
	if (depth > MAX_DEPTH) return '…';
	if (Array.isArray(value)) return value.map((each) => redactAll(each, key, depth + 1));
	return Object.fromEntries(
		Object.entries(value).map(([name, inner]) => [
			redactText(name, key),
			redactAll(inner, key, depth + 1),
		]),
	);
}

/**
 * Removes the key and image data from a text or JSON value. Applied once, where something leaves the node:
 * a message, a log, an item's JSON. URLs are kept.
 * @param key as {@link apiKeyOf} returns it
 */
export function redact<T>(value: T, key: string): T {
	return redactAll(value, key.length < MIN_KEY_LENGTH ? undefined : keyPattern(key), 0) as T;
}
