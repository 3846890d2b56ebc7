import { installN8n, OLDER } from '../install';
import type { Part } from '../run';
import { core } from './core';

/** The core cases on older n8n versions. Installs each, which takes minutes and 2.4 GB. */
export const versions: Part = async ({ tarball }, check) => {
	for (const version of Object.keys(OLDER)) {
		const installation = await installN8n(version);
		const checkIt: typeof check = async (name, body) =>
			await check(`n8n ${version}: ${name}`, body);
		await check(`n8n ${version} starts and stops`, () =>
			core({ installation, tarball }, checkIt, false),
		);
	}
};
