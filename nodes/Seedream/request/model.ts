import type { IExecuteSingleFunctions } from 'n8n-workflow';

import { GATEWAYS, livingModels, modelsFor, type Gateway } from '../catalog/gateways';
import { familyOf, MODEL_FAMILIES, type ModelFamily } from '../catalog/models';
import type { Operation } from '../catalog/operations';
import { inputError } from '../errors';

/**
 * The family of a model id, or the one that the user chose for an id nobody knows.
 * @throws NodeOperationError where no model is chosen
 */
export function chosenFamily(
	context: IExecuteSingleFunctions,
	model: string,
): ModelFamily | undefined {
	if (!model) {
		throw inputError(
			context,
			'No model is chosen',
			'Choose a Model from the list or enter its ID.',
		);
	}
	const chosen = context.getNodeParameter('modelFamily', '') as string;
	return familyOf(model) ?? MODEL_FAMILIES.find(({ id }) => id === chosen);
}

/**
 * A model id as the gateway spells it: first-party services accept only their own ids, and another
 * service's id means the same model.
 */
export function spelled(
	model: string,
	family: ModelFamily | undefined,
	gateway: Gateway,
): { model: string; warning?: string } {
	const known = family?.ids.find(({ id }) => id === model);
	if (!known || !gateway.service || known.service === gateway.service) return { model };
	const own = family?.ids.find(({ service }) => service === gateway.service)?.id;
	if (!own) return { model };
	const bare = (id: string) => id.replace(/^(doubao|dola)-/, '');
	if (bare(own) === bare(model)) return { model: own };
	return {
		model: own,
		warning: `${gateway.name} has no model “${model}”, so “${own}” was requested.`,
	};
}

/** @throws NodeOperationError where the gateway or the model does not support the operation */
export function checkOperation(
	context: IExecuteSingleFunctions,
	{ id, plural, needs, instead }: Operation,
	family: ModelFamily | undefined,
	gateway: Gateway,
): void {
	if (needs && !gateway.parameters[needs]) {
		const able = GATEWAYS.filter(({ parameters, service }) => service && parameters[needs]);
		const others = able.map(({ name }) => name).join(' or ');
		const another = `a credential for another gateway${others && `, such as ${others}`}`;
		throw inputError(
			context,
			`${gateway.name} does not support ${plural}`,
			instead ? `${instead}, or ${another}.` : `Use ${another}.`,
		);
	}
	if (!family || family.operations.includes(id)) return;
	const able = modelsFor(id, livingModels(gateway)).map((model) => familyOf(model)?.name);
	throw inputError(
		context,
		`${family.name} does not support ${plural}`,
		able.length > 0
			? `Choose another Model: ${[...new Set(able)].join(', ')}.`
			: `${gateway.name} is not known to have a model that does. Use a credential for another gateway.`,
	);
}
