/**
 * What OSTree says of damaged objects is known as damage, whichever kind of object has whichever harm. By this
 * machine's OSTree.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isDamage } from "../../../../provider/image/ostree/check.ts";
import { RunError, run } from "../../../../provider/local/run.ts";

const work = mkdtempSync(join(tmpdir(), "pine-damage-"));
afterAll(() => rmSync(work, { recursive: true }));
const sound = join(work, "sound");
let commit: string;
beforeAll(() => {
  const ostree = (...args: string[]) => execFileSync("unshare", ["-r", "ostree", ...args], { encoding: "utf8" }).trim();
  const tree = join(work, "tree");
  mkdirSync(join(tree, "folder"), { recursive: true });
  writeFileSync(join(tree, "random"), randomBytes(50_000));
  writeFileSync(join(tree, "folder/text"), "text\n");
  ostree("init", `--repo=${sound}`, "--mode=archive");
  commit = ostree("commit", `--repo=${sound}`, "--branch=web", `--tree=dir=${tree}`);
});

const HARMS: Record<string, (text: Buffer) => Buffer | undefined> = {
  "of no bytes": () => Buffer.alloc(0),
  halved: (text) => text.subarray(0, text.length / 2),
  "of zeros": (text) => Buffer.alloc(text.length),
  "of other bytes": (text) => randomBytes(text.length),
  "with another byte": (text) => {
    const at = text.length >> 1;
    return Buffer.concat([text.subarray(0, at), Buffer.from([text[at]! ^ 0xff]), text.subarray(at + 1)]);
  },
  missing: () => undefined,
};
const CASES = ["filez", "dirtree", "dirmeta", "commit"].flatMap((kind) =>
  Object.keys(HARMS).map((harm) => [kind, harm]),
);

it.each(CASES as [string, string][])("%s %s", async (kind, harm) => {
  const repo = join(work, `${kind} ${harm}`);
  cpSync(sound, repo, { recursive: true });
  const files = readdirSync(join(repo, "objects"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(`.${kind}`))
    .map((name) => join(repo, "objects", name));
  const [file] = files.sort((x, y) => statSync(y).size - statSync(x).size) as [string];
  const text = HARMS[harm]!(readFileSync(file));
  if (text) writeFileSync(file, text);
  else rmSync(file);
  const delta = ["static-delta", "generate", "--empty", `--to=${commit}`, "--inline", "--min-fallback-size=0"];
  for (const argv of [["fsck", "--quiet"], delta]) {
    const error = await run("unshare", ["-r", "ostree", `--repo=${repo}`, ...argv]).catch((e: RunError) => e);
    // a delta does not read all of it, and of a damaged commit it crashes without a word
    if (argv === delta && !(error instanceof RunError && error.stderr)) continue;
    expect(isDamage(error), `${argv[0]}: ${error.stderr}`).toBe(true);
  }
});

it.each(["No space left on device", "Permission denied", "opendir(x): No such file or directory"])(
  "%s is none",
  (stderr) =>
    expect(isDamage(new RunError("x", { stdout: "", stderr: `error: ${stderr}`, timedOut: false }))).toBe(false),
);
