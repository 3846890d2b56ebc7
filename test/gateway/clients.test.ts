import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Gateway, type ProfileName, startGateway } from './index';
import { inspect } from './testing';

interface Received {
	openai: string[];
	vercel: Array<{ base64: string; mediaType: string }>;
	warnings: unknown[];
}

let gateway: Gateway;

beforeAll(async () => {
	gateway = await startGateway();
});
afterEach(() => gateway.reset());
afterAll(async () => await gateway.close());

it.each([
	['volcengine', '/api/v3', 'doubao-seedream-4-5-251128'],
	['byteplus', '/api/v3', 'seedream-4-5-251128'],
	['new-api', '/v1', 'doubao-seedream-4-5-251128'],
] as Array<[profile: ProfileName, base: string, model: string]>)(
	"the openai SDK and the AI SDK's ByteDance provider get images from %s",
	async (profile, base, model) => {
		const script = join(__dirname, 'thirdParty.mjs');
		const args = [script, gateway.profileUrl(profile) + base, gateway.key, model];
		const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1e8 });
		const { openai, vercel, warnings } = JSON.parse(stdout) as Received;
		const file = await (await fetch(openai[0])).arrayBuffer();
		expect(await inspect(file)).toMatchObject({ format: 'jpeg', width: 2048, height: 2048 });
		expect(vercel.map(({ mediaType }) => mediaType)).toEqual(['image/jpeg', 'image/jpeg']);
		for (const { base64 } of vercel) {
			const found = await inspect(Buffer.from(base64, 'base64'));
			expect(found).toMatchObject({ format: 'jpeg', width: 2304, height: 1728 });
		}
		expect(warnings).toEqual([]);
		expect(gateway.ledger.images.map(({ delivered }) => delivered)).toEqual([1, 1, 1]);
	},
);
