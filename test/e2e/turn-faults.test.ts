/** Stores and servers that die at a bad moment, on real stores. A test's last words name the report it is from. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Box, COMMIT, confirms, goesWithout, STORES, take, useStore } from "./turn-lab.ts";

const { a: A, c: C } = COMMIT;

describe.each(STORES)("a group in %s, by %s", (backend, shell, start) => {
  const { store, group } = useStore(backend, shell, start);
  it("killed at twenty moments of taking a turn: the group is whole, and it goes on (vault#2526, etcd#13156)", async () => {
    const { boxes, text } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    for (let at = 0; at < 20; at++) {
      const { pid, ended } = w1.start(["take", A]);
      await sleep(at * 60);
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // it has ended
      }
      await ended;
      const now = (await text())!;
      expect(now).toMatch(/^pine-turn 1\n/);
      for (const line of now.match(/^holder.*$/gm) ?? []) expect(line).toMatch(/^holder w1 a{64} \d+ \d+ update \S+$/);
    }
    expect((await take(w1, A)).code).toBe(0);
    expect((await take(w2, A)).code).toBe(75);
    await w1.turn("release", "none", A);
    expect((await take(w2, A)).code).toBe(0);
  });

  it("ten at once: as many have it as there are slots, and each has its turn in the end", async () => {
    const names = Array.from({ length: 10 }, (_, at) => `w${at}`);
    const { boxes, text } = await group(names, { slots: 2, poll: 1 });
    const left = new Set(boxes);
    while (left.size > 0) {
      const got = await Promise.all([...left].map(async (box) => [box, await take(box, A)] as const));
      const have = got.filter(([, ran]) => ran.code === 0).map(([box]) => box);
      expect(got.filter(([, ran]) => ran.code === 1)).toEqual([]);
      expect((await text())!.match(/^holder/gm)).toHaveLength(have.length);
      expect(have.length).toBeLessThanOrEqual(2);
      for (const box of have) {
        await confirms(box, A);
        left.delete(box);
      }
    }
    expect(await text()).toMatch(new RegExp(`^good ${A} 10 `, "m"));
  });

  it("cut off between taking and arming: it stays; what it lost, it takes anew (consul#18271, etcd#14189)", async () => {
    const { boxes, text } = await group(["w1", "w2"], { deadline: 2, slots: 2, maxFailures: 9 });
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    process.kill(store().pid, "SIGSTOP");
    try {
      const cut = await w1.turn("check", A);
      expect([cut.code, cut.text]).toEqual([
        1,
        expect.stringMatching(/^the reboot lock cannot be used: http\S+ does not answer: /),
      ]);
      await sleep(3000);
    } finally {
      process.kill(store().pid, "SIGCONT");
    }
    await sleep(3000);
    expect(await w1.turn("check", A)).toMatchObject({ code: 75, text: expect.stringMatching(/is lost: it ended at/) });
    expect((await take(w2, A)).code).toBe(0);
    expect((await take(w1, A)).code).toBe(0);
    expect((await w1.turn("check", A)).code).toBe(0);
    expect((await text())!.match(/^holder w1/gm)).toHaveLength(1);
  });

  it("each time that the store is away is a wait of its own; it is told until the lock is had again (kraken-lib#812)", async () => {
    const { boxes, settings } = await group(["w1"]);
    const [w1] = boxes as [Box];
    await goesWithout(w1, settings);
  });

  it("an entry that somebody left by hand is named, and ends by its own deadline (etcd#9935)", async () => {
    const { boxes, key, text } = await group(["w1"]);
    const [w1] = boxes as [Box];
    await store().write(key, `${await text()}holder gone ${C} 1700000000 1700000060 update x\n`);
    expect((await take(w1, A)).text).toMatch(
      /^gone took its turn for commit c{12} at 2023-\S+ and did not report back by 2023/,
    );
    await w1.turn("forget", "gone");
    expect((await take(w1, A)).code).toBe(0);
  });
});
