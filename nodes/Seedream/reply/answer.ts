import type { IDataObject, IN8nHttpFullResponse } from 'n8n-workflow';
import { z } from 'zod/v4';

import type { ImageRequest } from '../request';
import {
	complaintFailure,
	notAnAnswer,
	requestIdOf,
	type AnswerContext,
	type Complaint,
} from './failures';

/** One image of an answer; `url` or `base64` holds it. */
export interface ImageRecord {
	type: 'image';
	/** Place in the answer, from 0. */
	index: number;
	url?: string;
	/** Bare base64, without a data URI's prefix. */
	base64?: string;
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
	/** The answer as it came, without image data. */
	raw: IDataObject;
}

export type AnswerRecord = ImageRecord | FailedRecord | SummaryRecord;

const text = z.string().nullish().catch(undefined);
const code = z
	.union([z.string(), z.number().transform(String)])
	.nullish()
	.catch(undefined);

const complaint = z.union([
	z.string().transform((message) => ({ message, code: undefined })),
	z.looseObject({ code, message: text }),
]);

// As small as the code needs: fields that services add must not break a paid answer.
const answer = z.looseObject({
	created: z.number().optional().catch(undefined),
	data: z
		.array(
			z.looseObject({
				url: text,
				b64_json: text,
				size: text,
				revised_prompt: text,
				error: complaint.nullish().catch(undefined),
				task_id: text,
			}),
		)
		.nullish()
		.catch(undefined),
	usage: z.record(z.string(), z.unknown()).nullish().catch(undefined),
	error: complaint.nullish().catch(undefined),
	code,
	message: text,
	task_id: text,
	id: text,
	status: z.unknown(),
});

type Answer = z.infer<typeof answer>;

async function readText(body: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of body) chunks.push(chunk);
	return Buffer.concat(chunks).toString('utf8');
}

/** Drops image data, so that the answer may stand in an item's JSON. */
function withoutImageData(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(withoutImageData);
	if (typeof value !== 'object' || value === null) {
		return typeof value === 'string' && /^data:[^,]*;base64,/i.test(value) ? undefined : value;
	}
	return Object.fromEntries(
		Object.entries(value)
			.filter(([name]) => name !== 'b64_json')
			.map(([name, inner]) => [name, withoutImageData(inner)]),
	);
}

function parse(body: string, context: AnswerContext): Answer {
	const trimmed = body.trim();
	const location = context.headers.location;
	if (context.status >= 300 && context.status < 400) {
		throw notAnAnswer(
			`The gateway redirects to ${String(location ?? 'another address')} instead of answering`,
			'The request was not sent on, so that the key goes nowhere else. Check the Base URL of the credential.',
			context,
		);
	}
	try {
		return answer.parse(JSON.parse(trimmed || '{}'));
	} catch {
		const isPage = /^<(!doctype|html|\?xml|head|body)/i.test(trimmed);
		throw notAnAnswer(
			isPage
				? `The gateway answered with a web page (HTTP status ${context.status}) instead of images`
				: `The gateway's answer (HTTP status ${context.status}) is not JSON`,
			context.status >= 500
				? 'The gateway or a proxy before it broke down. If images were made nevertheless, the provider’s usage page shows them; look there before running again.'
				: 'Check the Base URL of the credential: it must be the address of the API, such as https://host/v1.',
			context,
		);
	}
}

function complaintOf({ error, code: topCode, message }: Answer): Complaint | undefined {
	if (error) return { code: error.code ?? undefined, message: error.message ?? undefined };
	return message ? { code: topCode ?? undefined, message } : undefined;
}

function isTask(parsed: Answer): boolean {
	const isPending = (entry: { task_id?: unknown; url?: unknown; b64_json?: unknown }) =>
		!!entry.task_id && !entry.url && !entry.b64_json;
	return isPending(parsed) || (!!parsed.id && !!parsed.status && !parsed.data)
		? true
		: !!parsed.data?.some(isPending);
}

function imageRecord(entry: NonNullable<Answer['data']>[number], index: number): AnswerRecord {
	const inline = /^data:[^,]*;base64,(.*)$/is.exec(entry.b64_json || entry.url || '');
	const base64 = inline?.[1] ?? (entry.b64_json || undefined);
	const url = (!inline && entry.url) || undefined;
	if (!base64 && !url) {
		return {
			type: 'failed',
			index,
			code: entry.error?.code ?? undefined,
			message: entry.error?.message ?? 'The answer holds neither an address nor image data',
		};
	}
	return {
		type: 'image',
		index,
		url,
		base64,
		size: entry.size || undefined,
		revisedPrompt: entry.revised_prompt || undefined,
	};
}

/**
 * Reads an answer as a sequence of records: the summary, then each image or failed image in order.
 * @param response with its body unread
 * @param secret the key in use, kept out of messages
 * @throws RequestFailure when the answer holds no image at all
 */
export async function* readAnswer(
	response: IN8nHttpFullResponse,
	request: ImageRequest,
	secret: string,
): AsyncGenerator<AnswerRecord> {
	const context: AnswerContext = {
		status: response.statusCode,
		headers: response.headers as IDataObject,
		secret,
	};
	const parsed = parse(await readText(response.body as AsyncIterable<Buffer>), context);
	const records = (parsed.data ?? []).map(imageRecord);
	const hasImages = records.some(({ type }) => type === 'image');

	if (!hasImages && isTask(parsed)) {
		throw notAnAnswer(
			'This gateway answers with a task to ask about later instead of images',
			'This node needs a gateway that answers POST /images/generations with the images themselves. The task may be charged; look it up at the provider.',
			context,
		);
	}
	const complaints = [complaintOf(parsed), ...records.filter(({ type }) => type === 'failed')];
	const [first] = complaints.filter((each) => each !== undefined) as Complaint[];
	if (context.status >= 400 || (!hasImages && first)) {
		throw complaintFailure(first ?? {}, context, request);
	}
	if (!hasImages) {
		throw notAnAnswer(
			'The answer holds no images',
			'The gateway reported success without an image. The provider’s usage page shows whether it was charged.',
			context,
		);
	}

	yield {
		type: 'summary',
		created: parsed.created,
		usage: (parsed.usage as IDataObject | null) ?? undefined,
		requestId: requestIdOf(context.headers),
		raw: withoutImageData(parsed) as IDataObject,
	};
	yield* records;
}
