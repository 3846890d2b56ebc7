import { isDeepStrictEqual } from 'node:util';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith, runNode } from '../engine';
import type { Gateway } from '../gateway';
import { bmp, heif } from '../imageFiles';
import { type Family, MODELS, type Operation, RANGES } from '../facts/models';
import { SEEDREAM_PARAMETERS } from '../facts/gateways';
import { RATIOS, type Resolution } from '../facts/sizes';
import { byId, dataUri, picture, TINY, transparentPicture } from '../support';
import {
	type Body,
	type Document,
	type Field,
	OPTIONAL,
	TRANSPARENT_BACKGROUND,
} from './documents';
import { layerCases } from './layers';

/** One request: what a user sets, and what the document says it must look like. */
export interface Case {
	name: string;
	/** Whether it is among those that `npm test` runs. */
	isRepresentative: boolean;
	parameters: INodeParameters;
	item: INodeExecutionData;
	body: Body;
	/** How often it is sent; absent: once. */
	requests?: number;
	/** Warnings, in order. */
	warnings: RegExp[];
	/** Images of all requests. */
	images: number;
}

/** Pictures to use as references: files by their format, and what the gateway serves. */
export interface Pictures {
	files: Record<string, Buffer>;
	transparent: Buffer;
	samples: Array<{ url: string; dataUri: string }>;
	/** Pictures large enough to be split into layers, by format, and the URL of one. */
	layered: Record<string, Buffer>;
	sample: string;
}

/** Draws a small picture of each format, and fetches the samples that the gateway serves. */
export async function makePictures(gateway: Gateway): Promise<Pictures> {
	const files: Pictures['files'] = {
		bmp: bmp(24, 24),
		heic: heif('heic', 32, 32),
		heif: heif('mif1', 32, 32),
	};
	const layered: Pictures['layered'] = { bmp: bmp(600, 500) };
	for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff'] as const) {
		files[format] = await picture(20, 20, format);
		layered[format] = await picture(600, 500, format);
	}
	const samples = ['png', 'jpeg'].map(async (format) => {
		const url = `${gateway.url}/samples/16x16.${format}`;
		const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
		return { url, dataUri: dataUri(format, bytes) };
	});
	return {
		files,
		transparent: await transparentPicture(),
		samples: await Promise.all(samples),
		layered,
		sample: `${gateway.url}/samples/600x500.jpeg`,
	};
}

/** The references of a case: the node's field, the item it reads, and what `image` must hold. */
interface References {
	field: INodeParameters;
	item: INodeExecutionData;
	images: string[];
}

const ONE = ['one binary', 'one URL', 'one data URI'];
const MANY = ['three binary', 'two URLs', 'URL, binary and data URI'];

/** Every kind of references, by its name. */
function referencesOf(pictures: Pictures, document: Document): Record<string, References> {
	const { files, transparent } = pictures;
	const [png, jpeg, webp] = ['png', 'jpeg', 'webp'].map((name) => dataUri(name, files[name]));
	const [first, second] = pictures.samples.map(({ url, dataUri: inline }) => ({
		url,
		sent: document.referenceUrls ? url : inline,
	}));
	const url = (...list: string[]) => ({ source: 'url', url: list.join('\n') });
	const binary = (...names: string[]) => ({
		source: 'binary',
		binaryPropertyName: names.join(','),
	});
	const of = (image: object[], images: string[], data = files.png): References => ({
		field: { image } as INodeParameters,
		item: itemWith({
			data: { bytes: data, mimeType: 'application/octet-stream' },
			second: { bytes: files.jpeg, mimeType: 'image/jpeg' },
			third: { bytes: files.webp, mimeType: 'image/webp' },
		}),
		images,
	});
	const many = (count: number) =>
		of([binary(...Array<string>(count).fill('data'))], Array<string>(count).fill(png));
	const formats = Object.entries(files).map(([format, bytes]) => [
		`one ${format}`,
		of([binary('data')], [dataUri(format, bytes)], bytes),
	]);
	return {
		none: { field: {}, item: { json: {} }, images: [] },
		'one binary': of([binary('data')], [png]),
		'one URL': of([url(first.url)], [first.sent]),
		'one data URI': of([url(png)], [png]),
		'three binary': of([binary('data', 'second'), binary('third')], [png, jpeg, webp]),
		'two URLs': of([url(second.url, first.url)], [second.sent, first.sent]),
		'URL, binary and data URI': of(
			[url(first.url), binary('second'), url(png)],
			[first.sent, jpeg, png],
		),
		'one transparent PNG': of([binary('data')], [dataUri('png', transparent)], transparent),
		'10 binary': many(10),
		'14 binary': many(14),
		...(Object.fromEntries(formats) as Record<string, References>),
	};
}

