import { isDeepStrictEqual } from 'node:util';
import type { INodeExecutionData, INodeParameters } from 'n8n-workflow';

import { itemWith, runNode } from '../engine';
import type { Gateway } from '../gateway';
import { bmp, heif } from '../imageFiles';
import { type Family, MODELS, type Operation } from '../facts/models';
import { type Ratio, RATIOS, type Resolution } from '../facts/sizes';
import { byId, dataUri, picture, TINY, transparentPicture } from '../support';
import { type Document, type Field, place } from './documents';
import { layerCases } from './layers';

type Body = Record<string, unknown>;

/** One request: what a user sets, and what the document says it must look like. */
export interface Case {
	name: string;
	/** Whether it is among those that `npm test` runs. */
	isRepresentative: boolean;
	parameters: INodeParameters;
	item: INodeExecutionData;
	body: Body;
	/** Warnings, in order. */
	warnings: RegExp[];
	images: number;
}

/** Pictures to use as references, as files and as URLs. */
export interface Pictures {
	files: Record<string, Buffer>;
	samples: Array<{ url: string; bytes: Buffer; format: string }>;
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
		transparent: await transparentPicture(),
	};
	const layered: Pictures['layered'] = { bmp: bmp(600, 500) };
	for (const format of ['png', 'jpeg', 'webp', 'gif', 'tiff'] as const) {
		files[format] = await picture(20, 20, format);
		layered[format] = await picture(600, 500, format);
	}
	const samples = ['png', 'jpeg'].map(async (format) => {
		const url = `${gateway.url}/samples/16x16.${format}`;
		return { url, format, bytes: Buffer.from(await (await fetch(url)).arrayBuffer()) };
	});
	const sample = `${gateway.url}/samples/600x500.jpeg`;
	return { files, samples: await Promise.all(samples), layered, sample };
}

/** For each field of a document: how a user sets it, and what warnings call it. */
const SETTINGS: Record<string, { label: string; set: (value: unknown) => object }> = {
	background: { label: 'Background', set: (background) => ({ options: { background } }) },
	guidance_scale: {
		label: 'Guidance Scale',
		set: (guidanceScale) => ({ options: { guidanceScale } }),
	},
	layer_decomposition: {
		label: '',
		set: (value) => ({
			options: { additionalBodyFields: JSON.stringify({ layer_decomposition: value }) },
		}),
	},
	n: { label: 'Number of Images', set: (numberOfImages) => ({ options: { numberOfImages } }) },
	'optimize_prompt_options.mode': {
		label: 'Prompt Optimization',
		set: (promptOptimization) => ({ options: { promptOptimization } }),
	},
	output_format: { label: 'Output Format', set: (outputFormat) => ({ options: { outputFormat } }) },
	prompt: { label: '', set: (length) => ({ prompt: longPrompt(Number(length)) }) },
	quality: { label: 'Quality', set: (quality) => ({ options: { quality } }) },
	response_format: { label: '', set: (responseFormat) => ({ options: { responseFormat } }) },
	seed: { label: 'Seed', set: (seed) => ({ options: { seed } }) },
	'sequential_image_generation_options.max_images': {
		label: '',
		set: (maxImages) => ({ maxImages }),
	},
	stream: {
		label: 'Stream',
		set: (value) => ({ options: { stream: value === true ? 'on' : 'off' } }),
	},
	style: { label: 'Style', set: (style) => ({ options: { style } }) },
	tools: { label: 'Web Search', set: () => ({ options: { webSearch: true } }) },
	user: { label: 'User', set: (user) => ({ options: { user } }) },
	watermark: { label: '', set: (watermark) => ({ options: { watermark } }) },
};

function longPrompt(length: number): string {
	return TINY.padEnd(length, '.');
}

/** The references of a case: the node's field, the item it reads, and what `image` must hold. */
interface References {
	kind: string;
	field: INodeParameters;
	item: INodeExecutionData;
	images: string[];
}

