import { GATEWAYS, modelsFor, type Gateway } from './gateways';
import {
	familyOf,
	hasEnded,
	MODEL_FAMILIES,
	modelId,
	today,
	type ModelFamily,
	type SizeRules,
} from './models';
import type { OperationId } from './operations';
import type { ParameterName } from './parameters';

/** Value of the Model field that leaves the choice to the node. */
export const AUTOMATIC = 'automatic';

/** How the editor calls it. */
export const AUTOMATIC_NAME = 'Automatic (Recommended)';

/** Whether a model, as a user or an expression writes it, is Automatic. */
export function isAutomatic(model: unknown): boolean {
	return String(model).trim().toLowerCase() === AUTOMATIC;
}

/**
 * The model that Automatic stands for.
 * @param listed ids of the gateway's own list, asked where no document names its models
 * @returns the newest of `listed` that supports the operation, those that their own service has ended
 *   last; else what the gateway's record recommends
 */
export function recommendedModel(
	{ recommended }: Gateway,
	operation: OperationId | undefined,
	listed: readonly string[] = [],
	day = today(),
): string {
	if (!operation) return recommended.any;
	const isOver = (id: string) => {
		const known = modelId(id);
		return !!known && hasEnded(known, day);
	};
	const rank = (id: string) =>
		MODEL_FAMILIES.indexOf(familyOf(id) as ModelFamily) + (isOver(id) ? MODEL_FAMILIES.length : 0);
	const [newest] = modelsFor(operation, listed).sort((a, b) => rank(a) - rank(b));
	return newest ?? recommended[operation] ?? recommended.any;
}

/** What the editor's fields depend on; a family, or what several have in common. */
export interface Support {
	references?: object;
	size?: Pick<SizeRules, 'presets'>;
	parameters: ModelFamily['parameters'];
}

const CANDIDATES = MODEL_FAMILIES.filter((family) =>
	GATEWAYS.some(({ recommended }) =>
		Object.values(recommended).some((id) => familyOf(id) === family),
	),
);

function inAll<T>(lists: ReadonlyArray<readonly T[]>): T[] {
	return lists[0].filter((value) => lists.every((list) => list.includes(value)));
}

function commonParameters(): ModelFamily['parameters'] {
	const all = CANDIDATES.map(({ parameters }) => parameters);
	const names = inAll(all.map((parameters) => Object.keys(parameters) as ParameterName[]));
	return Object.fromEntries(
		names.map((name) => [name, inAll(all.map((parameters) => parameters[name] ?? []))]),
	);
}

/** What every model supports that Automatic may stand for, whichever the gateway and the operation. */
export const AUTOMATIC_SUPPORT: Support = {
	references: CANDIDATES.every(({ references }) => references) ? {} : undefined,
	size: { presets: inAll(CANDIDATES.map(({ size }) => size?.presets ?? [])) },
	parameters: commonParameters(),
};
