/**
 * Publishing to another machine by way of our copy: what does not fit is not fetched, and what is damaged, there or in
 * our copy, goes nowhere. The other machine is a folder here, the toolbox this machine's OSTree.
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { RunInOptions } from "../../../provider/image/namespace/run-in.ts";
import { Store } from "../../../provider/image/store/store.ts";
import type { Toolbox } from "../../../provider/image/toolbox/toolbox.ts";
import { run } from "../../../provider/local/run.ts";
import type { Publication } from "../../../provider/publish/folder.ts";
import type { Files } from "../../../provider/publish/plan.ts";
import { publishedFiles, publishRemote, type Remote } from "../../../provider/publish/remote.ts";
import { quietTask } from "../../../provider/task.ts";

const work = mkdtempSync(join(tmpdir(), "pine-publish-remote-"));
afterAll(() => rmSync(work, { recursive: true }));
const ostree = (...args: string[]) => execFileSync("unshare", ["-r", "ostree", ...args], { encoding: "utf8" }).trim();

/** Runs what the toolbox would with this machine's programs, in a /run of its own. */
const INSIDE = `set -e
mount -t tmpfs none /run
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir "$2"; else : >"$2"; fi
  mount --bind "$1" "$2"
  shift 2
done
shift
exec "$@"`;
const toolbox = {
  run: (argv: string[], o: RunInOptions) => {
    const binds = o.binds!.flatMap(({ source, target }) => [source, target]);
    return run("unshare", ["-rm", "sh", "-c", INSIDE, "sh", ...binds, "--", ...argv], { ok: o.ok, signal: o.signal });
  },
} as unknown as Toolbox;

let store: Store;
const commits: string[] = [];
beforeAll(async () => {
  store = await Store.open(join(work, "store"));
  ostree("init", `--repo=${store.repo}`, "--mode=archive");
  for (const n of [1, 2]) {
    const tree = join(work, `tree-${n}`);
    mkdirSync(tree);
    writeFileSync(join(tree, "random"), randomBytes(200_000));
    writeFileSync(join(tree, "text"), `${n}\n`.repeat(50_000));
    commits.push(ostree("commit", `--repo=${store.repo}`, "--branch=web", `--tree=dir=${tree}`));
  }
});

let [there, cache] = ["", ""];
let asked: string[] = [];
beforeEach(() => {
  const dir = mkdtempSync(join(work, "case-"));
  [there, cache] = [join(dir, "there"), join(dir, "cache")];
  for (const folder of [there, cache]) mkdirSync(folder);
  asked = [];
});
const copy = (paths: Iterable<string>, from: string, to: string) => {
  for (const path of paths) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
};
const remote = (change: Partial<Remote> = {}): Remote => ({
  ...{ name: "deploy@192.0.2.1:22:/srv/www", property: "publish.url" },
  look: async () => ({}),
  held: (_task, fn) => fn(),
  list: () => publishedFiles(there),
  stamp: () => readFile(join(there, "summary"), "hex").catch(() => ""),
  fetch: async (files, into) => {
    asked.push("fetch");
    copy(files.keys(), there, into);
  },
  put: async (paths, from) => {
    asked.push("put");
    copy(paths, from, there);
  },
  remove: async (paths) => {
    for (const path of paths) await rm(join(there, path));
  },
  ...change,
});
const publish = (n: number, to = remote(), more: Partial<Publication> = {}) => {
  const p = { ref: "web", checksum: commits[n]!, earlier: commits.slice(0, n), deltas: 0, fromEmpty: false, ...more };
  return publishRemote({ store, toolbox, task: quietTask() }, cache, to, p);
};
const ours = () =>
  join(cache, "published", readdirSync(join(cache, "published")).find((name) => !name.endsWith(".lock"))!);
/** The largest object of a repository, of a kind, gets other bytes. */
function damage(repo: string, how: "other bytes" | "cut off" = "other bytes", kind = "filez"): void {
  const files = readdirSync(join(repo, "objects"), { recursive: true, encoding: "utf8" }).filter((f) =>
    f.endsWith(kind),
  );
  const [largest] = files.map((f) => join(repo, "objects", f)).sort((x, y) => statSync(y).size - statSync(x).size);
  const size = statSync(largest!).size;
  writeFileSync(largest!, how === "cut off" ? "" : randomBytes(size));
}
function whole(repo: string): void {
  // no file is in it, and it does not come by files
  mkdirSync(join(repo, "refs/remotes"), { recursive: true });
  ostree("fsck", `--repo=${repo}`, "--quiet");
}

