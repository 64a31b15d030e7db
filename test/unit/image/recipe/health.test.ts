/** The programs that health checks become: what a shell makes of them, and what an image has. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { healthChanges, healthPiece } from "../../../../provider/image/recipe/health.ts";
import { pieces } from "../../../../provider/image/recipe/recipe.ts";
import type { RecipeCheck } from "../../../../provider/image/recipe/types.ts";
import { missingEntry, propertyOf } from "../../../../provider/image/tree/asked.ts";
import { aRecipe } from "./a-recipe.ts";

const check = (c: Partial<RecipeCheck>): RecipeCheck => ({ name: "x", timeout: 10, required: true, ...c });
const web = check({ name: "web", http: "http://127.0.0.1/", status: 200 });
const textOf = (c: RecipeCheck) => healthPiece([c]).files![0]!.content;

it("each is a program of three lines, and their number is there", () => {
  const db = check({ name: "db", service: "postgresql", timeout: 30, required: false });
  expect(healthPiece([db, web])).toEqual({
    files: [
      {
        path: "/usr/lib/pine/health.d/db",
        mode: "0755",
        content:
          "#!/bin/sh\n# timeout=30 required=no service=postgresql\nexec /usr/libexec/pine/probe service postgresql\n",
      },
      {
        path: "/usr/lib/pine/health.d/web",
        mode: "0755",
        content: "#!/bin/sh\n# timeout=10 required=yes\nexec /usr/libexec/pine/probe http http://127.0.0.1/ 200 ''\n",
      },
      { path: "/usr/lib/pine/health.count", content: "2\n" },
    ],
  });
  expect(pieces(aRecipe({ healthChecks: [web] })).at(-1)).toEqual(healthPiece([web]));
  expect(JSON.stringify(pieces(aRecipe()))).not.toContain("health");
});

describe.each([["dash"], ["busybox", "sh"]])("%s hands over what was written", (...shell) => {
  it.each<[Partial<RecipeCheck>, string[]]>([
    [{ command: "echo 'a b' \"$HOME\" `id` $(id) \\ # x\nexit 1; #'" }, ["command"]],
    [{ command: "-n" }, ["command"]],
    [{ http: "http://x/?a=1&b=$c'd", status: 204 }, ["http", "http://x/?a=1&b=$c'd", "204", ""]],
    [{ http: "http://x/", contains: 'it\'s * "here"' }, ["http", "http://x/", "200", 'it\'s * "here"']],
    [{ tcp: "[::1]:80" }, ["tcp", "::1", "80"]],
    [{ freeSpace: { path: "/srv/a b", mib: 512 } }, ["space", "/srv/a b", "512"]],
  ])("%j", (c, words) => {
    const given = c.command === undefined ? words : [...words, c.command];
    const text = textOf(check(c)).replace("exec /usr/libexec/pine/probe", "printf '%s\\0'");
    const [file, ...args] = [...shell, "-c", text] as [string, ...string[]];
    expect(execFileSync(file, args, { encoding: "utf8" })).toBe(given.map((word) => `${word}\0`).join(""));
  });
});

it("an image that lacks one is not built, whatever a hook did", () => {
  const path = "/usr/lib/pine/health.d/web";
  const recipe = aRecipe({ healthChecks: [web], hooks: ["rm -r /usr/lib/pine"] });
  expect(propertyOf(recipe, path)).toBe("healthChecks");
  const change = { do: "file", path, content: "", mode: "0755", owner: [0, 0] } as const;
  expect(missingEntry(recipe, [{ ...change, owner: [0, 0] }], new Map())).toEqual({
    property: "healthChecks",
    path,
    why: "is not in the image",
  });
});

it("what changed is said in words", () => {
  const was = [check({ name: "a", tcp: "a:1" }), check({ name: "b", tcp: "b:1" }), web];
  const is = [check({ name: "b", tcp: "b:1", timeout: 20 }), check({ name: "c", tcp: "c:1" }), web];
  expect(healthChanges(was, is)).toEqual(["- health check a", "health check b changed", "+ health check c"]);
  expect(healthChanges(was, was)).toEqual([]);
  expect(healthChanges(undefined, [web])).toEqual(["+ health check web"]);
  expect(healthChanges([web], undefined)).toEqual(["- health check web"]);
});