const ONE = ['one binary', 'one URL', 'one data URI'];
const MANY = ['three binary', 'two URLs', 'URL, binary and data URI'];
const NOTHING: References = { kind: 'none', field: {}, item: { json: {} }, images: [] };

function referencesOf(kind: string, { files, samples }: Pictures, { referenceUrls }: Document) {
	const png = dataUri('png', files.png);
	const asSent = ({ url, format, bytes }: Pictures['samples'][number]) =>
		referenceUrls ? url : dataUri(format, bytes);
	const [first, second] = samples;
	const fromUrl = (url: string) => ({ source: 'url', url });
	const fromField = (binaryPropertyName: string) => ({ source: 'binary', binaryPropertyName });
	const item = (data: Buffer) =>
		itemWith({
			data: { bytes: data, mimeType: 'application/octet-stream' },
			second: { bytes: files.jpeg, mimeType: 'image/jpeg' },
			third: { bytes: files.webp, mimeType: 'image/webp' },
		});
	const of = (image: object[], images: string[], data = files.png): References => ({
		kind,
		field: { image } as INodeParameters,
		item: item(data),
		images,
	});
	switch (kind) {
		case 'none':
			return NOTHING;
		case 'one binary':
			return of([fromField('data')], [png]);
		case 'one URL':
			return of([fromUrl(first.url)], [asSent(first)]);
		case 'one data URI':
			return of([fromUrl(png)], [png]);
		case 'one transparent PNG':
			return of([fromField('data')], [dataUri('png', files.transparent)], files.transparent);
		case 'three binary':
			return of(
				[fromField('data,second'), fromField('third')],
				[png, dataUri('jpeg', files.jpeg), dataUri('webp', files.webp)],
			);
		case 'two URLs':
			return of([fromUrl(`${second.url}\n${first.url}`)], [asSent(second), asSent(first)]);
		case 'URL, binary and data URI':
			return of(
				[fromUrl(first.url), fromField('second'), fromUrl(png)],
				[asSent(first), dataUri('jpeg', files.jpeg), png],
			);
	}
	const [count, format] = kind.split(' ');
	if (format in files) {
		return of([fromField('data')], [dataUri(format, files[format])], files[format]);
	}
	const many = Array<string>(Number(count));
	return of(
		[fromField(many.fill('data').join(','))],
		many.map(() => png),
	);
}

/** What the user sets about the size, the size it must come to, and whether that needs a warning. */
interface Size {
	name: string;
	set: INodeParameters;
	size: string;
	warning?: RegExp;
}

/** Width and height for a ratio, where the document or the model has a row for the resolution. */
function pixels(document: Document, family: Family, resolution: Resolution, ratio: Ratio): string {
	const row = document.sizes?.[resolution] ?? MODELS[family].size?.table[resolution];
	if (!row) throw new Error(`${family} has no sizes for ${resolution}`);
	return row[ratio];
}

function autoSize(document: Document, family: Family, resolution: Resolution): Size {
	const name = `size ${resolution}`;
	const set = { resolution };
	if ((document.presets ?? MODELS[family].size?.presets)?.includes(resolution)) {
		return { name, set, size: resolution };
	}
	const size = pixels(document, family, resolution, '1:1');
	const warning = new RegExp(
		`does not support the resolution ${resolution} by name.*${size} was sent`,
	);
	return { name, set, size, warning };
}

/** What `size` is when nothing is set. */
function defaultSize(document: Document, family: Family): Size {
	const { size: rules } = MODELS[family];
	if (!rules) return { name: '', set: {}, size: 'adaptive' };
	if (rules.presets.length === 0) return { name: '', set: {}, size: rules.default };
	return { ...autoSize(document, family, '2K'), name: '', set: {} };
}

