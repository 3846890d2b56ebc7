import { createHash } from 'node:crypto';

import type { Plan } from './plan';

/** Colours of a landscape, from the top of the sky to the nearest hill. */
interface Palette {
	/** Prompts that get it; others get any. */
	words: RegExp;
	sky: readonly [string, string, string];
	sun: string;
	hills: readonly [far: string, near: string];
}

const PALETTES: readonly Palette[] = [
	{
		words: /night|moon|star|dark|galaxy|neon/i,
		sky: ['#0b1026', '#27325f', '#6b5b95'],
		sun: '#f4f1de',
		hills: ['#3d3f6b', '#11142b'],
	},
	{
		words: /sunset|dusk|dawn|evening|autumn|fox|red|orange|fire/i,
		sky: ['#3a2c5f', '#d1495b', '#f9c784'],
		sun: '#fff1c1',
		hills: ['#b4556a', '#2e1a33'],
	},
	{
		words: /snow|winter|ice|arctic|white|mountain/i,
		sky: ['#4a7fb5', '#a9cde8', '#f3f7fb'],
		sun: '#ffffff',
		hills: ['#c3d9ea', '#4d6a86'],
	},
	{
		words: /forest|green|spring|garden|tea|plant|meadow/i,
		sky: ['#4fa3a5', '#a8d8c0', '#f5f0d0'],
		sun: '#fffbe0',
		hills: ['#8fbf9f', '#1f4d3a'],
	},
	{
		words: /sea|ocean|beach|water|rain|blue|boat|otter|lake/i,
		sky: ['#1d4e89', '#3fa7d6', '#c8ecf4'],
		sun: '#fdf6d8',
		hills: ['#5fa8c8', '#12355b'],
	},
	{
		words: /desert|sand|yellow|summer|product|studio|coffee/i,
		sky: ['#5c6f9a', '#f2b880', '#fbe6c4'],
		sun: '#fff8e7',
		hills: ['#e0a36f', '#6e3b2a'],
	},
];

const HILLS = 5;
const POINTS = 48;
const TREES = 14;

/** Numbers from 0 to 1, the same ones for the same words. */
function numbersFrom(words: string): () => number {
	let bytes = createHash('sha256').update(words).digest();
	let at = 0;
	return () => {
		if (at + 2 > bytes.length) {
			bytes = createHash('sha256').update(bytes).digest();
			at = 0;
		}
		at += 2;
		return bytes.readUInt16BE(at - 2) / 65_535;
	};
}

/** A colour between two, such as `#8899aa`. */
function mix(from: string, to: string, share: number): string {
	const parts = [1, 3, 5].map((at) => {
		const [a, b] = [from, to].map((colour) => parseInt(colour.slice(at, at + 2), 16));
		return Math.round(a + (b - a) * share)
			.toString(16)
			.padStart(2, '0');
	});
	return `#${parts.join('')}`;
}

/**
 * A landscape as SVG: colours by the words of the prompt, hills by the rest of it. In a set the sun moves
 * on from image to image. Where the image is to be transparent, a ball in those colours without a landscape.
 * @param index place in the set, from 0
 * @param scale pixels that the SVG has for each of the plan's
 */
export function scene(
	{ prompt, width, height, transparent, count }: Plan,
	index: number,
	scale: number,
): string {
	const next = numbersFrom(prompt);
	const any = Math.floor(next() * PALETTES.length);
	const { sky, sun, hills } = PALETTES.find(({ words }) => words.test(prompt)) ?? PALETTES[any];
	const side = Math.min(width, height);
	const parts = transparent
		? [ball(width / 2, height * 0.42, side * 0.3)]
		: [
				`<rect width="${width}" height="${height}" fill="url(#sky)"/>`,
				...sunAt(width * ((0.2 + 0.6 * next() + index / count) % 1), height * 0.3),
				...Array.from({ length: HILLS }, (_, i) => {
					const share = i / (HILLS - 1);
					return hill(height * (0.48 + 0.36 * share), share, mix(hills[0], hills[1], share));
				}),
			];
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width * scale)}" height="${Math.ceil(height * scale)}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="${sky[0]}"/><stop offset="0.4" stop-color="${sky[1]}"/><stop offset="0.75" stop-color="${sky[2]}"/></linearGradient>
<radialGradient id="halo"><stop offset="0.15" stop-color="${sun}" stop-opacity="0.7"/><stop offset="1" stop-color="${sun}" stop-opacity="0"/></radialGradient>
<radialGradient id="ball" cx="0.35" cy="0.3" r="0.75"><stop offset="0" stop-color="${sun}"/><stop offset="0.35" stop-color="${sky[1]}"/><stop offset="1" stop-color="${hills[1]}"/></radialGradient>
</defs>
${parts.join('\n')}
</svg>`;

	function sunAt(x: number, y: number): string[] {
		return [
			`<circle cx="${x}" cy="${y}" r="${side * 0.4}" fill="url(#halo)"/>`,
			`<circle cx="${x}" cy="${y}" r="${side * 0.075}" fill="${sun}"/>`,
		];
	}

	function ball(x: number, y: number, radius: number): string {
		return `<circle cx="${x}" cy="${y}" r="${radius}" fill="url(#ball)"/>`;
	}

	function hill(level: number, share: number, colour: string): string {
		const waves = [1.3, 2.9, 6.1].map((often, i) => ({
			often,
			from: next() * 2 * Math.PI,
			high: (side * (0.07 - 0.02 * share)) / (1 + i * 1.5),
		}));
		const yAt = (part: number) =>
			waves.reduce(
				(y, { often, from, high }) => y + high * Math.sin(from + part * often * 4),
				level,
			);
		const line = Array.from({ length: POINTS + 1 }, (_, i) => {
			const part = i / POINTS;
			return `${(part * width).toFixed(1)},${yAt(part).toFixed(1)}`;
		});
		// Trees stand on the last hill but one.
		const trees = Array.from({ length: share === 0.75 ? TREES : 0 }, () => {
			const part = next();
			const tall = side * (0.04 + 0.06 * next());
			const [x, y] = [part * width, yAt(part) + tall * 0.1];
			return `M${x - tall * 0.22},${y} l${tall * 0.22},${-tall} l${tall * 0.22},${tall} z`;
		});
		return `<path fill="${colour}" d="M0,${height} L${line.join(' ')} L${width},${height} z ${trees.join(' ')}"/>`;
	}
}

/** A shade that grows darker to its lower end, as SVG, for white letters to stand on. */
export function shade(width: number, height: number): string {
	return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
<defs><linearGradient id="shade" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-opacity="0"/><stop offset="0.45" stop-opacity="0.55"/><stop offset="1" stop-opacity="0.75"/></linearGradient></defs>
<rect width="${width}" height="${height}" fill="url(#shade)"/>
</svg>`;
}
