import type { INodeProperties, INodePropertyOptions } from 'n8n-workflow';

import { AUTOMATIC_SUPPORT, type Support } from '../catalog/automatic';
import { MODEL_FAMILIES } from '../catalog/models';
import { OPERATIONS } from '../catalog/operations';
import { PARAMETERS, type Parameter } from '../catalog/parameters';
import { hideFor } from './conditions';

type Shown = Required<Pick<Parameter, 'option'>> & Parameter;

function supportedValues(
	{ parameters }: Support,
	{ name }: Parameter,
): readonly string[] | undefined {
	return parameters[name];
}

/** The choices of a parameter; those that a model lacks are hidden for it. */
function choicesOf(parameter: Shown): INodePropertyOptions[] {
	const { input } = parameter.option;
	if (input.kind !== 'choice') return [];
	return input.choices.map(({ value, label, description }) => {
		const hide = hideFor((family) => {
			const values = supportedValues(family, parameter);
			return !!values?.length && !values.includes(value);
		}, '/');
		return {
			name: label,
			value,
			...(description && { description }),
			...(Object.keys(hide).length > 0 && { displayOptions: { hide } }),
		};
	});
}

/** Type, default and range of the field. */
function inputOf(parameter: Shown): Partial<INodeProperties> {
	const { input } = parameter.option;
	switch (input.kind) {
		case 'number':
			return {
				type: 'number',
				default: input.default,
				typeOptions: {
					minValue: input.min,
					maxValue: input.max,
					numberPrecision: input.isWhole ? 0 : 1,
				},
			};
		case 'choice':
			return { type: 'options', default: input.default, options: choicesOf(parameter) };
		case 'text':
			return { type: 'string', default: '', placeholder: input.placeholder };
		case 'switch':
			return { type: 'boolean', default: false };
	}
}

/** Whether a model lacks a parameter. One that no model has, such as `style`, is a gateway's own. */
function isLacking(support: Support, parameter: Shown): boolean {
	if (parameter.option.isForAll) return false;
	const isOfGateways = !MODEL_FAMILIES.some((family) => supportedValues(family, parameter));
	const isOpen = isOfGateways && support !== AUTOMATIC_SUPPORT;
	return !isOpen && !supportedValues(support, parameter);
}

/** Operations in which a parameter is an error. */
function operationsWithout({ name }: Parameter): string[] {
	return OPERATIONS.filter(({ refuses }) => refuses?.includes(name)).map(({ id }) => id);
}

function toField(parameter: Shown): INodeProperties {
	const { name, path = name, label, option } = parameter;
	const { input, description } = option;
	const operations = operationsWithout(parameter);
	const hide = {
		...hideFor((support) => isLacking(support, parameter), '/'),
		...(operations.length > 0 && { '/operation': operations }),
	};
	const value =
		input.kind === 'switch'
			? { value: `={{ String($value) === "true" ? ${JSON.stringify(input.sends)} : undefined }}` }
			: {};
	return {
		displayName: label,
		name: option.name,
		...(inputOf(parameter) as Pick<INodeProperties, 'type' | 'default'>),
		...(Object.keys(hide).length > 0 && { displayOptions: { hide } }),
		description,
		routing: { send: { type: 'body', property: path, ...value } },
	};
}

const shown = PARAMETERS.filter((parameter): parameter is Shown => parameter.option !== undefined);

/** The options that set a parameter of the request body. */
export const parameterOptions: INodeProperties[] = shown
	.filter(({ option }) => !option.isAdvanced)
	.map(toField);

/** Those that few people need. */
export const advancedParameterOptions: INodeProperties[] = shown
	.filter(({ option }) => option.isAdvanced)
	.map(toField);
