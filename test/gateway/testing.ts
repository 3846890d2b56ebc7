import sharp from 'sharp';
import { z } from 'zod/v4';
import type { Gateway, ProfileName } from './index';

const KEY = 'sk-test';

/** The parts of a response body that the tests look at. */
const responseBody = z.looseObject({
	model: z.string().optional(),
	data: z
		.array(
			z.looseObject({
				url: z.string().nullish(),
				b64_json: z.string().nullish(),
				size: z.string().optional(),
				error: z.looseObject({ code: z.string() }).optional(),
				z_index: z.union([z.number(), z.string()]).optional(),
				bounding_box: z.looseObject({ absolute: z.array(z.number()) }).optional(),
			}),
		)
		.default([]),
	usage: z.looseObject({ generated_images: z.number() }).optional(),
	error: z
		.looseObject({
			code: z.string(),
			message: z.string(),
			param: z.string().optional(),
			type: z.string().optional(),
		})
		.optional(),
});

export interface Responded extends z.infer<typeof responseBody> {
	status: number;
	headers: Headers;
}

/** Posts a generation request to a profile, as any HTTP client would. */
export async function post(
	gateway: Gateway,
	profile: ProfileName,
	body: unknown,
	key = KEY,
): Promise<Response> {
	const base = /^(?:volcengine|byteplus)$/.test(profile) ? '/api/v3' : '/v1';
	return await fetch(`${gateway.profileUrl(profile)}${base}/images/generations`, {
		method: 'POST',
		headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
		body: typeof body === 'string' ? body : JSON.stringify(body),
	});
}

/** Posts a request and reads the JSON that comes. */
export async function ask(
	gateway: Gateway,
	profile: ProfileName,
	body: unknown,
	key = KEY,
): Promise<Responded> {
	const response = await post(gateway, profile, body, key);
	const { status, headers } = response;
	return { ...responseBody.parse(await response.json()), status, headers };
}

/** Format and pixels of a file, as sharp reads them. */
export async function inspect(
	file: ArrayBuffer | Buffer,
): Promise<{ format: string; width: number; height: number; hasAlpha: boolean }> {
	const bytes = Buffer.isBuffer(file) ? file : Buffer.from(file);
	const { format, width, height, hasAlpha } = await sharp(bytes).metadata();
	return { format, width, height, hasAlpha };
}

/** A picture as a data URI. */
export async function dataUri(
	width = 64,
	height = 64,
	format: 'jpeg' | 'png' | 'webp' | 'gif' | 'tiff' = 'png',
	alpha = 1,
): Promise<string> {
	const bytes = await sharp({
		create: { width, height, channels: 4, background: { r: 200, g: 80, b: 40, alpha } },
	})
		.toFormat(format)
		.toBuffer();
	return `data:image/${format};base64,${bytes.toString('base64')}`;
}

/** A layer and where it belongs: edges in pixels of the base, right and bottom exclusive. */
export interface PlacedLayer {
	file: Buffer;
	edges: readonly number[];
}

/** Puts a split picture together again: layers from the bottom up, scaled to their boxes. */
export async function compose(base: Buffer, layers: readonly PlacedLayer[]): Promise<Buffer> {
	const { width, height } = await sharp(base).metadata();
	const overlays = layers.map(async ({ file, edges: [left, top, right, bottom] }) => {
		const [x, y] = [Math.max(left, 0), Math.max(top, 0)];
		const whole = { width: right - left, height: bottom - top };
		const seen = { width: Math.min(right, width) - x, height: Math.min(bottom, height) - y };
		const scaled = await sharp(file)
			.resize({ ...whole, fit: 'fill' })
			.png()
			.toBuffer();
		const part = sharp(scaled).extract({ left: x - left, top: y - top, ...seen });
		return { input: await part.png().toBuffer(), left: x, top: y };
	});
	const canvas = sharp(base).composite(await Promise.all(overlays));
	return await canvas.removeAlpha().png().toBuffer();
}

/** How far two pictures of the same size are apart, in values of a channel from 0 to 255. */
export async function difference(a: Buffer, b: Buffer): Promise<{ mean: number; max: number }> {
	const [first, second] = await Promise.all(
		[a, b].map(async (file) => {
			const bitmap = sharp(file).flatten({ background: '#ffffff' }).toColourspace('srgb').raw();
			return await bitmap.toBuffer({ resolveWithObject: true });
		}),
	);
	const pixels = ({ info }: typeof first) => `${info.width}x${info.height}x${info.channels}`;
	if (pixels(first) !== pixels(second)) {
		throw new Error(`Different sizes: ${pixels(first)} and ${pixels(second)}`);
	}
	let sum = 0;
	let max = 0;
	const { data } = first;
	for (let i = 0; i < data.length; i += 1) {
		const distance = data[i] > second.data[i] ? data[i] - second.data[i] : second.data[i] - data[i];
		sum += distance;
		if (distance > max) max = distance;
	}
	return { mean: sum / first.data.length, max };
}