function sizesOf(document: Document, family: Family): Size[] {
	const { size: rules } = MODELS[family];
	if (!rules) return [];
	const { atLimits, presets, table } = rules;
	const explicit = (size: string) => {
		const [width, height] = size.split('x').map(Number);
		return { name: `size ${size}`, set: { aspectRatio: 'custom', width, height }, size };
	};
	if (presets.length === 0) {
		const rows = Object.values(table).flatMap((row) => Object.entries(row));
		return [
			...rows.map(([ratio, size]) => ({
				name: `size ${ratio}`,
				set: { aspectRatio: ratio },
				size,
			})),
			...[...atLimits, ...rows.map(([, size]) => size)].map(explicit),
		];
	}
	const byName = new Set([...presets, ...(document.presets ?? [])]);
	const auto = [...byName].map((resolution) => autoSize(document, family, resolution));
	const ratios = presets.flatMap((resolution) =>
		RATIOS.map((aspectRatio) => ({
			name: `size ${resolution} ${aspectRatio}`,
			set: { resolution, aspectRatio },
			size: pixels(document, family, resolution, aspectRatio),
		})),
	);
	const [size] = atLimits;
	const asText = { name: `size ${size} as text`, set: { resolution: size }, size };
	return [...auto, ...ratios, ...atLimits.map(explicit), asText];
}

/** Sets a field that may be nested. */
function put(body: Body, name: string, value: unknown): Body {
	const [first, ...rest] = name.split('.');
	if (rest.length === 0) return { ...body, [first]: value };
	return { ...body, [first]: put((body[first] ?? {}) as Body, rest.join('.'), value) };
}

function mergeOptions(settings: readonly object[]): INodeParameters {
	return settings.reduce<INodeParameters>((all, each) => {
		const { options, ...rest } = each as INodeParameters;
		const merged = { ...(all.options as object), ...(options as object) } as INodeParameters;
		return { ...all, ...rest, options: merged };
	}, {});
}

const isBackground = ({ name }: Field) => name === 'background';

/** Builds the cases of one document. */
class CaseMaker {
	readonly cases: Case[] = [];

	constructor(
		private readonly document: Document,
		private readonly pictures: Pictures,
	) {}

	make(): Case[] {
		const seen = new Set<Family>();
		for (const [id, family] of this.document.models) {
			for (const operation of MODELS[family].operations) {
				if (operation === 'imageSet' && this.document.sets === 'refused') continue;
				// They have bodies of their own: `layers.ts`.
				if (operation === 'layers') continue;
				if (seen.has(family)) this.another(id, family, operation);
				else this.all(id, family, operation);
			}
			seen.add(family);
		}
		return this.cases;
	}

	private references(kind: string): References {
		return referencesOf(kind, this.pictures, this.document);
	}

	/** Every case of a model in an operation. */
	private all(id: string, family: Family, operation: Exclude<Operation, 'layers'>): void {
		const { max: maxReferences = 0, formats: ofModel = [] } = MODELS[family].references ?? {};
		const kinds = {
			textToImage: ['none'],
			imageToImage: maxReferences === 1 ? ONE : [...ONE, ...MANY],
			imageSet: ['none', ...ONE, ...MANY],
		}[operation];
		for (const kind of kinds) {
			const maker = new Maker(this, this.document, id, family, operation, this.references(kind));
			const isFirst = kind === kinds[0];
			maker.plain(true);
			for (const size of sizesOf(this.document, family)) {
				// Pixels are one open value: all of them stand with the first kind of references.
				const isByName = !/\dx|:/.test(size.name);
				if (isFirst || isByName) maker.sized(size, isFirst && isByName);
			}
			for (const field of this.document.fields) maker.field(field, isFirst);
			maker.together(isFirst);
			if (isFirst && operation !== 'imageSet') maker.unlisted();
		}
		if (operation === 'textToImage') return;
		const { referenceFormats: formats = ofModel } = this.document;
		for (const kind of formats.map((format) => `one ${format}`)) {
			new Maker(this, this.document, id, family, operation, this.references(kind)).plain(true);
		}
		if (MODELS[family].transparencyNeedsAlpha && this.document.fields.some(isBackground)) {
			const references = this.references('one transparent PNG');
			const maker = new Maker(this, this.document, id, family, operation, references);
			const only = [family];
			maker.field({ name: 'background', values: ['transparent'], only }, true);
		}
		if (maxReferences > 1) {
			const references = this.references(`${maxReferences} binary`);
			new Maker(this, this.document, id, family, operation, references).plain(true);
		}
	}

