/**
 * What an image file is, read from its first bytes. Formats: those Seedream accepts or generates
 * (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, HEIF) and AVIF.
 */
export interface ImageHeader {
	/** As in `data:image/<format>`. */
	format: 'jpeg' | 'png' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'heic' | 'heif' | 'avif';
	/** Pixels; absent when the bytes at hand end before the size. */
	width?: number;
	height?: number;
}

type Size = Pick<ImageHeader, 'width' | 'height'>;

const NO_SIZE: Size = {};

function ascii(bytes: Buffer, start: number, end: number): string {
	return bytes.toString('latin1', start, end);
}

/** Walks the segments up to the frame header (SOF), which can lie behind large EXIF segments. */
function jpegSize(bytes: Buffer): Size {
	let offset = 2;
	while (offset + 9 <= bytes.length) {
		const marker = bytes[offset + 1];
		const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
		if (bytes[offset] !== 0xff) return NO_SIZE;
		if (marker === 0xff) offset += 1;
		else if (standsAlone) offset += 2;
		else if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
			return { height: bytes.readUInt16BE(offset + 5), width: bytes.readUInt16BE(offset + 7) };
		} else offset += 2 + bytes.readUInt16BE(offset + 2);
	}
	return NO_SIZE;
}

function webpSize(bytes: Buffer): Size {
	if (bytes.length < 30) return NO_SIZE;
	switch (ascii(bytes, 12, 16)) {
		case 'VP8 ':
			return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
		case 'VP8L': {
			const bits = bytes.readUInt32LE(21);
			return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
		}
		case 'VP8X':
			return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
		default:
			return NO_SIZE;
	}
}

/** Lengths of the header after the file's own, by which a BMP differs from a text that begins with BM. */
const BMP_HEADERS = [12, 16, 40, 52, 56, 64, 108, 124];

function isBmp(bytes: Buffer): boolean {
	if (ascii(bytes, 0, 2) !== 'BM' || bytes.length < 18) return false;
	return BMP_HEADERS.includes(bytes.readUInt32LE(14));
}

function bmpSize(bytes: Buffer): Size {
	if (bytes.length < 26) return NO_SIZE;
	const isOs2 = bytes.readUInt32LE(14) === 12;
	return isOs2
		? { width: bytes.readUInt16LE(18), height: bytes.readUInt16LE(20) }
		: { width: bytes.readInt32LE(18), height: Math.abs(bytes.readInt32LE(22)) };
}

/** Reads ImageWidth (256) and ImageLength (257) from the first directory. */
function tiffSize(bytes: Buffer): Size {
	const little = bytes[0] === 0x49;
	const u16 = (at: number) => (little ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
	const u32 = (at: number) => (little ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at));
	if (bytes.length < 8) return NO_SIZE;
	const directory = u32(4);
	if (directory + 2 > bytes.length) return NO_SIZE;
	const size: Size = {};
	const entries = u16(directory);
	for (let i = 0; i < entries; i++) {
		const entry = directory + 2 + i * 12;
		if (entry + 12 > bytes.length) return NO_SIZE;
		const isShort = u16(entry + 2) === 3;
		const value = isShort ? u16(entry + 8) : u32(entry + 8);
		if (u16(entry) === 256) size.width = value;
		if (u16(entry) === 257) size.height = value;
	}
	return size;
}

/** The largest `ispe` property: the others belong to tiles and thumbnails. */
function heifSize(bytes: Buffer): Size {
	let size = NO_SIZE;
	let area = 0;
	for (let at = bytes.indexOf('ispe'); at >= 0; at = bytes.indexOf('ispe', at + 4)) {
		if (at + 16 > bytes.length) break;
		const width = bytes.readUInt32BE(at + 8);
		const height = bytes.readUInt32BE(at + 12);
		if (width * height > area) {
			area = width * height;
			size = { width, height };
		}
	}
	return size;
}

function heifFormat(bytes: Buffer): ImageHeader['format'] | undefined {
	const brands = ascii(bytes, 8, Math.min(bytes.readUInt32BE(0), 64));
	if (/avi[fs]/.test(brands)) return 'avif';
	if (/hei[cxms]|hev[cxms]/.test(brands)) return 'heic';
	if (/mif1|msf1/.test(brands)) return 'heif';
	return undefined;
}

/**
 * Identifies an image by its bytes.
 * @param bytes the beginning of the file, or all of it
 * @returns undefined when the bytes are no image of a known format
 */
export function readImageHeader(bytes: Buffer): ImageHeader | undefined {
	if (bytes.length < 12) return undefined;
	const start = ascii(bytes, 0, 12);
	if (start.startsWith('\xff\xd8\xff')) return { format: 'jpeg', ...jpegSize(bytes) };
	if (start.startsWith('\x89PNG\r\n\x1a\n')) {
		const complete = bytes.length >= 24;
		return complete
			? { format: 'png', width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
			: { format: 'png' };
	}
	if (/^GIF8[79]a/.test(start)) {
		return { format: 'gif', width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
	}
	if (/^RIFF[^]{4}WEBP/.test(start)) return { format: 'webp', ...webpSize(bytes) };
	if (start.startsWith('II*\0') || start.startsWith('MM\0*')) {
		return { format: 'tiff', ...tiffSize(bytes) };
	}
	if (start.slice(4, 8) === 'ftyp') {
		const format = heifFormat(bytes);
		return format && { format, ...heifSize(bytes) };
	}
	if (isBmp(bytes)) return { format: 'bmp', ...bmpSize(bytes) };
	return undefined;
}

/** Colour types with an alpha channel: grey and RGB. */
const PNG_ALPHA_TYPES = [4, 6];

/**
 * Whether a PNG can have transparent pixels: by its colour type, or by a `tRNS` chunk, which makes a
 * palette or one colour transparent.
 * @param bytes the file, or its beginning up to the image data
 */
export function pngHasAlpha(bytes: Buffer): boolean {
	if (PNG_ALPHA_TYPES.includes(bytes[25])) return true;
	for (let at = 8; at + 8 <= bytes.length; at += 12 + bytes.readUInt32BE(at)) {
		const type = ascii(bytes, at + 4, at + 8);
		if (type === 'tRNS') return true;
		if (type === 'IDAT') return false;
	}
	return false;
}
