/**
 * A pull that ends at any moment, as by a power cut or kill -9: what boots is untouched, and the next one goes on
 * (ostreedev/ostree#2549). PINE_CUTS: how many.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Puller } from "./a-puller.ts";

const CUTS = Number(process.env.PINE_CUTS ?? 10);

let p: Puller;
beforeAll(async () => {
  p = await Puller.make(["busybox", "sh"]);
});
afterAll(() => p?.end());

/** Runs it until the server has got so many requests, and a moment longer. */
async function cutAfter(requests: number, ms: number): Promise<boolean> {
  const cut = new AbortController();
  let seen = 0;
  p.answer = () => {
    seen++;
    if (seen === requests) void sleep(ms).then(() => cut.abort());
    return false;
  };
  const ended = await p.run("upgrade", ["stage"], { signal: cut.signal }).then(
    () => true,
    () => false,
  );
  p.answer = () => false;
  return ended;
}

test(`cut ${CUTS} times, by delta and by objects: it finishes afterwards, and two systems boot at every moment`, async () => {
  const env = readFileSync(join(p.s.slots, "env"));
  let before = p.s.first;
  let ended = 0;
  for (let n = 0; n < CUTS; n++) {
    const commit = await p.publish(`cut-${n}`, `1.1.${n}`, n % 2 ? { from: p.s.first } : {});
    ended += Number(await cutAfter(1 + (n % 7), (n * 13) % 90));
    expect([p.s.bootable(), readFileSync(join(p.s.slots, "env")).equals(env)]).toEqual([{ a: "1" }, true]);
    // what was staged before is there still, or gone whole
    if (p.has("pull/staged.commit"))
      expect([before, commit]).toContain(/^commit=(.*)$/m.exec(p.text("pull/staged.commit"))![1]);
    const { stdout } = await p.run("upgrade", ["stage"]);
    expect(stdout).toMatch(new RegExp(`^commit=${commit}\n(.*\n)*decision=staged$`, "m"));
    await p.s.ostree(["fsck", `--repo=${join(p.s.root, "ostree/repo")}`]);
    before = commit;
  }
  // some come too late, but not all
  expect(ended).toBeLessThan(CUTS);
}, 600_000);
