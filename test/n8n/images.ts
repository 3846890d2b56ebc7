import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { IBinaryData, INodeExecutionData } from 'n8n-workflow';

import type { Gateway } from '../gateway';
import type { N8nClient } from './client';

/** Bodies of the generation requests; a model list may have been requested besides, which is free. */
export function bodiesSent({ ledger }: Gateway): Array<Record<string, unknown>> {
	return ledger.requests
		.filter(({ method }) => method === 'POST')
		.map(({ body }) => body as Record<string, unknown>);
}

/** The reference images of the last request that were sent as files. */
export function referencesSent(gateway: Gateway): Buffer[] {
	const { image } = bodiesSent(gateway).at(-1) as { image: string | string[] };
	return [image].flat().map((dataUri) => Buffer.from(dataUri.split(',')[1], 'base64'));
}

export async function fetchBytes(url: unknown): Promise<Buffer> {
	return Buffer.from(await (await fetch(String(url))).arrayBuffer());
}

/** Every image the gateway generated, in the order generated. */
export async function generatedBy({ ledger }: Gateway): Promise<Buffer[]> {
	return await Promise.all(ledger.images.map(({ url }) => fetchBytes(url)));
}

/** The files of an item, wherever the binary mode of its workflow keeps them. */
export function filesOf({ binary, json }: INodeExecutionData): IBinaryData[] {
	return Object.values(
		binary ?? (json._files as unknown as Record<string, IBinaryData> | undefined) ?? {},
	);
}

/** The bytes of the items' files, in the items' order, from wherever n8n stored them. */
export async function storedIn(client: N8nClient, items: INodeExecutionData[]): Promise<Buffer[]> {
	const read = async ({ id, data }: IBinaryData) =>
		id ? await client.binary(id) : Buffer.from(data, 'base64');
	return await Promise.all(items.flatMap(filesOf).map(read));
}

/**
 * The files that items of Read/Write Files from Disk say they wrote.
 * @param folder that the server's relative paths start from
 */
export async function writtenBy(folder: string, items: INodeExecutionData[]): Promise<Buffer[]> {
	const names = items.map(({ json }) => String(json.fileName));
	assert.equal(new Set(names).size, names.length, 'a file name is repeated');
	return await Promise.all(names.map((name) => readFile(path.join(folder, name))));
}

/** Asserts that there are files, and that they are the expected ones, in any order. */
export function assertSameFiles(actual: Buffer[], expected: Buffer[]): void {
	assert.notEqual(expected.length, 0);
	assert.equal(actual.length, expected.length);
	const sorted = (files: Buffer[]) => [...files].sort((a, b) => a.compare(b));
	const wanted = sorted(expected);
	sorted(actual).forEach((bytes, index) => assert.ok(bytes.equals(wanted[index]), `file ${index}`));
}
