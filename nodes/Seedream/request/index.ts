import {
	jsonParse,
	type IDataObject,
	type IExecuteSingleFunctions,
	type IPairedItemData,
} from 'n8n-workflow';

import {
	GATEWAYS,
	gatewayOf,
	livingModels,
	modelsFor,
	type Gateway,
	type Placement,
	type ReferenceForm,
} from '../catalog/gateways';
import { familyOf, LAYER_REFERENCES, MODEL_FAMILIES, type ModelFamily } from '../catalog/models';
import { operationOf, OPERATIONS, type Operation } from '../catalog/operations';
import { MAX_IMAGES, PARAMETERS, type Parameter, type ParameterName } from '../catalog/parameters';
import { inputError, type Reject } from '../errors';
import { baseUrlProblem } from '../http/baseUrl';
import type { DownloadOptions } from '../http/download';
import {
	checkNumbers,
	dropUnsupported,
	isEmpty,
	isObject,
	mergeDeep,
	place,
	reasonNotToSend,
	type Body,
} from './body';
import { inputItems } from './inputItems';
import {
	collectImage,
	collectReferences,
	isForAllItems,
	loadReference,
	type Reference,
} from './references';
import { checkNumber } from './settings';
import { chooseSize, layerSize } from './size';

/** The fields of a credential that the node reads. */
export interface Credential {
	baseUrl: string;
	apiKey: string;
	gateway?: string;
	placement?: Placement;
	referenceForm?: ReferenceForm;
}

/** One item's request, complete except for the bytes of its references. */
export interface ImageRequest {
	model: string;
	operation: Operation;
	/** Undefined for a model nobody knows. */
	family?: ModelFamily;
	gateway: Gateway;
	/** What is sent, without `image`. */
	body: Body;
	references: Reference[];
	referenceForm: ReferenceForm;
	/** Most images the response may hold. */
	expectedImages: number;
	/** How often it is sent, each time for further images. */
	requests: number;
	/** Images of the item's requests before this one, which are numbered first. */
	firstIndex: number;
	/** What the file names call it: the first reference's file name without extension. */
	name: string;
	/** The input items that its images come from. */
	pairedItem: IPairedItemData | IPairedItemData[];
	/** What the user should know about the request, in sentences. */
	warnings: string[];
}

const parameterNamed = (wanted: ParameterName) =>
	(PARAMETERS as readonly Parameter[]).find(({ name }) => name === wanted) as Parameter;

const NUMBER_OF_IMAGES = parameterNamed('n');
const STREAM = parameterNamed('stream');
const OUTPUT_FORMAT = parameterNamed('output_format');

/** A number of images that a body asks for, as far as it is one. */
function count(value: unknown): number | undefined {
	const number = Number(value);
	return number >= 1 && Number.isFinite(number) ? Math.floor(number) : undefined;
}

/** Layers of a model nobody knows: as many as any has. */
const MAX_LAYER_IMAGES = Math.max(
	...MODEL_FAMILIES.map(({ maxLayerImages }) => maxLayerImages ?? 1),
);

/** Most images that the response to a body may hold, wherever the body carries its parameters. */
function expectedImages(body: Body, family: ModelFamily | undefined): number {
	const inside = isObject(body.extra_fields) ? body.extra_fields : {};
	const {
		n,
		layer_decomposition: layers,
		sequential_image_generation: set,
		sequential_image_generation_options: options,
	} = mergeDeep(inside, body);
	if (layers === true) return family?.maxLayerImages ?? MAX_LAYER_IMAGES;
	if (set !== 'auto') return count(n) ?? 1;
	return count(isObject(options) ? options.max_images : undefined) ?? MAX_IMAGES.max;
}

/** Whether a text is empty to a reader; zero-width characters are not blanks to `trim`. */
function isBlank(text: unknown): boolean {
	if (typeof text === 'object' && text !== null) return false;
	return !String(text ?? '').replace(/[\s\p{Cf}\p{Cc}]/gu, '');
}

/** Reads the fields of one item and builds its request. */
class RequestBuilder {
	private readonly operation: Operation;

	private readonly warnings: string[] = [];

	constructor(
		private readonly context: IExecuteSingleFunctions,
		private readonly credential: Credential,
	) {
		const id = context.getNodeParameter('operation');
		const operation = operationOf(id);
		if (!operation) {
			const ids = OPERATIONS.map((each) => each.id).join(', ');
			throw this.error(`“${String(id)}” is not an Operation`, `Set Operation to one of: ${ids}.`);
		}
		this.operation = operation;
	}

