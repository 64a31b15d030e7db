/** A server's turn behind FleetLock's protocol: what it can do, and what is said where it cannot. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Etcd, startEtcd } from "../lab/etcd/index.ts";
import { type FleetLock, startFleetLock } from "../lab/fleetlock/index.ts";
import { Box, COMMIT, endBoxes, goesWithout, SHELLS } from "./turn-lab.ts";

const { a: A, b: B } = COMMIT;
let etcd: Etcd;
let lock: FleetLock;
let n = 0;
const groups: Record<string, number> = {};

beforeAll(async () => {
  etcd = await startEtcd();
  lock = await startFleetLock(etcd, groups);
});
afterAll(async () => {
  endBoxes();
  await lock?.end();
  await etcd?.end();
});

describe.each(SHELLS)("FleetLock, by %s", (shell) => {
  function group(names: string[], slots = 1, o: { curl?: boolean } = {}) {
    const name = `f${++n}`;
    groups[name] = slots;
    const boxes = names.map((id) =>
      new Box(id, shell, o).configure({ backend: "fleetlock", url: lock.url, group: name }),
    );
    return { name, boxes };
  }

  it("the same however often: five times taken, twice given back, one slot (zincati#756)", async () => {
    const { name, boxes } = group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    const from = lock.asked.length;
    // it knows that it has none without asking: the question would take one
    expect((await w1.turn("check", A)).code).toBe(75);
    expect(lock.asked.slice(from)).toEqual([]);
    for (let time = 0; time < 5; time++) {
      expect((await w1.turn("take", A)).code).toBe(0);
      expect((await w1.turn("check", A)).code).toBe(0);
    }
    expect(await lock.holders(name)).toEqual(["w1"]);
    const { code, text } = await w2.turn("take", A);
    expect([code, text.split("\n").length]).toEqual([75, 1]);
    expect(text).toMatch(
      /all semaphore slots currently locked; slots: decided by the server, holder not visible; it does not free/,
    );
    w1.confirm(A);
    for (let time = 0; time < 2; time++) expect((await w1.turn("release", "good", A)).code).toBe(0);
    expect(
      lock.asked
        .slice(from)
        .filter((line) => line.startsWith("steady-state w1"))
        .every((line) => line.endsWith(" 200")),
    ).toBe(true);
    expect(await lock.holders(name)).toEqual([]);
    expect((await w2.turn("take", A)).code).toBe(0);
  });

  it("a commit that failed keeps its slot, so that no other boots it; another commit, or a person, ends that (CLUO#91)", async () => {
    const { name, boxes } = group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await w1.turn("take", A);
    w1.arm(A);
    w1.runs(A, "trial");
    await w1.turn("settle");
    expect(await lock.holders(name)).toEqual(["w1"]);
    w1.runs(COMMIT.old);
    w1.refuse(A, "bad", "web: status 500");
    await w1.turn("settle");
    expect((await w2.turn("take", A)).code).toBe(75);
    expect((await w1.turn("take", A)).text).toMatch(/^commit a{12} failed on this server, which keeps its turn/);
    expect((await w1.turn("status")).text).toMatch(/^turnState=.*a{12}, which failed: it is kept/m);
    // the fix: it goes first
    expect((await w1.turn("take", B)).code).toBe(0);
    w1.confirm(B);
    await w1.turn("settle");
    expect((await w2.turn("take", B)).code).toBe(0);
    await w2.turn("release", "failed", B);
    expect((await w2.turn("queue", "allow", "bbbbbbbb")).text).toBe("Commit bbbbbbbb may be tried again.");
    expect(await lock.holders(name)).toEqual([]);
  });

  it("a server that is gone for good is told of, and a person frees it (FleetLock's protocol)", async () => {
    const { name, boxes } = group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await w1.turn("take", A);
    w1.end();
    expect((await w2.turn("status")).text).toMatch(
      /decided by the server, holder not visible; a dead server's turn stays taken/,
    );
    expect((await w2.turn("take", A)).code).toBe(75);
    expect((await w2.turn("queue", "forget", "w1")).text).toBe("w1 counts as down no more.");
    expect(await lock.holders(name)).toEqual([]);
  });

  it("its server is away: what the program named goes after a wait, and that is told (kraken-lib#812)", async () => {
    const { name, boxes } = group(["w1"]);
    const [w1] = boxes as [Box];
    await goesWithout(w1, { backend: "fleetlock", url: lock.url, group: name });
    expect(await lock.holders(name)).toEqual(["w1"]);
  });

  it("rebooted before it was armed, it gives the turn back at the next start", async () => {
    const { name, boxes } = group(["w1"]);
    const [w1] = boxes as [Box];
    await w1.turn("take", A);
    w1.runs(COMMIT.old);
    await w1.turn("settle");
    expect(await lock.holders(name)).toEqual([]);
  });

  it("an unknown group, no such server, none at all: each is named", async () => {
    const [w1] = group(["w1"]).boxes as [Box];
    w1.configure({ backend: "fleetlock", url: lock.url, group: "typo" });
    expect(await w1.turn("take", A)).toMatchObject({ code: 75, text: expect.stringMatching(/unknown group typo/) });
    w1.configure({ backend: "fleetlock", url: `${etcd.url}/v3`, group: "g" });
    expect(await w1.turn("take", A)).toMatchObject({
      code: 1,
      text: expect.stringMatching(/is no FleetLock server: it answers 404/),
    });
    w1.configure({ backend: "fleetlock", url: "http://127.0.0.1:1", group: "g" });
    expect(await w1.turn("take", A)).toMatchObject({
      code: 1,
      text: expect.stringMatching(
        /^the reboot lock cannot be used: http:\/\/127.0.0.1:1 does not answer: .*(refused|connect)/i,
      ),
    });
  });
});

it.each<["consul" | "etcd" | "fleetlock", boolean, RegExp]>([
  ["consul", true, /is no Consul: its answer has no ModifyIndex$/],
  ["etcd", true, /is no etcd: it does not tell a version$/],
  ["etcd", false, /is no etcd: it does not tell a version$/],
  ["fleetlock", true, /is no FleetLock server: it answers with a page$/],
  ["fleetlock", false, /is no FleetLock server: it answers with a page$/],
])(
  "a page with 200 in place of %s (curl: %s) is no turn, and none that is kept (25: etcd#9472)",
  async (backend, curl, why) => {
    const portal = createServer((_, response) => response.end("\r\n <!DOCTYPE html><p>Please log in</p>"));
    await new Promise<void>((done) => portal.listen(0, "127.0.0.1", done));
    try {
      groups.portal = 1;
      const url = `http://127.0.0.1:${(portal.address() as AddressInfo).port}`;
      const w1 = new Box("w1", "busybox", { curl });
      if (backend === "fleetlock") {
        w1.configure({ backend, url: lock.url, group: "portal" });
        expect((await w1.turn("take", A)).code).toBe(0);
      }
      w1.configure({ backend, url, group: "portal" });
      for (const command of ["check", "take"])
        expect(await w1.turn(command, A)).toMatchObject({ code: 1, text: expect.stringMatching(why) });
    } finally {
      portal.close();
    }
  },
);

it("without curl it locks all the same, and has no reason to tell (busybox' wget)", async () => {
  groups.plain = 1;
  const boxes = ["w1", "w2"].map((id) =>
    new Box(id, "busybox", { curl: false }).configure({ backend: "fleetlock", url: lock.url, group: "plain" }),
  );
  const [w1, w2] = boxes as [Box, Box];
  expect(await w1.turn("take", A)).toEqual({ code: 0, text: "", stderr: "" });
  const { code, text, stderr } = await w2.turn("take", A);
  expect([code, text.split("\n").length, stderr]).toEqual([75, 1, ""]);
  expect(text).toMatch(/^no turn now in group plain: \(HTTP error; the reason needs curl\); slots: decided/);
  w1.confirm(A);
  expect((await w1.turn("release", "good", A)).code).toBe(0);
  expect((await w2.turn("take", A)).code).toBe(0);
});
