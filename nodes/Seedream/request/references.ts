import type {
	IBinaryData,
	IDataObject,
	IExecuteSingleFunctions,
	INodeExecutionData,
} from 'n8n-workflow';

import type { Gateway } from '../catalog/gateways';
import type { ModelFamily, ReferenceRules } from '../catalog/models';
import { cut, grouped, inputError } from '../errors';
import type { ReferenceEntry } from '../fields/references';
import { reasonOf } from '../http/connection';
import { download, type DownloadOptions } from '../http/download';
import { pngHasAlpha, readImageHeader } from '../image/header';
import { FILES_IN_JSON, inputItems, isAgentTool } from './inputItems';

/** Bytes; more than any model supports. */
const MAX_DOWNLOAD_BYTES = 64 * 1024 * 1024;

/** Names of the fields that hold references: a list, or exactly one image. */
type Field = 'Reference Images' | 'Image';

/** How the editor calls the choice of where a field's images come from. */
function sourceLabel(field: Field): string {
	return field === 'Image' ? 'Image Source' : 'Source';
}

/** What a reference is checked against. */
export interface Recipient {
	gateway: Gateway;
	/** Undefined for a model nobody knows, which has no rules. */
	family?: ModelFamily;
	rules?: ReferenceRules;
}

/** A reference image before its bytes are read. */
export interface Reference {
	/** The field it is set in, for messages. */
	field: Field;
	/** How messages call it: number, and where it comes from. */
	label: string;
	/** Path of a binary field of the input item, or the file itself where an expression gave it. */
	binary?: string | IBinaryData;
	/** URL or data URI. */
	url?: string;
	/** File name without extension, as far as it has one. */
	name?: string;
	/** Whether the model needs its alpha channel, for a transparent background. */
	needsAlpha?: boolean;
}

function isBinaryData(value: unknown): value is IBinaryData {
	if (typeof value !== 'object' || value === null) return false;
	return 'mimeType' in value && ('data' in value || 'id' in value);
}

function isImage({ mimeType }: IBinaryData): boolean {
	return typeof mimeType === 'string' && /^image\//i.test(mimeType);
}

/** Files of an item by name, wherever n8n's binary mode keeps them. */
function filesOf({ binary, json }: INodeExecutionData): Array<[string, IBinaryData]> {
	const isFile = (field: [string, unknown]): field is [string, IBinaryData] =>
		isBinaryData(field[1]);
	return [binary, json[FILES_IN_JSON] as IDataObject | undefined, json].flatMap((files) =>
		Object.entries<unknown>(files ?? {}).filter(isFile),
	);
}

/** The path under which n8n's helpers find the file of a field, if there is one. */
function binaryPath(context: IExecuteSingleFunctions, name: string): string | undefined {
	return [name, `${FILES_IN_JSON}.${name}`].find((path) => {
		try {
			context.helpers.assertBinaryData(path);
			return true;
		} catch {
			return false;
		}
	});
}

function binaryNamed(context: IExecuteSingleFunctions, name: string, field: Field): string {
	const path = binaryPath(context, name);
	if (path !== undefined) return path;
	const names = filesOf(context.getInputData()).map(([file]) => `“${file}”`);
	throw inputError(
		context,
		`${field}: the input item has no binary field “${name}”`,
		names.length > 0
			? `It has ${names.join(', ')}. Change Binary Field Name.`
			: `It has no files at all. Put a node before this one that outputs the image as a file, or set ${sourceLabel(field)} to URL. AI Agents pass no files, so give them URLs.`,
	);
}