	build(declared: Body, baseUrl: string): ImageRequest {
		const { credential } = this;
		const gateway = gatewayOf(baseUrl, credential.gateway ?? 'automatic');
		const isOther = gateway.id === 'other';
		this.checkBaseUrl(baseUrl);

		const body: Body = { ...declared };
		const family = this.family(String(body.model ?? '').trim());
		body.model = this.spell(String(body.model).trim(), family, gateway);
		this.checkPrompt(body);
		this.checkOperation(family, gateway);
		const references = this.references(family);
		this.set(body, references.length, family, gateway);
		if (this.operation.isLayers) body.layer_decomposition = true;
		const requests = this.requests(body, family, gateway);
		this.warnings.push(...dropUnsupported(body, family, gateway, this.operation));
		this.transparency(body, references, family, gateway);
		this.fileFormat(body, family, gateway);
		body.watermark = this.watermark(body);
		checkNumbers(this.context, body);
		body.size = this.size(family, gateway);

		const placement = isOther ? (credential.placement ?? gateway.placement) : gateway.placement;
		const whole = mergeDeep(
			place({ ...gateway.always, ...body }, placement),
			this.additionalFields(),
		);
		return {
			model: String(whole.model),
			operation: this.operation,
			family,
			gateway,
			body: whole,
			references,
			referenceForm: isOther
				? (credential.referenceForm ?? gateway.referenceForm)
				: gateway.referenceForm,
			expectedImages: expectedImages(whole, family),
			requests,
			firstIndex: 0,
			name: references[0]?.name ?? '',
			pairedItem: isForAllItems(this.context)
				? inputItems(this.context).map((_, item) => ({ item }))
				: { item: this.context.getItemIndex() },
			warnings: this.warnings,
		};
	}

	private readonly reject: Reject = (message, description) => this.error(message, description);

	private error(message: string, description: string) {
		return inputError(this.context, message, description);
	}

	private checkBaseUrl(baseUrl: string): void {
		const problem = baseUrlProblem(baseUrl);
		if (problem) throw this.error(problem.message, problem.description);
	}

	private family(model: string): ModelFamily | undefined {
		if (!model) {
			throw this.error('No model is chosen', 'Choose a Model from the list or enter its ID.');
		}
		const chosen = this.context.getNodeParameter('modelFamily', '') as string;
		return familyOf(model) ?? MODEL_FAMILIES.find(({ id }) => id === chosen);
	}

	/** First-party services accept only their own ids; another service's id means the same model. */
	private spell(model: string, family: ModelFamily | undefined, gateway: Gateway): string {
		const known = family?.ids.find(({ id }) => id === model);
		if (!known || !gateway.service || known.service === gateway.service) return model;
		const own = family?.ids.find(({ service }) => service === gateway.service)?.id;
		if (!own) return model;
		const bare = (id: string) => id.replace(/^(doubao|dola)-/, '');
		if (bare(own) !== bare(model)) {
			this.warnings.push(`${gateway.name} has no model “${model}”, so “${own}” was requested.`);
		}
		return own;
	}

	private checkPrompt(body: Body): void {
		const { prompt } = body;
		if (this.operation.isLayers && isBlank(prompt)) {
			delete body.prompt;
			return;
		}
		const isNumber = typeof prompt === 'number' && Number.isFinite(prompt);
		if (isNumber) body.prompt = String(prompt);
		const reason = isNumber ? undefined : this.promptProblem(prompt);
		if (!reason) return;
		throw this.error(
			`The Prompt is ${reason}`,
			'Describe the image in the Prompt field. If it comes from an expression, check that the input item has that field.',
		);
	}

	private promptProblem(prompt: unknown): string | undefined {
		if (typeof prompt === 'boolean' || typeof prompt === 'number') {
			return `“${prompt}”, which is not a text`;
		}
		if (typeof prompt === 'object' && prompt !== null) return 'not a text';
		if (isBlank(prompt)) return 'empty';
		const text = String(prompt);
		if (text.includes('[object Object]')) return 'not a text: it contains “[object Object]”';
		const isUndefined = (value: unknown) => /\bundefined\b/.test(JSON.stringify(value) ?? '');
		const raw = this.context.getNode().parameters.prompt;
		const isBroken =
			typeof raw === 'string' &&
			raw.startsWith('=') &&
			isUndefined(text) &&
			![raw, this.context.getInputData().json].some(isUndefined);
		return isBroken ? 'incomplete: it contains “undefined”' : undefined;
	}

