/** Reads TypeScript: what a file imports, hands on, and how long its functions are. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import ts from "typescript";

export const repository = join(import.meta.dirname, "../../..");

/** Files below a folder of the repository, by a pattern of their names; paths from the repository. */
export const filesBelow = (folder: string, name: RegExp): string[] =>
  readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name) && !entry.parentPath.includes("node_modules"))
    .map((entry) => relative(repository, join(entry.parentPath, entry.name)))
    .sort();

const parse = (path: string) =>
  ts.createSourceFile(path, readFileSync(join(repository, path), "utf8"), ts.ScriptTarget.Latest, true);

/** Modules of this repository that a file imports, static and dynamic; paths from the repository. */
export function importsOf(path: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const text =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : undefined;
    if (text && ts.isStringLiteral(text) && text.text.startsWith(".")) found.push(join(dirname(path), text.text));
    ts.forEachChild(node, visit);
  };
  visit(parse(path));
  return [...new Set(found)];
}

/** What a file hands on and does not define: `export … from`. */
export const handsOn = (path: string): string[] =>
  parse(path)
    .statements.filter((s) => ts.isExportDeclaration(s))
    .map((s) => `${path}: ${s.getText()}`);

export interface FunctionSize {
  where: string;
  lines: number;
  /** Positional parameters. */
  parameters: number;
  /** The callback of a `describe`: a list of tests. */
  isSuite: boolean;
}

/** Whether a function is handed to `describe`, `describe.each(…)` and the like. */
function isSuite(node: ts.Node): boolean {
  if (!ts.isCallExpression(node.parent)) return false;
  let callee: ts.Expression = node.parent.expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  return callee.getText() === "describe";
}

export function functionsOf(path: string): FunctionSize[] {
  const source = parse(path);
  const found: FunctionSize[] = [];
  const line = (at: number) => source.getLineAndCharacterOfPosition(at).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const [from, to] = [line(node.getStart()), line(node.getEnd())];
      const [lines, parameters] = [to - from + 1, node.parameters.length];
      found.push({ where: `${path}:${from + 1}`, lines, parameters, isSuite: isSuite(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const SHELL = /^#!.*\b(sh|openrc-run)\b/;

/** Shell scripts below a folder: by their ending, or by their first line. */
export const scriptsBelow = (folder: string): string[] =>
  filesBelow(folder, /\.sh$|^[^.]+$/).filter(
    (path) => path.endsWith(".sh") || SHELL.test(readFileSync(join(repository, path), "utf8").split("\n", 1)[0]!),
  );

/** Functions of a shell script that begin and end on lines of their own, in the same column. */
export function shellFunctionsOf(path: string): Pick<FunctionSize, "where" | "lines">[] {
  const lines = readFileSync(join(repository, path), "utf8").split("\n");
  return lines.flatMap((line, from) => {
    const [, indent] = /^(\s*)\w+\(\) \{\s*(#.*)?$/.exec(line) ?? [];
    if (indent === undefined) return [];
    const end = lines.findIndex((l, at) => at > from && l.startsWith(`${indent}}`));
    return [{ where: `${path}:${from + 1}`, lines: end - from + 1 }];
  });
}

/** Groups of nodes that lead back to themselves (Tarjan's strongly connected components), each sorted. */
export function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const [index, low] = [new Map<string, number>(), new Map<string, number>()];
  const [stack, found]: [string[], string[][]] = [[], []];
  const go = (node: string): void => {
    const own = index.size;
    index.set(node, own);
    low.set(node, own);
    stack.push(node);
    for (const next of edges.get(node) ?? []) {
      if (!index.has(next)) go(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== own) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const node of edges.keys()) if (!index.has(node)) go(node);
  return found;
}
