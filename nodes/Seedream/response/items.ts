import type { IDataObject, IExecuteSingleFunctions, INodeExecutionData } from 'n8n-workflow';

import { errorItem } from '../errors';
import { reasonOf } from '../http/connection';
import type { DownloadOptions } from '../http/download';
import type { LimitedStream } from '../http/limitedStream';
import { layeredSvg, SVG_MIME_TYPE } from '../image/layeredSvg';
import { storeImage, type StoredImage } from '../image/store';
import type { ImageRequest } from '../request';
import { isObject, type Body } from '../request/body';
import type { OutputSettings } from '../request/settings';
import { filledIn, imageFileName } from './fileName';
import { labelOf, pixelsOf, type PlacedLayer } from './layers';
import type { FailedRecord, ImageRecord, SummaryRecord } from './records';

/** An image with all that is known of it. */
export interface FinishedImage extends StoredImage {
	record: ImageRecord;
	/** Signed URL of the stored file. */
	fileUrl?: string;
	/** Its place among the others, once all are there. */
	layer?: PlacedLayer;
}

/** The layered SVG of a response, and what is missing in it. */
export interface LayeredSvg {
	/** Absent where it could not be created. */
	file?: StoredImage;
	warnings: string[];
}

/** A signed URL of a stored file; n8n has none for a file that it keeps in memory. */
function linkTo(
	context: IExecuteSingleFunctions,
	{ binary }: StoredImage,
	seconds: number | undefined,
): string | undefined {
	if (seconds === undefined || !binary?.id) return undefined;
	// n8n passes the number on to jsonwebtoken, which counts seconds.
	return context.helpers.createBinarySignedUrl(binary, seconds as unknown as '1 day');
}

/** Whether n8n has no link to an image although nothing went wrong with it. */
const lacksLink = ({ fileUrl, downloadError }: FinishedImage) => !fileUrl && !downloadError;

const NO_LINK =
	'Link to File has no effect: n8n keeps files in memory here, or Download Images is off. Ask your administrator for N8N_DEFAULT_BINARY_DATA_MODE=filesystem.';

/** Downloads and stores an image, unless the user wants URLs only. */
export async function finishImage(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	record: ImageRecord,
	{ downloads, fileName: pattern, linkSeconds }: OutputSettings,
	options: DownloadOptions,
): Promise<FinishedImage> {
	// The bytes are in n8n's store then.
	const kept = { ...record, bytes: undefined };
	if (!record.url && !record.bytes) {
		return { record: kept, downloadError: 'The response contains no image of this layer' };
	}
	if (!downloads && record.url) return { record: kept };
	const named = {
		index: record.index,
		name: record.layer ? labelOf(record.layer) : request.name,
	};
	const name = imageFileName(request, named, context.getItemIndex(), pattern);
	const stored = await storeImage(context, record, name, options);
	return { record: kept, ...stored, fileUrl: linkTo(context, stored, linkSeconds) };
}

/**
 * Stores an SVG of all layers. Never throws: the layers themselves are there.
 * @param images in order, the background first
 * @param bytes of the response, whose kind of stream n8n's store gets
 */
export async function storeLayeredSvg(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	images: FinishedImage[],
	{ fileName: pattern }: OutputSettings,
	bytes: LimitedStream,
): Promise<LayeredSvg> {
	const { width, height } = pixelsOf(images[0]);
	const failed = 'The layered SVG could not be created';
	if (width === undefined || height === undefined) {
		return { warnings: [`${failed}: the size of the background is not known.`] };
	}
	const layers = images.flatMap((image) => {
		const { binary, layer } = image;
		if (!binary || !layer) return [];
		const { left = 0, top = 0, ...size } = layer.place ?? {};
		const place = { left, top, width, height, ...pixelsOf(image), ...size };
		return [{ ...place, name: labelOf(layer), description: layer.description, image: binary }];
	});
	const missing = images.length - layers.length;
	const warnings =
		missing > 0 ? [`The layered SVG lacks ${missing} of ${images.length} images.`] : [];
	const index = 1 + Math.max(...images.map(({ record }) => record.index));
	const named = { index, name: 'layers' };
	const { name } = filledIn(request, named, context.getItemIndex(), pattern);
	const file = { mimeType: SVG_MIME_TYPE, fileName: `${name}.svg`, width, height };
	try {
		const svg = bytes.toReadable(layeredSvg(context, { width, height }, layers));
		const binary = await context.helpers.prepareBinaryData(
			svg as unknown as Buffer,
			file.fileName,
			file.mimeType,
		);
		return { file: { binary, ...file }, warnings };
	} catch (error) {
		return { warnings: [`${failed}: ${reasonOf(error)}.`] };
	}
}

