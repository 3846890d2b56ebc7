import { installN8n, type OLDER } from '../install';
import type { Part } from '../run';
import { core, type TestResult } from './core';

const REFUSED: TestResult = {
	status: 'Error',
	message: 'Authorization failed - please check your credentials',
};

// Before 2.14.2, n8n ignores all statuses in a credential's test, without exceptions.
const ACCEPTED: TestResult = { status: 'OK', message: 'Connection successful!' };

/** Result of the credential's Test with a wrong key on older n8n versions. */
const WRONG_KEY: Record<keyof typeof OLDER, TestResult> = {
	'2.20.12': REFUSED,
	'2.14.2': REFUSED,
	'2.0.0': ACCEPTED,
	'1.123.81': ACCEPTED,
};

/** The core cases on older n8n versions. Installs each, which takes minutes and 2.4 GB. */
export const versions: Part = async ({ tarball }, check) => {
	for (const [version, wrongKey] of Object.entries(WRONG_KEY)) {
		const installation = await installN8n(version);
		const checkIt: typeof check = async (name, body) =>
			await check(`n8n ${version}: ${name}`, body);
		await check(`n8n ${version} starts and stops`, () =>
			core({ installation, tarball }, checkIt, wrongKey),
		);
	}
};
