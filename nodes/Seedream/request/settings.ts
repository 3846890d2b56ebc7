import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { operationOf } from '../catalog/operations';
import { grouped, inputError } from '../errors';
import { DEFAULT_FILE_NAME, DEFAULT_LAYER_FILE_NAME } from '../fields/options';

/** How the images of a request become items. */
export interface OutputSettings {
	/** Pattern of file names, without extension. */
	fileName: string;
	/** Binary field that gets the first image. */
	field: string;
	/** Whether all images of a request go into one item. */
	isSingleItem: boolean;
	/** Whether the response is left out. */
	isSimplified: boolean;
	/** Whether images are downloaded as files. */
	downloads: boolean;
	/** Whole seconds for which the links to the stored files work; undefined where none are wanted. */
	linkSeconds?: number;
	/** Whether a set with failed images fails as a whole. */
	failsIncompleteSets: boolean;
	/** Whether an SVG with all layers is added. */
	hasLayeredSvg: boolean;
}

/** An item's options that are not part of the body. All are read before anything is sent. */
export interface Settings {
	output: OutputSettings;
	/** Whether the request is to be shown instead of sent. */
	isPreview: boolean;
	/** Maximum number of parallel requests. */
	concurrentRequests: number;
	/** Milliseconds after which a gateway that admits nothing is given up. */
	waitWhenBusy: number;
	/** Most images that the items of a run may request together; 0 means no limit. */
	maxImagesPerRun: number;
	retryServerErrors: string;
	/** Milliseconds to wait for a response; undefined where the user sets none. */
	timeout?: number;
}

/** What a number may be. */
export interface NumberRule {
	min: number;
	max: number;
	isWhole: boolean;
}

/** Timers have no more, in milliseconds. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/**
 * Checks a number that may come from an expression; a text that holds a number becomes one.
 * @param name of the field, for the message
 * @throws NodeOperationError
 */
export function checkNumber(
	context: IExecuteSingleFunctions,
	name: string,
	value: unknown,
	{ min, max, isWhole }: NumberRule,
	hint = '',
): number {
	const isEmpty = value === null || value === undefined || String(value).trim() === '';
	const number = typeof value === 'boolean' || Array.isArray(value) ? NaN : Number(value);
	const isAllowed = number >= min && number <= max && (!isWhole || Number.isInteger(number));
	if (!isEmpty && isAllowed) return number;
	const kind = isWhole ? 'whole number' : 'number';
	const range =
		max === Infinity ? `of at least ${grouped(min)}` : `from ${grouped(min)} to ${grouped(max)}`;
	const shown = typeof value === 'object' && value !== null ? 'not a number' : String(value);
	throw inputError(
		context,
		`${name} is ${isEmpty ? 'empty' : shown.slice(0, 40)}`,
		`Set it to a ${kind} ${range}${hint}.`,
	);
}

const SECONDS_PER_DAY = 86_400;

/** Days for which a link to a stored file works: the list has 1, 7 and 30. */
const LINK_DAYS: NumberRule = { min: 0, max: 3_650, isWhole: false };

/** Reads the options of one item. @throws NodeOperationError for a number that is none */
export function readSettings(context: IExecuteSingleFunctions): Settings {
	const option = (name: string, fallback: unknown): unknown =>
		context.getNodeParameter(name, fallback) ?? fallback;
	const text = (name: string, fallback: string) =>
		String(option(name, fallback)).trim() || fallback;
	// An expression may give the text "false".
	const flag = (name: string, fallback: boolean) => text(name, String(fallback)) !== 'false';
	const { timeout } = context.getNodeParameter('requestOptions', {}) as { timeout?: unknown };
	const isLayers = operationOf(context.getNodeParameter('operation'))?.isLayers;
	const downloads = flag('options.downloadImages', true);
	const hasLayeredSvg = flag('options.layeredSvg', false);
	if (hasLayeredSvg && !downloads) {
		throw inputError(
			context,
			'Layered SVG needs the images, but Download Images is off',
			'Turn on Download Images, or turn off Layered SVG.',
		);
	}
	const linkSeconds = (days: unknown) => {
		if (days === null) return undefined;
		const seconds =
			SECONDS_PER_DAY * checkNumber(context, 'Link to File', days, LINK_DAYS, ' days');
		// jsonwebtoken rejects parts of a second.
		return Math.max(1, Math.round(seconds));
	};
	const timeoutRule = { min: 1, max: MAX_TIMEOUT_MS, isWhole: false };
	return {
		output: {
			fileName: text('options.fileName', isLayers ? DEFAULT_LAYER_FILE_NAME : DEFAULT_FILE_NAME),
			field: text('options.binaryPropertyOutput', 'data'),
			isSingleItem: text('options.output', 'itemPerImage') === 'singleItem',
			isSimplified: flag('advanced.simplify', true),
			downloads,
			linkSeconds: linkSeconds(option('options.linkToFile', null)),
			failsIncompleteSets: text('options.failedImages', 'keep') === 'fail',
			hasLayeredSvg,
		},
		isPreview: flag('options.previewRequest', false),
		concurrentRequests: checkNumber(
			context,
			'Concurrent Requests',
			option('advanced.concurrentRequests', 8),
			{ min: 1, max: 100, isWhole: true },
		),
		waitWhenBusy:
			1000 *
			checkNumber(context, 'Wait When Busy', option('advanced.waitWhenBusy', 180), {
				min: 0,
				max: 86_400,
				isWhole: false,
			}),
		maxImagesPerRun: checkNumber(
			context,
			'Max Images per Run',
			context.getNodeParameter('options.maxImagesPerRun', 0),
			{ min: 0, max: Infinity, isWhole: true },
			'; 0 means no limit',
		),
		retryServerErrors: text('advanced.retryServerErrors', 'automatic'),
		// 0 and empty are n8n's own default.
		timeout: timeout ? checkNumber(context, 'Timeout', timeout, timeoutRule, ' ms') : undefined,
	};
}
