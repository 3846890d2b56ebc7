import { crc32 } from 'node:zlib';

/** A file as a list of pieces, so that a hundred large ones can share their padding. */
export type Pieces = readonly Buffer[];

/** A JPEG comment segment holds at most 65,533 bytes after its length field. */
const LARGEST = 65_533;
const JPEG_OVERHEAD = 4;
const PNG_OVERHEAD = 12;
const JPEG_SIGNATURE = 2;

/**
 * Makes a JPEG or PNG longer without changing its picture: comments that readers skip, placed
 * before the end of the file.
 * @param total bytes the file shall have; files that are longer already stay as they are
 */
export function padTo(file: Buffer, format: string, total: number): Pieces {
	const filler = fillerFor(format);
	const tail = format === 'png' ? PNG_OVERHEAD : JPEG_SIGNATURE;
	const end = file.length - tail;
	return [file.subarray(0, end), ...fill(total - file.length, filler), file.subarray(end)];
}

/**
 * Puts metadata in front of a JPEG's size marker, as cameras and editors do.
 * @param bytes how much; at least 5
 */
export function prependMetadata(file: Buffer, bytes: number): Pieces {
	return [
		file.subarray(0, JPEG_SIGNATURE),
		...fill(bytes, { overhead: JPEG_OVERHEAD, make: jpegComment }),
		file.subarray(JPEG_SIGNATURE),
	];
}

export function sizeOf(pieces: Pieces): number {
	return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

interface Filler {
	/** Bytes a segment has beside its content. */
	overhead: number;
	make(content: number): Buffer;
}

function fillerFor(format: string): Filler {
	if (format === 'jpeg') return { overhead: JPEG_OVERHEAD, make: jpegComment };
	if (format === 'png') return { overhead: PNG_OVERHEAD, make: pngComment };
	throw new Error(`No padding for ${format}`);
}

const largest = new Map<Filler['make'], Buffer>();

/** Segments that have exactly `bytes` bytes together; the large ones are one buffer, repeated. */
function fill(bytes: number, { overhead, make }: Filler): Buffer[] {
	const segments: Buffer[] = [];
	const whole = LARGEST + overhead;
	let left = bytes;
	while (left >= whole + overhead) {
		const segment = largest.get(make) ?? make(LARGEST);
		largest.set(make, segment);
		segments.push(segment);
		left -= whole;
	}
	// What is left is between one overhead and two segments.
	if (left > whole) {
		const half = Math.floor(left / 2);
		segments.push(make(half - overhead));
		left -= half;
	}
	if (left >= overhead) segments.push(make(left - overhead));
	return segments;
}

function jpegComment(content: number): Buffer {
	const segment = Buffer.alloc(content + JPEG_OVERHEAD, 'padding ');
	segment.writeUInt16BE(0xfffe, 0);
	segment.writeUInt16BE(content + 2, 2);
	return segment;
}

/** A chunk type in lower case (ancillary, private, safe to copy): readers skip what they do not know. */
function pngComment(content: number): Buffer {
	const chunk = Buffer.alloc(content + PNG_OVERHEAD, 'padding ');
	chunk.writeUInt32BE(content, 0);
	chunk.write('paDd', 4, 'latin1');
	chunk.writeUInt32BE(crc32(chunk.subarray(4, content + 8)), content + 8);
	return chunk;
}
