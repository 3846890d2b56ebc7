import type { ImageRequest } from '../request';

/** Bytes of a name: file systems allow 255, the extension and what users append included. */
const MAX_NAME_BYTES = 200;

/** Characters of a prompt in a name. */
const MAX_SLUG_LENGTH = 40;

/** The first words of a text as a part of a file name, in any script: `red-bicycle-on-a-wall`. */
export function slug(text: string): string {
	const words = text
		.normalize('NFC')
		.toLowerCase()
		.replace(/<bbox>[^<]*<\/bbox>/g, ' ')
		.split(/[^\p{L}\p{M}\p{N}]+/u)
		.filter(Boolean);
	const [first, ...rest] = words;
	const named = ['a', 'an', 'the'].includes(first) && rest.length > 0 ? rest : words;
	let result = '';
	for (const word of named) {
		const longer = result ? `${result}-${word}` : word;
		if (result && longer.length > MAX_SLUG_LENGTH) break;
		result = longer;
	}
	return Array.from(result).slice(0, MAX_SLUG_LENGTH).join('');
}

function timestamp(): string {
	return new Date().toISOString().replace('T', '_').replace(/[:.]/g, '-').replace('Z', '');
}

/** Cuts a name to the bytes it may have, between characters. */
function shortened(name: string): string {
	return Buffer.from(name)
		.subarray(0, MAX_NAME_BYTES)
		.toString('utf8')
		.replace(/\uFFFD+$/, '');
}

/**
 * A file name without extension, with its placeholders filled in.
 * @param name of the layer, or of what the image is made from
 * @param item index of the input item
 * @param pattern of the user
 */
export function filledIn(
	{ model, body }: ImageRequest,
	{ index, name }: { index: number; name: string },
	item: number,
	pattern: string,
): { name: string; isCut: boolean } {
	const values = new Map([
		['model', model],
		['prompt', slug(String(body.prompt ?? ''))],
		['name', name],
		['date', timestamp()],
		['item', String(item)],
		['index', String(index)],
	]);
	const filled = pattern
		.replace(/\{(\w+)\}/g, (placeholder, key: string) => values.get(key) ?? placeholder)
		.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-')
		// What an empty prompt or name leaves.
		.replace(/^[-\s]+/, '');
	const short = shortened(filled);
	return { name: short || 'image', isCut: short !== filled };
}

/**
 * The file name of an image, without extension. Images of one item never share a name, so that no file
 * replaces another.
 * @param name of the layer, or of what the image is made from
 * @param item index of the input item
 * @param pattern of the user
 */
export function imageFileName(
	request: ImageRequest,
	image: { index: number; name: string },
	item: number,
	pattern: string,
): string {
	const { name, isCut } = filledIn(request, image, item, pattern);
	const isOnlyOne = request.expectedImages * request.requests === 1 && image.index === 0;
	const isDistinct = pattern.includes('{index}') && !isCut;
	return isOnlyOne || isDistinct ? name : `${name}-${image.index}`;
}
