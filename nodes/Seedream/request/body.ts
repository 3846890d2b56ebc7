import type { IExecuteSingleFunctions } from 'n8n-workflow';

import type { Gateway, Placement } from '../catalog/gateways';
import type { ModelFamily } from '../catalog/models';
import type { Operation } from '../catalog/operations';
import { PARAMETERS, type Parameter } from '../catalog/parameters';
import { checkNumber } from './settings';

/** Body fields as the description's `routing.send` filled them in, or as they go out. */
export type Body = Record<string, unknown>;

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Body {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a field is as good as absent. */
export function isEmpty(value: unknown): boolean {
	return value === undefined || value === null || value === '';
}

/** Merges nested objects; anything else of `over` replaces what `base` has. */
export function mergeDeep(base: Body, over: Body): Body {
	const merged = { ...base };
	for (const [name, value] of Object.entries(over)) {
		const old = merged[name];
		merged[name] = isObject(old) && isObject(value) ? mergeDeep(old, value) : value;
	}
	return merged;
}

/** The value of a parameter that a model's record may restrict. */
function choiceOf({ path }: Parameter, value: unknown): unknown {
	if (Array.isArray(value)) return (value[0] as { type?: unknown } | undefined)?.type;
	return path ? (value as Body)[path.split('.')[1]] : value;
}

/**
 * Why a parameter is not sent, or undefined when it is.
 * @param body holds the parameter and the model
 */
export function reasonNotToSend(
	parameter: Parameter,
	body: Body,
	family: ModelFamily | undefined,
	gateway: Gateway,
	operation: Operation,
): string | undefined {
	const { name } = parameter;
	const supported = gateway.parameters[name];
	if (!supported) return `${gateway.name} does not list it`;
	if (operation.refuses?.includes(name)) return `${operation.name} does not support it`;
	if (supported === 'any' || !family) return undefined;
	if (supported !== 'model') {
		return supported.includes(family.id) || supported.includes(String(body.model))
			? undefined
			: `${gateway.name} does not list it for ${family.name}`;
	}
	const choices = family.parameters[name];
	if (!choices) return `${family.name} does not support it`;
	const choice = choiceOf(parameter, body[name]);
	if (choices.length > 0 && !choices.includes(String(choice))) {
		return `${family.name} does not support “${String(choice)}”`;
	}
	return undefined;
}

/**
 * Removes from a body what is empty or what the model or the gateway does not support.
 * @returns a sentence for each field that the user set in vain
 */
export function dropUnsupported(
	body: Body,
	family: ModelFamily | undefined,
	gateway: Gateway,
	operation: Operation,
): string[] {
	const warnings: string[] = [];
	for (const parameter of PARAMETERS) {
		const { name, label } = parameter;
		if (!parameter.option && name !== 'stream') continue;
		const reason = isEmpty(body[name])
			? ''
			: reasonNotToSend(parameter, body, family, gateway, operation);
		if (reason === undefined) continue;
		delete body[name];
		if (reason) warnings.push(`${label} was not sent: ${reason}.`);
	}
	return warnings;
}

/** Checks the numbers of a body against their ranges. @throws NodeOperationError */
export function checkNumbers(context: IExecuteSingleFunctions, body: Body): void {
	for (const { name, label, option } of PARAMETERS) {
		if (option?.input.kind !== 'number' || body[name] === undefined) continue;
		body[name] = checkNumber(context, label, body[name], option.input);
	}
}

/** Body fields that OpenAI's image API does not have. */
function isExtra(name: string): boolean {
	return (
		name === 'sequential_image_generation_options' ||
		PARAMETERS.some((each) => each.name === name && !each.isOpenAi)
	);
}

/** Puts the parameters that OpenAI does not have where the gateway reads them. */
export function place(body: Body, placement: Placement): Body {
	if (placement === 'topLevel') return body;
	const fields = Object.entries(body).filter(([, value]) => value !== undefined);
	const extra = Object.fromEntries(fields.filter(([name]) => isExtra(name)));
	if (Object.keys(extra).length === 0) return body;
	const rest = Object.fromEntries(fields.filter(([name]) => !isExtra(name)));
	return { ...(placement === 'both' ? body : rest), extra_fields: extra };
}
