import type { IDataObject, IN8nHttpFullResponse } from 'n8n-workflow';
import { z } from 'zod/v4';

import type { ByteStream } from '../connection';
import { withoutSecrets } from '../errors';
import type { ImageRequest } from '../request';
import { isObject } from '../request/body';
import { readEvents } from './events';
import {
	brokenOff,
	complaintFailure,
	noAnswer,
	redirected,
	requestIdOf,
	type AnswerContext,
	type Complaint,
} from './failures';
import { readJson } from './json';
import { reasonOf } from './stream';

/** One image of an answer; `bytes`, until the next record is asked for, or `url`, or both, hold it. */
export interface ImageRecord {
	type: 'image';
	/** Place in the answer, from 0. */
	index: number;
	url?: string;
	bytes?: Buffer;
	/** `<width>x<height>` as the service says. */
	size?: string;
	revisedPrompt?: string;
}

/** An image of a set that the service refused or failed to make; it is not charged. */
export interface FailedRecord extends Complaint {
	type: 'failed';
	index: number;
}

/** What an answer says about the request as a whole. */
export interface SummaryRecord {
	type: 'summary';
	/** Unix time in seconds. */
	created?: number;
	usage?: IDataObject;
	requestId?: string;
	/** Why there may be fewer images than there should be. */
	warning?: string;
	/** The answer as it came, without image data. */
	raw: IDataObject;
}

export type AnswerRecord = ImageRecord | FailedRecord | SummaryRecord;

const text = z.string().nullish().catch(undefined);
const code = z
	.union([z.string(), z.number().transform(String)])
	.nullish()
	.catch(undefined);

const complaint = z
	.union([
		z.string().transform((message) => ({ message, code: undefined })),
		z.looseObject({ code, message: text }),
	])
	.nullish()
	.catch(undefined);

// As small as the code needs: fields that services add must not break a paid answer.
const entrySchema = z.looseObject({
	url: text,
	b64_json: text,
	size: text,
	revised_prompt: text,
	error: complaint,
	task_id: text,
	image_index: z.number().optional().catch(undefined),
});

const restSchema = z.looseObject({
	created: z.number().optional().catch(undefined),
	usage: z.record(z.string(), z.unknown()).nullish().catch(undefined),
	error: complaint,
	code,
	message: text,
	task_id: text,
	id: text,
	status: z.unknown().optional(),
	success: z.unknown().optional(),
});

type Entry = z.infer<typeof entrySchema>;
type Rest = z.infer<typeof restSchema>;

/** Server-sent events of Volcengine Ark, and what new-api makes of an answer that is none. */
const eventSchema = z.looseObject({ type: z.string().optional().catch(undefined) });

/** A part of an answer; `foreign` says what came where JSON was due. */
type Part = { entry: Entry; bytes?: Buffer } | { rest: Rest } | { foreign: string };

const DATA_URI = /^data:[^,]*;base64,(.*)$/is;

function restPart(body: string): Part {
	const trimmed = body.trim();
	try {
		return { rest: restSchema.parse(JSON.parse(trimmed || '{}')) };
	} catch {
		if (/^<(!doctype|html|\?xml|head|body)/i.test(trimmed)) return { foreign: 'a web page' };
		return { foreign: trimmed.startsWith('{') ? 'half an answer' : 'something that is not JSON' };
	}
}

async function* jsonParts(body: ByteStream): AsyncGenerator<Part> {
	for await (const part of readJson(body)) {
		if (part.type === 'rest') yield restPart(part.text);
		else yield { entry: entrySchema.parse(part.value), bytes: part.bytes };
	}
}

async function* eventParts(body: ByteStream): AsyncGenerator<Part> {
	for await (const value of readEvents(body)) {
		const { type = '' } = eventSchema.parse(value);
		const entry = entrySchema.parse(value);
		// new-api hands images over in `completed` events of its own, one for each.
		const holdsImage = !!entry.url || !!entry.b64_json;
		const isFailed = type.endsWith('.partial_failed');
		if (holdsImage || isFailed) yield { entry };
		if (!isFailed) yield { rest: restSchema.parse(value) };
	}
}

/** Makes an answer fit to stand in an item's JSON: without image data and the key. */
function presentable(value: unknown, secret: string): unknown {
	if (Array.isArray(value)) return value.map((each) => presentable(each, secret));
	if (typeof value === 'string') {
		return DATA_URI.test(value) ? undefined : withoutSecrets(value, secret);
	}
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value)
			.filter(([name]) => name !== 'b64_json')
			.map(([name, inner]) => [name, presentable(inner, secret)]),
	);
}

