import type { IDataObject, IN8nHttpFullResponse } from 'n8n-workflow';
import { z } from 'zod/v4';

import { cut, type RequestFailure } from '../errors';
import { reasonOf } from '../http/connection';
import type { LimitedStream } from '../http/limitedStream';
import type { ImageRequest } from '../request';
import { isObject } from '../request/body';
import {
	emptyFailure,
	interruptedFailure,
	redirectFailure,
	requestIdOf,
	serviceFailure,
	taskFailure,
	unexpectedFailure,
	type ResponseContext,
} from './failures';
import { imagesIn, mayHoldImages, urlsIn, withoutImageData, type FoundImage } from './images';
import { readPieces, type Piece } from './pieces';
import { serviceErrorOf, type ServiceError } from './serviceError';

/** One image of a response; `url`, or `bytes` until the next record is asked for, or both hold it. */
export interface ImageRecord {
	type: 'image';
	/** Place in the response, from 0; no two images share one. */
	index: number;
	url?: string;
	bytes?: Buffer;
	/** `<width>x<height>` as the service says. */
	size?: string;
	revisedPrompt?: string;
}

/** An image of a set that the service rejected or failed to generate; it is not charged. */
export interface FailedRecord {
	type: 'failed';
	index: number;
	code?: string;
	message?: string;
}

/** What a response says about the request as a whole. */
export interface SummaryRecord {
	type: 'summary';
	/** Unix time in seconds. */
	created?: number;
	usage?: IDataObject;
	requestId?: string;
	/** Why there may be fewer images than there should be, and what could not be read. */
	warnings: string[];
	/** The response as it came, without image data; a list where it was more than one JSON value. */
	raw: unknown;
}

export type ResponseRecord = ImageRecord | FailedRecord | SummaryRecord;

// As small as possible: fields that services add must not break a response that was charged.
const entrySchema = z.looseObject({
	size: z.string().optional().catch(undefined),
	revised_prompt: z.string().optional().catch(undefined),
	image_index: z.coerce.number().int().min(0).max(999).optional().catch(undefined),
});

const summarySchema = z.looseObject({
	created: z.number().optional().catch(undefined),
	usage: z.record(z.string(), z.unknown()).optional().catch(undefined),
});

/** An asynchronous gateway returns the name of a task instead of images. */
function isTask(value: unknown): boolean {
	if (Array.isArray(value)) return value.some(isTask);
	if (!isObject(value)) return false;
	const { task_id, id, status, data } = value;
	return !!task_id || (!!id && typeof status === 'string') || isTask(data);
}

/** Puts the elements of an array back where the array stands in its document. */
function restore(document: unknown, [name, ...rest]: string[], elements: unknown[]): unknown {
	if (name === undefined) return elements;
	if (!isObject(document)) return document;
	return { ...document, [name]: restore(document[name], rest, elements) };
}

/** Reads the pieces of one response. */
class ResponseReader {
	/** JSON values in the order they came, without image data. */
	private readonly values: unknown[] = [];

	/** Elements of the document that is being read, by the path of their array. */
	private lists = new Map<string, unknown[]>();

	private readonly malformed: string[] = [];

	private text = '';

	private error: ServiceError | undefined;

	/** What may be an error, or a message of any kind. */
	private remark: ServiceError | undefined;

	private readonly failed: FailedRecord[] = [];

	private readonly usedIndexes = new Set<number>();

	/** URLs, and the number of the JSON value they came in. */
	private readonly urls = new Map<string, number>();

	private images = 0;

	/** Entries so far, whether images or not. */
	private entries = 0;

	/** Parts that should be images and are not understood. */
	private readonly unknown: unknown[] = [];

	/** Whether the content says that nothing follows. */
	isComplete = false;

	/** Why the response ended too early. */
	interruption: string | undefined;