/** Something a user sets, and what it puts into the body. */
interface Row {
	name: string;
	set: INodeParameters;
	/** What stands at the top level. */
	body?: Body;
	/** Parameters that OpenAI's API does not have: they stand where the gateway wants them. */
	seedream?: Body;
	warning?: RegExp;
	/** How many images come; absent: as many as without it. */
	images?: number;
	/** How many requests this takes, each with as many images; absent: one. */
	requests?: number;
}

/** How many images a set has. */
const imagesRow = (count: number): Row => ({
	name: `maxImages ${count}`,
	set: { maxImages: count },
	seedream: { sequential_image_generation_options: { max_images: count } },
	images: count,
});

/** Of an expression the editor knows no model, so that it hides nothing. */
const EXPRESSION = byId('={{ $json.model }}');

/** What stands among the advanced options. */
const ADVANCED = ['additionalBodyFields', 'quality', 'responseFormat', 'stream', 'style', 'user'];

function fieldRow({ name, option }: Field, [value, sent, besides]: Field['values'][number]): Row {
	const set = { [option || name]: value } as INodeParameters;
	const collection = ADVANCED.includes(option) ? 'advanced' : 'options';
	const isOwn = SEEDREAM_PARAMETERS.includes(name);
	return {
		name: `${name} ${String(value).slice(0, 40)}`,
		set: option ? { [collection]: set } : set,
		...(isOwn ? { seedream: { [name]: sent } } : { body: { [name]: sent }, seedream: besides }),
		...(name === 'n' && sent !== 1 && { images: Number(sent) }),
	};
}

/**
 * The same, where it must not be sent; the model comes from an expression, so that n8n hides no field. In
 * place of `n` the same request is sent again.
 */
function droppedRow(field: Field): Row {
	if (field.name === 'n') {
		return { name: 'n by requests', set: { options: { [field.option]: 2 } }, requests: 2 };
	}
	const { name, set } = fieldRow(field, field.values[0]);
	return {
		name: `${name} not sent`,
		set: { ...set, model: EXPRESSION },
		warning: new RegExp(`^${field.label} was not sent: .+\\.$`),
	};
}

/** A resolution without an aspect ratio: sent by its name, or as the document's square of pixels. */
function resolutionRow({ squares }: Document, resolution: Resolution): Row {
	const size = squares?.[resolution];
	const name = `size ${resolution}`;
	const set = { resolution };
	if (!size) return { name, set, body: { size: resolution } };
	const warning = `does not support the resolution ${resolution} by name.*${size} was sent`;
	return { name, set, body: { size }, warning: new RegExp(warning) };
}

const pixelsRow = (size: string): Row => {
	const [width, height] = size.split('x').map(Number);
	return {
		name: `size ${size}`,
		set: { aspectRatio: 'custom', width, height },
		body: { size },
	};
};

