import type { DisplayCondition, IDisplayOptions } from 'n8n-workflow';

import { idRanges } from '../catalog/modelIds';
import { MODEL_FAMILIES, type ModelFamily } from '../catalog/models';
import { OPERATIONS } from '../catalog/operations';

/** Operations whose response holds several images. */
export const SET_OPERATIONS: string[] = OPERATIONS.filter(({ isSet }) => isSet).map(({ id }) => id);

/** Value of the Model Family field that means: no limits, send what is set. */
export const NO_FAMILY = 'none';

function idsOf({ names }: ModelFamily): DisplayCondition[] {
	return names.flatMap(idRanges).map((between) => ({ _cnd: { between } }));
}

/**
 * Hides a field for some families, recognized by the model's id or, for an unknown id, by the Model Family
 * the user chose. Otherwise unknown ids and expressions hide nothing.
 * @param lacks whether to hide the field for a family
 * @param root `/` inside a collection, where conditions name the node's own fields by path
 */
export function hideFor(
	lacks: (family: ModelFamily) => boolean,
	root: '' | '/' = '',
): NonNullable<IDisplayOptions['hide']> {
	const families = MODEL_FAMILIES.filter(lacks);
	if (families.length === 0) return {};
	return {
		[`${root}model`]: families.flatMap(idsOf),
		[`${root}modelFamily`]: families.map((family) => family.id),
	};
}
