// Runs clients that nobody here wrote against a gateway, and prints what they got as JSON. A script of
// its own because `ai` is an ES module, which Jest does not load.
import { createByteDance } from '@ai-sdk/bytedance';
import { generateImage } from 'ai';
import OpenAI from 'openai';

const [baseURL, apiKey, model] = process.argv.slice(2);

const openai = await new OpenAI({ baseURL, apiKey }).images.generate({
	model,
	prompt: 'a sea otter',
	size: '2048x2048',
	response_format: 'url',
	n: 1,
});

const sample = await fetch(`${new URL(baseURL).origin}/samples/90x60.png`);
const reference = new Uint8Array(await sample.arrayBuffer());
const vercel = await generateImage({
	model: createByteDance({ baseURL, apiKey }).image(model),
	prompt: { text: 'a sea otter in a beret', images: [reference, reference] },
	size: '2304x1728',
	n: 2,
	providerOptions: { bytedance: { watermark: false } },
});

console.log(
	JSON.stringify({
		openai: openai.data?.map(({ url }) => url),
		vercel: vercel.images.map(({ base64, mediaType }) => ({ base64, mediaType })),
		warnings: vercel.warnings,
	}),
);