/** Sizes of a model: by name, and in pixels. */
function sizeRows(document: Document, family: Family): { named: Row[]; pixels: Row[] } {
	const { size: rules } = MODELS[family];
	if (!rules) return { named: [], pixels: [] };
	const { atLimits, presets } = rules;
	const table = { ...rules.table, ...document.sizes };
	const ratioRows = (resolution: Resolution, set: INodeParameters): Row[] =>
		RATIOS.map((aspectRatio) => ({
			name: ['size', ...Object.values(set), aspectRatio].join(' '),
			set: { ...set, aspectRatio },
			body: { size: table[resolution]?.[aspectRatio] },
		}));
	if (presets.length === 0) {
		const all = [...atLimits, ...Object.values(table['1K'] ?? {})];
		return { named: [], pixels: [...ratioRows('1K', {}), ...all.map(pixelsRow)] };
	}
	const [size] = atLimits;
	return {
		named: [...new Set([...presets, ...(document.presets ?? [])])].map((resolution) =>
			resolutionRow(document, resolution),
		),
		pixels: [
			...presets.flatMap((resolution) => ratioRows(resolution, { resolution })),
			...atLimits.map(pixelsRow),
			{ name: `size ${size} as text`, set: { resolution: size }, body: { size } },
		],
	};
}

/** What `size` is when nothing is set. */
function defaultSize(document: Document, family: Family): Row {
	const { size } = MODELS[family];
	const found = { name: 'default size', set: {} };
	if (!size) return { ...found, body: { size: 'adaptive' } };
	if (size.presets.length === 0) return { ...found, body: { size: size.default } };
	return { ...resolutionRow(document, '2K'), ...found };
}

/** A model in an operation, with references. */
interface Subject {
	id: string;
	family: Family;
	operation: Operation;
	/** Of references, by its name. */
	kind: string;
}

/** Builds the cases of one document. */
class CaseMaker {
	private readonly cases: Case[] = [];
	private readonly references: Record<string, References>;

	constructor(
		private readonly document: Document,
		pictures: Pictures,
	) {
		this.references = referencesOf(pictures, document);
	}

	make(): Case[] {
		const seen = new Set<Family>();
		for (const [id, family] of this.document.models) {
			for (const operation of MODELS[family].operations) {
				if (operation === 'imageSet' && this.document.sets === 'refused') continue;
				// They have bodies of their own: `layers.ts`.
				if (operation === 'layers') continue;
				if (seen.has(family)) this.anotherId(id, family, operation);
				else this.everyCase(id, family, operation);
			}
			seen.add(family);
		}
		return this.cases;
	}

	private everyCase(id: string, family: Family, operation: Exclude<Operation, 'layers'>): void {
		const { references, transparencyNeedsAlpha, operations } = MODELS[family];
		const { named, pixels } = sizeRows(this.document, family);
		const kinds = {
			textToImage: ['none'],
			imageToImage: references?.max === 1 ? ONE : [...ONE, ...MANY],
			imageSet: ['none', ...ONE, ...MANY],
		}[operation];
		for (const kind of kinds) {
			const subject = { id, family, operation, kind };
			const isFirst = kind === kinds[0];
			// What a field sends does not depend on the operation, save for those of sets.
			const isRepresentative = isFirst && (operation === operations[0] || operation === 'imageSet');
			this.plain(subject);
			for (const size of named) this.add(subject, [], isRepresentative, size);
			// Pixels are one open value: all of them stand with the first kind of references.
			if (isFirst) for (const size of pixels) this.add(subject, [], false, size);
			this.fields(subject, isRepresentative);
			if (isFirst) this.notListed(subject, isRepresentative);
		}
		if (!references || operation === 'textToImage') return;
		for (const format of this.document.referenceFormats ?? references.formats) {
			this.plain({ id, family, operation, kind: `one ${format}` });
		}
		if (transparencyNeedsAlpha) {
			this.field(
				{ id, family, operation, kind: 'one transparent PNG' },
				TRANSPARENT_BACKGROUND,
				true,
			);
		}
		if (references.max > 1) this.plain({ id, family, operation, kind: `${references.max} binary` });
	}

	/** A further id of a model: that it is sent as the document spells it. */
	private anotherId(id: string, family: Family, operation: Operation): void {
		const kind = operation === 'imageToImage' ? 'one binary' : 'none';
		const subject = { id, family, operation, kind };
		this.plain(subject);
		if (operation !== 'imageSet') return;
		for (const field of this.document.fields.filter(({ name }) => name === 'stream')) {
			this.field(subject, field, true);
		}
	}