	private checkOperation(family: ModelFamily | undefined, gateway: Gateway): void {
		const { id, plural, needs, instead } = this.operation;
		if (needs && !gateway.parameters[needs]) {
			const able = GATEWAYS.filter(({ parameters, service }) => service && parameters[needs]);
			const others = able.map(({ name }) => name).join(' or ');
			const another = `a credential for another gateway${others && `, such as ${others}`}`;
			throw this.error(
				`${gateway.name} does not support ${plural}`,
				instead ? `${instead}, or ${another}.` : `Use ${another}.`,
			);
		}
		if (!family || family.operations.includes(id)) return;
		const able = modelsFor(id, livingModels(gateway)).map((model) => familyOf(model)?.name);
		throw this.error(
			`${family.name} does not support ${plural}`,
			able.length > 0
				? `Choose another Model: ${[...new Set(able)].join(', ')}.`
				: `${gateway.name} is not known to have a model that does. Use a credential for another gateway.`,
		);
	}

	private references(family: ModelFamily | undefined): Reference[] {
		if (this.operation.references === 'none') return [];
		if (this.operation.references === 'one') return [collectImage(this.context)];
		const references = collectReferences(this.context);
		const max = family?.references?.max;
		if (this.operation.references === 'required' && references.length === 0) {
			throw this.error(
				'There is no reference image',
				`${this.operation.name} needs at least one. The input item has no image among what Reference Images names: put a node before this one that outputs the image as a file, or set Source to URL. AI Agents pass no files, so give them URLs.`,
			);
		}
		if (max !== undefined && references.length > max) {
			throw this.error(
				`${references.length} Reference Images are too many for ${family?.name}`,
				`The model supports up to ${max}. Remove some, or choose another Model.`,
			);
		}
		return references;
	}

	/** Adds the parameters of an image set. */
	private set(
		body: Body,
		references: number,
		family: ModelFamily | undefined,
		gateway: Gateway,
	): void {
		if (!this.operation.isSet) return;
		const options = body.sequential_image_generation_options as { max_images?: unknown };
		const rule = { ...MAX_IMAGES, isWhole: true };
		const maxImages = checkNumber(this.context, 'Max Images', options?.max_images, rule);
		const total = family?.maxTotalImages;
		if (total !== undefined && references + maxImages > total) {
			throw this.error(
				`${references} Reference Images and ${maxImages} Max Images are more than ${total} together`,
				`${family?.name} counts both. Set Max Images to ${total - references} or fewer, or remove references.`,
			);
		}
		body.sequential_image_generation = 'auto';
		body.sequential_image_generation_options = { max_images: maxImages };
		const stream = this.context.getNodeParameter('advanced.stream', 'automatic');
		const isOffered =
			!!family &&
			gateway.streamsSets &&
			!reasonNotToSend(STREAM, body, family, gateway, this.operation);
		if (stream === 'on' || (stream === 'automatic' && isOffered)) body.stream = true;
	}

	/** Number of Images, as that many requests where the gateway does not support `n`. */
	private requests(body: Body, family: ModelFamily | undefined, gateway: Gateway): number {
		const { name, label, option } = NUMBER_OF_IMAGES;
		const { n, seed } = body;
		const isSent =
			!this.operation.isSet &&
			!reasonNotToSend(NUMBER_OF_IMAGES, body, family, gateway, this.operation);
		const isRefused = this.operation.refuses?.includes(name as ParameterName);
		if (isEmpty(n) || isRefused || isSent || option?.input.kind !== 'number') return 1;
		const count = checkNumber(this.context, label, n, option.input);
		delete body[name];
		if (count > 1 && seed !== undefined && Number(seed) !== -1) {
			this.warnings.push(
				`Each of the ${count} requests has the seed ${String(seed)}, so that the images may be alike.`,
			);
		}
		return count;
	}

