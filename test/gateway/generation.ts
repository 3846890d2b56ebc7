import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { bodyObject, arkEvents, jsonPieces, newApiEvents, wrapped, type Slot } from './body';
import type { Fault, Faults, RequestFault } from './faults';
import type { Files } from './files';
import type { ImageRecord, Ledger, RequestRecord } from './ledger';
import type { Plan } from './plan';
import { draw } from './picture';
import type { Profile } from './profiles';
import { errorBody, Refusal, requestIdHeader } from './refusal';
import { jsonResponse, type HttpResponse, substituteResponse } from './responses';
import { closing, reset, transmit } from './transmit';

/** What the parts of the gateway share. */
export interface Service {
	url: string;
	key: string;
	/** Milliseconds to generate an image. */
	latency: number;
	/** Day on which it plays; absent: before every end of a model. */
	day?: string;
	ledger: Ledger;
	faults: Faults;
	files: Files;
	/** Seconds to wait when the rate limit is reached, else 0; counts the request. */
	limitRate(): number;
}

/** A call of the API with its entry in the ledger. */
export interface Call {
	profile: Profile;
	request: IncomingMessage;
	response: ServerResponse;
	record: RequestRecord;
}

const MODERATED = {
	code: 'OutputImageSensitiveContentDetected',
	message:
		'The request failed because the output image may contain sensitive information. Please try again with a different prompt.',
};

/** Responds to a generation request, the ledger's entry of which is open. */
export async function generate(service: Service, call: Call): Promise<void> {
	const { profile, response, record } = call;
	const { prompt, model } = (record.body ?? {}) as Record<string, unknown>;
	const fault = service.faults.take('request', {
		profile: profile.name,
		prompt: String(prompt),
		model: String(model),
	});
	if (fault?.reset === 'before') {
		record.outcome = reset(response);
		return;
	}
	const substitute = fault && replacement(fault, call);
	if (substitute && !fault.made) {
		await send(call, substitute, fault);
		return;
	}
	try {
		authorize(service, call);
		const wait = service.limitRate();
		if (wait > 0) {
			await send(call, errorResponse(rateRefusal(), call), { ...fault, retryAfter: wait });
			return;
		}
		const plan = await profile.plan(record.body, service.day);
		await respond(service, call, plan, substitute, fault);
	} catch (error) {
		if (!(error instanceof Refusal)) throw error;
		await send(call, errorResponse(error, call), fault);
	}
}

async function respond(
	service: Service,
	call: Call,
	plan: Plan,
	substitute: HttpResponse | undefined,
	fault?: RequestFault,
): Promise<void> {
	const { profile, response, record } = call;
	const making = make(service, call, plan, fault);
	const unstreamed = substitute ?? fault?.reset ?? fault?.noAnswer;
	if (plan.stream && profile.stream !== 'none' && !fault?.stream?.json && !unstreamed) {
		await stream(call, plan, making, fault);
		return;
	}
	const slots: Slot[] = [];
	for await (const slot of making) slots.push(slot);
	if (fault?.reset === 'after') {
		record.outcome = reset(response);
		return;
	}
	if (fault?.noAnswer) {
		await closing(response);
		record.outcome = 'left';
		return;
	}
	if (!plan.set && slots.every(({ error }) => error)) {
		throw new Refusal(400, MODERATED.code, MODERATED.message);
	}
	await send(call, substitute ?? imagesResponse(plan, slots, call, fault?.wrap), fault);
}

async function stream(
	call: Call,
	plan: Plan,
	making: AsyncIterable<Slot>,
	fault?: RequestFault,
): Promise<void> {
	const cutAfter = fault?.stream?.cutAfterImages;
	const upTo = cutAfter === undefined ? making : firstOf(making, cutAfter);
	const events = call.profile.stream === 'ark' ? arkEvents : newApiEvents;
	const shown =
		cutAfter === undefined
			? fault?.stream
			: { ...fault?.stream, noCompleted: true as const, noDone: true as const };
	const outgoing = {
		status: 200,
		headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' },
		pieces: events(plan, upTo, shown),
	};
	await send(call, outgoing, fault, cutAfter !== undefined);
}

async function* firstOf<T>(items: AsyncIterable<T>, count: number): AsyncGenerator<T> {
	let taken = 0;
	if (count === 0) return;
	for await (const item of items) {
		yield item;
		taken += 1;
		if (taken === count) return;
	}
}

