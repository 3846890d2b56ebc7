import { installN8n } from '../install';
import type { Part } from '../run';
import { core } from './core';

/** The first n8n the package is held to, one between, and the last of n8n 1. */
const VERSIONS = ['2.20.12', '2.0.0', '1.123.81'];

/** The core cases on older n8n versions. Installs each, which takes minutes and 2.4 GB. */
export const versions: Part = async ({ tarball }, check) => {
	for (const version of VERSIONS) {
		const installation = await installN8n(version);
		await check(`n8n ${version} starts and stops`, () =>
			core({ installation, tarball }, (name, body) => check(`n8n ${version}: ${name}`, body)),
		);
	}
};
