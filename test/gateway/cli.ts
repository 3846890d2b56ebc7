import { parseArgs } from 'node:util';
import { startGateway } from './index';
import { profileNamed, type ProfileName, PROFILES } from './profiles';

const USAGE = `Usage: npx tsx test/gateway/cli.ts [--port N] [--profile NAME] [--key K] [--day YYYY-MM-DD]
Profiles: ${[...PROFILES.keys()].join(', ')}`;

async function main(): Promise<void> {
	const { values } = parseArgs({
		options: {
			port: { type: 'string', default: '0' },
			profile: { type: 'string', default: 'volcengine' },
			key: { type: 'string' },
			day: { type: 'string' },
			help: { type: 'boolean', default: false },
		},
	});
	if (values.help) {
		console.log(USAGE);
		return;
	}
	const port = Number(values.port);
	if (!Number.isInteger(port) || port < 0 || port > 65_535) {
		throw new Error(`--port must be a number from 0 to 65535, not "${values.port}"`);
	}
	const { day } = values;
	if (day !== undefined && !/^\d{4}-\d\d-\d\d$/.test(day)) {
		throw new Error(`--day must be a date such as 2026-11-25, not "${day}"`);
	}
	const profile = profileNamed(values.profile as ProfileName);
	const gateway = await startGateway({ port, profile: profile.name, key: values.key, day });
	const others = [...PROFILES.values()].filter(({ name }) => name !== profile.name);
	console.log(`The stand-in gateway plays ${profile.name}. It generates pictures of its own; nothing leaves this machine.

Base URL  ${gateway.url}${profile.basePath}
API key   ${gateway.key}
Ledger    ${gateway.url}/_control/ledger

Try it:
curl ${gateway.url}${profile.basePath}/images/generations \\
  -H "Authorization: Bearer ${gateway.key}" -H "Content-Type: application/json" \\
  -d '${JSON.stringify(profile.accepts.example)}'

Other profiles:
${others.map(({ name, basePath }) => `  ${gateway.profileUrl(name)}${basePath}`).join('\n')}

Ctrl-C stops it.`);
	process.once('SIGINT', () => void gateway.close());
	process.once('SIGTERM', () => void gateway.close());
}

main().catch((error: Error & { code?: string }) => {
	const taken = error.code === 'EADDRINUSE';
	console.error(taken ? 'The port is in use: choose another with --port.' : error.message);
	console.error(USAGE);
	process.exitCode = 1;
});
