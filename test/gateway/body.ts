import { randomUUID } from 'node:crypto';
import { MODELS } from '../facts/models';
import type { RequestFault } from './faults';
import type { ImageRecord } from './ledger';
import type { Plan } from './plan';
import type { Pieces } from './padding';

/** A place in `data`: an image that was generated, or the reason why there is none. */
export interface Slot {
	index: number;
	image: ImageRecord;
	pieces: Pieces;
	error?: { code: string; message: string };
}

/**
 * How a service writes its images: as Ark does (url or b64_json, with the size), or as OpenAI's
 * images with what is absent as `null` or as an empty string.
 */
export type BodyShape = 'ark' | 'openai-null' | 'openai-empty';

/** What the base64 of an image stands for in an object that {@link jsonPieces} writes. */
type Base64Of = (slot: Slot) => string;

/** The whole response to a request, as an object; base64 is written by `base64`. */
export function bodyObject(
	plan: Plan,
	slots: readonly Slot[],
	shape: BodyShape,
	base64: Base64Of,
): object {
	const created = seconds();
	if (shape !== 'ark') {
		return { created, data: slots.map((slot) => openAiImage(plan, slot, shape, base64)) };
	}
	const failed = slots.filter((slot) => slot.error);
	const model = echoedModel(plan);
	// A set of which nothing could be generated carries the error at the top level.
	if (failed.length > 0 && failed.length === slots.length) {
		return { model, created, error: failed[0].error, usage: usage(plan, slots) };
	}
	return {
		model,
		created,
		data: slots.map((slot) => (slot.error ? { error: slot.error } : arkImage(plan, slot, base64))),
		...tools(plan),
		usage: usage(plan, slots),
	};
}

/** The same answer as another gateway would wrap it; `event` is a matter of how it is written. */
export function wrapped(answer: object, wrap: NonNullable<RequestFault['wrap']>): object {
	const { data = [], ...rest } = answer as { data?: Array<{ url?: string; b64_json?: string }> };
	switch (wrap) {
		case 'one object':
			return { ...rest, code: 1, message: '操作成功', data: data.length === 1 ? data[0] : data };
		case 'data in data':
			return { code: 0, message: 'success', data: { ...rest, data } };
		case 'images':
			return { ...rest, images: data.map(({ url, b64_json }) => ({ image_url: url ?? b64_json })) };
		case 'list':
			return data;
		case 'urls':
			return { ...rest, data: data.map(({ url, b64_json }) => url ?? b64_json) };
		case 'event':
			return answer;
	}
}

/** Ark's `usage`: output tokens are the pixels of all images divided by 256. */
export function usage(plan: Plan, slots: readonly Slot[]): object {
	const images = slots.filter((slot) => !slot.error).map(({ image }) => image);
	const pixels = images.reduce((sum, { width, height }) => sum + width * height, 0);
	const tokens = Math.round(pixels / 256);
	return {
		...(isLayerFamily(plan) ? { input_images: plan.references.length } : {}),
		generated_images: images.length,
		// The text for 3.0 had nothing but the count.
		...(hasSize(plan) ? { output_tokens: tokens, total_tokens: tokens } : {}),
		...(plan.webSearch ? { tool_usage: { web_search: 1 } } : {}),
	};
}

/**
 * Writes a response body piece by piece, an image's base64 only when its turn comes.
 * @param build makes the object, given what to put where base64 belongs
 */
export function* jsonPieces(
	build: (base64: Base64Of) => object,
	slots: readonly Slot[],
): Generator<Buffer> {
	const marker = randomUUID();
	const text = JSON.stringify(build((slot) => `${marker}:${slot.index}:${marker}`));
	for (const [i, part] of text.split(new RegExp(`${marker}:(\\d+):${marker}`)).entries()) {
		const slot = i % 2 === 1 && slots.find(({ index }) => index === Number(part));
		if (!slot) {
			yield Buffer.from(part);
			continue;
		}
		yield* base64Pieces(slot.pieces);
		// Whoever asks for the next piece has sent this one.
		slot.image.delivered += 1;
	}
}

/**
 * Ark's server-sent events: one for each image as it is generated, `completed`, `[DONE]`. As measured, or
 * as the fault wants them.
 */
export async function* arkEvents(
	plan: Plan,
	making: AsyncIterable<Slot>,
	fault: RequestFault['stream'] = {},
): AsyncGenerator<Buffer> {
	const head = { model: plan.model, created: seconds() };
	const slots: Slot[] = [];
	for await (const slot of making) {
		slots.push(slot);
		const isLine = fault.jsonLine && slots.length === 2;
		const place = { ...head, image_index: slot.index };
		yield* slot.error
			? event('image_generation.partial_failed', { ...place, error: slot.error }, fault)
			: imageEvent('image_generation.partial_succeeded', place, plan, slot, fault, isLine);
		if (slots.length === fault.errorAfterImages) {
			const error = { code: 'InternalServiceError', message: 'The service encountered an error.' };
			yield* event('error', { error }, fault);
			return;
		}
	}
	if (!fault.noCompleted) {
		const end = { ...head, ...tools(plan), usage: usage(plan, slots) };
		yield* event('image_generation.completed', end, fault);
	}
	yield* done(fault);
}

