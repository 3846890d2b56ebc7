import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Container } from '@n8n/di';
import { BinaryDataConfig, BinaryDataService } from 'n8n-core';
import type { IBinaryData } from 'n8n-workflow';

/** n8n's binary store on disk, as n8n has it by default, with the addresses it signs. */
export interface FileStore {
	/** What n8n puts in front of its signed addresses. */
	restApiUrl: string;
	/** Bytes of a stored file. */
	read(file: IBinaryData): Promise<Buffer>;
	close(): Promise<void>;
}

/** Switches n8n's binary store from memory to files, and serves signed addresses as n8n does. */
export async function openFileStore(): Promise<FileStore> {
	const folder = await mkdtemp(join(tmpdir(), 'seedream-files-'));
	Object.assign(Container.get(BinaryDataConfig), { mode: 'filesystem', localStoragePath: folder });
	const service = Container.get(BinaryDataService);
	await service.init();
	const server = createServer((request, response) => {
		const token = new URL(request.url ?? '', 'http://n8n').searchParams.get('token') ?? '';
		Promise.resolve()
			.then(
				async () =>
					await service.getAsBuffer({ id: service.validateSignedToken(token) } as IBinaryData),
			)
			.then(
				(bytes) => response.end(bytes),
				() => response.writeHead(404).end(),
			);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		restApiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/rest`,
		read: async (file) => await service.getAsBuffer(file),
		async close() {
			server.close();
			server.closeAllConnections();
			await rm(folder, { recursive: true, force: true });
		},
	};
}
