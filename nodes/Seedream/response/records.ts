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
import {
	imageDataIn,
	imagesIn,
	imageUrlsIn,
	mayHoldImages,
	urlsIn,
	withoutImageData,
	type FoundImage,
} from './images';
import { isLayerEntry, layerOf, type Layer } from './layers';
import type { Piece } from './piece';
import { readPieces } from './pieces';
import { serviceErrorOf, type ServiceError } from './serviceError';

/**
 * One image of a response; `url`, or `bytes` until the next record is asked for, or both hold it. A layer
 * may come without either.
 */
export interface ImageRecord {
	type: 'image';
	/** Place in the response, from 0; no two images share one. */
	index: number;
	url?: string;
	bytes?: Buffer;
	/** `<width>x<height>` as the service says. */
	size?: string;
	revisedPrompt?: string;
	/** In a response that holds layers. */
	layer?: Layer;
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

/** JSON values of a response that are kept; a gateway may send heartbeats for minutes. */
const MAX_VALUES = 1_000;

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
	const fields = isObject(document) ? document : {};
	return { ...fields, [name]: restore(fields[name], rest, elements) };
}

/** Reads the pieces of one response. */
class ResponseReader {
	/** JSON values in the order they came, without image data. */
	private readonly values: unknown[] = [];

	private valueCount = 0;

	/** Elements of the document that is being read, by the path of their array as JSON. */
	private lists = new Map<string, unknown[]>();

	private readonly malformed: string[] = [];

	private text = '';

	private error: ServiceError | undefined;

	/** What may be an error, or a message of any kind. */
	private remark: ServiceError | undefined;

	private readonly failed: FailedRecord[] = [];

	private readonly usedIndexes = new Set<number>();

	/** URLs, and the number of the JSON value they came in; a reference that is repeated is no image. */
	private readonly urls: Map<string, number>;

	private images = 0;

	/** Images that count where there are no others. */
	private readonly spare: FoundImage[] = [];

	/** Entries so far, whether images or not. */
	private entries = 0;

	/** Parts that should be images and are not understood. */
	private readonly unknown: unknown[] = [];

	/** Whether events have come, or lines of JSON that are like them. */
	private isStream = false;

	/** Whether the content says that nothing follows. */
	isComplete = false;

	/** Why the response ended too early. */
	interruption: string | undefined;

	constructor(
		private readonly context: ResponseContext,
		private readonly request: ImageRequest,
	) {
		this.urls = new Map(request.references.flatMap(({ url }) => (url ? [[url, -1]] : [])));
	}

	private get isErrorStatus(): boolean {
		return this.context.status >= 400;
	}

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
	summary(): SummaryRecord {
		if (this.images === 0) throw this.failure();
		const summaries = this.values.map((value) => summarySchema.safeParse(value).data ?? {});
		return {
			type: 'summary',
			created: summaries.find(({ created }) => created !== undefined)?.created,
			usage: summaries.reverse().find(({ usage }) => usage)?.usage as IDataObject | undefined,
			requestId: requestIdOf(this.context.headers),
			warnings: this.warnings(),
			raw: this.values.length === 1 ? this.values[0] : this.values,
		};
	}

	private readElement(path: string[], value: unknown): Array<ImageRecord | FailedRecord> {
		const key = JSON.stringify(path);
		const list = this.lists.get(key) ?? [];
		list.push(withoutImageData(value));
		this.lists.set(key, list);
		return mayHoldImages(path) ? this.readEntry(value) : this.keepData(value);
	}

	/** Reads what should be one image, or several. */
	private readEntry(value: unknown): Array<ImageRecord | FailedRecord> {
		const found = imagesIn(value);
		if (found.length > 0) return this.toRecords(found);
		this.entries += 1;
		const error = serviceErrorOf(value);
		if (error?.isExplicit) return [this.toFailed(value, error)];
		this.note(error);
		// What is said of a layer reaches the user, even where its image does not.
		if (this.request.operation.isLayers && isLayerEntry(value)) {
			return [this.imageRecord({ entry: value })];
		}
		if (!isTask(value)) this.unknown.push(value);
		return [];
	}

	private readDocument(rest: unknown): Array<ImageRecord | FailedRecord> {
		let document = withoutImageData(rest);
		for (const [path, list] of this.lists) {
			document = restore(document, JSON.parse(path) as string[], list);
		}
		const hasElements = this.lists.size > 0;
		this.lists = new Map();
		// One of several lines, each with an event of its own.
		if (this.isStream || (isObject(rest) && !hasElements && typeof rest.type === 'string')) {
			return this.readEvent(rest, '', document);
		}
		const records = isObject(rest) ? this.readImages(rest, document) : [];
		this.keepValue(document);
		this.note(serviceErrorOf(document, this.images > 0));
		// A line of JSON may be one of many: a keep-alive, or an image by itself.
		const isWhole = hasElements || this.entries >= this.request.expectedImages;
		if ((this.images > 0 && isWhole) || this.error) this.isComplete = true;
		return records;
	}

