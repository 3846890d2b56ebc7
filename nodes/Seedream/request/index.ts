import { jsonParse, type IDataObject, type IExecuteSingleFunctions } from 'n8n-workflow';

import { gatewayOf, type Gateway, type Placement, type ReferenceForm } from '../catalog/gateways';
import {
	familyOf,
	MAX_IMAGES,
	MODEL_FAMILIES,
	type ModelFamily,
	type Operation,
} from '../catalog/models';
import { inputError, type Refusal } from '../errors';
import {
	checkNumbers,
	dropWhatIsNotTaken,
	isObject,
	mergeDeep,
	place,
	reasonNotToSend,
	type Body,
} from './body';
import { collectReferences, loadReference, type Reference } from './references';
import { chooseSize } from './size';

/** What a credential says, as far as the node reads it; the credential describes the fields. */
export interface Credential {
	baseUrl: string;
	apiKey: string;
	gateway?: string;
	placement?: Placement;
	referenceForm?: ReferenceForm;
}

/** One item's request, whole but for the bytes of its references. */
export interface ImageRequest {
	model: string;
	/** Undefined for a model nobody knows. */
	family?: ModelFamily;
	gateway: Gateway;
	/** What is sent, without `image`. */
	body: Body;
	references: Reference[];
	referenceForm: ReferenceForm;
	/** Most images the answer may hold. */
	expectedImages: number;
	/** What the user should know about the request, in sentences. */
	warnings: string[];
}

const OPERATION_NAMES: Record<Operation, string> = {
	textToImage: 'Text-to-Image',
	imageToImage: 'Image-to-Image',
	imageSet: 'Image Set',
};

/** First-party services know only their own spelling of a model; the other's means the same model. */
function spell(model: string, family: ModelFamily | undefined, gateway: Gateway): string {
	const known = family?.ids.find(({ id }) => id === model);
	if (!known || !gateway.service || known.service === gateway.service) return model;
	return family?.ids.find(({ service }) => service === gateway.service)?.id ?? model;
}

/** Most images that the answer to a body may hold, wherever the body carries its options. */
function expectedImages(body: Body): number {
	const inside = isObject(body.extra_fields) ? body.extra_fields : {};
	const {
		n,
		sequential_image_generation: set,
		sequential_image_generation_options: options,
	} = mergeDeep(inside, body);
	if (set !== 'auto') return Number(n) || 1;
	return Number(isObject(options) ? options.max_images : NaN) || MAX_IMAGES.max;
}

/** Reads the fields of one item and builds its request. */
class RequestBuilder {
	private readonly operation: Operation;

	private readonly warnings: string[] = [];

	constructor(
		private readonly context: IExecuteSingleFunctions,
		private readonly credential: Credential,
	) {
		this.operation = context.getNodeParameter('operation') as Operation;
	}

	build(declared: Body, baseUrl: string): ImageRequest {
		const { credential } = this;
		const gateway = gatewayOf(baseUrl, credential.gateway ?? 'automatic');
		const isOther = gateway.id === 'other';
		this.checkBaseUrl(baseUrl);

		const body: Body = { ...gateway.always, ...declared };
		const family = this.family(String(body.model ?? '').trim());
		body.model = spell(String(body.model).trim(), family, gateway);
		this.checkPrompt(body);
		this.checkOperation(family, gateway);
		const references = this.references(family);
		this.set(body, references.length, family, gateway);
		const refuse: Refusal = (message, description) => this.error(message, description);
		this.warnings.push(...dropWhatIsNotTaken(body, family, gateway));
		body.watermark = this.watermark(body);
		checkNumbers(body, refuse);
		body.size = this.size(family, gateway);

		const placement = isOther ? (credential.placement ?? gateway.placement) : gateway.placement;
		const whole = mergeDeep(place(body, placement), this.additionalFields());
		return {
			model: String(whole.model),
			family,
			gateway,
			body: whole,
			references,
			referenceForm: isOther
				? (credential.referenceForm ?? gateway.referenceForm)
				: gateway.referenceForm,
			expectedImages: expectedImages(whole),
			warnings: this.warnings,
		};
	}

	private error(message: string, description: string) {
		return inputError(this.context, message, description);
	}

	private checkBaseUrl(baseUrl: string): void {
		if (/^https?:\/\/([^\s/@]*@)?(\[[\da-f:.]+\]|[^\s/:@]+)(:\d+)?(\/\S*)?$/i.test(baseUrl)) return;
		throw this.error(
			'The Base URL of the credential is not an address this node can call',
			'Open the credential and enter an address that starts with https://, for example https://ark.ap-southeast.bytepluses.com/api/v3.',
		);
	}

