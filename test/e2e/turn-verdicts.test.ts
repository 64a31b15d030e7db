/** Turns and what became of their commits, on real stores. A test's last words name the report it is from. */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Box, COMMIT, confirms, STORES, take, useStore } from "./turn-lab.ts";

const { a: A, b: B } = COMMIT;

describe.each(STORES)("a group in %s, by %s", (backend, shell, start) => {
  const { store, group } = useStore(backend, shell, start);
  it("nobody who asked for no lock is held up", async () => {
    const free = new Box("free", shell);
    expect(await take(free, A)).toEqual({ code: 0, text: "", stderr: "" });
    expect(await free.turn("check", A)).toMatchObject({ code: 0 });
    expect(await free.turn("status")).toMatchObject({ code: 0, text: "" });
  });

  it("a commit that failed on one server is booted by no other; a newer one is clean (CLUO#91, bootc-operator#96)", async () => {
    const { boxes } = await group(["w1", "w2", "w3"]);
    const [w1, w2, w3] = boxes as [Box, Box, Box];
    expect((await take(w1, A)).code).toBe(0);
    w1.arm(A);
    w1.runs(A, "trial");
    // it comes back, healthy on the old one
    w1.runs(COMMIT.old);
    w1.refuse(A, "bad", "web: status 500; expected * 200");
    expect((await w1.turn("settle")).code).toBe(0);
    for (const other of [w2, w3]) {
      const { code, text } = await take(other, A);
      expect([code, text.split("\n").length]).toEqual([75, 1]);
      expect(text).toMatch(
        /^commit a{12} failed on w1 at \d{4}-\S+: web: status 500; expected \* 200; failures: 1, allowed: 0/,
      );
      expect((await other.turn("status")).text).toMatch(/^turnStopped=commit a{12} failed on w1 .*status 500/m);
    }
    for (const box of [w1, w2, w3]) {
      expect((await take(box, B)).code).toBe(0);
      await confirms(box, B);
    }
  });

  it("a failure is allowed where the program says so, and by a person", async () => {
    const { boxes, text } = await group(["w1", "w2", "w3"], { maxFailures: 1 });
    const [w1, w2, w3] = boxes as [Box, Box, Box];
    await take(w1, A);
    await w1.turn("release", "failed", A, "first");
    await take(w2, A);
    await w2.turn("release", "failed", A, "second");
    expect(await take(w3, A)).toMatchObject({ code: 75, text: expect.stringMatching(/failures: 2, allowed: 1/) });
    expect((await w3.turn("allow", "aaaaaaaa")).code).toBe(0);
    expect(await text()).toMatch(/^note aaaaaaaa \d+ was allowed again by root on w3$/m);
    expect((await take(w3, A)).code).toBe(0);
  });

  it.each(["unclear", "elsewhere"] as const)(
    "not clear why (%s): others wait, it may try again itself, and a good end clears it",
    async (kind) => {
      const { boxes, text } = await group(["w1", "w2"]);
      const [w1, w2] = boxes as [Box, Box];
      await take(w1, A);
      w1.runs(COMMIT.old);
      w1.refuse(A, kind, "nobody confirmed it in time");
      await w1.turn("settle");
      expect((await take(w2, A)).text).toMatch(
        /did not stay, for a reason that is not clear, on w1.*nobody confirmed it/,
      );
      expect((await take(w1, A)).code).toBe(0);
      await confirms(w1, A);
      expect(await text()).not.toMatch(/^bad/m);
      expect((await take(w2, A)).code).toBe(0);
    },
  );

  it("its turn ends when the commit is confirmed, not when it boots; and a turn is for one commit (zincati#239, Flatcar#408)", async () => {
    const { boxes, text } = await group(["w1", "w2", "w3"]);
    const [w1, w2, w3] = boxes as [Box, Box, Box];
    await take(w1, A);
    w1.arm(A);
    w1.runs(A, "trial");
    await w1.turn("settle");
    expect(await text()).toMatch(/^holder w1 /m);
    expect(await w1.turn("release", "good", A)).toMatchObject({ code: 1 });
    expect(await text()).toMatch(/^holder w1 /m);
    // B is published meanwhile: the others queue for it, and w1 has to end its own first
    expect((await take(w2, B)).code).toBe(75);
    expect((await take(w3, B)).code).toBe(75);
    expect((await take(w1, B)).text).toMatch(/own turn for commit a{12} is not over/);
    w1.confirm(A);
    // neither a hold nor updates that are off keep it
    writeFileSync(w1.memory("hold"), "since=now\nby=anna\nreason=backup\n");
    await w1.turn("settle");
    expect(await text()).toMatch(new RegExp(`^good ${A} 1 w1 `, "m"));
    // who asked in one second stands in the order of names, and w1 comes last
    await sleep(1100);
    expect((await take(w1, B)).text).toMatch(/^2 in the queue before this server/);
    expect((await take(w3, B)).text).toMatch(/^1 in the queue/);
    for (const box of [w2, w3, w1]) {
      expect((await take(box, B)).code).toBe(0);
      await confirms(box, B);
    }
  });

  it("a no after the turn frees it at once (kured#792)", async () => {
    const { boxes } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    await w1.turn("release", "none", A, "a hook failed");
    expect((await take(w2, A)).code).toBe(0);
  });

  it("what the store did not get is owed, and delivered later; nothing goes back for it (mender#823)", async () => {
    const { boxes, text } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    await take(w2, A);
    w1.confirm(A);
    process.kill(store().pid, "SIGSTOP");
    try {
      expect((await w1.turn("release", "good", A)).code).toBe(1);
      expect(w1.read("turn.owed")).toBe(`good ${A} \n`);
    } finally {
      process.kill(store().pid, "SIGCONT");
    }
    await w1.turn("settle");
    expect(w1.has("turn.owed")).toBe(false);
    expect(await text()).toMatch(new RegExp(`^good ${A} 1 w1`, "m"));
  });
});
