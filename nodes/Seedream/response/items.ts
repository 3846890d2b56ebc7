import type { IDataObject, IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import { errorItem } from '../errors';
import type { DownloadOptions } from '../http/download';
import { storeImage, type StoredImage } from '../image/store';
import type { ImageRequest } from '../request';
import type { OutputSettings } from '../request/settings';
import type { FailedRecord, ImageRecord, SummaryRecord } from './records';

/** An image with all that is known of it. */
export interface FinishedImage extends StoredImage {
	record: ImageRecord;
}

function timestamp(): string {
	return new Date().toISOString().replace('T', '_').replace(/[:.]/g, '-').replace('Z', '');
}

/** Bytes of a name: file systems allow 255, the extension and what users append included. */
const MAX_NAME_BYTES = 200;

/** Cuts a name to the bytes it may have, between characters. */
function shortened(name: string): string {
	return Buffer.from(name)
		.subarray(0, MAX_NAME_BYTES)
		.toString('utf8')
		.replace(/\uFFFD+$/, '');
}

/**
 * The file name of an image, without extension. Images of one response never share a name, so that no
 * file replaces another.
 */
function fileName(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	{ index }: ImageRecord,
	pattern: string,
): string {
	const values = new Map([
		['model', request.model],
		['date', timestamp()],
		['item', String(context.getItemIndex())],
		['index', String(index)],
	]);
	const name = pattern
		.replace(/\{(\w+)\}/g, (placeholder, key: string) => values.get(key) ?? placeholder)
		.replace(/[\\/:*?"<>|\p{Cc}]+/gu, '-');
	const short = shortened(name);
	const isOnlyOne = request.expectedImages === 1 && index === 0;
	const isDistinct = pattern.includes('{index}') && short === name;
	return isOnlyOne || isDistinct ? short : `${short}-${index}`;
}

/** Downloads and stores an image, unless the user wants URLs only. */
export async function finishImage(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	record: ImageRecord,
	{ downloads, fileName: pattern }: OutputSettings,
	options: DownloadOptions,
): Promise<FinishedImage> {
	// The bytes are in n8n's store then.
	const kept = { ...record, bytes: undefined };
	if (!downloads && record.url) return { record: kept };
	const name = fileName(context, request, record, pattern);
	return { record: kept, ...(await storeImage(context, record, name, options)) };
}

/** An image as JSON; complete without the binary, and never with its bytes. */
function imageJson(image: FinishedImage, request: ImageRequest): IDataObject {
	const { record, width, height, mimeType, fileName: name, downloadError } = image;
	const [, saidWidth, saidHeight] = /^(\d+)x(\d+)$/.exec(record.size ?? '') ?? [];
	const pixels = {
		width: width ?? (saidWidth ? Number(saidWidth) : undefined),
		height: height ?? (saidHeight ? Number(saidHeight) : undefined),
	};
	const size = pixels.width === undefined ? record.size : `${pixels.width}x${pixels.height}`;
	const asked = String(request.body.size);
	const warnings =
		size !== undefined && /^\d+x\d+$/.test(asked) && asked !== size
			? [`The image is ${size} pixels; ${asked} was requested.`]
			: [];
	return {
		index: record.index,
		size,
		...pixels,
		mimeType,
		fileName: name,
		url: record.url,
		revisedPrompt: record.revisedPrompt,
		downloadError,
		warnings,
	};
}

/** Says which image of a set is missing, and why. */
export function notGenerated({ index, code, message }: FailedRecord): string {
	const reason = [code, message].filter(Boolean).join(': ');
	return `Image ${index} was not generated${reason ? `: ${reason}` : ''}`;
}

/** Engines such as new-api pass on only what they know. */
function adviceOnDroppedParameters({ body }: ImageRequest): string {
	const isEverywhere = 'extra_fields' in body && 'sequential_image_generation' in body;
	const cure = isEverywhere
		? 'ask its operator to let the field through'
		: 'set Gateway to Other in the credential and Seedream Parameters to Both';
	return `Many gateways silently drop sequential_image_generation: if a set is always one image, ${cure}.`;
}

/**
 * Says that the gateway dropped reference images, as Portkey's does, where the response counts fewer
 * than the request held. Only 5.5, 5.0 Pro and Flash return `usage.input_images` (BytePlus, "Image generation API").
 */
function ignoredReferences(
	{ references, body }: ImageRequest,
	usage: IDataObject | undefined,
): string[] {
	// Additional Body Fields may replace the references.
	const sent = body.image === undefined ? references.length : [body.image].flat().length;
	const used = usage?.input_images;
	if (typeof used !== 'number' || used >= sent) return [];
	const images = sent - used === 1 ? 'image' : 'images';
	return [
		`The gateway ignored ${sent - used} reference ${images}: ${sent} sent, ${used} used (usage.input_images).`,
	];
}

function requestWarnings(
	images: FinishedImage[],
	failed: FailedRecord[],
	isContinued: boolean,
	request: ImageRequest,
	summary: SummaryRecord,
): string[] {
	const warnings = [...request.warnings, ...ignoredReferences(request, summary.usage)];
	// With "On Error: Continue" they are items of their own.
	if (!isContinued) warnings.push(...failed.map((record) => `${notGenerated(record)}.`));
	warnings.push(...summary.warnings);
	const missing = request.expectedImages - images.length - failed.length;
	if (missing > 0 && summary.warnings.length === 0) {
		const received = images.length + failed.length;
		const counts = `Requested ${request.expectedImages} images, received ${received}.`;
		const mayBeDropped = received === 1 && !request.gateway.service;
		const advice = mayBeDropped ? [adviceOnDroppedParameters(request)] : [];
		warnings.push([counts, 'The model decides how many it generates.', ...advice].join(' '));
	}
	return warnings;
}

/** Leaves out what is undefined, and warnings where there are none. */
function compact(json: IDataObject): IDataObject {
	const isThere = ([name, value]: [string, unknown]) =>
		value !== undefined && !(name === 'warnings' && (value as unknown[]).length === 0);
	return Object.fromEntries(Object.entries(json).filter(isThere));
}

/**
 * The output items of one request: one per image, or one for all.
 * @param images finished ones, at least one
 * @param failed images of a set that were not generated
 */
export function toItems(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	images: FinishedImage[],
	failed: FailedRecord[],
	summary: SummaryRecord,
	{ field, isSimplified, isSingleItem }: OutputSettings,
): INodeExecutionData[] {
	const pairedItem = { item: context.getItemIndex() };
	const common = {
		model: request.model,
		prompt: request.body.prompt as string,
		seed: request.body.seed as number | undefined,
		created: summary.created ?? Math.floor(Date.now() / 1000),
		requestId: summary.requestId,
	};
	const response = isSimplified ? undefined : (summary.raw as IDataObject);
	const onceOnly = { usage: summary.usage, response };
	const isContinued = context.continueOnFail();
	const warnings = requestWarnings(images, failed, isContinued, request, summary);
	const errorItems = isContinued
		? failed.map((record) =>
				errorItem(
					context,
					{ message: notGenerated(record) },
					{ ...record, requestId: summary.requestId },
				),
			)
		: [];

	if (isSingleItem) {
		const binaries = images.flatMap(({ binary }, i) =>
			binary ? [[i === 0 ? field : `${field}_${i}`, binary] as const] : [],
		);
		const json = {
			...common,
			images: images.map((image) => compact(imageJson(image, request))),
			...onceOnly,
			warnings,
		};
		const item = { json: compact(json), binary: Object.fromEntries(binaries), pairedItem };
		return [item, ...errorItems];
	}
	const items = images.map((image, i) => {
		const { index, warnings: own, ...rest } = imageJson(image, request);
		const json = {
			index,
			...common,
			...rest,
			...(i === 0 ? onceOnly : {}),
			warnings: [...(i === 0 ? warnings : []), ...(own as string[])],
		};
		const binary = image.binary && { [field]: image.binary };
		return { json: compact(json), ...(binary && { binary }), pairedItem };
	});
	return [...items, ...errorItems];
}