it("what others published is taken over, and both commits are there afterwards", async () => {
  await publish(0);
  rmSync(cache, { recursive: true });
  mkdirSync(cache);
  await publish(1);
  expect(asked.filter((word) => word === "fetch")).toHaveLength(1);
  whole(there);
  expect(ostree("refs", `--repo=${there}`)).toBe("web");
  for (const commit of commits) ostree("ls", "-R", `--repo=${there}`, commit);
});

it("what does not fit here is not fetched, and nothing is sent", async () => {
  const huge: Files = new Map([[`objects/aa/${"b".repeat(62)}.filez`, 2 ** 60]]);
  await expect(publish(0, remote({ list: async () => huge }))).rejects.toThrow(
    /^deploy@192\.0\.2\.1:22:\/srv\/www says that it has 1152922 TB to fetch, and [\d.]+ .B are free in .*published/,
  );
  expect(asked).toEqual([]);
});

it("an object there that is not what its name says: nothing of it stays here, nothing is sent", async () => {
  await publish(0);
  damage(there);
  rmSync(cache, { recursive: true });
  mkdirSync(cache);
  asked = [];
  await expect(publish(1)).rejects.toThrow(
    /^what is published at deploy@.* is damaged: a file's content does not match its name/,
  );
  expect([asked, readdirSync(join(cache, "published")).filter((name) => !name.endsWith(".lock"))]).toEqual([
    ["fetch"],
    [],
  ]);
});

describe("our copy, when a power cut took of what was not sent yet,", () => {
  /** A first run that is cut off before anything is sent. */
  async function cutOff() {
    const cut = remote({ put: () => Promise.reject(new Error("the connection was lost")) });
    await expect(publish(0, cut)).rejects.toThrow("the connection was lost");
  }
  it.each<[string, Partial<Publication>, string]>([
    ["is looked at before it is sent", {}, "filez"],
    ["and a delta is made of it", { fromEmpty: true }, "filez"],
    ["and OSTree crashes as it reads the commit", { fromEmpty: true }, "commit"],
  ])("%s", async (_, more, kind) => {
    await cutOff();
    damage(ours(), "other bytes", kind);
    const path = ours();
    await expect(publish(0, remote(), more)).rejects.toThrow(
      `this machine's copy of what is published is damaged: ${path}; run \`pulumi up\` again: it is fetched again, and nothing was sent`,
    );
    expect([asked, existsSync(path), readdirSync(there)]).toEqual([[], false, []]);
    // as the message says
    await publish(0, remote(), more);
    whole(there);
  });
  it("has an object of no bytes", async () => {
    await cutOff();
    damage(ours(), "cut off");
    await expect(publish(0)).rejects.toThrow(/^this machine's copy of what is published is damaged/);
    expect(readdirSync(there)).toEqual([]);
  });
});

it("a copy that lost what is there long since gets it again, and nothing of it is sent", async () => {
  await publish(0);
  const kept = join(work, "kept");
  cpSync(there, kept, { recursive: true });
  damage(ours(), "cut off");
  asked = [];
  await publish(0);
  expect(asked).toContain("fetch");
  whole(ours());
  whole(there);
});

it("a damaged store is called so, and our copy stays", async () => {
  const broken = await Store.open(join(work, "broken"));
  cpSync(store.repo, broken.repo, { recursive: true });
  damage(broken.repo);
  const to = (checksum: string) => {
    const p = { ref: "web", checksum, earlier: [], deltas: 0, fromEmpty: false };
    return publishRemote({ store: broken, toolbox, task: quietTask() }, cache, remote(), p).then(
      () => "published",
      (e) => e.message,
    );
  };
  // the largest file is of one commit alone
  const said = [await to(commits[0]!), await to(commits[1]!)].sort();
  expect(said).toEqual([
    expect.stringMatching(/^commit [0-9a-f]{12} in the store is damaged: .*run `pulumi up` again: it is made again/),
    "published",
  ]);
  expect(existsSync(ours())).toBe(true);
});
