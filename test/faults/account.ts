import { createHash } from 'node:crypto';
import type { IBinaryData } from 'n8n-workflow';

import type { NodeResult } from '../engine';
import { startGateway, type Gateway, type RequestRecord } from '../gateway';
import { urlsIn } from './secrets';

/** What became of the images that a run was billed for. */
export interface Account {
	billed: number;
	/** Came out as a file with the bytes that the gateway generated. */
	asFile: number;
	/** Otherwise: can be downloaded from a URL that an item or the error shown names. */
	asUrl: number;
	/** Prompts of the images of which the user got neither. */
	lost: string[];
	/** Prompts billed more often than the user asked. */
	paidTwice: string[];
}

function digest(bytes: Uint8Array): string {
	return createHash('sha256').update(bytes).digest('hex');
}

/** Digest of the file at a URL. @throws Error where there is none */
async function digestAt(url: string): Promise<string> {
	const response = await fetch(url);
	if (!response.ok) throw new Error(`HTTP status ${response.status} for ${url}`);
	return digest(new Uint8Array(await response.arrayBuffer()));
}

/** Knows what every image must look like: another gateway generates it, without any faults. */
export class Originals {
	private readonly known = new Map<string, Promise<string[]>>();

	private constructor(private readonly gateway: Gateway) {}

	static async start(key: string): Promise<Originals> {
		return new Originals(await startGateway({ key }));
	}

	async close(): Promise<void> {
		await this.gateway.close();
	}

	/** Digests of the images of a request, in order. */
	async of(request: RequestRecord): Promise<string[]> {
		const { prompt } = request.body as { prompt: string };
		const digests = this.known.get(prompt) ?? this.generate(request);
		this.known.set(prompt, digests);
		return await digests;
	}

	private async generate({ profile, path, body }: RequestRecord): Promise<string[]> {
		const { key, url } = this.gateway;
		const response = await fetch(url + path, {
			method: 'POST',
			headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
			body: JSON.stringify({ ...(body as object), stream: false, response_format: 'url' }),
		});
		if (!response.ok) throw new Error(`${profile} does not generate it: ${await response.text()}`);
		const { data } = (await response.json()) as { data: Array<{ url: string }> };
		return await Promise.all(data.map(async (image) => await digestAt(image.url)));
	}
}

/**
 * Settles the gateway's ledger with what a run left to its user. Reads all files, and downloads from all
 * URLs that the items or the error name.
 * @param asked how often the user asked for every image
 * @param read bytes of a file in n8n's binary store
 */
export async function settle(
	{ ledger }: Gateway,
	{ items, error }: NodeResult,
	originals: Originals,
	asked: number,
	read: (file: IBinaryData) => Promise<Buffer>,
): Promise<Account> {
	const files = items.flatMap(({ binary }) => Object.values(binary ?? {}));
	const urls = urlsIn(
		items.map(({ json }) => json),
		error?.message,
		error?.description,
	);
	const inFiles = await Promise.all(files.map(async (file) => digest(await read(file))));
	const atUrls = await Promise.all(urls.map(async (url) => await digestAt(url).catch(() => '')));
	/** Takes one of several equal images. @returns whether there was one left */
	const take = (digests: string[], image: string) => {
		const at = digests.indexOf(image);
		return at >= 0 && digests.splice(at, 1).length > 0;
	};
	const billed = ledger.images.filter((image) => image.billed);
	const account: Account = { billed: billed.length, asFile: 0, asUrl: 0, lost: [], paidTwice: [] };
	const seen = new Map<string, number>();
	for (const { prompt, index, requestId } of billed) {
		const request = ledger.requests.find(({ id }) => id === requestId);
		if (!request) throw new Error('An image without a request');
		const original = (await originals.of(request))[index];
		const name = `${prompt}#${index}`;
		const times = (seen.get(name) ?? 0) + 1;
		if (times > asked) account.paidTwice.push(prompt);
		seen.set(name, times);
		if (take(inFiles, original)) account.asFile += 1;
		else if (take(atUrls, original)) account.asUrl += 1;
		else account.lost.push(prompt);
	}
	return account;
}
