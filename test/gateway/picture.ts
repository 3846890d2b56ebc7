import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import type { Plan } from './plan';
import { padTo, type Pieces, prependMetadata, sizeOf } from './padding';
import type { Reference } from './references';
import { scene, shade } from './scene';

/** The font comes with the development dependencies: bare machines have none. */
const FONT = join(require.resolve('dejavu-fonts-ttf/package.json'), '../ttf/DejaVuSans.ttf');

// Read when the first text is drawn; without it fontconfig complains on such machines.
if (!existsSync('/etc/fonts/fonts.conf')) {
	process.env.FONTCONFIG_FILE ??= join(__dirname, 'fonts.conf');
}

/** Longest part of a prompt that is drawn, in characters, and where letters become smaller. */
const DRAWN_PROMPT = 320;
const LONG_PROMPT = 90;

/** Pixels of a landscape's longer side, which is enlarged from there. */
const LARGEST_SCENE = 1024;

/** Side of a reference's thumbnail, and from one to the next, in 32nds of the shorter side. */
const THUMBNAIL = 6;
const THUMBNAIL_STEP = 7;

/** Pictures kept for requests that repeat, in bytes. */
const CACHE_SIZE = 128 * 1024 * 1024;
const cache = new Map<string, Promise<Pieces>>();
const cached = new Map<string, number>();

/**
 * Draws one image of a plan: a landscape, on it prompt, model, size and index in words, the references as
 * thumbnails, the watermark when it is on. The same plan gives the same picture.
 * @param index place in the set, from 0
 */
export async function draw(plan: Plan, index: number): Promise<Pieces> {
	const words = JSON.stringify({ ...plan, references: [], index });
	const key = createHash('sha256').update(words);
	for (const { bytes } of plan.references) key.update(bytes);
	return await remember(key.digest('hex'), async () => {
		const file = await render(plan, index);
		if (plan.tags.exif && plan.format === 'jpeg') return prependMetadata(file, plan.tags.exif);
		if (plan.tags.bytes) return padTo(file, plan.tags.bytes);
		return [file];
	});
}

/** A plain picture for tests and examples to use as a reference. */
export async function drawSample(width: number, height: number, format: string): Promise<Pieces> {
	return await remember(`${width}x${height}.${format}`, async () => {
		const canvas = sharp({ create: { width, height, channels: 3, background: '#3a6ea5' } });
		const label = await text(`Sample ${width}x${height}`, Math.round(width * 0.9), width / 14);
		const fits = label.width <= width && label.height <= height;
		const overlays = fits ? [{ input: label.data, gravity: 'center' }] : [];
		return [await encode(canvas.composite(overlays).removeAlpha(), format)];
	});
}

async function remember(key: string, make: () => Promise<Pieces>): Promise<Pieces> {
	const known = cache.get(key);
	if (known) return await known;
	const making = make();
	cache.set(key, making);
	try {
		// The padding is shared, so the first and last pieces are what a picture really takes.
		const pieces = await making;
		cached.set(key, sizeOf([pieces[0], pieces[pieces.length - 1]]));
		trimCache();
		return pieces;
	} catch (error) {
		cache.delete(key);
		throw error;
	}
}

function trimCache(): void {
	let size = [...cached.values()].reduce((sum, bytes) => sum + bytes, 0);
	for (const [key, bytes] of cached) {
		if (size <= CACHE_SIZE) return;
		cache.delete(key);
		cached.delete(key);
		size -= bytes;
	}
}

async function render(plan: Plan, index: number): Promise<Buffer> {
	const { width, height, transparent } = plan;
	const unit = Math.min(width, height) / 32;
	// Very narrow pictures have no room for words, and many tests want them fast.
	if (unit < 6) {
		const background = colour(plan, index);
		const channels = transparent ? 4 : 3;
		return await encode(sharp({ create: { width, height, channels, background } }), plan.format);
	}
	// Large landscapes are drawn smaller, which shows no less and is faster.
	const scale = Math.min(1, LARGEST_SCENE / Math.max(width, height));
	const canvas = sharp(Buffer.from(scene(plan, index, scale)))
		.resize(width, height, { fit: 'fill' })
		.composite(await layers(plan, index, unit));
	return await encode(transparent ? canvas : canvas.removeAlpha(), plan.format);
}

