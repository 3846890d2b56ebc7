import { createHash } from 'node:crypto';
import type { IBinaryData } from 'n8n-workflow';

import type { NodeResult } from '../engine';
import { type Gateway, type ImageRecord, type RequestRecord, startGateway } from '../gateway';

/** What became of the images that a run was billed for. */
export interface Account {
	billed: number;
	/** Came out as a file with the bytes the gateway had made. */
	asFile: number;
	/** Otherwise: can be opened at an address that an item or the error shown names. */
	asUrl: number;
	/** Prompts of the images of which the user got neither. */
	lost: string[];
	/** Prompts billed again although the user asked once. */
	paidTwice: string[];
}

function digest(bytes: Buffer): string {
	return createHash('sha256').update(bytes).digest('hex');
}

/** Knows what every image must look like: it has another gateway make it, without any faults. */
export class Originals {
	private readonly known = new Map<string, Promise<string[]>>();

	private constructor(private readonly gateway: Gateway) {}

	static async start(key: string): Promise<Originals> {
		return new Originals(await startGateway({ key }));
	}

	async close(): Promise<void> {
		await this.gateway.close();
	}

	/** Digests of the images that a request makes, in order. */
	async of(request: RequestRecord): Promise<string[]> {
		const { prompt } = request.body as { prompt: string };
		const known = this.known.get(prompt);
		if (known) return await known;
		const making = this.make(request);
		this.known.set(prompt, making);
		return await making;
	}

	private async make({ profile, path, body }: RequestRecord): Promise<string[]> {
		const answer = await fetch(this.gateway.url + path, {
			method: 'POST',
			headers: {
				Authorization: `Bearer ${this.gateway.key}`,
				'Content-Type': 'application/json',
			},
			body: JSON.stringify({ ...(body as object), stream: false, response_format: 'url' }),
		});
		if (!answer.ok) throw new Error(`${profile} does not make it: ${await answer.text()}`);
		const { data } = (await answer.json()) as { data: Array<{ url: string }> };
		const files = data.map(async ({ url }) => await (await fetch(url)).arrayBuffer());
		return (await Promise.all(files)).map((bytes) => digest(Buffer.from(bytes)));
	}
}

/** Every address in what a user gets to see. */
export function addressesIn(...texts: unknown[]): string[] {
	const found = texts.map((text) => JSON.stringify(text) ?? '').join('\n');
	return [...new Set(found.match(/https?:\/\/[^\s"\\<>”]+/g) ?? [])];
}

async function open(url: string): Promise<string | undefined> {
	const answer = await fetch(url).catch(() => undefined);
	return answer?.ok ? digest(Buffer.from(await answer.arrayBuffer())) : undefined;
}

/** How often each of some values is there. */
function count(values: string[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
	return counts;
}

/**
 * Settles the gateway's ledger with what a run left to its user, who asked for every image once. Reads
 * all files, and opens all addresses that the items or the error name.
 * @param read bytes of a file in n8n's binary store
 */
export async function settle(
	{ ledger }: Gateway,
	{ items, error }: NodeResult,
	originals: Originals,
	read: (file: IBinaryData) => Promise<Buffer>,
): Promise<Account> {
	const billed = ledger.images.filter((image) => image.billed);
	const files = items.flatMap(({ binary }) => Object.values(binary ?? {}));
	const asFile = count(await Promise.all(files.map(async (file) => digest(await read(file)))));
	const urls = addressesIn(
		items.map(({ json }) => json),
		error?.message,
		error?.description,
	);
	const opened = await Promise.all(urls.map(open));
	const asUrl = count(opened.filter((each) => each !== undefined));

	const account: Account = { billed: billed.length, asFile: 0, asUrl: 0, lost: [], paidTwice: [] };
	const seen = new Set<string>();
	const take = (counts: Map<string, number>, of: string) => {
		const left = counts.get(of) ?? 0;
		counts.set(of, left - 1);
		return left > 0;
	};
	for (const image of billed) {
		const name = `${image.prompt}#${image.index}`;
		const original = await originalOf(image, ledger.requests, originals);
		if (seen.has(name)) account.paidTwice.push(image.prompt);
		seen.add(name);
		if (take(asFile, original)) account.asFile += 1;
		else if (take(asUrl, original)) account.asUrl += 1;
		else account.lost.push(image.prompt);
	}
	return account;
}

async function originalOf(
	{ requestId, index }: ImageRecord,
	requests: readonly RequestRecord[],
	originals: Originals,
): Promise<string> {
	const request = requests.find(({ id }) => id === requestId);
	if (!request) throw new Error('An image without a request');
	return (await originals.of(request))[index];
}
