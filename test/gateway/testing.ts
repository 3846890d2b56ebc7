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