	private family(model: string): ModelFamily | undefined {
		if (!model) {
			throw this.error('No model is chosen', 'Choose a Model from the list or enter its ID.');
		}
		const chosen = this.context.getNodeParameter('modelFamily', '') as string;
		return familyOf(model) ?? MODEL_FAMILIES.find(({ id }) => id === chosen);
	}

	private checkPrompt(body: Body): void {
		if (typeof body.prompt === 'number') body.prompt = String(body.prompt);
		if (typeof body.prompt === 'string' && body.prompt.trim()) return;
		throw this.error(
			`The Prompt is ${typeof body.prompt === 'object' && body.prompt ? 'not a text' : 'empty'}`,
			'Describe the image in the Prompt field. If it comes from an expression, check that the input item has that field.',
		);
	}

	private checkOperation(family: ModelFamily | undefined, gateway: Gateway): void {
		const name = OPERATION_NAMES[this.operation];
		if (family && !family.operations.includes(this.operation)) {
			const able = MODEL_FAMILIES.filter(({ operations }) => operations.includes(this.operation));
			throw this.error(
				`${family.name} does not do ${name}`,
				`Choose another Model: ${able.map((each) => each.name).join(', ')}.`,
			);
		}
		if (this.operation === 'imageSet' && !gateway.parameters.sequential_image_generation) {
			throw this.error(
				`${gateway.name} does not offer image sets`,
				'Use the Text-to-Image operation, once for each image, or a credential for another gateway.',
			);
		}
	}

	private references(family: ModelFamily | undefined): Reference[] {
		if (this.operation === 'textToImage') return [];
		const references = collectReferences(this.context);
		const max = family?.references?.max;
		if (this.operation === 'imageToImage' && references.length === 0) {
			throw this.error(
				'Reference Images is empty',
				'Image-to-Image needs at least one image: add a binary field of the input item, or a URL.',
			);
		}
		if (max !== undefined && references.length > max) {
			throw this.error(
				`${references.length} Reference Images are too many for ${family?.name}`,
				`The model takes up to ${max}. Remove some, or choose another Model.`,
			);
		}
		return references;
	}

	/** Fills in what makes a set. */
	private set(
		body: Body,
		references: number,
		family: ModelFamily | undefined,
		gateway: Gateway,
	): void {
		if (this.operation !== 'imageSet') return;
		const options = body.sequential_image_generation_options as { max_images?: unknown };
		const value = options?.max_images ?? '';
		const maxImages = Number(value);
		if (!Number.isInteger(maxImages) || maxImages < MAX_IMAGES.min || maxImages > MAX_IMAGES.max) {
			throw this.error(
				`Max Images is ${String(value) || 'empty'}`,
				`Set it to a whole number from ${MAX_IMAGES.min} to ${MAX_IMAGES.max}.`,
			);
		}
		const total = family?.maxTotalImages;
		if (total !== undefined && references + maxImages > total) {
			throw this.error(
				`${references} Reference Images and ${maxImages} Max Images are more than ${total} together`,
				`${family?.name} counts both. Set Max Images to ${total - references} or fewer, or remove references.`,
			);
		}
		body.sequential_image_generation = 'auto';
		body.sequential_image_generation_options = { max_images: maxImages };
		const stream = this.context.getNodeParameter('options.stream', 'automatic');
		const isOffered =
			!!family && gateway.streamsSets && !reasonNotToSend('stream', body, family, gateway);
		if (stream === 'on' || (stream === 'automatic' && isOffered)) body.stream = true;
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
			(message, description) => this.error(message, description),
		);
		if (warning) this.warnings.push(warning);
		return size;
	}

	private additionalFields(): Body {
		const value = this.context.getNodeParameter('options.additionalBodyFields', {});
		const advice = 'Enter a JSON object, for example { "layer_decomposition": true }.';
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
 * @throws NodeOperationError for input that the model or the gateway would refuse
 */
export function buildRequest(
	context: IExecuteSingleFunctions,
	credential: Credential,
	declared: IDataObject,
	baseUrl: string,
): ImageRequest {
	return new RequestBuilder(context, credential).build(declared, baseUrl);
}

/**
 * The body with its references read in.
 * @throws NodeOperationError for a reference that the model or the gateway does not read
 */
export async function completeBody(
	context: IExecuteSingleFunctions,
	{ body, references, referenceForm, family, gateway }: ImageRequest,
): Promise<Body> {
	if (references.length === 0) return body;
	const images: string[] = [];
	for (const reference of references) {
		images.push(await loadReference(context, reference, family, gateway));
	}
	const isSingle = images.length === 1 && referenceForm === 'auto';
	return { image: isSingle ? images[0] : images, ...body };
}
