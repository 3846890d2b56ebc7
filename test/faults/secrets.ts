import { format } from 'node:util';
import { LoggerProxy } from 'n8n-workflow';

/** Forty characters of base64 in a row: no word is so long, and a key or image data may be. */
const BASE64 = /[A-Za-z0-9+/]{40}/;

/**
 * A line of a stack trace, as it is or within a JSON string: a path, not something a service or a user
 * said. Where the repository lies decides whether it looks like base64.
 */
const STACK_FRAME = /(?:^|\\n)\s+at (?:(?!\\n).)*?:\s?\d+:\s?\d+\)?(?=\\n|"|$)/gm;

/** Every URL in what a user gets to see. */
export function urlsIn(...texts: unknown[]): string[] {
	const found = texts.map((text) => JSON.stringify(text) ?? '').join('\n');
	return [...new Set(found.match(/https?:\/\/[^\s"\\<>”]+/g) ?? [])];
}

/**
 * Looks through anything, deep: errors with their causes and hidden properties, items, log lines.
 * n8n keeps files of memory mode as base64 beside the JSON; those are meant to be there.
 * @param key must not be found anywhere
 * @param urls signed URLs of images, which users need and which hold a signature
 * @returns what was found, each with the way to it
 */
export function secretsIn(value: unknown, key: string, urls: string[] = []): string[] {
	const found: string[] = [];
	const seen = new Set<unknown>();
	const lookAt = (text: string, way: string) => {
		if (text.includes(key)) found.push(`${way}: the key`);
		const open = urls.reduce((rest, url) => rest.split(url).join(''), text);
		const base64 = BASE64.exec(open.replace(STACK_FRAME, ''));
		if (base64) found.push(`${way}: ${base64[0]}`);
	};
	const walk = (each: unknown, way: string) => {
		if (typeof each === 'string') lookAt(each, way);
		if (typeof each !== 'object' || each === null || seen.has(each)) return;
		seen.add(each);
		if (Buffer.isBuffer(each)) return;
		if (each instanceof Map || each instanceof Set) walk([...each], way);
		for (const name of Reflect.ownKeys(each)) {
			if (name === 'binary') continue;
			walk((each as Record<PropertyKey, unknown>)[name], `${way}.${String(name)}`);
		}
	};
	walk(value, '');
	return found;
}

/** What has been logged while listening. */
export interface Log {
	lines: string[];
	/** What is secret in it. */
	secrets(key: string): string[];
	stop(): void;
}

/**
 * Listens to everything that is logged: through n8n's LoggerProxy, the console, and its streams.
 * @param isShown whether it is still to be seen
 */
export function listenToLogs(isShown: boolean): Log {
	const lines: string[] = [];
	const note = (...parts: unknown[]) => void lines.push(format(...parts));
	LoggerProxy.init({ error: note, warn: note, info: note, debug: note });
	const undo = (['stdout', 'stderr'] as const).map((name) => {
		const stream = process[name];
		const write = stream.write.bind(stream);
		stream.write = ((chunk: string | Uint8Array) => {
			lines.push(Buffer.from(chunk).toString());
			return isShown ? write(chunk) : true;
		}) as typeof stream.write;
		return () => {
			stream.write = write;
		};
	});
	return {
		lines,
		secrets(key) {
			// n8n's console puts a space behind every colon, in URLs too.
			const texts = lines.map((line) => line.replace(/: +/g, ':'));
			return secretsIn(texts, key, urlsIn(texts));
		},
		stop: () => undo.forEach((each) => each()),
	};
}
