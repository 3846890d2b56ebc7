import { readImageHeader } from '../image/header';
import { isObject } from '../request/body';
import { base64Of } from './base64';

/** Where an image is: behind a URL, in bytes, or both. */
export interface ImageSource {
	url?: string;
	bytes?: Buffer;
}

/** An image as a response carries it, with the fields beside it. */
export interface FoundImage extends ImageSource {
	entry: Record<string, unknown>;
}

/** Fields that carry an image, in a response of the API or of a gateway that wraps it. */
export const IMAGE_FIELDS = [
	'url',
	'image_url',
	'imageUrl',
	'uri',
	'b64_json',
	'b64',
	'base64',
	'image_base64',
	'image',
] as const;

/** Fields that carry images or objects with images. */
const CONTAINERS = [
	'data',
	'images',
	'image',
	'image_url',
	'image_urls',
	'imageUrls',
	'urls',
	'result',
	'results',
	'output',
	'outputs',
	'response',
] as const;

/** All fields in which images are looked for. */
const NAMES: readonly string[] = [...new Set([...CONTAINERS, ...IMAGE_FIELDS])];

/** Depth to which images are looked for. */
const MAX_DEPTH = 6;

/** Depth to which what is not an image is looked through. */
const MAX_WALK_DEPTH = 20;

/** Minimum bytes of image data in an unknown format; fewer are more likely a word, especially in text fields. */
const MIN_UNKNOWN_BYTES = 64;
const MIN_BASE64_FIELD_BYTES = 12;

/** Characters of a text that is no image; hashes and ids are shorter. */
const MAX_TEXT_LENGTH = 200;

/** What gateways write where a field is empty. */
const PLACEHOLDER = /^(none|null|nil|nan|undefined|n\/a|false)?$/i;

/** The bytes of a base64 text; undefined where it is a word. */
function decode(text: string, isBase64Field: boolean): Buffer | undefined {
	// Outside of base64 fields blanks stand between words.
	const start = text.slice(0, 256).replace(isBase64Field ? /\s+/g : '', '');
	const isKnown = readImageHeader(Buffer.from(start, 'base64')) !== undefined;
	if (!isKnown && !/^[A-Za-z0-9+/_-]+={0,2}$/.test(start)) return undefined;
	const bytes = Buffer.from(text, 'base64');
	const minBytes = isBase64Field ? MIN_BASE64_FIELD_BYTES : MIN_UNKNOWN_BYTES;
	return isKnown || bytes.length >= minBytes ? bytes : undefined;
}

/** The image that a text stands for: a URL, a data URI or base64, whatever the field is called. */
function sourceOf(value: unknown, isBase64Field = false): ImageSource | undefined {
	if (Buffer.isBuffer(value)) return { bytes: value };
	if (typeof value !== 'string') return undefined;
	const text = value.trim();
	if (/^https?:\/\//i.test(text)) return { url: text };
	const bytes = decode(base64Of(text), isBase64Field);
	return bytes && { bytes };
}

/** The image of an object by its own fields. */
function ownSource(entry: Record<string, unknown>): ImageSource | undefined {
	const sources = IMAGE_FIELDS.flatMap((name) => {
		const value = entry[name];
		const source =
			isObject(value) && !Buffer.isBuffer(value)
				? ownSource(value)
				: sourceOf(value, /b64|base64/.test(name));
		return source ?? [];
	});
	const [source] = sources;
	if (source) {
		const url = sources.find((each) => each.url)?.url;
		const bytes = sources.find((each) => each.bytes)?.bytes;
		return { url, bytes };
	}
	// A URL that cannot be downloaded is still reported to the user.
	const { url } = entry;
	const isUrl = typeof url === 'string' && !PLACEHOLDER.test(url.trim()) && !entry.error;
	return isUrl ? { url: url.trim() } : undefined;
}

/**
 * All images in a part of a response, wherever a gateway puts them. Fields that are not known to carry
 * images, such as `documentation_url`, are not looked at.
 */
export function imagesIn(value: unknown, depth = 0): FoundImage[] {
	if (depth > MAX_DEPTH) return [];
	if (Array.isArray(value)) return value.flatMap((each) => imagesIn(each, depth + 1));
	if (!isObject(value) || Buffer.isBuffer(value)) {
		const source = sourceOf(value);
		return source ? [{ ...source, entry: {} }] : [];
	}
	const own = ownSource(value);
	if (own) return [{ ...own, entry: value }];
	return NAMES.flatMap((name) => imagesIn(value[name], depth + 1));
}

/** All http(s) URLs in fields that carry images, also of objects that have an image by another field. */
export function imageUrlsIn(value: unknown, depth = 0): string[] {
	if (depth > MAX_WALK_DEPTH) return [];
	if (Array.isArray(value)) return value.flatMap((each) => imageUrlsIn(each, depth + 1));
	if (isObject(value)) return NAMES.flatMap((name) => imageUrlsIn(value[name], depth + 1));
	const url = sourceOf(value)?.url;
	return url === undefined ? [] : [url];
}

/** Image data in any field at all; a URL may be anybody's, but the bytes of an image are one. */
export function imageDataIn(value: unknown, depth = 0): FoundImage[] {
	if (depth > MAX_WALK_DEPTH) return [];
	if (typeof value === 'string') {
		const bytes = isImageData(value) ? sourceOf(value)?.bytes : undefined;
		return bytes && readImageHeader(bytes) ? [{ bytes, entry: {} }] : [];
	}
	if (typeof value !== 'object' || value === null) return [];
	return Object.values(value).flatMap((each) => imageDataIn(each, depth + 1));
}

/** Whether the elements of an array may be images, by the array's path. */
export function mayHoldImages(path: string[]): boolean {
	return path.every((name) => NAMES.includes(name));
}

/** A text without the escapes of JSON, however often it was put into JSON. */
function unescape(text: string): string {
	return text
		.replace(/\\+\//g, '/')
		.replace(/\\+u00([2-7][\da-f])/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
}

/** All http(s) URLs in a value, each once. @param limit at most so many */
export function urlsIn(values: unknown[], limit = 100): string[] {
	const text = values
		.map((value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')))
		.join('\n');
	const urls = unescape(text).match(/https?:\/\/[^\s"'<>\\]+/gi) ?? [];
	return [...new Set(urls.map((url) => url.replace(/[),.;\]}]+$/, '')))].slice(0, limit);
}

function isImageData(text: string): boolean {
	const bytes = sourceOf(text)?.bytes;
	return !!bytes && (text.length > MAX_TEXT_LENGTH || !!readImageHeader(bytes));
}

/** A part of a response as an item's JSON may show it: without image data. */
export function withoutImageData(value: unknown, depth = 0): unknown {
	if (depth > MAX_WALK_DEPTH) return undefined;
	if (Array.isArray(value)) return value.map((each) => withoutImageData(each, depth + 1));
	if (Buffer.isBuffer(value)) return undefined;
	if (typeof value === 'string') return isImageData(value) ? undefined : value;
	if (!isObject(value)) return value;
	const fields = Object.entries(value).map(
		([name, inner]) => [name, withoutImageData(inner, depth + 1)] as const,
	);
	return Object.fromEntries(fields.filter(([, inner]) => inner !== undefined));
}