	/** @param shown the event as it came, without image data */
	private readEvent(
		value: unknown,
		name: string,
		shown = withoutImageData(value),
	): Array<ImageRecord | FailedRecord> {
		this.isStream = true;
		const type = isObject(value) && typeof value.type === 'string' ? value.type : name;
		const records = this.readImages(value, shown);
		const hasImages = records.length > 0;
		this.keepValue(shown);
		const error = serviceErrorOf(shown, hasImages);
		const isOfOneImage = isObject(value) && value.image_index !== undefined && error?.isExplicit;
		if (!hasImages && (isOfOneImage || type.endsWith('.partial_failed'))) {
			this.entries += 1;
			return [this.toFailed(value, error ?? { isExplicit: true })];
		}
		if (type === 'error' && error) this.note({ ...error, isExplicit: true });
		else this.note(error);
		// new-api returns images in `completed` events of its own, one for each.
		const isLast =
			type.endsWith('.completed') && (!hasImages || this.entries >= this.request.expectedImages);
		if (isLast || this.error) this.isComplete = true;
		return records;
	}

	/**
	 * Reads the images of a document or event. What an error has beside its lists is no image: a `url`
	 * there leads to documentation, and the data may be a reference that was sent.
	 * @param shown the value without image data, with its lists
	 */
	private readImages(value: unknown, shown: unknown): ImageRecord[] {
		const isError = this.isErrorStatus || serviceErrorOf(shown)?.isExplicit;
		if (isError && isObject(value)) {
			const lists = Object.entries(value).filter(([, inner]) => typeof inner === 'object');
			return this.toRecords(imagesIn(Object.fromEntries(lists)));
		}
		const found = imagesIn(value);
		return found.length > 0 ? this.toRecords(found) : this.keepData(value);
	}

	/** Keeps images in fields nobody knows, which may be references that were sent. */
	private keepData(value: unknown): [] {
		if (this.images === 0 && !this.isErrorStatus) this.spare.push(...imageDataIn(value));
		return [];
	}

	/** @returns the images in fields nobody knows, where the response has no others and no error */
	spareImages(): ImageRecord[] {
		return this.images > 0 || this.error ? [] : this.toRecords(this.spare);
	}

	private toRecords(found: FoundImage[]): ImageRecord[] {
		this.entries += found.length;
		return found.flatMap((image) => this.toRecord(image));
	}

	private note(error: ServiceError | undefined): void {
		if (error?.isExplicit) this.error ??= error;
		else this.remark ??= error;
	}

	/** Keeps a value; of a flood of events, the first and the last. */
	private keepValue(value: unknown): void {
		this.valueCount += 1;
		if (this.values.length >= MAX_VALUES) this.values.splice(MAX_VALUES / 2, 1);
		this.values.push(value);
	}

	private toRecord({ url, bytes, entry }: FoundImage): ImageRecord[] {
		// A last event may repeat what came before.
		const first = url === undefined ? undefined : this.urls.get(url);
		if (first !== undefined && first !== this.valueCount) return [];
		if (url) this.urls.set(url, this.valueCount);
		this.images += 1;
		return [this.imageRecord({ url, bytes, entry })];
	}

	private imageRecord({ url, bytes, entry }: FoundImage): ImageRecord {
		const { data = {} } = entrySchema.safeParse(entry) as { data?: z.infer<typeof entrySchema> };
		const layer = this.request.operation.isLayers ? layerOf(entry) : undefined;
		const isIndex = Number.isInteger(layer?.zIndex) && Number(layer?.zIndex) >= 0;
		return {
			type: 'image',
			index: this.takeIndex(data.image_index ?? (isIndex ? layer?.zIndex : undefined)),
			url,
			bytes,
			size: data.size || undefined,
			revisedPrompt: data.revised_prompt || undefined,
			...(layer && { layer }),
		};
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
		const named = [
			...urlsIn([...unread, this.text]),
			...this.values.flatMap((each) => imageUrlsIn(each)),
		];
		const urls = [...new Set(named)].filter((url) => !this.urls.has(url));
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
		if (list || (unread.length > 0 && !this.interruption)) {
			warnings.push(`A part of the response could not be read and may hold another image${list}.`);
		}
		return warnings;
	}

	private unread(): unknown[] {
		return [...this.unknown.filter((value) => value !== null), ...this.malformed];
	}

	private failure(): RequestFailure {
		const { context, request, error, remark, interruption, isErrorStatus: isError } = this;
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
	const reader = new ResponseReader(context, request);
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
	yield* reader.spareImages();
	yield reader.summary();
}
