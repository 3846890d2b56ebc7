import sharp from 'sharp';

import { pngHasAlpha, readImageHeader } from '../nodes/Seedream/image/header';
import { bmp, heif, pngOf, tiffWithLateDirectory } from './imageFiles';

const SIZE = { width: 321, height: 123 };

/** Noise, so that encoders cannot take a shortcut. */
function canvas(channels: 3 | 4 = 3): sharp.Sharp {
	const data = Buffer.alloc(SIZE.width * SIZE.height * channels);
	for (let i = 0; i < data.length; i += 1) data[i] = (i * 2_654_435_761) >>> 24;
	return sharp(data, { raw: { ...SIZE, channels } });
}

/** JPEG with application segments of `bytes` bytes before its frame header. */
async function withMetadata(bytes: number): Promise<Buffer> {
	const file = await canvas().jpeg().toBuffer();
	const segments: Buffer[] = [];
	for (let left = bytes; left > 0; left -= 65_000) {
		const segment = Buffer.alloc(65_000, 0x61);
		segment.writeUInt16BE(0xffe1, 0);
		segment.writeUInt16BE(65_000 - 2, 2);
		segments.push(segment);
	}
	return Buffer.concat([file.subarray(0, 2), ...segments, file.subarray(2)]);
}

async function animation(format: 'webp' | 'gif'): Promise<Buffer> {
	const frames = await Promise.all([canvas().png().toBuffer(), canvas().negate().png().toBuffer()]);
	return await sharp(frames, { join: { animated: true } })
		.toFormat(format)
		.toBuffer();
}

type Made = sharp.Sharp | Buffer | Promise<Buffer>;

async function bytesOf(made: Made): Promise<Buffer> {
	const file = await made;
	return Buffer.isBuffer(file) ? file : await file.toBuffer();
}

const FILES: ReadonlyArray<[name: string, format: string, make: () => Made]> = [
	['JPEG', 'jpeg', () => canvas().jpeg()],
	['progressive JPEG', 'jpeg', () => canvas().jpeg({ progressive: true })],
	['grey JPEG', 'jpeg', () => canvas().greyscale().jpeg()],
	['JPEG with 300 kB of metadata', 'jpeg', () => withMetadata(300_000)],
	[
		'JPEG with EXIF and profile',
		'jpeg',
		() =>
			canvas()
				.withExif({ IFD0: { Copyright: 'x'.repeat(5000) } })
				.withIccProfile('srgb')
				.jpeg(),
	],
	['JPEG with fill bytes', 'jpeg', () => filledJpeg()],
	['PNG', 'png', () => canvas().png()],
	['PNG with transparency', 'png', () => canvas(4).png()],
	['GIF', 'gif', () => canvas().gif()],
	['animated GIF', 'gif', () => animation('gif')],
	['WebP, lossy', 'webp', () => canvas().webp()],
	['WebP, lossless', 'webp', () => canvas().webp({ lossless: true })],
	['WebP, lossy with transparency', 'webp', () => canvas(4).webp()],
	['animated WebP', 'webp', () => animation('webp')],
	['TIFF', 'tiff', () => canvas().tiff()],
	['TIFF, uncompressed', 'tiff', () => canvas().tiff({ compression: 'none' })],
	['TIFF, big-endian', 'tiff', () => bigEndianTiff()],
	['TIFF, directory last', 'tiff', () => tiffWithLateDirectory(SIZE.width, SIZE.height, 90_000)],
	['AVIF', 'avif', () => canvas().avif({ effort: 0 })],
	['HEIC', 'heic', () => heif('heic', SIZE.width, SIZE.height)],
	['HEIF', 'heif', () => heif('mif1', SIZE.width, SIZE.height)],
	['BMP', 'bmp', () => bmp(SIZE.width, SIZE.height)],
	['BMP, top-down', 'bmp', () => bmp(SIZE.width, SIZE.height, true)],
	['BMP of OS/2', 'bmp', () => os2Bmp()],
];