	/** A further id of a model: that it is sent as the document spells it. */
	private another(id: string, family: Family, operation: Operation): void {
		const references = this.references(operation === 'imageToImage' ? 'one binary' : 'none');
		const maker = new Maker(this, this.document, id, family, operation, references);
		maker.plain(true);
		if (operation === 'imageSet') {
			for (const field of this.document.fields.filter(({ name }) => name === 'stream')) {
				maker.field(field, true);
			}
		}
	}
}

/** Builds the cases of one model in one operation with one kind of references. */
class Maker {
	constructor(
		private readonly maker: CaseMaker,
		private readonly document: Document,
		private readonly id: string,
		private readonly family: Family,
		private readonly operation: Operation,
		private readonly references: References,
	) {}

	/** As the user finds the fields, but for a set that must leave room for its references. */
	plain(isRepresentative: boolean): void {
		const room = 15 - this.references.images.length;
		const base = this.base();
		if (this.operation === 'imageSet' && room < 4) {
			base.parameters.maxImages = room;
			base.body.sequential_image_generation_options = { max_images: room };
			base.images = room;
		}
		this.add('', { ...base, isRepresentative });
	}

	sized({ name, set, size, warning }: Size, isRepresentative: boolean): void {
		const base = this.base(2);
		base.warnings = warning ? [warning] : [];
		base.parameters = { ...base.parameters, ...set };
		this.add(name, { ...base, body: { ...base.body, size }, isRepresentative });
	}

	field(field: Field, isRepresentative: boolean): void {
		const isForSets = ['stream', 'sequential_image_generation_options.max_images'];
		if (isForSets.includes(field.name) && this.operation !== 'imageSet') return;
		// Additional Body Fields are the user's own: they are sent whatever the model is.
		if (field.name === 'layer_decomposition' && !this.supports(field)) return;
		const values = this.supports(field) ? field.values : field.values.slice(0, 1);
		for (const value of values) {
			const base = this.base(2);
			const name = `${field.name} ${JSON.stringify(value)}`;
			if (this.supports(field)) {
				this.send(base, field, value);
				this.add(name, { ...base, isRepresentative });
			} else {
				this.drop(base, field.name, value);
				this.add(`${name} left out`, { ...base, isRepresentative });
			}
		}
	}

	/** All fields at once, the first value of each. */
	together(isRepresentative: boolean): void {
		const base = this.base(2);
		const set = new Set(['sequential_image_generation_options.max_images', 'prompt']);
		for (const field of this.document.fields) {
			const isInVain = field.name === 'stream' && this.operation !== 'imageSet';
			if (isInVain || set.has(field.name) || !this.supports(field)) continue;
			set.add(field.name);
			this.send(base, field, field.values[0]);
		}
		this.add('all fields', { ...base, isRepresentative });
	}

	/** What the node can send and the document does not list: it is not sent, and a warning says so. */
	unlisted(): void {
		const listed = this.document.fields.map(({ name }) => name);
		const values: Record<string, unknown> = {
			background: 'opaque',
			guidance_scale: 5,
			n: 2,
			'optimize_prompt_options.mode': 'standard',
			output_format: 'png',
			quality: 'hd',
			seed: 42,
			style: 'vivid',
			tools: true,
			user: 'customer-42',
		};
		for (const [name, value] of Object.entries(values)) {
			if (listed.includes(name)) continue;
			const base = this.base(2);
			this.drop(base, name, value);
			this.add(`${name} not listed`, { ...base, isRepresentative: true });
		}
	}

	private supports({ only }: Pick<Field, 'only'>): boolean {
		return !only || only.includes(this.family) || only.includes(this.id);
	}