	/** @returns the records that a piece completes */
	read(piece: Piece): Array<ImageRecord | FailedRecord> {
		switch (piece.type) {
			case 'element':
				return this.readElement(piece.path, piece.value);
			case 'document':
				return this.readDocument(piece.value);
			case 'event':
				return this.readEvent(piece.value, piece.name);
			case 'done':
				this.isComplete = true;
				return [];
			case 'malformed':
				this.malformed.push(piece.text);
				if (piece.isCut) this.interruption ??= 'it ended in the middle of a JSON value';
				return [];
			case 'text':
				this.text = piece.text;
				return [];
		}
	}

	/** @throws RequestFailure where the response holds no image */
	summary(context: ResponseContext, request: ImageRequest): SummaryRecord {
		if (this.images === 0) throw this.failure(context, request);
		const summaries = this.values.map((value) => summarySchema.safeParse(value).data ?? {});
		return {
			type: 'summary',
			created: summaries.find(({ created }) => created !== undefined)?.created,
			usage: summaries.reverse().find(({ usage }) => usage)?.usage as IDataObject | undefined,
			requestId: requestIdOf(context.headers),
			warnings: this.warnings(),
			raw: this.values.length === 1 ? this.values[0] : this.values,
		};
	}

	private readElement(path: string, value: unknown): Array<ImageRecord | FailedRecord> {
		const list = this.lists.get(path) ?? [];
		list.push(withoutImageData(value));
		this.lists.set(path, list);
		return mayHoldImages(path) ? this.readEntry(value) : [];
	}

	/** Reads what should be one image, or several. */
	private readEntry(value: unknown): Array<ImageRecord | FailedRecord> {
		const found = imagesIn(value);
		this.entries += Math.max(1, found.length);
		if (found.length > 0) return found.flatMap((image) => this.toRecord(image));
		const error = isObject(value) ? serviceErrorOf({ error: value.error }) : undefined;
		if (error) return [this.toFailed(value, error)];
		if (!isTask(value)) this.unknown.push(value);
		return [];
	}

	private readDocument(rest: unknown): Array<ImageRecord | FailedRecord> {
		let document = withoutImageData(rest);
		for (const [path, list] of this.lists) {
			document = restore(document, path === '' ? [] : path.split('.'), list);
		}
		const hadImages = this.images > 0;
		this.lists = new Map();
		const error = serviceErrorOf(document, hadImages);
		const records = isObject(rest) && !error?.isExplicit ? this.readImages(rest) : [];
		this.values.push(document);
		const holdsImage = hadImages || records.length > 0;
		this.note(holdsImage ? serviceErrorOf(document, true) : error);
		// A JSON keep-alive is followed by more.
		if (this.images > 0 || this.error) this.isComplete = true;
		return records;
	}

	private readEvent(value: unknown, name: string): Array<ImageRecord | FailedRecord> {
		const type = isObject(value) && typeof value.type === 'string' ? value.type : name;
		const error = serviceErrorOf(value);
		if (type.endsWith('.partial_failed')) {
			this.values.push(withoutImageData(value));
			this.entries += 1;
			return [this.toFailed(value, error ?? { isExplicit: true })];
		}
		// new-api returns images in `completed` events of its own, one for each.
		const records = error?.isExplicit ? [] : this.readImages(value);
		this.values.push(withoutImageData(value));
		if (type === 'error' && error) this.note({ ...error, isExplicit: true });
		else this.note(records.length > 0 ? serviceErrorOf(value, true) : error);
		const isLast = type.endsWith('.completed') && records.length === 0;
		if (isLast || this.error) this.isComplete = true;
		return records;
	}

	private readImages(value: unknown): Array<ImageRecord | FailedRecord> {
		const found = imagesIn(value);
		this.entries += found.length;
		return found.flatMap((image) => this.toRecord(image));
	}

	private note(error: ServiceError | undefined): void {
		if (error?.isExplicit) this.error ??= error;
		else this.remark ??= error;
	}

