import type { INodeParameters } from 'n8n-workflow';

import type { ProfileName } from '../gateway';
import { byId } from '../support';

/** A request printed in a document, and the node's settings that ask for the same. */
export interface Example {
	name: string;
	profile: ProfileName;
	/** As printed; in place of each `<BASE64…>` stands a real picture. */
	body: Record<string, unknown>;
	parameters: INodeParameters;
	/** What the node adds, each with its reason. */
	added: Record<string, readonly [value: unknown, why: string]>;
	/** Set where the gateway itself rejects the request. */
	refused?: string;
}

/** Marks the place of a picture in a body; the binary fields are called alike. */
export const PICTURES = ['<BASE64_IMAGE_1>', '<BASE64_IMAGE_2>', '<BASE64_IMAGE_3>'];

const LITE = 'doubao-seedream-5-0-260128';

const WATERMARK = [
	false,
	'always sent: left out, the gateway puts the mark in (it documents true as the default)',
] as const;
const RESPONSE_FORMAT = ['url', 'always sent: not every gateway has a default'] as const;
const SIZE = [
	'2K',
	'always sent: without it each model decides for itself what it generates',
] as const;
const STREAM = [
	true,
	'sets come as a stream where the document offers one; Stream: Off leaves it out',
] as const;

const data = (...names: string[]): INodeParameters => ({
	image: names.map((binaryPropertyName) => ({ source: 'binary', binaryPropertyName })),
});
const custom = { aspectRatio: 'custom', width: 2048, height: 2048 };

const ROUTESCOPE_SET = {
	model: LITE,
	prompt:
		'Generate three consistent SaaS homepage hero illustrations, blue-purple gradient, glassmorphism',
	size: '2K',
	sequential_image_generation: 'auto',
	sequential_image_generation_options: { max_images: 3 },
	response_format: 'url',
};

/** Documents 001 and 002 print none: their sample sections are empty. */
const PRINTED: ReadonlyArray<Example & { body: { model: string; prompt: string } }> = [
	{
		name: 'DeerAPI, cURL',
		profile: 'deerapi',
		body: {
			model: LITE,
			prompt: 'a cat wearing a scarf sitting by the window watching rain, illustration style',
			size: '2K',
			response_format: 'url',
			watermark: false,
		},
		parameters: { operation: 'textToImage', resolution: '2K' },
		added: {},
	},
	{
		name: 'RouteScope, the sample at the top',
		profile: 'routescope',
		body: {
			model: 'gpt-4o-mini',
			prompt: 'The ability to describe this API gateway in plain Chinese.',
		},
		parameters: { operation: 'textToImage' },
		added: { size: SIZE, watermark: WATERMARK, response_format: RESPONSE_FORMAT },
		refused: 'names a chat model, which the page itself does not list',
	},
	{
		name: 'RouteScope, cURL',
		profile: 'routescope',
		body: ROUTESCOPE_SET,
		parameters: { operation: 'imageSet', maxImages: 3 },
		added: { watermark: WATERMARK, stream: STREAM },
	},
	{
		name: 'RouteScope, Python, with Stream off',
		profile: 'routescope',
		body: ROUTESCOPE_SET,
		parameters: { operation: 'imageSet', maxImages: 3, advanced: { stream: 'off' } },
		added: { watermark: WATERMARK },
	},
	{
		name: 'Unode, Text-to-Image',
		profile: 'unode',
		body: {
			model: LITE,
			prompt: 'A cute little sea otter',
			size: '2048x2048',
			response_format: 'url',
		},
		parameters: { operation: 'textToImage', ...custom },
		added: { watermark: WATERMARK },
	},
	{
		name: 'Unode, Image-to-Image',
		profile: 'unode',
		body: {
			model: LITE,
			prompt: 'A cute little sea otter wearing a beret',
			image: `data:image/png;base64,${PICTURES[0]}`,
			size: '2048x2048',
		},
		parameters: { operation: 'imageToImage', referenceImages: data(PICTURES[0]), ...custom },
		added: { watermark: WATERMARK, response_format: RESPONSE_FORMAT },
	},
	{
		name: 'Unode, Image Set',
		profile: 'unode',
		body: {
			model: LITE,
			prompt: 'A series of illustrations showing a fox exploring different seasons',
			extra_fields: {
				sequential_image_generation: 'auto',
				sequential_image_generation_options: { max_images: 4 },
			},
		},
		parameters: { operation: 'imageSet', maxImages: 4 },
		added: { size: SIZE, watermark: WATERMARK, response_format: RESPONSE_FORMAT },
	},
	{
		name: 'Unode, Multi-Image Composition',
		profile: 'unode',
		body: {
			model: LITE,
			prompt: 'Create an elegant gift set containing these items',
			image: PICTURES.map((base64) => `data:image/png;base64,${base64}`),
		},
		parameters: { operation: 'imageToImage', referenceImages: data(...PICTURES) },
		added: { size: SIZE, watermark: WATERMARK, response_format: RESPONSE_FORMAT },
	},
];

/** The examples, each with its own model and prompt in the node's fields. */
export const EXAMPLES: readonly Example[] = PRINTED.map(({ body, parameters, ...rest }) => ({
	...rest,
	body,
	parameters: { ...parameters, model: byId(body.model), prompt: body.prompt },
}));
