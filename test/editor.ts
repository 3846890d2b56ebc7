import {
	NodeHelpers,
	type IDisplayOptions,
	type INodeParameters,
	type INodeProperties,
	type INodePropertyOptions,
} from 'n8n-workflow';

// With its extension: without, Node.js itself finds the JSON file of that name.
import { Seedream } from '../nodes/Seedream/Seedream.node.ts';

/** The node as the editor gets it. */
export const { description } = new Seedream();
const node = { typeVersion: 1 };

/** Values as the editor holds them: defaults filled in, what is hidden dropped. */
export function valuesFor(set: INodeParameters): INodeParameters {
	const { properties } = description;
	return NodeHelpers.getNodeParameters(properties, set, true, false, node, description) ?? {};
}

/** Whether the editor shows a field or a choice. @param root the node's own values, inside a collection */
export function isShown(
	values: INodeParameters,
	thing: { displayOptions?: IDisplayOptions },
	root = values,
): boolean {
	return NodeHelpers.displayParameter(values, thing as INodeProperties, node, description, root);
}

/** Names of the fields that the editor shows. @param set values the user has set */
export function fieldsShown(set: INodeParameters): string[] {
	const values = valuesFor(set);
	return description.properties
		.filter((property) => isShown(values, property))
		.map(({ name }) => name);
}

/** A field by its name, for its options. */
export function optionsOf(name: string): INodeProperties {
	const found = description.properties.find((property) => property.name === name);
	if (!found) throw new Error(`There is no field ${name}`);
	return found;
}

/** Values that a field offers, as it is shown. */
export function choicesShown(set: INodeParameters, name: string): unknown[] {
	const values = valuesFor(set);
	const shown = description.properties.find(
		(property) => property.name === name && isShown(values, property),
	);
	return ((shown ?? optionsOf(name)).options as INodePropertyOptions[])
		.filter((choice) => isShown(values, choice))
		.map(({ value }) => value);
}

/** Entries of the Options or Advanced collection that the editor offers. */
export function entriesShown(
	set: INodeParameters,
	collection: 'options' | 'advanced' = 'options',
): INodeProperties[] {
	const values = valuesFor(set);
	return (optionsOf(collection).options as INodeProperties[]).filter((entry) =>
		isShown({}, entry, values),
	);
}
