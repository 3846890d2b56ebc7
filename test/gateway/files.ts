import { createHash, randomBytes } from 'node:crypto';
import type { ImageRecord } from './ledger';
import type { Pieces } from './padding';

interface StoredFile {
	/** Path and query, exactly as signed. */
	path: string;
	/** Milliseconds since 1970. */
	expires: number;
	pieces: Pieces;
	image: ImageRecord;
	profile: string;
}

/** The object store behind the image URLs: a signed path each, valid for a while. */
export class Files {
	private readonly stored = new Map<string, StoredFile>();

	/** @param lifetime of a URL in milliseconds */
	constructor(private readonly lifetime: number) {}

	/** @returns path and query under which the file can be fetched, signed as TOS signs them */
	put(pieces: Pieces, image: ImageRecord, profile: string): string {
		const key = `/files/${profile}/${image.id}.${image.format}`;
		const now = new Date();
		const date = now.toISOString().replace(/[-:]|\.\d+/g, '');
		const credential = encodeURIComponent(
			`AKLTembedded/${date.slice(0, 8)}/cn-beijing/tos/request`,
		);
		const query = [
			'X-Tos-Algorithm=TOS4-HMAC-SHA256',
			`X-Tos-Credential=${credential}`,
			`X-Tos-Date=${date}`,
			`X-Tos-Expires=${Math.ceil(this.lifetime / 1000)}`,
			`X-Tos-Signature=${createHash('sha256').update(randomBytes(16)).digest('hex')}`,
			'X-Tos-SignedHeaders=host',
		].join('&');
		const path = `${key}?${query}`;
		this.stored.set(key, { path, expires: now.getTime() + this.lifetime, pieces, image, profile });
		return path;
	}

	/** @param path with or without its query */
	find(path: string): StoredFile | undefined {
		return this.stored.get(path.split('?')[0]);
	}

	/** Whether a path is the signed one, unchanged to the letter, and still valid. */
	allows(path: string, file: StoredFile): boolean {
		return path === file.path && Date.now() < file.expires;
	}

	clear(): void {
		this.stored.clear();
	}
}
