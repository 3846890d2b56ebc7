import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp, { type FormatEnum } from 'sharp';

/** Product photos by file name: shapes on a plain background, in every format a camera or shop may deliver. */
const PHOTOS: Record<string, string> = {
	'mug.png': `
		<rect x="520" y="330" width="130" height="170" rx="60" fill="none" stroke="#c2452d" stroke-width="34"/>
		<path d="M270 280 H540 L520 560 Q516 590 486 590 H324 Q294 590 290 560 Z" fill="#d9532f"/>
		<ellipse cx="405" cy="280" rx="135" ry="26" fill="#8f2f1d"/>`,
	'lamp.jpg': `
		<rect x="388" y="330" width="24" height="250" fill="#4a4a4a"/>
		<ellipse cx="400" cy="590" rx="110" ry="22" fill="#4a4a4a"/>
		<path d="M310 150 H490 L560 350 H240 Z" fill="#e8b23a"/>`,
	'chair.webp': `
		<path d="M290 420 L270 640 M510 420 L530 640" stroke="#5d4030" stroke-width="22"/>
		<rect x="290" y="150" width="220" height="230" rx="30" fill="#2f6f73"/>
		<rect x="260" y="380" width="280" height="56" rx="20" fill="#38878b"/>`,
};

/** The rows of the spreadsheet, as CSV. */
const PROMPTS = [
	'sku,title,prompt,ratio',
	'MUG-01,Red mug,"A red ceramic mug on a wooden table, morning light, product photo",1:1',
	'LAMP-02,Yellow lamp,"A yellow table lamp in a cosy reading corner at dusk, product photo",4:3',
	'CHAIR-03,Teal chair,"A teal chair in a bright living room with plants, product photo",3:4',
];

/**
 * Lays out the files that the examples read: product photos and a spreadsheet of prompts. Files that are
 * there already stay as they are.
 * @param folder that the examples call `.n8n-files`
 */
export async function writeSamples(folder: string): Promise<void> {
	const photos = path.join(folder, 'products');
	await mkdir(photos, { recursive: true });
	for (const [name, shapes] of Object.entries(PHOTOS)) {
		const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800">
			<rect width="800" height="800" fill="#f2f0ec"/>
			<ellipse cx="400" cy="628" rx="240" ry="34" fill="#d8d4cc"/>${shapes}</svg>`;
		const format = path.extname(name).slice(1) as keyof FormatEnum;
		const photo = sharp(Buffer.from(svg)).toFormat(format);
		await writeUnlessThere(path.join(photos, name), await photo.toBuffer());
	}
	await writeUnlessThere(path.join(folder, 'prompts.csv'), `${PROMPTS.join('\n')}\n`);
}

async function writeUnlessThere(file: string, content: Buffer | string): Promise<void> {
	await writeFile(file, content, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
		if (error.code !== 'EEXIST') throw error;
	});
}
