/** What is Consul's own: its tokens, its members that disagree, its agents that leave. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { startConsul, startThreeConsuls } from "../lab/consul/index.ts";
import { Box, COMMIT, endBoxes } from "./turn-lab.ts";

const { a: A } = COMMIT;
afterAll(endBoxes);

const box = (id: string, url: string, token?: string, o: { curl?: boolean } = {}) =>
  new Box(id, "busybox", o).configure({ backend: "consul", url, group: "g" }, token);

/** Arguments and environment of all processes, while something runs. */
async function sampled(work: Promise<unknown>): Promise<string> {
  let [all, over] = ["", false];
  work.finally(() => {
    over = true;
  });
  while (!over) {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name)))
      for (const what of ["cmdline", "environ"])
        try {
          all += readFileSync(`/proc/${pid}/${what}`, "latin1");
        } catch {
          // it has ended
        }
    await sleep(5);
  }
  return all;
}

it("each right that is missing has a message of its own, and no process shows the token (terraform#19963, #19979)", async () => {
  const consul = await startConsul({ guarded: true });
  try {
    const token = async (rules: string) => consul.token(rules);
    const all = await token('key_prefix "pine/turn/g" { policy = "write" }');
    const reads = await token('key_prefix "pine/turn/g" { policy = "read" }');
    const none = await token('key_prefix "elsewhere" { policy = "write" }');
    const probe = (secret?: string) => box("w1", consul.url, secret).turn("probe");
    expect(await probe(all)).toEqual({ code: 0, text: "", stderr: "" });
    expect(await probe(reads)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/may read the key pine\/turn\/g\/probe-w1, and not write it/),
    });
    expect(await probe(none)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/may not read the key pine\/turn\/g/),
    });
    expect(await probe("66666666-2222-3333-4444-555555555555")).toMatchObject({
      code: 1,
      text: expect.stringMatching(/may not read|ACL not found/),
    });
    expect(await probe()).toMatchObject({ code: 1, text: expect.stringMatching(/may not read the key/) });
    expect(await (await consul.ask("kv/pine?keys")).text()).not.toMatch(/probe/);
    const w1 = box("w1", consul.url, all);
    const seen = await sampled(w1.turn("join").then(() => w1.turn("take", A)));
    expect(seen).toContain("Content-Type: application/json"); // curl was seen
    expect(seen).not.toContain(all);
    expect(await w1.turn("mine")).toMatchObject({ text: expect.stringMatching(/^a{64} /) });
    // wrong rights are no store that is away: nobody goes without the lock
    const without = box("w2", consul.url, none);
    without.configure({ backend: "consul", url: consul.url, group: "g", go: A, after: 0, deadline: 0 }, none);
    expect((await without.turn("take", A)).code).toBe(1);
  } finally {
    await consul.end();
  }
});

it("without curl it says what is missing", async () => {
  const { code, text } = await box("w1", "http://127.0.0.1:1", undefined, { curl: false }).turn("probe");
  expect(code).toBe(1);
  expect(text).toMatch(
    /curl is missing here, and busybox' wget is not enough for consul \(PUT\): add curl to `packages`/,
  );
});

it("an agent on the server that leaves at its reboot frees nothing (consul#21518, #1290)", async () => {
  const consul = await startConsul();
  try {
    const agent = await consul.join();
    const w1 = box("w1", agent.url);
    await w1.turn("join");
    expect((await w1.turn("take", A)).code).toBe(0);
    await agent.leave();
    for (let second = 0; second < 5; second++) {
      expect(await consul.read("pine/turn/g")).toMatch(/^holder w1 /m);
      await sleep(1000);
    }
    await agent.end();
    // the next boot's agent
    const again = await consul.join();
    w1.configure({ backend: "consul", url: again.url, group: "g" });
    w1.confirm(A);
    expect((await w1.turn("settle")).code).toBe(0);
    expect(await consul.read("pine/turn/g")).not.toMatch(/^holder/m);
    await again.end();
  } finally {
    await consul.end();
  }
});

it("a member that is cut off from the others is believed nothing (coreos/bugs#842, #852)", async () => {
  const all = await startThreeConsuls();
  try {
    const [w1, w2] = all.slice(0, 2).map((one, n) => box(`w${n + 1}`, one.url)) as [Box, Box];
    expect((await w1.turn("join")).code).toBe(0);
    expect((await w2.turn("join")).code).toBe(0);
    expect((await w1.turn("take", A)).code).toBe(0);
    expect((await w2.turn("take", A)).code).toBe(75);
    // the third hears nobody
    const w3 = box("w3", all[2]!.url);
    for (const one of all.slice(0, 2)) one.freeze();
    try {
      expect((await w3.turn("take", A)).code).toBe(1);
      expect((await w3.turn("status")).text).toMatch(/^turnState=unknown: http/m);
    } finally {
      for (const one of all.slice(0, 2)) one.thaw();
    }
  } finally {
    await Promise.all(all.map((one) => one.end()));
  }
});

it("the store is away: nobody goes; a commit that may goes after its wait, apart from the others, and it is told (kraken-lib#812)", async () => {
  const consul = await startConsul();
  const go = { backend: "consul", url: consul.url, group: "g", go: A, after: 4, deadline: 2 } as const;
  const boxes = ["w1", "w2", "w3"].map((id) => new Box(id, "busybox").configure(go));
  await consul.end();
  const gone = new Map<string, number>();
  const begun = Date.now();
  for (const one of boxes) {
    const { code, text } = await one.turn("take", A);
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/does not answer: .*; this commit may go without, in \d+ s$/),
    ]);
    // another commit never
    expect((await one.turn("take", COMMIT.b)).text).not.toMatch(/may go without/);
  }
  while (gone.size < boxes.length && Date.now() - begun < 60_000) {
    for (const one of boxes.filter(({ id }) => !gone.has(id)))
      if ((await one.turn("take", A)).code === 0) gone.set(one.id, Date.now() - begun);
    await sleep(200);
  }
  expect(gone.size).toBe(3);
  const times = [...gone.values()].sort((a, b) => a - b);
  expect(times[0]).toBeGreaterThanOrEqual(3000);
  // three identities, three places of ten: each a turn's length apart
  for (const [at, time] of times.entries()) if (at > 0) expect(time - times[at - 1]!).toBeGreaterThan(1500);
  for (const one of boxes) {
    expect((await one.turn("check", A)).code).toBe(0);
    expect((await one.turn("status")).text).toMatch(
      /^turnWithout=\d{4}-\S+: this server went without the lock, for commit a{12}$/m,
    );
  }
});
