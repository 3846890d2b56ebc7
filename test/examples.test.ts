import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IConnections, INode } from 'n8n-workflow';

const FOLDER = join(__dirname, '..', 'examples');

interface Example {
	name: string;
	nodes: INode[];
	connections: IConnections;
}

const examples = readdirSync(FOLDER)
	.filter((file) => file.endsWith('.json'))
	.map((file) => {
		const example = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Example;
		return { file, ...example };
	});

/** Pixels of a rectangle on n8n's canvas. */
interface Box {
	left: number;
	top: number;
	right: number;
	bottom: number;
}

/**
 * What a node covers on the canvas: 96 × 96 pixels and its name below; an AI Agent, which has inputs at
 * its lower edge, is 256 pixels wide and has its name inside (n8n 2.41).
 */
function boxOf({ name, position: [left, top] }: INode, { connections }: Example): Box {
	const isRoot = Object.values(connections).some((outputs) =>
		Object.entries(outputs).some(
			([type, lists]) =>
				type !== 'main' && lists.some((list) => list?.some(({ node }) => node === name)),
		),
	);
	const width = isRoot ? 256 : 96;
	const label = isRoot ? 0 : 48;
	return { left: left - label, top, right: left + width + label, bottom: top + 96 + label };
}

function overlap(a: Box, b: Box): boolean {
	return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

const isNote = ({ type }: INode) => type.endsWith('.stickyNote');

/** Services of which somebody who has only this node has no account, by the type of their nodes. */
const ACCOUNTS: Record<string, string> = {
	slack: 'Slack',
	googleDrive: 'Drive',
	lmChatOpenAi: 'OpenAI',
};

describe.each(examples)('$file', (example) => {
	const notes = example.nodes.filter(isNote);
	const others = example.nodes.filter((node) => !isNote(node));
	const text = notes.map(({ parameters }) => String(parameters.content)).join('\n');

	it('has a note that covers no node', () => {
		expect(notes.length).toBeGreaterThan(0);
		const covered = notes.flatMap(({ position: [left, top], parameters }) => {
			const { width, height } = parameters as { width: number; height: number };
			const note = { left, top, right: left + width, bottom: top + height };
			return others.filter((node) => overlap(note, boxOf(node, example)));
		});
		expect(covered.map(({ name }) => name)).toEqual([]);
	});

	it('links to which folders n8n may use, where it uses some, and names none itself', () => {
		expect(text).not.toMatch(/n8n-files|output\/|N8N_/);
		const usesDisk = others.some(({ type }) => type.endsWith('.readWriteFile'));
		const link =
			/\]\(https:\/\/docs\.n8n\.io\/integrations\/builtin\/core-nodes\/n8n-nodes-base\.readwritefile\/#file-locations\)/;
		expect(link.test(text)).toBe(usesDisk);
	});

	it('says in its name which other accounts it needs', () => {
		const needed = others.flatMap(({ type }) => ACCOUNTS[type.replace(/^.*\./, '')] ?? []);
		const credentials = others.flatMap((node) => Object.keys(node.credentials ?? {}));
		const foreign = credentials.filter((name) => name !== 'seedreamApi');
		expect(needed).toHaveLength(foreign.length);
		expect(/\(needs /.test(example.name)).toBe(needed.length > 0);
		for (const service of needed) expect(example.name).toContain(service);
	});
});

it('the README lists every example', () => {
	const readme = readFileSync(join(__dirname, '..', 'README.md'), 'utf8');
	const listed = [...readme.matchAll(/\(examples\/([^)]+)\)/g)].map(([, file]) => file);
	expect(listed.sort()).toEqual(examples.map(({ file }) => file));
});