async function encode(image: sharp.Sharp, format: string): Promise<Buffer> {
	switch (format) {
		case 'jpeg':
			return await image.jpeg({ quality: 80 }).toBuffer();
		case 'png':
			return await image.png({ compressionLevel: 2 }).toBuffer();
		default:
			return await image.toFormat(format as 'webp' | 'gif' | 'tiff' | 'avif').toBuffer();
	}
}

async function layers(plan: Plan, index: number, unit: number): Promise<OverlayOptions[]> {
	const { width, height, prompt, references } = plan;
	const inner = Math.round(width - 4 * unit);
	const left = Math.round(2 * unit);
	const place = plan.set ? `image ${index + 1} of ${plan.count}` : 'image 1';
	const letters = unit * (prompt.length > LONG_PROMPT ? 1 : 1.6);
	const isOnShade = !plan.transparent;
	const words = `${plan.model} · ${width}x${height} · ${place}`;
	const title = await text(cut(prompt, DRAWN_PROMPT), inner, letters, isOnShade);
	const caption = await text(words, inner, unit * 0.75, isOnShade);
	const mark = plan.watermark && (await text('AI generated', inner, unit * 0.75));
	const captionTop = Math.round(height - caption.height - 1.5 * unit);
	const titleTop = Math.round(captionTop - title.height - unit);
	const shadeTop = Math.max(0, Math.round(titleTop - 3 * unit));
	const perRow = Math.max(1, Math.floor(inner / (unit * THUMBNAIL_STEP)));
	const thumbnails = await Promise.all(
		references.map(async (reference, i) => ({
			input: await thumbnail(reference, unit),
			left: left + Math.round((i % perRow) * unit * THUMBNAIL_STEP),
			top: left + Math.round(Math.floor(i / perRow) * unit * THUMBNAIL_STEP),
		})),
	);
	const placed: OverlayOptions[] = [
		...(isOnShade
			? [{ input: Buffer.from(shade(width, height - shadeTop)), left: 0, top: shadeTop }]
			: []),
		...thumbnails,
		{ input: title.data, left, top: titleTop },
		{ input: caption.data, left, top: captionTop },
		...(mark ? [{ input: mark.data, left: Math.round(width - mark.width - left), top: left }] : []),
	];
	return placed.filter(({ top = 0 }) => top >= 0 && top < height);
}

function cut(words: string, length: number): string {
	return words.length > length ? `${words.slice(0, length - 1)}…` : words;
}

/**
 * White letters on a ground of their own, where they do not stand on a shade.
 * @returns a layer no wider than `width` pixels, its letters about `size` pixels high
 */
async function text(
	words: string,
	width: number,
	size: number,
	isOnShade = false,
): Promise<{ data: Buffer; width: number; height: number }> {
	const escaped = words.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
	// Control characters are no valid markup.
	const drawable = escaped.replace(/[^\P{Cc}\n]/gu, ' ').trim() || ' ';
	const { data, info } = await sharp({
		text: {
			text: `<span foreground="white" ${isOnShade ? '' : 'background="#00000090"'}>${drawable}</span>`,
			font: `DejaVu Sans ${Math.max(1, Math.round(size))}`,
			fontfile: FONT,
			width: Math.max(1, width),
			// At 72 dots per inch a point is a pixel.
			dpi: 72,
			rgba: true,
			wrap: 'word-char',
		},
	})
		.png({ compressionLevel: 1 })
		.toBuffer({ resolveWithObject: true });
	return { data, width: info.width, height: info.height };
}

/** A reference as a small picture in a white frame. */
async function thumbnail({ bytes, format }: Reference, unit: number): Promise<Buffer> {
	const side = Math.round(unit * THUMBNAIL);
	const border = Math.round(unit / 4);
	const frame = { top: border, bottom: border, left: border, right: border, background: '#ffffff' };
	try {
		return await sharp(bytes)
			.resize({ width: side, height: side, fit: 'inside' })
			.extend(frame)
			.png()
			.toBuffer();
	} catch {
		// Formats that sharp has no decoder for show their name instead.
		const label = await text(format, side, side / 4);
		const box = { width: side, height: side, channels: 3, background: '#888888' } as const;
		return await sharp({ create: box })
			.composite([{ input: label.data, gravity: 'center' }])
			.png()
			.toBuffer();
	}
}

/** A colour for each prompt and index; none where transparent. */
function colour({ prompt, transparent }: Plan, index: number): sharp.Color {
	const [first, second, third] = createHash('sha256').update(`${prompt}#${index}`).digest();
	return { r: 40 + first / 2, g: 40 + second / 2, b: 40 + third / 2, alpha: transparent ? 0 : 1 };
}