	/** As the user finds the fields, but for a set that must leave room for its references. */
	private plain(subject: Subject): void {
		const room = this.roomIn(subject);
		const asFound: Row = { ...imagesRow(4), name: 'nothing set', set: { maxImages: undefined } };
		const isSet = subject.operation === 'imageSet';
		this.add(subject, isSet ? [room < 4 ? imagesRow(room) : asFound] : [], true);
	}

	/** Each value of each field, then the first values of all fields at once. */
	private fields(subject: Subject, isRepresentative: boolean): void {
		const isSet = subject.operation === 'imageSet';
		const fields = this.document.fields.filter(({ name }) => isSet || name !== 'stream');
		for (const field of fields) this.field(subject, field, isRepresentative);
		if (isSet) {
			for (const count of [1, this.roomIn(subject)]) {
				this.add(subject, [imagesRow(count)], isRepresentative);
			}
		}
		const all = new Map<string, Row>();
		for (const field of fields) {
			if (field.name === 'prompt' || all.has(field.name)) continue;
			if (this.supports(subject, field))
				all.set(field.name, this.row(subject, field, field.values[0]));
		}
		this.add(subject, [{ name: 'all fields', set: {} }, ...all.values()], isRepresentative);
	}

	private field(subject: Subject, field: Field, isRepresentative: boolean): void {
		if (this.supports(subject, field)) {
			for (const value of field.values) {
				this.add(subject, [this.row(subject, field, value)], isRepresentative);
			}
		} else if (field.label) {
			// Additional Body Fields have no label: they are sent whatever the model is.
			this.add(subject, [droppedRow(field)], isRepresentative);
		}
	}

	/** A value of a field that the editor shows; it hides a background where the model has none. */
	private row({ family }: Subject, field: Field, value: Field['values'][number]): Row {
		const row = fieldRow(field, value);
		const isHidden = field.name === 'background' && !MODELS[family].parameters.background;
		return isHidden ? { ...row, set: { ...row.set, model: EXPRESSION } } : row;
	}

	/** What the node can send and the document does not list: it is not sent, and a warning says so. */
	private notListed(subject: Subject, isRepresentative: boolean): void {
		const listed = this.document.fields.map(({ name }) => name);
		for (const field of OPTIONAL.filter(({ name }) => !listed.includes(name))) {
			// Of all these, only the number of images is another matter in a set.
			if (subject.operation === 'imageSet' && field.name !== 'n') continue;
			this.add(subject, [droppedRow(field)], isRepresentative);
		}
	}

	private supports({ family, id }: Subject, { only }: Pick<Field, 'only'>): boolean {
		return !only || only.includes(family) || only.includes(id);
	}

	private roomIn({ kind }: Subject): number {
		return RANGES.max_images.max - this.references[kind].images.length;
	}

	/** What every case of a subject has; sets have two images. */
	private base(subject: Subject): Row {
		const { document } = this;
		const { images } = this.references[subject.kind];
		const isString = images.length === 1 && document.referenceForm === 'auto';
		const stream = document.fields.find(({ name }) => name === 'stream');
		const isStreamed = document.streamsSets && stream && this.supports(subject, stream);
		const set: Row = {
			...imagesRow(2),
			seedream: {
				sequential_image_generation: 'auto',
				sequential_image_generation_options: { max_images: 2 },
				...(isStreamed && { stream: true }),
			},
		};
		const {
			set: more,
			seedream,
			images: count,
		}: Row = subject.operation === 'imageSet' ? set : { name: '', set: {}, images: 1 };
		return {
			name: subject.operation,
			set: { operation: subject.operation, model: byId(subject.id), prompt: TINY, ...more },
			body: {
				model: subject.id,
				prompt: TINY,
				response_format: 'url',
				watermark: false,
				...document.always,
				...(images.length > 0 && { image: isString ? images[0] : images }),
			},
			// The field says JPEG, whatever the service would make.
			seedream: {
				...(MODELS[subject.family].defaultFormat && { output_format: 'jpeg' }),
				...seedream,
			},
			images: count,
		};
	}

