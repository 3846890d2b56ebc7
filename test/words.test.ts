import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

import { SeedreamApi } from '../credentials/SeedreamApi.credentials';
import { Seedream } from '../nodes/Seedream/Seedream.node';

const root = join(__dirname, '..');

/** A text that users read, and where it stands. */
interface Text {
	place: string;
	text: string;
}

/**
 * Words that users do not know from n8n, OpenAI's Images API, Seedream or HTTP; what to say instead; and
 * a sentence in which they are found.
 */
const PRIVATE_WORDS: Array<[word: RegExp, instead: string, example: string]> = [
	[/\banswer(s|ed|ing)?\b/i, 'response, respond', 'The answer broke off'],
	[/\brepl(y|ies|ied)\b/i, 'response', 'The reply was empty'],
	[/\baddress(es)?\b/i, 'URL', 'Images made until then, with their addresses'],
	[/\b(tries|tried)\b/i, 'attempts, retried', '(8 tries)'],
	[/\b(an?|another|each|every|next|last|first|further) try\b/i, 'attempt', 'another try'],
	[/\b(makes?|making|made)\b(?! sure)/i, 'generate', 'Nothing was made'],
	[/\banew\b/i, 'again', 'The mark goes with an image generated anew'],
	[/\b(pay|pays|paid|paying)\b/i, 'charge', 'What was paid for'],
	[/\byour money\b/i, 'costs', 'What happens to your money'],
	// Time may be taken: "takes 20 seconds", "which takes longer".
	[
		/\btakes?\b(?! (longer|time|a few|\d+|seconds|minutes))|\btaken from\b/i,
		'supports, accepts',
		'It does not take it',
	],
	[
		/\b(models?|gateways?|SeedEdit|Seedream|Pro|Flash|Lite) reads?\b/i,
		'supports',
		'SeedEdit reads JPEG',
	],
	[/\bdoes not do\b/i, 'does not support', 'Seedream 4.5 does not do Image Set'],
	[
		/\bURLs?[^.]* (dies?|lives?|ends?)\b|\b(dies|died)\b/i,
		'expires',
		'Its URL ends after 24 hours',
	],
	[/\bunder way\b/i, 'in progress, in parallel', 'Requests under way finish'],
	[
		/\bat a time\b|\bat once\b/i,
		'in parallel, immediately',
		'More requests than it takes at a time',
	],
	[/\bcomplain(s|ed|t|ts)?\b/i, 'rejects', 'The gateway complains'],
	[/\b(broke|breaks|broken) (down|off)\b/i, 'failed, was cut short', 'The connection broke off'],
	[/\bsigns? of life\b/i, 'keep-alive', 'It sends signs of life'],
	[/\bgates?\b/i, 'limit, semaphore', 'Items wait at a gate'],
	[/\bfit to be shown\b/i, 'redacted', 'A text that is fit to be shown'],
	[/\bwithout a word\b/i, 'silently', 'It drops them without a word'],
	[/\bsays yes\b/i, 'accepts', 'The test says yes to any key'],
	[/\bfaults?\b/i, 'bug', 'Questions and faults'],
	[/\basked for\b/i, 'requested', '4 images were asked for and 2 came'],
	[/\bhands? over\b|\bhanded over\b/i, 'returns', 'How the gateway hands over the images'],
	[/\bcomes? out\b|\bcame out\b/i, 'the output is', 'Files come out either way'],
	[/\boption(s)? (that )?OpenAI does not have\b/i, 'parameter', 'An option OpenAI does not have'],
	[/\bdoes not know yet\b/i, 'does not offer', 'what this node does not know yet'],
];

/** Strings of a description that the editor shows, by their keys; `name` is one where a value stands beside it. */
function shownTexts(value: unknown, place: string): Text[] {
	if (Array.isArray(value)) return value.flatMap((each, i) => shownTexts(each, `${place}[${i}]`));
	if (typeof value !== 'object' || value === null) return [];
	const keys = ['displayName', 'description', 'hint', 'placeholder', 'action', 'message'];
	return Object.entries(value).flatMap(([key, inner]) => {
		const isShown = keys.includes(key) || (key === 'name' && 'value' in value);
		if (typeof inner === 'string')
			return isShown ? [{ place: `${place}.${key}`, text: inner }] : [];
		return shownTexts(inner, `${place}.${key}`);
	});
}

function sourceFiles(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
		.map((entry) => join(entry.parentPath, entry.name));
}

/** String literals that hold more than one word, which are messages; comments are none. */
function literals(file: string): Text[] {
	const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
	const texts: Text[] = [];
	const visit = (node: ts.Node): void => {
		const isText =
			ts.isStringLiteralLike(node) ||
			ts.isTemplateHead(node) ||
			ts.isTemplateMiddleOrTemplateTail(node);
		if (isText && /\S\s+\S/.test(node.text)) {
			const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
			texts.push({ place: `${relative(root, file)}:${line + 1}`, text: node.text });
		}
		ts.forEachChild(node, visit);
	};
	visit(source);
	return texts;
}

/** The lines of a page, without code and without what it quotes. */
function page(file: string): Text[] {
	const text = readFileSync(join(root, file), 'utf8');
	const prose = text.replace(/```[^]*?```/g, (code) => code.replace(/[^\n]/g, ''));
	return prose.split('\n').map((line, i) => ({
		place: `${file}:${i + 1}`,
		text: line.replace(/`[^`]*`|"[^"]*"/g, ''),
	}));
}

/** Each use of a private word, with what to say instead. */
function privateWords(texts: Text[]): string[] {
	return texts.flatMap(({ place, text }) =>
		PRIVATE_WORDS.flatMap(([word, instead]) => {
			const [found] = word.exec(text) ?? [];
			return found ? [`${place}: “${found}” in “${text}”; say: ${instead}`] : [];
		}),
	);
}

it.each(PRIVATE_WORDS.map(([word, , example]) => [example, word] as const))(
	'a private word is found in “%s”',
	(example, word) => {
		expect(example).toMatch(word);
	},
);

it('the editor shows no private words', () => {
	const { description } = new Seedream();
	const { properties, test } = new SeedreamApi();
	const texts = [
		...shownTexts(description, 'node'),
		...shownTexts([properties, test], 'credential'),
	];
	expect(texts.map(({ text }) => text)).toEqual(
		expect.arrayContaining([
			'Reference Images',
			'Generate image from text',
			'Images of All Input Items',
		]),
	);
	expect(privateWords(texts)).toEqual([]);
});

it('messages hold no private words', () => {
	const texts = ['nodes', 'credentials']
		.flatMap((folder) => sourceFiles(join(root, folder)))
		.flatMap(literals);
	expect(texts.map(({ text }) => text)).toEqual(
		expect.arrayContaining([
			'The response contains no images',
			' Reference Images are too many for ',
		]),
	);
	expect(privateWords(texts)).toEqual([]);
});

it.each(['README.md', 'docs/reference.md'])('%s holds no private words', (file) => {
	const texts = page(file);
	expect(texts.length).toBeGreaterThan(100);
	expect(privateWords(texts)).toEqual([]);
});
