import { createRequire } from 'node:module';
import path from 'node:path';
import { expect } from 'expect';
import ts from 'typescript';

const load = createRequire(__filename);

/** A part of a source file, and what takes its place. */
export interface Change {
	start: number;
	end: number;
	text: string;
}

/** A text with one of its numbers changed, for each of them; with a letter more where it has none. */
function variants(text: string): string[] {
	const numbers = [...text.matchAll(/\d+/g)];
	if (numbers.length === 0) return [`${text}x`];
	return numbers.map(({ 0: number, index }) => {
		const next = String(Number(number) + 1).padStart(number.length, '0');
		return text.slice(0, index) + next + text.slice(index + number.length);
	});
}

function literalsFor(node: ts.Node): string[] {
	if (ts.isStringLiteral(node)) return variants(node.text).map((text) => `'${text}'`);
	if (ts.isNumericLiteral(node)) return [String(Number(node.text) + 1)];
	if (node.kind === ts.SyntaxKind.TrueKeyword) return ['false'];
	return node.kind === ts.SyntaxKind.FalseKeyword ? ['true'] : [];
}

/** Entries of a list or record; a value of a record that is a literal is changed, not removed. */
function entriesOf(node: ts.Node): readonly ts.Node[] {
	if (ts.isArrayLiteralExpression(node)) return node.elements;
	if (!ts.isObjectLiteralExpression(node)) return [];
	return node.properties.filter(
		(entry) => !ts.isPropertyAssignment(entry) || literalsFor(entry.initializer).length === 0,
	);
}

/** Types and code are no facts, nor is what only explains. */
function isOther(node: ts.Node): boolean {
	if (ts.isTypeNode(node) || ts.isFunctionLike(node) || ts.isImportDeclaration(node)) return true;
	const isProse = /^(action|choose|description|placeholder|source)$/;
	return ts.isPropertyAssignment(node) && isProse.test(node.name.getText());
}

/** Every change of one fact in a source file: a literal is another one, a list or record has one less. */
export function factChanges(text: string): Change[] {
	const changes: Change[] = [];
	const visit = (node: ts.Node): void => {
		if (isOther(node)) return;
		const [start, end] = [node.getStart(), node.getEnd()];
		for (const literal of literalsFor(node)) changes.push({ start, end, text: literal });
		for (const entry of entriesOf(node)) {
			const comma = /^\s*,/.exec(text.slice(entry.end))?.[0].length ?? 0;
			changes.push({ start: entry.getStart(), end: entry.end + comma, text: '' });
		}
		ts.forEachChild(node, visit);
	};
	visit(ts.createSourceFile('', text, ts.ScriptTarget.Latest, true));
	return changes;
}

/** Tests that touch no network, in the order in which they are likely to notice another fact. */
const PURE = ['catalogFacts', 'fields', 'readme/readme'];

type Body = (...row: unknown[]) => void;

/** Runs a test at once. @throws Error with its title, if it fails */
function runTest(title: string, body: Body, row: unknown[] = []): void {
	try {
		body(...row);
	} catch {
		throw new Error(title);
	}
}

const each = (rows: unknown[]) => (title: string, body: Body) =>
	rows.forEach((row) => runTest(title, body, [row].flat()));

/**
 * Runs the pure tests in this process, where Jest would take seconds each time.
 * @param folder copy of the repository
 * @returns the test that failed, if one did
 */
export function runPureTests(folder: string): string | undefined {
	for (const file of Object.keys(load.cache)) {
		if (file.startsWith(folder + path.sep)) delete load.cache[file];
	}
	const describe = (_: string, body: Body) => body();
	const ignore = () => {};
	const hooks = { afterAll: ignore, afterEach: ignore, beforeAll: ignore, beforeEach: ignore };
	Object.assign(globalThis, { ...hooks, describe, expect, it: Object.assign(runTest, { each }) });
	for (const file of PURE) {
		try {
			load(path.join(folder, `test/${file}.test.ts`));
		} catch (error) {
			return `${file}.test.ts: ${(error as Error).message.split('\n')[0]}`;
		}
	}
	return undefined;
}