function complaintOf(rest: Rest, status: number): Complaint | undefined {
	const { error, code: topCode, message, success } = rest;
	if (error?.code || error?.message) {
		return { code: error.code ?? undefined, message: error.message ?? undefined };
	}
	const isFine = [message, topCode].some((each) => /^(succe|ok\b|0$|200$)/i.test(each ?? ''));
	if (!message || isFine) return undefined;
	// A message alone may say anything, also that all went well.
	const isVague = status < 400 && !topCode && success !== false;
	return { code: topCode ?? undefined, message, isVague };
}

/** An asynchronous gateway answers with the name of a task instead of images. */
function isTask({ task_id, id, status, data }: { [name: string]: unknown }): boolean {
	const isInside = isObject(data) && isTask(data);
	return !!task_id || (!!id && !!status) || isInside;
}

/** Why an answer with images may hold fewer than it should. */
function shortfall(
	complaint: Complaint | undefined,
	interruption: string | undefined,
	secret: string,
): string | undefined {
	if (interruption) {
		return `The answer broke off (${withoutSecrets(interruption, secret)}). More images may have been made and charged; the provider’s usage page shows them.`;
	}
	if (!complaint || complaint.isVague) return undefined;
	const words = [complaint.code, complaint.message].filter(Boolean).join(': ');
	return `The service stopped early: ${withoutSecrets(words, secret)}.`;
}

/** The record of an entry; undefined for one that names a task. */
function toRecord(
	entry: Entry,
	bytes: Buffer | undefined,
	place: number,
	secret: string,
): ImageRecord | FailedRecord | undefined {
	const index = entry.image_index ?? place;
	const inline = DATA_URI.exec(entry.url ?? '')?.[1] ?? entry.b64_json?.replace(/^data:[^,]*,/, '');
	const decoded = bytes ?? (inline ? Buffer.from(inline, 'base64') : undefined);
	const url = (!DATA_URI.test(entry.url ?? '') && entry.url) || undefined;
	if (!decoded && !url) {
		if (!entry.error && isTask(entry)) return undefined;
		const message = entry.error?.message ?? 'The answer holds neither an address nor image data';
		return {
			type: 'failed',
			index,
			code: entry.error?.code ?? undefined,
			message: withoutSecrets(message, secret),
		};
	}
	return {
		type: 'image',
		index,
		url,
		bytes: decoded,
		size: entry.size || undefined,
		revisedPrompt: entry.revised_prompt || undefined,
	};
}

/**
 * Reads an answer, JSON or server-sent events, as a sequence of records: each image or failed image as
 * soon as it is complete, at last the summary.
 * @param response with its body unread
 * @param secret the key in use, kept out of messages
 * @throws RequestFailure when the answer holds no image at all
 */
export async function* readAnswer(
	response: IN8nHttpFullResponse,
	request: ImageRequest,
	secret: string,
): AsyncGenerator<AnswerRecord> {
	const headers = response.headers as IDataObject;
	const context: AnswerContext = { status: response.statusCode, headers, secret };
	const body = response.body as unknown as ByteStream;
	const isStream = /^text\/event-stream/i.test(String(headers['content-type'] ?? ''));

	if (context.status >= 300 && context.status < 400) {
		body.destroy();
		throw redirected(context);
	}

	const entries: Entry[] = [];
	const failed: FailedRecord[] = [];
	let images = 0;
	let rest: Rest = {};
	let interruption: string | undefined;
	try {
		for await (const part of isStream ? eventParts(body) : jsonParts(body)) {
			if ('foreign' in part) interruption = part.foreign;
			else if ('rest' in part) rest = { ...rest, ...part.rest };
			else {
				const record = toRecord(part.entry, part.bytes, entries.length, secret);
				entries.push({ ...part.entry, b64_json: undefined });
				if (record?.type === 'image') images += 1;
				if (record?.type === 'failed') failed.push(record);
				if (record) yield record;
			}
		}
	} catch (error) {
		interruption = reasonOf(error);
	}

	const complaint = complaintOf(rest, context.status);
	if (images === 0) {
		const isForLater = [rest, ...entries].some(isTask);
		if (isForLater && (!complaint || complaint.isVague)) throw noAnswer(true, context);
		// What was said before a break holds; what became of images that were under way then does not.
		const first = complaint ?? (interruption ? undefined : failed[0]);
		if (first) throw complaintFailure(first, failed.length, context, request);
		if (interruption) throw brokenOff(interruption, context);
		throw noAnswer(false, context);
	}
	yield {
		type: 'summary',
		created: rest.created,
		usage: (rest.usage as IDataObject | null) ?? undefined,
		requestId: requestIdOf(headers),
		warning: shortfall(complaint, interruption, secret),
		raw: presentable({ ...rest, ...(isStream ? {} : { data: entries }) }, secret) as IDataObject,
	};
}
