/**
 * How a model id is put together: `[vendor/][service-]name[-date]`, such as
 * `bytedance/doubao-seedream-4-5-251128`. Read by {@link modelName}, and by the editor's conditions
 * through {@link idRanges}.
 */
const VENDORS = ['', 'bytedance/'];
const SERVICES = ['', 'doubao-', 'dola-'];

/** Dates start with 2, so that every dated id sorts before this. */
const AFTER_DATES = '-3';

/** Accepts any vendor, not only those in the editor's conditions. */
const MODEL_ID = new RegExp(
	`^(?:.*/)?(?:${SERVICES.filter(Boolean).join('|')})?(.*?)(?:-\\d{6,8})?$`,
);

/** The name in a model id: without vendor, service and date. */
export function modelName(id: string): string {
	return MODEL_ID.exec(id)?.[1] ?? '';
}

/**
 * Ranges of strings that contain all ids with a name. Not regular expressions: n8n evaluates those in a
 * sandbox that times out on a busy machine and then fails the execution.
 */
export function idRanges(name: string): Array<{ from: string; to: string }> {
	return VENDORS.flatMap((vendor) =>
		SERVICES.map((service) => {
			const from = vendor + service + name;
			return { from, to: from + AFTER_DATES };
		}),
	);
}

/** Both spellings of a version: `seedream-5-0` and `seedream-5.0`. */
export function spellings(...names: string[]): string[] {
	return names.flatMap((name) => [name, name.replace(/(\d)-(\d)/, '$1.$2')]);
}