/** What new-api makes of a plain response: a `completed` event for each image, with the image in it. */
export async function* newApiEvents(
	plan: Plan,
	making: AsyncIterable<Slot>,
	fault: RequestFault['stream'] = {},
): AsyncGenerator<Buffer> {
	for await (const slot of making) {
		const head = { created: seconds() };
		if (!slot.error) {
			yield* imageEvent('image_generation.completed', head, plan, slot, fault);
		}
	}
	yield* done(fault);
}

function* imageEvent(
	type: string,
	head: object,
	plan: Plan,
	slot: Slot,
	fault: NonNullable<RequestFault['stream']>,
	isLine = false,
): Generator<Buffer> {
	const build = (base64: Base64Of) => ({ type, ...head, ...arkImage(plan, slot, base64) });
	if (!isLine) yield Buffer.from(eventHead(type, fault));
	if (fault.multiLine) {
		// Only small pictures are asked for this way, so the whole text may stand in memory.
		const text = Buffer.concat([...jsonPieces(build, [slot])]).toString();
		yield Buffer.from(dataLines(JSON.parse(text) as object, fault));
		return;
	}
	if (!isLine) yield Buffer.from('data: ');
	yield* jsonPieces(build, [slot]);
	yield Buffer.from(lineEnd(fault).repeat(2));
}

function* event(
	type: string,
	data: object,
	fault: NonNullable<RequestFault['stream']>,
): Generator<Buffer> {
	yield Buffer.from(eventHead(type, fault) + dataLines({ type, ...data }, fault));
}

function eventHead(type: string, fault: NonNullable<RequestFault['stream']>): string {
	const comment = fault.comments ? `: keep-alive${lineEnd(fault)}` : '';
	return `${comment}event: ${type}${lineEnd(fault)}`;
}

function dataLines(data: object, fault: NonNullable<RequestFault['stream']>): string {
	const lines = JSON.stringify(data, null, fault.multiLine && 2).split('\n');
	return lines.map((line) => `data: ${line}${lineEnd(fault)}`).join('') + lineEnd(fault);
}

function* done(fault: NonNullable<RequestFault['stream']>): Generator<Buffer> {
	if (!fault.noDone) yield Buffer.from(`data: [DONE]${lineEnd(fault).repeat(2)}`);
}

function lineEnd(fault: NonNullable<RequestFault['stream']>): string {
	return fault.crlf ? '\r\n' : '\n';
}

function arkImage(plan: Plan, slot: Slot, base64: Base64Of): object {
	const { url, width, height, format } = slot.image;
	const layer = plan.layers?.[slot.index];
	return {
		...layer?.entry,
		...(plan.base64 && !layer?.isLost ? { b64_json: base64(slot) } : { url }),
		...(hasSize(plan) ? { size: `${width}x${height}` } : {}),
		...(isLayerFamily(plan) ? { output_format: format } : {}),
		...(echoesBackground(plan) && !layer ? { background: plan.background ?? 'auto' } : {}),
	};
}

function openAiImage(
	plan: Plan,
	slot: Slot,
	shape: 'openai-null' | 'openai-empty',
	base64: Base64Of,
): object {
	const absent = shape === 'openai-null' ? null : '';
	return {
		url: (!slot.error && slot.image.url) || absent,
		b64_json: plan.base64 && !slot.error ? base64(slot) : absent,
		// RouteScope's sample repeats the prompt here; the others leave it empty.
		revised_prompt: shape === 'openai-null' && !slot.error ? plan.prompt : absent,
	};
}

/** Measured: the plain response of 5.0 pro names the model without its date. */
function echoedModel({ model, family }: Plan): string {
	return family === '5.0-pro' ? model.replace(/-\d{6}$/, '') : model;
}

/** The responses of 3.0 models have no sizes. */
function hasSize({ family }: Plan): boolean {
	return !family.endsWith('3.0');
}

function isLayerFamily({ family }: Plan): boolean {
	return MODELS[family].parameters.layer_decomposition !== undefined;
}

/** Sheet §13.2: of the models that choose it themselves. */
function echoesBackground({ family }: Plan): boolean {
	return MODELS[family].parameters.background?.includes('auto') ?? false;
}

function tools(plan: Plan): object {
	return plan.webSearch ? { tools: [{ type: 'web_search' }] } : {};
}

function seconds(): number {
	return Math.floor(Date.now() / 1000);
}

function* base64Pieces(pieces: Pieces): Generator<Buffer> {
	let rest: Buffer = Buffer.alloc(0);
	for (const piece of pieces) {
		const bytes = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
		const whole = bytes.length - (bytes.length % 3);
		yield Buffer.from(bytes.toString('base64', 0, whole));
		rest = bytes.subarray(whole);
	}
	yield Buffer.from(rest.toString('base64'));
}