function binariesOf(
	context: IExecuteSingleFunctions,
	entry: ReferenceEntry,
	field: Field,
): Reference[] {
	const value = entry.binaryPropertyName ?? 'data';
	const names: unknown[] = typeof value === 'string' ? value.split(',') : [value].flat();
	return names.map((each) => {
		if (isBinaryData(each)) return { field, label: each.fileName ?? 'file', binary: each };
		const name = typeof each === 'object' ? '' : String(each ?? '').trim();
		if (!name) {
			throw inputError(
				context,
				`${field}: a Binary Field Name is ${each && typeof each === 'object' ? 'not a name' : 'empty'}`,
				'Enter the name of the field that holds the image, for example data.',
			);
		}
		return { field, label: `field “${name}”`, binary: binaryNamed(context, name, field) };
	});
}

function allImagesOf(
	context: IExecuteSingleFunctions,
	_entry: ReferenceEntry,
	field: Field,
): Reference[] {
	return filesOf(context.getInputData())
		.filter(([, file]) => isImage(file))
		.map(([name]) => ({ field, label: `field “${name}”`, binary: binaryPath(context, name) }))
		.filter(({ binary }) => binary !== undefined);
}

/** The images of all input items: those of an agent's tool are none of its own. */
function imagesOfAllItems(
	context: IExecuteSingleFunctions,
	_entry: ReferenceEntry,
	field: Field,
): Reference[] {
	if (isAgentTool(context)) return allImagesOf(context, {}, field);
	return inputItems(context).flatMap((item, index) =>
		filesOf(item)
			.filter(([, file]) => isImage(file))
			.map(([name, binary]) => ({ field, label: `field “${name}” of item ${index}`, binary })),
	);
}

/**
 * Whether one request has the images of all input items; an expression cannot say so. n8n removes the
 * field where the operation does not show it.
 */
export function isForAllItems(context: IExecuteSingleFunctions): boolean {
	const { referenceImages } = context.getNode().parameters;
	const { image = [] } = (referenceImages ?? {}) as { image?: ReferenceEntry[] };
	return !isAgentTool(context) && image.some(({ source }) => source === 'allItems');
}

/** Whether the first item's request has the images of this item too, so that it sends none itself. */
export function isPartOfFirstItem(context: IExecuteSingleFunctions): boolean {
	return context.getItemIndex() > 0 && isForAllItems(context);
}

/** Commas, blanks and line ends between URLs; those within a data URI or a URL are parts of it. */
const BETWEEN_URLS = /[\s,]+(?=https?:|data:)/i;

/** Links that lead to a page about a file, by the service and the node that gets the file itself. */
const SHARE_LINKS: ReadonlyArray<[RegExp, string]> = [
	[
		/^https?:\/\/(drive|docs)\.google\.com\/(file|open|drive|document|presentation)\b/i,
		'Google Drive',
	],
	[/^https?:\/\/(www\.)?dropbox\.com\/(?!.*[?&](dl|raw)=1)/i, 'Dropbox'],
	[/^https?:\/\/(1drv\.ms|onedrive\.live\.com)\/(?!download\b)/i, 'Microsoft OneDrive'],
];

function urlsOf(
	context: IExecuteSingleFunctions,
	{ url: value }: ReferenceEntry,
	field: Field,
): Reference[] {
	const advice =
		'Enter a URL that starts with https:// or http://, or a data URI (data:image/png;base64,…).';
	const list: unknown[] =
		typeof value === 'string'
			? value
					.replace(/[\s,]+$/, '')
					.trim()
					.split(BETWEEN_URLS)
			: [value].flat();
	return list.map((each) => {
		if (isBinaryData(each)) return { field, label: each.fileName ?? 'file', binary: each };
		const text = typeof each === 'string' ? each.trim() : '';
		const shared = SHARE_LINKS.find(([pattern]) => pattern.test(text));
		if (shared) {
			throw inputError(
				context,
				`${field}: “${cut(text, 60)}” is a share link, not the image itself`,
				`Use the ${shared[1]} node before this one to download the file, and set ${sourceLabel(field)} to ${field === 'Image' ? 'Binary Field' : 'All Images of the Item'}.`,
			);
		}
		if (/^data:[^,]*;base64,/i.test(text)) {
			return { field, label: 'data URI', url: text.replace(/\s+/g, '') };
		}
		if (/^https?:\/\/\S+$/i.test(text)) return { field, label: text, url: text };
		if (!text) {
			const what = each && typeof each !== 'string' ? 'not a URL' : 'empty';
			throw inputError(context, `${field}: a URL is ${what}`, advice);
		}
		const what = /^data:/i.test(text) ? 'base64' : 'a URL';
		const shown = cut(text, 60);
		throw inputError(context, `${field}: “${shown}” is not ${what}`, advice);
	});
}

