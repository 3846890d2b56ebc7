/** Files of formats that no library here writes, or that only tests want: small and hand-made. */

/** A 24-bit BMP, all black. */
export function bmp(width: number, height: number, topDown = false): Buffer {
	const stride = Math.ceil((width * 3) / 4) * 4;
	const file = Buffer.alloc(54 + stride * height);
	file.write('BM', 0, 'latin1');
	file.writeUInt32LE(file.length, 2);
	file.writeUInt32LE(54, 10);
	file.writeUInt32LE(40, 14);
	file.writeInt32LE(width, 18);
	file.writeInt32LE(topDown ? -height : height, 22);
	file.writeUInt16LE(1, 26);
	file.writeUInt16LE(24, 28);
	return file;
}

function box(type: string, ...content: Buffer[]): Buffer {
	const body = Buffer.concat(content);
	const head = Buffer.alloc(8);
	head.writeUInt32BE(body.length + 8, 0);
	head.write(type, 4, 'latin1');
	return Buffer.concat([head, body]);
}

function u32(...values: number[]): Buffer {
	const bytes = Buffer.alloc(values.length * 4);
	for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, i * 4);
	return bytes;
}

/** The beginning of a HEIF file of the given brand, with a thumbnail's size before the image's. */
export function heif(brand: 'heic' | 'mif1' | 'avif', width: number, height: number): Buffer {
	const sizes = [
		[64, 64],
		[width, height],
	].map(([w, h]) => box('ispe', u32(0, w, h)));
	return Buffer.concat([
		box('ftyp', Buffer.from(`${brand}\0\0\0\0${brand}miaf`, 'latin1')),
		box('meta', u32(0), box('iprp', box('ipco', ...sizes))),
		box('mdat', Buffer.alloc(200, 1)),
	]);
}

/** The beginning of a PNG: enough to say how large it is. */
export function pngOf(width: number, height: number, bytes = 200): Buffer {
	const file = Buffer.alloc(bytes);
	file.write('\x89PNG\r\n\x1a\n', 0, 'latin1');
	file.writeUInt32BE(13, 8);
	file.write('IHDR', 12, 'latin1');
	file.writeUInt32BE(width, 16);
	file.writeUInt32BE(height, 20);
	return file;
}

/** A little-endian TIFF whose directory stands at its end, behind `gap` bytes. */
export function tiffWithLateDirectory(width: number, height: number, gap: number): Buffer {
	const file = Buffer.alloc(8 + gap + 2 + 24 + 4);
	file.write('II*\0', 0, 'latin1');
	file.writeUInt32LE(8 + gap, 4);
	file.writeUInt16LE(2, 8 + gap);
	for (const [i, [tag, value]] of [
		[256, width],
		[257, height],
	].entries()) {
		const entry = 8 + gap + 2 + i * 12;
		file.writeUInt16LE(tag, entry);
		file.writeUInt16LE(4, entry + 2);
		file.writeUInt32LE(1, entry + 4);
		file.writeUInt32LE(value, entry + 8);
	}
	return file;
}