/** Generates the images of a plan one after another, and enters each in the ledger. */
async function* make(
	{ ledger, files, latency, url }: Service,
	{ profile, record }: Call,
	plan: Plan,
	fault?: RequestFault,
): AsyncGenerator<Slot> {
	const { prompt, model } = plan;
	for (let index = 0; index < plan.count; index += 1) {
		if (latency > 0) await sleep(latency);
		const layer = plan.layers?.[index];
		// Layers fail together.
		const held = fault?.moderate?.some((place) => layer !== undefined || place === index) ?? false;
		const { width, height, format } = layer ?? plan;
		const pieces = held ? [] : (layer?.pieces ?? (await draw(plan, index)));
		const image: ImageRecord = {
			id: randomUUID(),
			requestId: record.id,
			prompt,
			model,
			index,
			width,
			height,
			format,
			billed: !held,
			delivered: 0,
		};
		if (!held && !plan.base64 && !layer?.isLost)
			image.url = url + files.put(pieces, image, profile.name);
		ledger.images.push(image);
		yield { index, image, pieces, ...(held ? { error: MODERATED } : {}) };
	}
}

/** Refuses a call without the right key, in the profile's words. */
export function authorize({ key }: Service, { profile, request }: Call): void {
	const { authorization } = request.headers;
	if (authorization === `Bearer ${key}`) return;
	if (profile.errors === 'new-api') {
		throw new Refusal(401, '', 'Invalid token', { type: 'new_api_error' });
	}
	const message = authorization
		? "The API key doesn't exist."
		: 'The API key or AK/SK in the request is missing or invalid.';
	throw new Refusal(401, 'AuthenticationError', message);
}

/** The response that a fault puts in place of the proper one, in the profile's words. */
export function replacement(fault: Fault, call: Call): HttpResponse | undefined {
	const substitute = substituteResponse(fault, call.request.url ?? '/');
	if (substitute) return substitute;
	if (fault.on === 'request') {
		const created = Math.floor(Date.now() / 1000);
		if (fault.errorIn200) return jsonResponse(200, { error: fault.errorIn200 });
		if (fault.empty) return jsonResponse(200, { created, data: [] });
		if (fault.taskId) {
			const data = [{ status: 'submitted', task_id: `task_${randomUUID()}` }];
			return jsonResponse(200, { code: 200, data });
		}
	}
	const { status, code, message, type } = fault;
	if (status === undefined && code === undefined && message === undefined) return undefined;
	const text = message ?? 'The service encountered an unexpected internal error.';
	return errorResponse(new Refusal(status ?? 500, code ?? '', text, { type }), call);
}

export function errorResponse(refusal: Refusal, { profile, record }: Call): HttpResponse {
	return jsonResponse(refusal.status, errorBody(refusal, profile.errors, record.id));
}

function imagesResponse(
	plan: Plan,
	slots: readonly Slot[],
	{ profile }: Call,
	wrap?: RequestFault['wrap'],
): HttpResponse {
	const build = (base64: (slot: Slot) => string) => {
		const body = bodyObject(plan, slots, profile.shape, base64);
		return wrap ? wrapped(body, wrap) : body;
	};
	if (wrap === 'event') return eventResponse(jsonPieces(build, slots));
	if (!plan.base64)
		return jsonResponse(
			200,
			build(() => ''),
		);
	return {
		status: 200,
		headers: { 'Content-Type': 'application/json; charset=utf-8' },
		pieces: jsonPieces(build, slots),
	};
}

/** A whole response in one event. */
function eventResponse(pieces: Iterable<Buffer>): HttpResponse {
	const event = function* () {
		yield Buffer.from('data: ');
		yield* pieces;
		yield Buffer.from('\n\ndata: [DONE]\n\n');
	};
	return { status: 200, headers: { 'Content-Type': 'text/event-stream' }, pieces: event() };
}

/**
 * Sends the response to a call, and closes its entry in the ledger.
 * @param cutAtEnd destroy the connection where the response would end
 */
export async function send(
	{ profile, response, record }: Call,
	outgoing: HttpResponse,
	wire: Parameters<typeof transmit>[2] = {},
	cutAtEnd = false,
): Promise<void> {
	record.status = outgoing.status;
	const headers = { ...outgoing.headers, [requestIdHeader(profile.errors)]: record.id };
	record.outcome = await transmit(response, { ...outgoing, headers }, wire, cutAtEnd);
}

function rateRefusal(): Refusal {
	return new Refusal(
		429,
		'ModelAccountIpmRateLimitExceeded',
		'The requests or images per minute of your account for this model have exceeded the limit.',
	);
}
