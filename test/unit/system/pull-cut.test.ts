/**
 * A pull that ends at any moment, by kill -9, by its network, or by a full disk: two systems boot at every moment, and
 * the next one goes on (64: ostreedev/ostree#2549). Power: a campaign in QEMU. PINE_CUTS: how many.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chance } from "../../faults/random.ts";
import { Puller } from "./a-puller.ts";

const CUTS = Number(process.env.PINE_CUTS ?? 21);
/** Another one gives other moments. */
const SEED = Number(process.env.PINE_SEED ?? 64);

let p: Puller;
beforeAll(async () => {
  p = await Puller.make(["busybox", "sh"]);
});
afterAll(() => p?.end());

/** Everything is killed after so many requests, and a moment. Answers whether it was. */
async function killed(requests: number, ms: number): Promise<boolean> {
  const cut = new AbortController();
  let seen = 0;
  p.answer = () => {
    seen++;
    if (seen === requests) void sleep(ms).then(() => cut.abort());
    return false;
  };
  return p.run("upgrade", ["stage"], { signal: cut.signal }).then(
    () => false,
    () => true,
  );
}

/** After so many requests one file comes in part, and nobody answers any more. */
async function offline(requests: number, part: number): Promise<boolean> {
  let seen = 0;
  p.answer = (_, response, path) => {
    seen++;
    if (seen < requests) return false;
    if (seen > requests || path.endsWith(".manifest")) return Boolean(response.destroy());
    if (!existsSync(p.published(path))) return false;
    const body = readFileSync(p.published(path));
    response.writeHead(200, { "content-length": body.length });
    response.write(body.subarray(0, Math.floor(part * body.length)), () => response.destroy());
    return true;
  };
  return (await p.refused("upgrade", ["stage"])) !== "done";
}

async function full(freeKib: number): Promise<boolean> {
  const said = await p.refused("upgrade", ["stage"], { freeKib });
  if (said !== "done") expect(said).toMatch(/is too full for version|could not be fetched|no room in/);
  return said !== "done";
}

const cuts: Record<string, (n: number) => Promise<boolean>> = {
  "kill -9": (n) => killed(1 + Math.floor(chance(SEED, n, "at") * 8), chance(SEED, n, "ms") * 90),
  network: (n) => offline(1 + Math.floor(chance(SEED, n, "at") * 8), chance(SEED, n, "part")),
  "full disk": (n) => full(Math.floor(chance(SEED, n, "room") * 160)),
};
const kinds = Object.keys(cuts);

/** One cut, and the run after it. Answers whether it was cut. */
async function round(n: number, kind: string, before: string): Promise<{ commit: string; cut: boolean }> {
  const commit = await p.publish(`cut-${n}`, `1.1.${n}`, n % 2 ? { from: p.s.first } : {});
  const env = readFileSync(join(p.s.slots, "env"));
  const cut = await cuts[kind]!(n);
  p.answer = () => false;
  expect([p.s.bootable(), readFileSync(join(p.s.slots, "env")).equals(env)]).toEqual([{ a: "1", b: "0" }, true]);
  // what was staged before is there still, or gone whole
  if (p.has("pull/staged.commit"))
    expect([before, commit]).toContain(/^commit=(.*)$/m.exec(p.text("pull/staged.commit"))![1]);
  const { stdout } = await p.run("upgrade", ["stage"]);
  expect(stdout).toMatch(new RegExp(`^commit=${commit}\n(.*\n)*decision=staged$`, "m"));
  await p.s.ostree(["fsck", "--quiet", `--repo=${join(p.s.root, "ostree/repo")}`]);
  expect(p.s.bootable()).toEqual({ a: "1", b: "0" });
  return { commit, cut };
}

test(`cut ${CUTS} times (${kinds.join(", ")}): it finishes afterwards, and two systems boot at every moment`, async () => {
  await p.s.pine("a", ["deploy", await p.s.commit("0"), "Pine 0"]);
  expect(p.s.bootable()).toEqual({ a: "1", b: "0" });
  let before = p.s.first;
  const done: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  for (let n = 0; n < CUTS; n++) {
    const kind = kinds[n % kinds.length]!;
    const { commit, cut } = await round(n, kind, before);
    before = commit;
    done[kind]! += Number(cut);
  }
  console.log(`of ${CUTS} pulls were cut: ${JSON.stringify(done)}`);
  // some come too late, but not all
  for (const kind of kinds) expect([kind, done[kind]! > 0]).toEqual([kind, true]);
}, 1_800_000);
