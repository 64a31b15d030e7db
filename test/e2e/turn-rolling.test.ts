/**
 * A rolling update of three servers that ask by themselves, sampled all the time: who is down, and what the store says.
 * The reboots are made up; the store, the scripts and their order are real.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Box, COMMIT, STORES, useStore } from "./turn-lab.ts";

const { a: A, b: B } = COMMIT;

/** What a server is doing. */
interface Server {
  box: Box;
  runs: string;
  down: boolean;
  /** It went down for good, and nobody will see it again. */
  dead?: boolean;
  /** What it was told last. */
  told: string;
}

/** Until all run the commit, or the time is up. `tries`: what becomes of a server's trial of a commit. */
async function roll(servers: Server[], commit: string, tries: (s: Server) => "good" | "bad" | "dead", seconds: number) {
  const end = Date.now() + seconds * 1000;
  const one = async (s: Server) => {
    while (s.runs !== commit && !s.dead && Date.now() < end) {
      const { code, text } = await s.box.turn("take", commit);
      s.told = text;
      if (code !== 0 || (await s.box.turn("check", commit)).code !== 0) {
        await sleep(500);
        continue;
      }
      s.box.arm(commit);
      s.down = true;
      await sleep(2000);
      const became = tries(s);
      if (became === "dead") {
        s.dead = true;
        return;
      }
      if (became === "good") {
        s.box.runs(commit, "trial");
        await s.box.turn("settle");
        s.box.confirm(commit);
        s.runs = commit;
      } else {
        s.box.runs(s.runs);
        s.box.refuse(commit, "bad", "web: status 500");
      }
      s.down = false;
      await s.box.turn("settle");
    }
  };
  await Promise.all(servers.map(one));
}

describe.each(STORES)("three servers and %s, by %s", (backend, shell, start) => {
  const { group } = useStore(backend, shell, start);
  /** Samples until `work` ends: the most that were down, and who was down without the store knowing. */
  async function sampled(servers: Server[], text: () => Promise<string | undefined>, work: Promise<void>) {
    const seen = { most: 0, unknown: [] as string[], samples: 0 };
    let over = false;
    work.finally(() => {
      over = true;
    });
    while (!over) {
      const down = servers.filter((s) => s.down).map((s) => s.box.id);
      const told = await text();
      // still down after it was read
      for (const s of servers)
        if (s.down && down.includes(s.box.id) && !told?.includes(`holder ${s.box.id} `)) seen.unknown.push(s.box.id);
      seen.most = Math.max(seen.most, down.length);
      seen.samples++;
      await sleep(100);
    }
    await work;
    return seen;
  }
  const begin = (boxes: Box[]) => boxes.map((box): Server => ({ box, runs: COMMIT.old, down: false, told: "" }));

  it("one after the other, and never two down; a bad commit is booted by one of them, and the fix by all", async () => {
    const { boxes, text } = await group(["w1", "w2", "w3"], { poll: 1 });
    const servers = begin(boxes);
    const booted = new Set<string>();
    const bad = (s: Server) => {
      booted.add(s.box.id);
      return "bad" as const;
    };
    const first = await sampled(servers, text, roll(servers, A, bad, 20));
    expect([first.most, first.unknown, booted.size]).toEqual([1, [], 1]);
    for (const s of servers)
      if (!booted.has(s.box.id)) expect(s.told).toMatch(/^commit a{12} failed on w\d at .*status 500/);
    const second = await sampled(
      servers,
      text,
      roll(servers, B, () => "good", 120),
    );
    expect([second.most, second.unknown]).toEqual([1, []]);
    expect(second.samples).toBeGreaterThan(20);
    expect(servers.map((s) => s.runs)).toEqual([B, B, B]);
    expect(await text()).toMatch(new RegExp(`^good ${B} 3 `, "m"));
  });

  it("one dies in its turn: with one slot the others stay; with two they go on, one at a time", async () => {
    for (const slots of [1, 2]) {
      const { boxes, text } = await group(["w1", "w2", "w3"], { poll: 1, slots, deadline: 3, maxFailures: 1 });
      const servers = begin(boxes);
      let dead = false;
      const dies = () => {
        const first = !dead;
        dead = true;
        return first ? ("dead" as const) : ("good" as const);
      };
      const seen = await sampled(servers, text, roll(servers, A, dies, slots === 1 ? 20 : 120));
      expect(seen.unknown).toEqual([]);
      expect(seen.most).toBe(slots);
      const alive = servers.filter((s) => !s.dead);
      expect(alive).toHaveLength(2);
      for (const s of alive)
        if (slots === 1) {
          expect(s.runs).toBe(COMMIT.old);
          expect(s.told).toMatch(/^w\d took its turn .* and did not report back by/);
        } else expect(s.runs).toBe(A);
    }
  });
});