	private add(subject: Subject, rows: Row[], isRepresentative: boolean, size?: Row): void {
		const { document } = this;
		const { id, family, operation, kind } = subject;
		const { field, item } = this.references[kind];
		const all = [this.base(subject), ...rows, size ?? defaultSize(document, family)];
		const merged = (part: 'set' | 'body' | 'seedream') =>
			all.reduce<Body>((values, row) => ({ ...values, ...row[part] }), {});
		const collected = (collection: 'options' | 'advanced') =>
			all.reduce((values, { set }) => ({ ...values, ...(set[collection] as object) }), {});
		const images = all.reduce((count, row) => row.images ?? count, 1);
		const requests = all.reduce((count, row) => row.requests ?? count, 1);
		const isAlone = document.sets === 'dropped' && images > 1;
		const warnings = all.flatMap(({ warning }) => warning ?? []);
		this.cases.push({
			name: [id, kind, ...all.map(({ name }) => name)].join(', '),
			isRepresentative,
			parameters: asJson({
				...merged('set'),
				...(operation !== 'textToImage' && { referenceImages: field }),
				options: collected('options'),
				advanced: collected('advanced'),
			}) as INodeParameters,
			item: { ...item, json: { model: id } },
			body: asJson(placed(merged('body'), merged('seedream'), document.placement)),
			requests,
			images: (isAlone ? 1 : images) * requests,
			warnings: isAlone ? [...warnings, /^Requested \d+ images, received 1\./] : warnings,
		});
	}
}

/** Without what is undefined. */
function asJson(values: Body): Body {
	return JSON.parse(JSON.stringify(values)) as Body;
}

/**
 * A body with the parameters that OpenAI's Images API lacks where a gateway reads them.
 * @param seedream those parameters
 */
export function placed(body: Body, seedream: Body, placement: Document['placement']): Body {
	if (Object.keys(seedream).length === 0) return body;
	return {
		topLevel: { ...body, ...seedream },
		extraFields: { ...body, extra_fields: seedream },
		both: { ...body, ...seedream, extra_fields: seedream },
	}[placement];
}

/** Every request of a document's table. */
export function casesOf(document: Document, pictures: Pictures): Case[] {
	return [...new CaseMaker(document, pictures).make(), ...layerCases(document, pictures)];
}

/**
 * Sends a case through n8n's engine to the gateway that plays its document.
 * @returns what is not as the document says; nothing when all is
 */
export async function runCase(gateway: Gateway, document: Document, each: Case): Promise<string[]> {
	gateway.reset();
	const { items, error } = await runNode({
		credentials: {
			baseUrl: gateway.profileUrl(document.profile) + document.apiPath,
			apiKey: gateway.key,
			...document.credential,
		},
		parameters: each.parameters,
		items: [each.item],
	});
	const sent = gateway.ledger.requests.map(({ method, path, status, body }) => ({
		line: `${method} ${path} ${status}`,
		body,
	}));
	const path = `/${document.profile}${document.apiPath}/images/generations`;
	const { requests = 1, images } = each;
	const expected = Array(requests).fill({ line: `POST ${path} 200`, body: each.body });
	const billed = gateway.ledger.images.length;
	// The prompt asks for tiny pictures, which the node rightly remarks upon.
	const warnings = ((items[0]?.json.warnings ?? []) as string[]).filter(
		(text) => !text.endsWith('was requested.'),
	);
	const isWarned =
		warnings.length === each.warnings.length &&
		each.warnings.every((pattern, i) => pattern.test(warnings[i]));
	return [
		error && `failed: ${error.message} ${error.description ?? ''}`,
		!isDeepStrictEqual(sent, expected) &&
			`sent: ${JSON.stringify(sent)}\nexpected: ${JSON.stringify(expected)}`,
		!error && items.length !== images && `${items.length} images, not ${images}`,
		billed !== images && `${billed} images were billed, not ${images}`,
		!error && !isWarned && `warnings: ${JSON.stringify(warnings)}, not ${String(each.warnings)}`,
	].filter((text) => typeof text === 'string');
}