	private send(base: Omit<Case, 'name'>, field: Field, value: unknown): void {
		const { set } = SETTINGS[field.name];
		// The editor hides a background where the model has none; an expression hides nothing.
		const isHidden = isBackground(field) && !MODELS[this.family].parameters.background;
		const model = isHidden ? [{ model: byId('={{ $json.model }}') }] : [];
		base.parameters = mergeOptions([base.parameters, set(value), ...model]);
		if (field.name === 'prompt') {
			base.body.prompt = longPrompt(Number(value));
		} else if (field.name === 'stream' && value === false) {
			delete base.body.stream;
		} else {
			const room = 15 - this.references.images.length;
			const isMax = field.name === 'sequential_image_generation_options.max_images';
			const sent = isMax ? Math.min(Number(value), room) : value;
			if (isMax) base.parameters.maxImages = sent as number;
			base.body = put(base.body, field.name, sent);
			const isMadePng = isBackground(field) && value === 'transparent';
			if (isMadePng && this.listsFormat()) base.body.output_format = 'png';
			if (isMax) base.images = sent as number;
		}
		if (field.name === 'n' && this.operation !== 'imageSet') base.images = Number(value);
	}

	private listsFormat(): boolean {
		const format = this.document.fields.find(({ name }) => name === 'output_format');
		return !!format && this.supports(format);
	}

	/** The model comes from an expression, so that n8n hides no field. */
	private drop(base: Omit<Case, 'name'>, name: string, value: unknown): void {
		const { set, label } = SETTINGS[name];
		base.parameters = mergeOptions([
			base.parameters,
			set(value),
			{ model: byId('={{ $json.model }}') },
		]);
		if (name === 'stream') delete base.body.stream;
		base.warnings = [new RegExp(`^${label} was not sent: .+\\.$`), ...base.warnings];
	}

	/** @param maxImages of a set; what the user finds when absent */
	private base(maxImages?: number): Omit<Case, 'name'> {
		const { document, operation, references, id, family } = this;
		const isSet = operation === 'imageSet';
		const { size, warning } = defaultSize(document, family);
		const parameters: INodeParameters = { operation, model: byId(id), prompt: TINY };
		if (operation !== 'textToImage') parameters.referenceImages = references.field;
		if (isSet && maxImages !== undefined) parameters.maxImages = maxImages;
		const body: Body = {
			model: id,
			prompt: TINY,
			size,
			response_format: 'url',
			watermark: false,
			...document.always,
		};
		// The field says JPEG, whatever the service would make.
		if (MODELS[family].defaultFormat && this.listsFormat()) body.output_format = 'jpeg';
		const { images } = references;
		if (images.length > 0) {
			body.image = images.length === 1 && document.referenceForm === 'auto' ? images[0] : images;
		}
		if (isSet) {
			body.sequential_image_generation = 'auto';
			body.sequential_image_generation_options = { max_images: maxImages ?? 4 };
			const stream = document.fields.find(({ name }) => name === 'stream');
			if (document.streamsSets && stream && this.supports(stream)) body.stream = true;
		}
		return {
			isRepresentative: true,
			parameters,
			item: { ...references.item, json: { model: id } },
			body,
			warnings: warning ? [warning] : [],
			images: isSet ? (maxImages ?? 4) : 1,
		};
	}

	private add(what: string, { body, images, warnings, ...rest }: Omit<Case, 'name'>): void {
		const { document, operation, references, id } = this;
		const isAlone = document.sets === 'dropped' && operation === 'imageSet' && images > 1;
		this.maker.cases.push({
			name: [operation, id, references.kind, what || 'nothing set'].join(', '),
			...rest,
			body: place(body, document.placement),
			images: isAlone ? 1 : images,
			warnings: isAlone ? [...warnings, /^Requested \d+ images, received 1\./] : warnings,
		});
	}
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
	const expected = [{ line: `POST ${path} 200`, body: each.body }];
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
		!error && items.length !== each.images && `${items.length} images, not ${each.images}`,
		!error && !isWarned && `warnings: ${JSON.stringify(warnings)}, not ${String(each.warnings)}`,
	].filter((text) => typeof text === 'string');
}
