import {
	jsonParse,
	type IDataObject,
	type IExecuteSingleFunctions,
	type IPairedItemData,
} from 'n8n-workflow';

import { gatewayOf, type Gateway, type Placement, type ReferenceForm } from '../catalog/gateways';
import { LAYER_REFERENCES, MODEL_FAMILIES, type ModelFamily } from '../catalog/models';
import { operationOf, OPERATIONS, type Operation } from '../catalog/operations';
import { MAX_IMAGES, parameterNamed } from '../catalog/parameters';
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
import { checkTransparency, fileFormat, watermark } from './format';
import { inputItems } from './inputItems';
import { checkOperation, chosenFamily, spelled } from './model';
import { promptOf } from './prompt';
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
	provider?: string;
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
	/** Its number among the requests of its item, from 0. */
	part: number;
	/** What the file names call it: the first reference's file name without extension. */
	name: string;
	/** The input items that its images come from. */
	pairedItem: IPairedItemData | IPairedItemData[];
	/** What the user should know about the request, in sentences. */
	warnings: string[];
}

const NUMBER_OF_IMAGES = parameterNamed('n');
const STREAM = parameterNamed('stream');

/** A number of images that a body asks for, as far as it is one. */
function count(value: unknown): number | undefined {
	const number = Number(value);
	return number >= 1 && Number.isFinite(number) ? Math.floor(number) : undefined;
}

/** Layers of a model nobody knows: the most of those that are known. */
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
		const { context, credential, operation } = this;
		const gateway = gatewayOf(baseUrl, credential.provider);
		const isOther = gateway.id === 'other';
		this.checkBaseUrl(baseUrl);

		const body: Body = { ...declared };
		const id = String(body.model ?? '').trim();
		const family = chosenFamily(context, id);
		const { model, warning } = spelled(id, family, gateway);
		if (warning) this.warnings.push(warning);
		body.model = model;
		body.prompt = promptOf(context, operation, body.prompt);
		checkOperation(context, operation, family, gateway);
		const references = this.references(family);
		this.set(body, references.length, family, gateway);
		if (operation.isLayers) body.layer_decomposition = true;
		const requests = this.requests(body, family, gateway);
		this.warnings.push(...dropUnsupported(body, family, gateway, operation));
		this.warnOfSeed(body, requests);
		checkTransparency(context, body, references, family, gateway);
		body.output_format = fileFormat(context, body, operation, family, gateway);
		body.watermark = watermark(context, body.watermark);
		checkNumbers(context, body);
		body.size = this.size(family, gateway);

		const placement = isOther ? (credential.placement ?? gateway.placement) : gateway.placement;
		const whole = mergeDeep(
			place({ ...gateway.always, ...body }, placement),
			this.additionalFields(),
		);
		return {
			model: String(whole.model),
			operation,
			family,
			gateway,
			body: whole,
			references,
			referenceForm: isOther
				? (credential.referenceForm ?? gateway.referenceForm)
				: gateway.referenceForm,
			expectedImages: expectedImages(whole, family),
			requests,
			part: 0,
			name: references[0]?.name ?? '',
			pairedItem: isForAllItems(context)
				? inputItems(context).map((_, item) => ({ item }))
				: { item: context.getItemIndex() },
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

	private references(family: ModelFamily | undefined): Reference[] {
		if (this.operation.references === 'none') return [];
		if (this.operation.references === 'one') return [collectImage(this.context)];
		const references = collectReferences(this.context);
		const max = family?.references?.max;
		if (this.operation.references === 'required' && references.length === 0) {
			throw this.error(
				'There is no reference image',
				`${this.operation.name} needs at least one, and Reference Images finds none in the input. Put a node before this one that outputs the image as a file, or set Source to URL. AI Agents pass no files, so give them URLs.`,
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
		const { n } = body;
		const isSent =
			!this.operation.isSet &&
			!reasonNotToSend(NUMBER_OF_IMAGES, body, family, gateway, this.operation);
		const isRefused = this.operation.refuses?.includes(name);
		if (isEmpty(n) || isRefused || isSent || option?.input.kind !== 'number') return 1;
		const count = checkNumber(this.context, label, n, option.input);
		delete body[name];
		return count;
	}

	private warnOfSeed({ seed }: Body, requests: number): void {
		if (requests === 1 || isEmpty(seed) || Number(seed) === -1) return;
		this.warnings.push(
			`Each of the ${requests} requests has the seed ${String(seed)}, so their images may be alike. Set Seed to -1 for different ones.`,
		);
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
	return { ...request, part, warnings: part === 0 ? request.warnings : [] };
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
