/** A file as a list of pieces, so that a hundred large ones can share their padding. */
export type Pieces = readonly Buffer[];

const PADDING = Buffer.alloc(65_536, 'padding ');

/**
 * Makes an image file longer without changing its picture: readers stop at the end of the image.
 * @param total bytes the file shall have; files that are longer already stay as they are
 */
export function padTo(file: Buffer, total: number): Pieces {
	const pieces = [file];
	for (let left = total - file.length; left > 0; left -= PADDING.length) {
		pieces.push(PADDING.subarray(0, left));
	}
	return pieces;
}

/** A JPEG's comment segment: marker, length with the length field's own two bytes, content. */
function jpegComment(content: number): Buffer {
	const segment = Buffer.alloc(content + 4, 'padding ');
	segment.writeUInt16BE(0xfffe, 0);
	segment.writeUInt16BE(content + 2, 2);
	return segment;
}

/**
 * Puts metadata in front of a JPEG's size marker, as cameras and editors do.
 * @param bytes how much, beside the segments' heads
 */
export function prependMetadata(file: Buffer, bytes: number): Pieces {
	const signature = 2;
	const segments: Buffer[] = [];
	for (let left = bytes; left > 0; left -= 65_533) {
		segments.push(jpegComment(Math.min(left, 65_533)));
	}
	return [file.subarray(0, signature), ...segments, file.subarray(signature)];
}

export function sizeOf(pieces: Pieces): number {
	return pieces.reduce((sum, piece) => sum + piece.length, 0);
}