/** An image as JSON; complete without the binary, and never with its bytes. */
function imageJson(image: FinishedImage, request: ImageRequest): IDataObject {
	const { record, layer, mimeType, fileName: name, fileUrl, downloadError } = image;
	const pixels = pixelsOf(image);
	const size = pixels.width === undefined ? record.size : `${pixels.width}x${pixels.height}`;
	const asked = String(request.body.size);
	const warnings =
		size !== undefined && /^\d+x\d+$/.test(asked) && asked !== size
			? [`The image is ${size} pixels; ${asked} was requested.`]
			: [];
	return {
		index: record.index,
		...(layer && {
			zIndex: layer.zIndex,
			name: layer.name,
			description: layer.description,
			box: layer.box,
			extra: layer.extra,
		}),
		size,
		...pixels,
		mimeType,
		fileName: name,
		url: record.url,
		fileUrl,
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
function adviceOnDroppedParameters({ body, operation }: ImageRequest): string {
	const name = operation.needs ?? 'sequential_image_generation';
	const isEverywhere = 'extra_fields' in body && name in body;
	const cure = isEverywhere
		? 'ask its operator to let the field through'
		: 'set Provider to Other in the credential and Seedream Parameters to Both';
	const always = operation.isLayers ? 'there are never layers' : 'a set is always one image';
	return `Many gateways silently drop ${name}: if ${always}, ${cure}.`;
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

/** Why there are fewer images than there may be, unless that is how layers are. */
function missingImages(request: ImageRequest, received: number): string[] {
	const { expectedImages, gateway, operation } = request;
	if (received >= expectedImages || (operation.isLayers && received > 1)) return [];
	const advice = received === 1 && !gateway.service ? [adviceOnDroppedParameters(request)] : [];
	const counts = operation.isLayers
		? 'Received one image without layers. Name the elements in the Prompt.'
		: `Requested ${expectedImages} images, received ${received}. The model decides how many it generates.`;
	return [[counts, ...advice].join(' ')];
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
	const received = images.length + failed.length;
	if (summary.warnings.length === 0) warnings.push(...missingImages(request, received));
	return warnings;
}

/** Leaves out what is undefined, and puts warnings first, where they are seen; none where there are none. */
function compact({ warnings, ...json }: IDataObject): IDataObject {
	const own = Object.entries(json).filter(([, value]) => value !== undefined);
	const hasWarnings = Array.isArray(warnings) && warnings.length > 0;
	return { ...(hasWarnings && { warnings }), ...Object.fromEntries(own) };
}

/** The binary field of an image in an item with all of them. */
function numbered(field: string, image: number): string {
	return image === 0 ? field : `${field}_${image}`;
}

/**
 * The output items of one request: one per image, or one for all.
 * @param images finished ones, at least one
 * @param failed images of a set that were not generated
 * @param svg one more file: an item of its own, or `<field>_svg` in the one for all
 */
export function toItems(
	context: IExecuteSingleFunctions,
	request: ImageRequest,
	images: FinishedImage[],
	failed: FailedRecord[],
	summary: SummaryRecord,
	{ field, isSimplified, isSingleItem, linkSeconds }: OutputSettings,
	svg?: LayeredSvg,
): INodeExecutionData[] {
	const { pairedItem } = request;
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
	const warnings = [
		...requestWarnings(images, failed, isContinued, request, summary),
		...(svg?.warnings ?? []),
		...(linkSeconds !== undefined && images.some(lacksLink) ? [NO_LINK] : []),
	];
	const { binary: svgBinary, ...svgJson } = svg?.file ?? {};
	const errorItems = isContinued
		? failed.map((record) =>
				errorItem(
					context,
					{ message: notGenerated(record) },
					{ ...record, requestId: summary.requestId, prompt: request.body.prompt },
				),
			)
		: [];

	if (isSingleItem) {
		const binaries = images.flatMap(({ binary }, i) =>
			binary ? [[numbered(field, i), binary] as const] : [],
		);
		const json = {
			...common,
			images: images.map((image) => compact(imageJson(image, request))),
			svg: svgBinary && (svgJson as IDataObject),
			...onceOnly,
			warnings,
		};
		if (svgBinary) binaries.push([`${field}_svg`, svgBinary]);
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
	const svgItems = svgBinary
		? [{ json: compact({ ...common, ...svgJson }), binary: { [field]: svgBinary }, pairedItem }]
		: [];
	return [...items, ...svgItems, ...errorItems];
}

/** Adds up the numbers of two usages, those within objects too. */
function sum(a: Body, b: Body): Body {
	const total = { ...a };
	for (const [name, value] of Object.entries(b)) {
		const old = total[name];
		if (typeof old === 'number' && typeof value === 'number') total[name] = old + value;
		else if (isObject(old) && isObject(value)) total[name] = sum(old, value);
		else total[name] = old ?? value;
	}
	return total;
}

/**
 * Joins the items of an item's requests, each with all images of its request, into one.
 * @param field binary field of the first image; the others have a number appended
 */
export function inOneItem(items: INodeExecutionData[], field: string): INodeExecutionData[] {
	const parts = items.filter(({ json }) => json.images !== undefined);
	if (parts.length < 2) return items;
	const [first, ...others] = parts.map(({ json }) => json);
	const all = [first, ...others];
	const lists = (name: string) => all.flatMap((json) => (json[name] ?? []) as IDataObject[]);
	const usages = all.flatMap(({ usage }) => (isObject(usage) ? [usage as Body] : []));
	const json = {
		...first,
		images: lists('images'),
		requestIds: all.map(({ requestId }) => requestId),
		usage: usages.length > 0 ? (usages.reduce(sum) as IDataObject) : undefined,
		warnings: lists('warnings'),
	};
	// An image without a file has its number all the same.
	const files = parts.flatMap(({ json: { images }, binary }) =>
		(images as unknown[]).map((_, i) => binary?.[numbered(field, i)]),
	);
	const binary = Object.fromEntries(
		files.flatMap((file, i) => (file ? [[numbered(field, i), file] as const] : [])),
	);
	const errors = items.filter((item) => !parts.includes(item));
	return [{ ...parts[0], json: compact(json), binary }, ...errors];
}