	private toRecord({ url, bytes, entry }: FoundImage): ImageRecord[] {
		// A last event may repeat what came before.
		const first = url === undefined ? undefined : this.urls.get(url);
		if (first !== undefined && first !== this.values.length) return [];
		if (url) this.urls.set(url, this.values.length);
		const { data = {} } = entrySchema.safeParse(entry) as { data?: z.infer<typeof entrySchema> };
		this.images += 1;
		return [
			{
				type: 'image',
				index: this.takeIndex(data.image_index),
				url,
				bytes,
				size: data.size || undefined,
				revisedPrompt: data.revised_prompt || undefined,
			},
		];
	}

	private toFailed(value: unknown, { code, message }: ServiceError): FailedRecord {
		const { data } = entrySchema.safeParse(value);
		const index = this.takeIndex(data?.image_index);
		const record: FailedRecord = {
			type: 'failed',
			index,
			code,
			message: message && cut(message, 300),
		};
		this.failed.push(record);
		return record;
	}

	private takeIndex(wanted: number | undefined): number {
		let index = wanted ?? this.entries - 1;
		while (this.usedIndexes.has(index)) index += 1;
		this.usedIndexes.add(index);
		return index;
	}

	/** Why a response with images may hold fewer than it should. */
	private warnings(): string[] {
		const warnings: string[] = [];
		const unread = this.unread();
		const urls = urlsIn(unread).filter((url) => !this.urls.has(url));
		const list = urls.length > 0 ? `: ${urls.join(', ')}` : '';
		if (this.interruption && !this.isComplete) {
			warnings.push(
				`The response was cut short (${cut(this.interruption, 300)}). More images may have been generated and charged; check the provider’s usage page.`,
			);
		}
		if (this.error) {
			const words = [this.error.code, this.error.message].filter(Boolean).join(': ');
			warnings.push(`The service stopped early: ${cut(words, 300)}.`);
		}
		if (unread.length > 0 && (list || !this.interruption)) {
			warnings.push(`A part of the response could not be read and may hold another image${list}.`);
		}
		return warnings;
	}

	private unread(): unknown[] {
		return [...this.unknown.filter((value) => value !== null), ...this.malformed];
	}

	private failure(context: ResponseContext, request: ImageRequest): RequestFailure {
		const { error, remark, interruption } = this;
		const isError = context.status >= 400;
		const parts = [...this.values, ...this.lists.values(), ...this.unread(), this.text];
		const full = { ...context, urls: isError ? [] : urlsIn(parts) };
		if (error) return serviceFailure(error, 0, full, request);
		const isForLater = [...this.values, ...this.lists.values()].some(isTask);
		if (isForLater && !isError) return taskFailure(full);
		// What was said before a break holds; what became of the other images does not.
		const [failed] = this.failed;
		const isWhole = !interruption && this.unread().length === 0;
		if (failed && (isWhole || isError)) {
			return serviceFailure({ ...failed, isExplicit: true }, this.failed.length, full, request);
		}
		if (remark) return serviceFailure(remark, 0, full, request);
		if (interruption) return interruptedFailure(interruption, full, request);
		if (this.malformed.length > 0) {
			return interruptedFailure('it is not valid JSON', full, request);
		}
		if (this.text || isError) return unexpectedFailure(this.text, full, request);
		return emptyFailure(full);
	}
}

/**
 * Reads a response, whatever its headers say it is: each image or failed image as soon as it is complete,
 * at last the summary.
 * @param bytes the response's body
 * @throws RequestFailure when the response holds no image at all
 */
export async function* readRecords(
	{ statusCode, headers }: IN8nHttpFullResponse,
	bytes: LimitedStream,
	request: ImageRequest,
): AsyncGenerator<ResponseRecord> {
	const context: ResponseContext = { status: statusCode, headers: headers as IDataObject };
	if (statusCode >= 300 && statusCode < 400) throw redirectFailure(context);
	const reader = new ResponseReader();
	try {
		for await (const piece of readPieces(bytes)) {
			if (piece.type === 'done') break;
			const records = reader.read(piece);
			if (records.length > 0) bytes.progress();
			yield* records;
			if (reader.isComplete) bytes.complete();
		}
	} catch (error) {
		reader.interruption = reasonOf(error);
	}
	yield reader.summary(context, request);
}
