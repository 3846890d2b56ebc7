import type {
	IBinaryData,
	IDataObject,
	IExecuteSingleFunctions,
	INodeExecutionData,
} from 'n8n-workflow';

import type { Gateway } from '../catalog/gateways';
import type { ModelFamily } from '../catalog/models';
import { Connection, type ByteStream } from '../connection';
import { inputError, withoutSecrets } from '../errors';
import type { ReferenceEntry } from '../fields/references';
import { readImageHeader } from '../imageHeader';

/** Milliseconds without a byte after which a download is given up. */
const IDLE = 60_000;

/** Bytes; more than any model reads. */
const LARGEST_DOWNLOAD = 64 * 1024 * 1024;

/** A reference image before its bytes are read. */
export interface Reference {
	/** How messages call it: number, and where it comes from. */
	label: string;
	/** Path of a binary field of the input item, or the file itself where an expression gave it. */
	binary?: string | IBinaryData;
	/** Address or data URI. */
	url?: string;
}

/** Where n8n's combined binary mode keeps the files of an item, among its JSON. */
const FILES_IN_JSON = '_files';

function isBinaryData(value: unknown): value is IBinaryData {
	if (typeof value !== 'object' || value === null) return false;
	return 'mimeType' in value && ('data' in value || 'id' in value);
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

function binaryNamed(context: IExecuteSingleFunctions, name: string): string {
	const path = binaryPath(context, name);
	if (path !== undefined) return path;
	const names = filesOf(context.getInputData()).map(([field]) => `“${field}”`);
	throw inputError(
		context,
		`Reference Images: the input item has no binary field “${name}”`,
		names.length > 0
			? `It has ${names.join(', ')}. Change Binary Field Name.`
			: 'It has no files at all. Put a node before this one that outputs the image as a file, or set Source to URL. AI Agents pass no files, so give them URLs.',
	);
}

function binariesOf(context: IExecuteSingleFunctions, entry: ReferenceEntry): Reference[] {
	const value = entry.binaryPropertyName ?? 'data';
	const names: unknown[] = typeof value === 'string' ? value.split(',') : [value].flat();
	return names.map((each) => {
		if (isBinaryData(each)) return { label: each.fileName ?? 'file', binary: each };
		const name = typeof each === 'object' ? '' : String(each ?? '').trim();
		if (!name) {
			throw inputError(
				context,
				`Reference Images: a Binary Field Name is ${each && typeof each === 'object' ? 'not a name' : 'empty'}`,
				'Enter the name of the field that holds the image, for example data.',
			);
		}
		return { label: `field “${name}”`, binary: binaryNamed(context, name) };
	});
}

function allImagesOf(context: IExecuteSingleFunctions): Reference[] {
	return filesOf(context.getInputData())
		.filter(([, file]) => file.mimeType.startsWith('image/'))
		.map(([name]) => ({ label: `field “${name}”`, binary: binaryPath(context, name) }))
		.filter(({ binary }) => binary !== undefined);
}

/** Line ends between addresses; those within a data URI are no more than layout. */
const BETWEEN_ADDRESSES = /[\r\n]+\s*(?=https?:|data:)/i;

function urlsOf(context: IExecuteSingleFunctions, { url: value }: ReferenceEntry): Reference[] {
	const advice =
		'Enter an address that starts with https:// or http://, or a data URI (data:image/png;base64,…).';
	const list: unknown[] =
		typeof value === 'string' ? value.trim().split(BETWEEN_ADDRESSES) : [value].flat();
	return list.map((each) => {
		const text = typeof each === 'string' ? each.trim() : '';
		if (/^data:[^,]*;base64,/i.test(text)) {
			return { label: 'data URI', url: text.replace(/\s+/g, '') };
		}
		if (/^https?:\/\/\S+$/i.test(text)) return { label: text, url: text };
		if (!text) {
			const what = each && typeof each !== 'string' ? 'not an address' : 'empty';
			throw inputError(context, `Reference Images: a URL is ${what}`, advice);
		}
		const what = /^data:/i.test(text) ? 'base64' : 'an address';
		const shown = withoutSecrets(text).slice(0, 60);
		throw inputError(context, `Reference Images: “${shown}” is not ${what}`, advice);
	});
}

/**
 * The references of an item, in order. Reads no bytes.
 * @throws NodeOperationError for a missing field or something that is no address
 */
export function collectReferences(context: IExecuteSingleFunctions): Reference[] {
	const entries = context.getNodeParameter('referenceImages.image', []) as ReferenceEntry[];
	const sources = { binary: binariesOf, allBinary: allImagesOf, url: urlsOf };
	return entries
		.flatMap((entry) => sources[entry.source ?? 'binary'](context, entry))
		.map((reference, i) => ({ ...reference, label: `image ${i + 1} (${reference.label})` }));
}

/** Checks a file against what the model and the gateway read, and encodes it as a data URI. */
function encode(
	context: IExecuteSingleFunctions,
	bytes: Buffer,
	{ label }: Reference,
	family: ModelFamily | undefined,
	gateway: Gateway,
): string {
	const refuse = (what: string, advice: string) =>
		inputError(context, `Reference Images: ${label} ${what}`, advice);
	const header = readImageHeader(bytes);
	if (!header) {
		throw refuse('is not an image', 'Use a JPEG, PNG or WebP file.');
	}
	const { format, width, height } = header;
	const rules = family?.references;
	const formats = rules?.formats.filter(
		(name) => !gateway.referenceFormats || gateway.referenceFormats.includes(name),
	);
	if (formats && !formats.includes(format)) {
		throw refuse(
			`is ${format.toUpperCase()}, which ${gateway.name} does not read for ${family?.name}`,
			`Convert it to one of: ${formats.join(', ')}.`,
		);
	}
	if (rules && bytes.length > rules.maxBytes) {
		const megabytes = (count: number) => `${(count / 1024 / 1024).toFixed(1)} MB`;
		throw refuse(
			`has ${megabytes(bytes.length)}, more than the ${megabytes(rules.maxBytes)} ${family?.name} reads`,
			'Use a smaller file, for example through the Edit Image node.',
		);
	}
	if (rules && width !== undefined && height !== undefined) {
		const size = `is ${width} x ${height} pixels`;
		const pixels = width * height;
		if (Math.min(width, height) <= rules.longerThan || pixels < rules.minPixels) {
			throw refuse(
				`${size}, which is too small`,
				`Each side must be longer than ${rules.longerThan} pixels.`,
			);
		}
		if (pixels > rules.maxPixels) {
			throw refuse(
				`${size}, which is too large`,
				`An image may have ${rules.maxPixels} pixels, such as 6000 x 6000.`,
			);
		}
		if (Math.max(width / height, height / width) > rules.maxRatio) {
			throw refuse(
				`${size}, which is too narrow`,
				`The longer side may be at most ${rules.maxRatio} times the shorter one.`,
			);
		}
	}
	return `data:image/${format};base64,${bytes.toString('base64')}`;
}

/** Fetches a reference for a gateway that takes no URLs. */
async function download(context: IExecuteSingleFunctions, reference: Reference): Promise<Buffer> {
	const connection = new Connection(context);
	try {
		const body = (await context.helpers.httpRequest({
			url: String(reference.url),
			encoding: 'stream',
			timeout: IDLE,
			abortSignal: connection.signal,
		})) as ByteStream;
		connection.watch(body, IDLE, LARGEST_DOWNLOAD);
		const chunks: Buffer[] = [];
		for await (const chunk of body) chunks.push(chunk);
		return Buffer.concat(chunks);
	} catch (error) {
		throw inputError(
			context,
			`Reference Images: ${reference.label} could not be downloaded`,
			`${(error as Error).message}. The gateway takes no URLs, so this node fetches the image itself. Check the URL, or pass the image as a Binary Field.`,
		);
	} finally {
		connection.close();
	}
}

/**
 * Reads one reference into the form that goes into `image`: its address, or a data URI with the MIME
 * type its bytes show.
 * @throws NodeOperationError for what the model or the gateway does not read
 */
export async function loadReference(
	context: IExecuteSingleFunctions,
	reference: Reference,
	family: ModelFamily | undefined,
	gateway: Gateway,
): Promise<string> {
	const { binary, url = '' } = reference;
	if (binary !== undefined) {
		const bytes = await context.helpers.getBinaryDataBuffer(binary as string);
		return encode(context, bytes, reference, family, gateway);
	}
	const inline = /^data:[^,]*;base64,(.*)$/is.exec(url);
	if (inline) {
		return encode(context, Buffer.from(inline[1], 'base64'), reference, family, gateway);
	}
	if (gateway.referenceUrls) return url;
	return encode(context, await download(context, reference), reference, family, gateway);
}
