// Calls a gateway with an SDK that nobody here wrote, and prints what it got as JSON. A script of its own
// because `ai` is an ES module, and so that the SDKs' types need not be installed for `npm run types`.
import { createByteDance } from '@ai-sdk/bytedance';
import { generateImage } from 'ai';
import OpenAI from 'openai';

const [client, baseURL, apiKey, model] = process.argv.slice(2);

const clients = {
	async openai() {
		const { data } = await new OpenAI({ baseURL, apiKey }).images.generate({
			model,
			prompt: 'a sea otter',
			size: '2048x2048',
			response_format: 'url',
			n: 1,
		});
		return data?.map(({ url }) => url);
	},
	async vercel() {
		const sample = await fetch(`${new URL(baseURL).origin}/samples/90x60.png`);
		const reference = new Uint8Array(await sample.arrayBuffer());
		const { images, warnings } = await generateImage({
			model: createByteDance({ baseURL, apiKey }).image(model),
			prompt: { text: 'a sea otter in a beret', images: [reference, reference] },
			size: '2304x1728',
			n: 2,
			providerOptions: { bytedance: { watermark: false } },
		});
		return { images: images.map(({ base64, mediaType }) => ({ base64, mediaType })), warnings };
	},
};

console.log(JSON.stringify(await clients[client]()));
