import type { DisplayCondition, IDisplayOptions } from 'n8n-workflow';

import { AUTOMATIC, AUTOMATIC_SUPPORT, type Support } from '../catalog/automatic';
import { idRanges } from '../catalog/modelIds';
import { MODEL_FAMILIES, type ModelFamily } from '../catalog/models';
import { OPERATIONS } from '../catalog/operations';

/** Operations whose response holds several images. */
export const SET_OPERATIONS: string[] = OPERATIONS.filter(({ isSet }) => isSet).map(({ id }) => id);

/** Operations that return the layers of one image. */
export const LAYER_OPERATIONS: string[] = OPERATIONS.filter(({ isLayers }) => isLayers).map(
	({ id }) => id,
);

/** Value of the Model Family field that means: no limits, send what is set. */
export const NO_FAMILY = 'none';

function idsOf({ names }: ModelFamily): DisplayCondition[] {
	return names.flatMap(idRanges).map((between) => ({ _cnd: { between } }));
}

/**
 * Hides a field for the families that lack something, known by the model's id or by the Model Family
 * the user chose for an id nobody knows, and for Automatic. Unknown ids and expressions hide nothing.
 * @param lacks says of a family, or of what Automatic may stand for, whether the field is to be hidden
 * @param root `/` inside a collection, where conditions name the node's own fields by path
 */
export function hideFor(
	lacks: (support: Support) => boolean,
	root: '' | '/' = '',
): NonNullable<IDisplayOptions['hide']> {
	const families = MODEL_FAMILIES.filter(lacks);
	const automatic = lacks(AUTOMATIC_SUPPORT) ? [AUTOMATIC] : [];
	if (families.length + automatic.length === 0) return {};
	return {
		[`${root}model`]: [...automatic, ...families.flatMap(idsOf)],
		[`${root}modelFamily`]: families.map((family) => family.id),
	};
}
