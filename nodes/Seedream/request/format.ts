import type { IExecuteSingleFunctions } from 'n8n-workflow';

import type { Gateway } from '../catalog/gateways';
import type { ModelFamily } from '../catalog/models';
import type { Operation } from '../catalog/operations';
import { parameterNamed } from '../catalog/parameters';
import { inputError } from '../errors';
import { reasonNotToSend, type Body } from './body';
import type { Reference } from './references';

const OUTPUT_FORMAT = parameterNamed('output_format');

/**
 * Checks what a transparent background needs, and marks the reference that needs an alpha channel. Where
 * the model decides what it is, so does its record; a gateway that passes it on for any model says nothing.
 * @throws NodeOperationError
 */
export function checkTransparency(
	context: IExecuteSingleFunctions,
	{ background }: Body,
	references: Reference[],
	family: ModelFamily | undefined,
	gateway: Gateway,
): void {
	if (background !== 'transparent' || gateway.parameters.background !== 'model') return;
	if (!family?.transparencyNeedsAlpha) return;
	if (references.length !== 1) {
		throw inputError(
			context,
			`${family.name} needs exactly one Reference Image for a transparent Background, not ${references.length}`,
			'Use Image-to-Image with one PNG that has transparent pixels, choose Seedream 5.5, or set Background to Opaque.',
		);
	}
	references[0].needsAlpha = true;
}

/**
 * The file format to request: JPEG unless the user chooses otherwise, whatever the service's default; PNG
 * where the background is transparent.
 * @returns undefined where the service's own default is the right one, or nothing else can be requested
 * @throws NodeOperationError for a transparent JPEG
 */
export function fileFormat(
	context: IExecuteSingleFunctions,
	body: Body,
	operation: Operation,
	family: ModelFamily | undefined,
	gateway: Gateway,
): unknown {
	const isTransparent = body.background === 'transparent';
	if (isTransparent && body.output_format === 'jpeg') {
		throw inputError(
			context,
			'A transparent Background needs PNG, but Output Format is JPEG',
			'Set Output Format to PNG or remove it, or set Background to Opaque.',
		);
	}
	if (!family || body.output_format !== undefined) return body.output_format;
	if (!isTransparent && !family.defaultFormat) return undefined;
	const wanted = isTransparent ? 'png' : 'jpeg';
	const reason = reasonNotToSend(
		OUTPUT_FORMAT,
		{ output_format: wanted },
		family,
		gateway,
		operation,
	);
	return reason ? undefined : wanted;
}

/**
 * Whether to mark the image. Never left to the service, whose default is to mark: an expression may give a
 * text, or nothing.
 * @throws NodeOperationError for anything but true, false and nothing
 */
export function watermark(context: IExecuteSingleFunctions, value: unknown): boolean {
	const text = String(value ?? '')
		.trim()
		.toLowerCase();
	if (text === 'true') return true;
	if (text === 'false' || text === '') return false;
	throw inputError(context, `Watermark is “${text}”`, 'Set it to on or off, or to true or false.');
}
