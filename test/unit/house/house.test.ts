/**
 * The house's law, from the README of each folder: its first line says what lives there, its last one who may import
 * it.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  circles,
  filesBelow,
  functionsOf,
  handsOn,
  importsOf,
  repository,
  scriptsBelow,
  shellFunctionsOf,
} from "./source.ts";

const MOST_LINES = 250;
const MOST_LINES_OF_A_FUNCTION = 60;
const MOST_PARAMETERS = 5;
const MOST_CHARACTERS = 120;
/** What everybody imports. */
const GROUND = ["errors.ts", "task.ts", "words.ts", "assets.ts", "redact.ts"];

/** A line of words: no table and no aligned text of a page, no usage of a script, whose columns would be lost. */
const isProse = (line: string, file: string) =>
  file.endsWith(".md")
    ? !/^(\|| {4}|\s*\S*\]\()/.test(line)
    : file.endsWith(".sh")
      ? /^\s*# (?! |shellcheck)/.test(line)
      : /^\s*(\/\/|\/\*\*|\*) (?!biome-ignore)/.test(line);

const files = filesBelow("provider", /\.ts$/);
const inside = (path: string) => path.replace(/^provider\//, "");
/** A file of provider/ itself stands for itself, any other for its folder. */
const placeOf = (path: string) => (inside(path).includes("/") ? dirname(inside(path)) : inside(path));
const folders = [...new Set(files.map(placeOf))].filter((place) => !place.endsWith(".ts"));

/** Who may import a folder, as its README says. */
function importersOf(folder: string): string[] {
  const text = readFileSync(join(repository, "provider", folder, "README.md"), "utf8");
  return /^Imported by: (.+)\.$/m.exec(text)?.[1]?.split(", ") ?? [];
}

it.each(folders)("%s says in its README what lives there and who may import it", (folder) => {
  const path = join(repository, "provider", folder, "README.md");
  const [first = "", , ...rest] = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
  expect(first).toMatch(/^[A-Z`].*\.$/);
  expect(rest.pop()).toMatch(/^Imported by: .+\.$/);
  for (const importer of importersOf(folder))
    expect(existsSync(join(repository, "provider", importer)), importer).toBe(true);
});

it("no import is against the law", () => {
  const law = new Map(folders.map((folder) => [folder, importersOf(folder)]));
  const within = (place: string, of: string) => place === of || place.startsWith(`${of}/`);
  const against = files.flatMap((file) =>
    importsOf(file)
      .filter((to) => to.startsWith("provider/"))
      .map((to) => [placeOf(file), placeOf(to), to] as const)
      .filter(([from, to]) => from !== to && !GROUND.includes(to) && to !== "resource.ts")
      .filter(([from, to]) => !law.get(to)?.some((importer) => within(from, importer)))
      .map(([, , to]) => `${inside(file)} imports ${inside(to)}`),
  );
  expect(against).toEqual([]);
});

it("what everybody imports imports nobody else, and resources alone know what a resource is", () => {
  const ground = GROUND.flatMap((name) => importsOf(`provider/${name}`).map(inside));
  expect(ground.filter((name) => !GROUND.includes(name))).toEqual([]);
  const users = files.filter((file) => importsOf(file).includes("provider/resource.ts")).map(placeOf);
  const tops = [...new Set(users.map((place) => place.split("/")[0]))].sort();
  expect(tops).toEqual(["resources", "rpc"]);
});

it("nothing leads back to itself: no file, no folder", () => {
  const graph = new Map(files.map((file) => [file, importsOf(file).filter((to) => to.endsWith(".ts"))]));
  expect(circles(graph)).toEqual([]);
  const places = new Map<string, string[]>();
  for (const [file, to] of graph)
    places.set(placeOf(file), [
      ...(places.get(placeOf(file)) ?? []),
      ...to.map(placeOf).filter((place) => place !== placeOf(file)),
    ]);
  expect(circles(places)).toEqual([]);
});

it("no file only hands names on", () => expect(files.flatMap(handsOn)).toEqual([]));

describe("sizes", () => {
  const all = ["provider", "test", "bench", "examples", "scripts"].flatMap((folder) =>
    filesBelow(folder, /\.(ts|mjs|sh)$/),
  );
  const scripts = scriptsBelow("provider");
  it(`no file has more than ${MOST_LINES} lines`, () => {
    const long = [...new Set([...all, ...scripts])]
      .map((file) => [file, readFileSync(join(repository, file), "utf8").trimEnd().split("\n").length] as const)
      .filter(([, lines]) => lines > MOST_LINES);
    expect(long).toEqual([]);
  });
  it(`no line of a comment or a page has more than ${MOST_CHARACTERS} characters`, () => {
    const pages = ["provider", "docs"].flatMap((folder) => filesBelow(folder, /\.md$/));
    const long = [...all, ...pages, "README.md", "CONTRIBUTING.md"].flatMap((file) =>
      readFileSync(join(repository, file), "utf8")
        .split("\n")
        .map((line, n) => [line, `${file}:${n + 1}`] as const)
        .filter(([line]) => [...line].length > MOST_CHARACTERS && isProse(line, file))
        .map(([, where]) => where),
    );
    expect(long).toEqual([]);
  });
  const functions = ["provider", "test", "bench", "scripts"]
    .flatMap((folder) => filesBelow(folder, /\.(ts|mts|mjs)$/))
    .flatMap(functionsOf)
    .filter((f) => !f.isSuite);
  it(`no function has more than ${MOST_LINES_OF_A_FUNCTION} lines`, () =>
    expect(
      [...functions, ...scripts.flatMap(shellFunctionsOf)]
        .filter((f) => f.lines > MOST_LINES_OF_A_FUNCTION)
        .map((f) => `${f.where}: ${f.lines}`),
    ).toEqual([]));
  it(`no function has more than ${MOST_PARAMETERS} parameters`, () =>
    expect(functions.filter((f) => f.parameters > MOST_PARAMETERS).map((f) => `${f.where}: ${f.parameters}`)).toEqual(
      [],
    ));
});

describe("the reader of scripts", () => {
  it("sees those without an ending, and where their functions end", () => {
    const agent = "provider/system/rootfs/usr/sbin/pine";
    expect(scriptsBelow("provider")).toEqual(
      expect.arrayContaining([agent, "provider/system/rootfs/usr/libexec/pine/prelude"]),
    );
    expect(shellFunctionsOf("provider/system/rootfs/usr/libexec/pine/prelude").map((f) => f.lines)).toEqual([4, 3, 5]);
    expect(shellFunctionsOf(agent).filter((f) => f.lines < 3)).toEqual([]);
  });
});

describe("the reader of functions", () => {
  it("tells a list of tests from a test", () => {
    const own = functionsOf("test/unit/house/house.test.ts");
    expect(own.filter((f) => f.isSuite)).toHaveLength(4);
    expect(own.filter((f) => !f.isSuite).length).toBeGreaterThan(20);
  });
});

describe("the reader of imports", () => {
  it("sees what leads back to itself", () => {
    const edges = { a: ["b"], b: ["c"], c: ["b", "d"], d: [], e: ["a"] };
    expect(circles(new Map(Object.entries(edges)))).toEqual([["b", "c"]]);
  });
  it("sees static and dynamic imports", () =>
    expect(importsOf("provider/main.ts")).toEqual(
      expect.arrayContaining(["provider/rpc/serve.ts", "provider/commands/serve.ts"]),
    ));
});