async function filledJpeg(): Promise<Buffer> {
	const file = await canvas().jpeg().toBuffer();
	return Buffer.concat([file.subarray(0, 2), Buffer.from([0xff, 0xff, 0xff]), file.subarray(2)]);
}

function bigEndianTiff(): Buffer {
	const file = Buffer.alloc(8 + 2 + 24 + 4);
	file.write('MM\0*', 0, 'latin1');
	file.writeUInt32BE(8, 4);
	file.writeUInt16BE(2, 8);
	for (const [i, [tag, value]] of [
		[256, SIZE.width],
		[257, SIZE.height],
	].entries()) {
		file.writeUInt16BE(tag, 10 + i * 12);
		file.writeUInt16BE(3, 12 + i * 12);
		file.writeUInt32BE(1, 14 + i * 12);
		file.writeUInt16BE(value, 18 + i * 12);
	}
	return file;
}

function os2Bmp(): Buffer {
	const file = Buffer.alloc(40);
	file.write('BM', 0, 'latin1');
	file.writeUInt32LE(12, 14);
	file.writeUInt16LE(SIZE.width, 18);
	file.writeUInt16LE(SIZE.height, 20);
	return file;
}

it.each(FILES)('%s is recognized, with its size', async (_, format, make) => {
	expect(readImageHeader(await bytesOf(make()))).toEqual({ format, ...SIZE });
});

it.each(FILES)('%s cut anywhere has no wrong format or size', async (_, format, make) => {
	const file = await bytesOf(make());
	const isWrong = (end: number): boolean => {
		const header = readImageHeader(file.subarray(0, end));
		if (!header) return end >= 40;
		if (header.format !== format) return true;
		// A HEIF file names its thumbnail first; what is cut before the image's own size has that.
		if (header.width === undefined || format === 'heic' || format === 'heif') return false;
		return header.width !== SIZE.width || header.height !== SIZE.height;
	};
	const ends = [...Array(Math.min(2000, file.length)).keys(), file.length - 1];
	expect(ends.filter(isWrong)).toEqual([]);
});

it.each([
	['nothing', Buffer.alloc(0)],
	['text', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')],
	['a web page', Buffer.from('<!DOCTYPE html><html></html>')],
	['zeros', Buffer.alloc(100)],
	['an MP4', Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1')],
	['a PDF', Buffer.from('%PDF-1.7 and more of it')],
	['a WAV', Buffer.from('RIFF\0\0\0\0WAVEfmt and more', 'latin1')],
	['a text that starts with BM', Buffer.from('BMW is a maker of cars, not of pictures')],
])('%s is not an image', (_name, bytes) => {
	expect(readImageHeader(bytes)).toBeUndefined();
});

it('a size of more than 16 bits', () => {
	expect(readImageHeader(pngOf(70_000, 66_000))).toEqual({
		format: 'png',
		width: 70_000,
		height: 66_000,
	});
});

it.each<[name: string, hasAlpha: boolean, make: () => Promise<Buffer>]>([
	['RGB', false, async () => await canvas().png().toBuffer()],
	['RGB with an alpha channel', true, async () => await canvas(4).png().toBuffer()],
	['grey with an alpha channel', true, async () => await canvas(4).greyscale().png().toBuffer()],
	['an opaque palette', false, async () => await canvas().png({ palette: true }).toBuffer()],
	['a transparent palette', true, async () => await canvas(4).png({ palette: true }).toBuffer()],
])('a PNG of %s: can it be transparent? %s', async (_name, hasAlpha, make) => {
	const bytes = await make();
	expect(pngHasAlpha(bytes)).toBe(hasAlpha);
	// Nothing but the beginning is needed, and nothing is read beyond it.
	for (let end = 0; end < 200; end += 1) pngHasAlpha(bytes.subarray(0, end));
});