/** A reference's file name without extension, as far as it has one. */
function nameOf(context: IExecuteSingleFunctions, { binary, url }: Reference): string | undefined {
	const file = typeof binary === 'string' ? context.helpers.assertBinaryData(binary) : binary;
	const path = /^https?:\/\/[^/]+\/(?:[^?#]*\/)?([^/?#]+)/i.exec(url ?? '')?.[1];
	return (file?.fileName ?? path)?.replace(/\.\w+$/, '');
}

const SOURCES = {
	allBinary: allImagesOf,
	allItems: imagesOfAllItems,
	binary: binariesOf,
	url: urlsOf,
};

function referencesOf(
	context: IExecuteSingleFunctions,
	entry: ReferenceEntry,
	field: Field,
): Reference[] {
	const source = entry.source ?? 'allBinary';
	// Not `in`: an expression may give `constructor`.
	const isKnown = Object.keys(SOURCES).includes(source);
	if (isKnown && (source !== 'allItems' || isForAllItems(context) || isAgentTool(context))) {
		return SOURCES[source](context, entry, field).map((reference) => ({
			...reference,
			name: nameOf(context, reference),
		}));
	}
	throw inputError(
		context,
		`${field}: “${cut(String(source), 40)}” is not a Source`,
		field === 'Image'
			? 'Set Image Source to Binary Field or URL; in an expression these are binary and url.'
			: 'Set Source to All Images of the Item, Binary Field or URL; in an expression these are allBinary, binary and url. Images of All Input Items cannot come from an expression.',
	);
}

/**
 * The references of an item, in order. Reads no bytes.
 * @throws NodeOperationError for a missing field or something that is no URL
 */
export function collectReferences(context: IExecuteSingleFunctions): Reference[] {
	const entries = context.getNodeParameter('referenceImages.image', []) as ReferenceEntry[];
	return entries
		.flatMap((entry) => referencesOf(context, entry, 'Reference Images'))
		.map((reference, i) => ({ ...reference, label: `image ${i + 1} (${reference.label})` }));
}

/**
 * The image of an operation on exactly one. Reads no bytes.
 * @throws NodeOperationError for a missing field, something that is no URL, or several images
 */
export function collectImage(context: IExecuteSingleFunctions): Reference {
	const entry = {
		source: context.getNodeParameter('imageSource', 'binary'),
		binaryPropertyName: context.getNodeParameter('imageField', 'data'),
		url: context.getNodeParameter('imageUrl', ''),
	} as ReferenceEntry;
	const [image, ...more] = referencesOf(context, entry, 'Image');
	if (image && more.length === 0) return image;
	throw inputError(
		context,
		`Image: ${image ? more.length + 1 : 'no'} images instead of one`,
		'Name one binary field or one URL. Several images need an input item each.',
	);
}

/** Checks a file against what the model and the gateway support, and encodes it as a data URI. */
function encode(
	context: IExecuteSingleFunctions,
	bytes: Buffer,
	{ field, label, needsAlpha }: Reference,
	{ family, rules, gateway }: Recipient,
): string {
	const reject = (what: string, advice: string) =>
		inputError(context, `${field}: ${label} ${what}`, advice);
	const header = readImageHeader(bytes);
	if (!header) {
		throw reject('is not an image', 'Use a JPEG, PNG or WebP file.');
	}
	const { format, width, height } = header;
	const formats = rules?.formats.filter(
		(name) => !gateway.referenceFormats || gateway.referenceFormats.includes(name),
	);
	if (formats && !formats.includes(format)) {
		throw reject(
			`is ${format.toUpperCase()}, which ${gateway.name} does not support for ${family?.name}`,
			`Convert it to one of: ${formats.join(', ')}.`,
		);
	}
	if (needsAlpha && !(format === 'png' && pngHasAlpha(bytes))) {
		throw reject(
			'is not a PNG with an alpha channel',
			`For a transparent Background, ${family?.name} needs a PNG with transparent pixels. Use such a file, or set Background to Opaque.`,
		);
	}
	if (rules && bytes.length > rules.maxBytes) {
		const megabytes = (count: number) => `${(count / 1024 / 1024).toFixed(1)} MB`;
		throw reject(
			`has ${megabytes(bytes.length)}, more than the ${megabytes(rules.maxBytes)} ${family?.name} supports`,
			'Use a smaller file, for example through the Edit Image node.',
		);
	}
	if (rules && width !== undefined && height !== undefined) {
		const size = `is ${width} x ${height} pixels`;
		const pixels = width * height;
		if (Math.min(width, height) <= rules.longerThan || pixels < rules.minPixels) {
			throw reject(
				`${size}, which is too small`,
				`Each side must be longer than ${rules.longerThan} pixels, and the image must have at least ${grouped(rules.minPixels)} pixels.`,
			);
		}
		if (pixels > rules.maxPixels) {
			throw reject(
				`${size}, which is too large`,
				`An image may have up to ${grouped(rules.maxPixels)} pixels, such as 6000 x 6000.`,
			);
		}
		if (Math.max(width / height, height / width) > rules.maxRatio) {
			throw reject(
				`${size}, which is too narrow`,
				`The longer side may be at most ${rules.maxRatio} times the shorter one.`,
			);
		}
	}
	return `data:image/${format};base64,${bytes.toString('base64')}`;
}

/** Downloads a reference for a gateway that supports no URLs. */
async function downloadReference(
	context: IExecuteSingleFunctions,
	{ field, url = '', label }: Reference,
	options: DownloadOptions,
): Promise<Buffer> {
	try {
		return await download(context, url, options, MAX_DOWNLOAD_BYTES, async (stream) => {
			const chunks: Buffer[] = [];
			for await (const chunk of stream) chunks.push(chunk);
			return Buffer.concat(chunks);
		});
	} catch (error) {
		throw inputError(
			context,
			`${field}: ${label} could not be downloaded`,
			`${reasonOf(error)}. The gateway supports no URLs, so this node downloads the image itself. Check the URL, or pass the image as a Binary Field.`,
		);
	}
}

async function readBinary(
	context: IExecuteSingleFunctions,
	{ field, binary, label }: Reference,
): Promise<Buffer> {
	try {
		return await context.helpers.getBinaryDataBuffer(binary as string);
	} catch {
		throw inputError(
			context,
			`${field}: the file of ${label} is no longer stored in n8n`,
			'Run the node that outputs the file again.',
		);
	}
}

/**
 * Reads one reference into the form that goes into `image`: its URL, or a data URI with the MIME type
 * its bytes show.
 * @throws NodeOperationError for what the model or the gateway does not support
 */
export async function loadReference(
	context: IExecuteSingleFunctions,
	reference: Reference,
	recipient: Recipient,
	options: DownloadOptions,
): Promise<string> {
	const { binary, url = '' } = reference;
	const inline = /^data:[^,]*;base64,(.*)$/is.exec(url);
	if (binary === undefined && !inline && recipient.gateway.referenceUrls) return url;
	const bytes =
		binary !== undefined
			? await readBinary(context, reference)
			: inline
				? Buffer.from(inline[1], 'base64')
				: await downloadReference(context, reference, options);
	return encode(context, bytes, reference, recipient);
}
