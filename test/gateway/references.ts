import sharp from 'sharp';
import type { ReferenceRules } from '../facts/models';
import { invalid, Refusal } from './refusal';

/** A reference image as the model sees it. */
export interface Reference {
	bytes: Buffer;
	format: string;
	/** Pixels; 0 where the format's header cannot be read here (HEIC on some builds). */
	width: number;
	height: number;
}

/** Volcengine's chat FAQ: it waits this long for a picture it has to fetch. */
const DOWNLOAD_TIMEOUT = 5_000;

const SIGNATURES: ReadonlyArray<[format: string, offset: number, pattern: RegExp]> = [
	['jpeg', 0, /^\xff\xd8\xff/],
	['png', 0, /^\x89PNG\r\n/],
	['gif', 0, /^GIF8[79]a/],
	['webp', 8, /^WEBP/],
	['bmp', 0, /^BM/],
	['tiff', 0, /^(?:II\*\0|MM\0\*)/],
	['heic', 4, /^ftyp(?:heic|heix|hevc|heim|heis)/],
	['heif', 4, /^ftyp(?:mif1|msf1)/],
];

/** The image format that the bytes show, by its name in `data:image/<format>`. */
export function formatOf(bytes: Buffer): string | undefined {
	const head = bytes.toString('latin1', 0, 24);
	return SIGNATURES.find(([, offset, pattern]) => pattern.test(head.slice(offset)))?.[0];
}

/**
 * Gives base64 without a prefix the one that its bytes call for; URLs and data URIs stay as they are.
 */
export function asDataUri(value: string): string {
	if (/^(?:data:|https?:)/.test(value)) return value;
	const format = formatOf(Buffer.from(value.slice(0, 64), 'base64'));
	return format === undefined ? value : `data:image/${format};base64,${value}`;
}

/**
 * Reads the references of a request as Ark does: fetches URLs, decodes data URIs, and checks each
 * against what the model reads.
 * @throws Refusal in the first party's words
 */
export async function readReferences(
	values: readonly string[],
	rules: ReferenceRules,
): Promise<Reference[]> {
	if (values.length > rules.max) {
		throw invalid('image', `number of reference images cannot exceed ${rules.max}`);
	}
	return await Promise.all(values.map(async (value) => await readReference(value, rules)));
}

async function readReference(value: string, rules: ReferenceRules): Promise<Reference> {
	if (value === '') {
		throw new Refusal(400, 'InvalidImageURL.EmptyURL', 'The image URL is empty.', {
			param: 'image',
		});
	}
	const bytes = /^https?:\/\//.test(value) ? await fetchImage(value) : decodeDataUri(value, rules);
	const format = formatOf(bytes);
	if (format === undefined || !rules.formats.includes(format)) {
		throw invalid('image', 'the image format is not supported');
	}
	if (bytes.length > rules.maxBytes) {
		throw invalid('image', `image size must be at most ${rules.maxBytes} bytes`);
	}
	const { width, height } = await pixelsOf(bytes, format);
	if (width > 0 && height > 0) checkPixels(width, height, rules);
	return { bytes, format, width, height };
}

function decodeDataUri(value: string, rules: ReferenceRules): Buffer {
	const match = /^data:image\/([^;,]+);base64,/.exec(value);
	if (!match) {
		throw new Refusal(
			400,
			'InvalidImageURL.InvalidFormat',
			'The image must be an http(s) URL or data:image/<format>;base64,<data>.',
			{ param: 'image' },
		);
	}
	const declared = match[1];
	if (!rules.formats.includes(declared)) {
		throw invalid('image', `the image format \`${declared}\` is not supported`);
	}
	const text = value.slice(match[0].length);
	if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) {
		throw invalid('image', 'the image is not valid base64');
	}
	const bytes = Buffer.from(text, 'base64');
	const found = formatOf(bytes);
	const sameKind = (format?: string) => format?.replace('heif', 'heic');
	if (sameKind(found) !== sameKind(declared)) {
		throw invalid('image', `the image is declared as ${declared} but is ${found ?? 'no image'}`);
	}
	return bytes;
}

async function fetchImage(url: string): Promise<Buffer> {
	let reason: string;
	try {
		const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT) });
		if (response.ok) return Buffer.from(await response.arrayBuffer());
		reason = `status code: ${response.status}`;
	} catch (error) {
		reason = error instanceof Error ? error.message : 'unreachable';
	}
	throw invalid('image', `Error while downloading: ${url}, ${reason}`);
}

async function pixelsOf(bytes: Buffer, format: string): Promise<{ width: number; height: number }> {
	// sharp's prebuilt library has no BMP reader; the header is two 32-bit numbers, the second
	// negative for pictures stored top-down.
	if (format === 'bmp' && bytes.length > 26) {
		return { width: bytes.readInt32LE(18), height: Math.abs(bytes.readInt32LE(22)) };
	}
	try {
		const { width, height } = await sharp(bytes, { limitInputPixels: false }).metadata();
		return { width, height };
	} catch {
		if (format === 'heic' || format === 'heif') return { width: 0, height: 0 };
		throw invalid('image', 'the image cannot be decoded');
	}
}

function checkPixels(width: number, height: number, rules: ReferenceRules): void {
	const pixels = width * height;
	if (Math.min(width, height) <= rules.longerThan) {
		throw invalid('image', `each side of the image must be longer than ${rules.longerThan} px`);
	}
	if (pixels < rules.minPixels || pixels > rules.maxPixels) {
		throw invalid(
			'image',
			`the image must have ${rules.minPixels} to ${rules.maxPixels} pixels, it has ${pixels}`,
		);
	}
	if (Math.max(width, height) > rules.maxRatio * Math.min(width, height)) {
		throw invalid(
			'image',
			`aspect ratio of the image must be between 1/${rules.maxRatio} and ${rules.maxRatio}`,
		);
	}
}