	/**
	 * Checks what a transparent background needs. Where the model decides what it is, so does its record;
	 * a gateway that passes it on for any model says nothing.
	 */
	private transparency(
		{ background }: Body,
		references: Reference[],
		family: ModelFamily | undefined,
		gateway: Gateway,
	): void {
		if (background !== 'transparent' || gateway.parameters.background !== 'model') return;
		if (!family?.transparencyNeedsAlpha) return;
		if (references.length !== 1) {
			throw this.error(
				`${family.name} needs exactly one Reference Image for a transparent Background, not ${references.length}`,
				'Use Image-to-Image with one PNG that has transparent pixels, choose Seedream 5.5, or set Background to Opaque.',
			);
		}
		references[0].needsAlpha = true;
	}

	/** JPEG unless the user chooses otherwise, whatever the service's default; PNG where transparent. */
	private fileFormat(body: Body, family: ModelFamily | undefined, gateway: Gateway): void {
		const isTransparent = body.background === 'transparent';
		if (isTransparent && body.output_format === 'jpeg') {
			throw this.error(
				'A transparent Background needs PNG, but Output Format is JPEG',
				'Set Output Format to PNG or remove it, or set Background to Opaque.',
			);
		}
		if (!family || body.output_format !== undefined) return;
		if (!isTransparent && !family.defaultFormat) return;
		const wanted = { output_format: isTransparent ? 'png' : 'jpeg' };
		if (!reasonNotToSend(OUTPUT_FORMAT, wanted, family, gateway, this.operation)) {
			Object.assign(body, wanted);
		}
	}

	/** Never left to the service, whose default is to mark: an expression may give a text, or nothing. */
	private watermark({ watermark }: Body): boolean {
		const text = String(watermark ?? '')
			.trim()
			.toLowerCase();
		if (text === 'true') return true;
		if (text === 'false' || text === '') return false;
		throw this.error(`Watermark is “${text}”`, 'Set it to on or off, or to true or false.');
	}

	private size(family: ModelFamily | undefined, gateway: Gateway): string {
		const text = (name: string, fallback: string) =>
			String(this.context.getNodeParameter(name, fallback)).trim();
		if (this.operation.isLayers) return layerSize(text('resolution', 'auto'), this.reject);
		const pixels = (name: string) => Number(this.context.getNodeParameter(name, NaN));
		const { size, warning } = chooseSize(
			{
				aspectRatio: text('aspectRatio', 'auto'),
				resolution: text('resolution', '2K'),
				width: pixels('width'),
				height: pixels('height'),
			},
			family,
			gateway,
			this.reject,
		);
		if (warning) this.warnings.push(warning);
		return size;
	}

	private additionalFields(): Body {
		const value = this.context.getNodeParameter('advanced.additionalBodyFields', {});
		const advice =
			'Enter a JSON object, for example { "optimize_prompt_options": { "thinking": "enabled" } }.';
		let fields: unknown = value;
		if (typeof value === 'string') {
			try {
				fields = value.trim() ? jsonParse<unknown>(value) : {};
			} catch {
				throw this.error('Additional Body Fields is not valid JSON', advice);
			}
		}
		if (!isObject(fields)) throw this.error('Additional Body Fields is not a JSON object', advice);
		return fields;
	}
}

/**
 * Builds the request of one item from its fields, for its model and gateway.
 * @param declared body as the node's description filled it in
 * @param baseUrl as the API is called, without trailing slash
 * @throws NodeOperationError for input that the model or the gateway would reject
 */
export function buildRequest(
	context: IExecuteSingleFunctions,
	credential: Credential,
	declared: IDataObject,
	baseUrl: string,
): ImageRequest {
	return new RequestBuilder(context, credential).build(declared, baseUrl);
}

/** One of the requests of an item. @param part its number, from 0; the first carries the warnings */
export function requestPart(request: ImageRequest, part: number): ImageRequest {
	const { expectedImages, warnings } = request;
	return {
		...request,
		firstIndex: part * expectedImages,
		warnings: part === 0 ? warnings : [],
	};
}

/**
 * The body with its references read in.
 * @throws NodeOperationError for a reference that the model or the gateway does not support
 */
export async function completeBody(
	context: IExecuteSingleFunctions,
	{ body, references, referenceForm, family, gateway, operation }: ImageRequest,
	options: DownloadOptions,
): Promise<Body> {
	if (references.length === 0) return body;
	const rules = family && operation.isLayers ? LAYER_REFERENCES : family?.references;
	const images: string[] = [];
	for (const reference of references) {
		images.push(await loadReference(context, reference, { family, rules, gateway }, options));
	}
	const isSingle = images.length === 1 && referenceForm === 'auto';
	return { image: isSingle ? images[0] : images, ...body };
}
