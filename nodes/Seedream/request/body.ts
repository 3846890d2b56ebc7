import {
	SEEDREAM_OPTIONS,
	type Gateway,
	type Parameter,
	type Placement,
} from '../catalog/gateways';
import { GUIDANCE_SCALE, SEED, type ModelFamily } from '../catalog/models';
import type { Refusal } from '../errors';

/** Body fields as the description's `routing.send` filled them in, or as they go out. */
export type Body = Record<string, unknown>;

/** Optional parameters: where each stands in the body, and how the editor calls it. */
const PARAMETERS: ReadonlyArray<[Parameter, string]> = [
	['background', 'Background'],
	['guidance_scale', 'Guidance Scale'],
	['n', 'Number of Images'],
	['optimize_prompt_options', 'Prompt Optimization'],
	['output_format', 'Output Format'],
	['quality', 'Quality'],
	['seed', 'Seed'],
	['stream', 'Stream'],
	['style', 'Style'],
	['tools', 'Web Search'],
	['user', 'User'],
];

/** Ranges of numbers; RouteScope gives 1 to 10 for `n`. */
const NUMBERS: ReadonlyArray<[Parameter, string, { min: number; max: number }, 'whole' | 'any']> = [
	['seed', 'Seed', SEED, 'whole'],
	['guidance_scale', 'Guidance Scale', GUIDANCE_SCALE, 'any'],
	['n', 'Number of Images', { min: 1, max: 10 }, 'whole'],
];

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Body {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
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

/** The one value of a parameter that a model's record may restrict. */
function choiceOf(parameter: Parameter, value: unknown): unknown {
	if (parameter === 'optimize_prompt_options') return (value as { mode?: unknown }).mode;
	if (parameter === 'tools') return (value as Array<{ type?: unknown }>)[0].type;
	return value;
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
): string | undefined {
	const recipients = gateway.parameters[parameter];
	if (!recipients) return `${gateway.name} does not list it`;
	if (recipients === 'any' || !family) return undefined;
	if (recipients !== 'model') {
		return recipients.includes(family.id) || recipients.includes(String(body.model))
			? undefined
			: `${gateway.name} does not list it for ${family.name}`;
	}
	const choices = family.parameters[parameter as keyof ModelFamily['parameters']];
	if (!choices) return `${family.name} does not take it`;
	const choice = choiceOf(parameter, body[parameter]);
	if (choices.length > 0 && !choices.includes(String(choice))) {
		return `${family.name} does not take “${String(choice)}”`;
	}
	return undefined;
}

/**
 * Removes from a body what is empty or what the model or the gateway does not take.
 * @returns a sentence for each field that the user set in vain
 */
export function dropWhatIsNotTaken(
	body: Body,
	family: ModelFamily | undefined,
	gateway: Gateway,
): string[] {
	const warnings: string[] = [];
	for (const [parameter, name] of PARAMETERS) {
		const reason = isEmpty(body[parameter])
			? ''
			: reasonNotToSend(parameter, body, family, gateway);
		if (reason === undefined) continue;
		delete body[parameter];
		if (reason) warnings.push(`${name} was not sent: ${reason}.`);
	}
	return warnings;
}

/**
 * Checks the numbers of a body against their ranges; texts that hold a number become one.
 * @param refuse makes the error to throw
 */
export function checkNumbers(body: Body, refuse: Refusal): void {
	for (const [parameter, name, { min, max }, kind] of NUMBERS) {
		if (body[parameter] === undefined) continue;
		const value = Number(body[parameter]);
		const isAllowed = value >= min && value <= max && (kind === 'any' || Number.isInteger(value));
		if (!isAllowed) {
			throw refuse(
				`${name} is ${String(body[parameter])}`,
				`Set it to a ${kind === 'whole' ? 'whole ' : ''}number from ${min} to ${max}.`,
			);
		}
		body[parameter] = value;
	}
}

/** Puts the options that OpenAI does not have where the gateway reads them. */
export function place(body: Body, placement: Placement): Body {
	if (placement === 'topLevel') return body;
	const isOption = ([name]: [string, unknown]) => SEEDREAM_OPTIONS.includes(name);
	const options = Object.fromEntries(Object.entries(body).filter(isOption));
	if (Object.keys(options).length === 0) return body;
	const rest = Object.fromEntries(Object.entries(body).filter((field) => !isOption(field)));
	return { ...(placement === 'both' ? body : rest), extra_fields: options };
}
