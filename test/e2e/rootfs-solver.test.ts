/**
 * What a world asks of repositories, and what is locked of them: the cases of apk-tools' own solver tests that begin
 * with nothing installed, as a Rootfs does (test/unit/fixtures/apk/solver.json says where they are from). apk chooses;
 * held to its word is what is asked of it and how its answer is read.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Apk, apkTool } from "../../provider/image/packages/apk.ts";
import { constraintProblem } from "../../provider/image/packages/constraint.ts";
import type { RepositoryIndex } from "../../provider/image/packages/mirror-index.ts";
import { resolve } from "../../provider/image/packages/resolve.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { quietTask } from "../../provider/task.ts";
import { buildIndex } from "../lab/mirror/apk-format.ts";
import { labKey } from "../lab/mirror/cache.ts";
import { type Bench, startBench } from "./life.ts";

interface Case {
  name: string;
  packages: string[];
  /** Tag, name. */
  repositories: [string, string][];
  /** Name, with the tag where apk tells one, and version. */
  lock?: [string, string][];
  /** What apk says. */
  refused?: string;
}
const fixture = JSON.parse(readFileSync(new URL("../unit/fixtures/apk/solver.json", import.meta.url), "utf8")) as {
  repositories: Record<string, string[][]>;
  cases: Case[];
};

let bench: Bench;
let apk: Apk;
const indexes = new Map<string, Omit<RepositoryIndex, "tag">>();
beforeAll(async () => {
  bench = await startBench("solver");
  apk = await apkTool(toolsOf(bench.config), quietTask());
  const key = await labKey();
  for (const [name, packages] of Object.entries(fixture.repositories)) {
    const blocks = packages.map((p) =>
      ["S:1", "I:1", ...(p.some((l) => l.startsWith("A:")) ? [] : ["A:x86_64"]), ...p].join("\n"),
    );
    const path = join(bench.work, `${name}.tar.gz`);
    mkdirSync(bench.work, { recursive: true });
    writeFileSync(path, await buildIndex(blocks, name, key));
    indexes.set(name, { name, url: `http://m/${name}`, path, text: blocks.map((b) => `${b}\n\n`).join("") });
  }
});
afterAll(() => bench?.end());

describe.each(fixture.cases)("$name", ({ packages, repositories, lock, refused }) => {
  it(`${packages.join(" ")} of ${repositories.map(([tag, name]) => (tag ? `@${tag} ${name}` : name)).join(", ")}`, async () => {
    const from = repositories.map(([tag, name]) => ({ ...indexes.get(name)!, ...(tag && { tag }) }));
    const bad = packages.map(constraintProblem).find(Boolean);
    if (bad) return expect(refused, bad).toBeDefined();
    const source = toolsOf(bench.config);
    const found = await resolve(apk, { packages, indexes: from }, source, quietTask()).catch((e: Error) => e);
    if (!lock) return expect(found).toMatchObject({ message: expect.stringMatching(/^packages: /) });
    expect(found).not.toBeInstanceOf(Error);
    const got = (found as Awaited<ReturnType<typeof resolve>>).map((p) => [p.name, p.version]);
    expect(got.sort()).toEqual(lock.map(([name, version]) => [name.split("@")[0], version]).sort());
  });
});
