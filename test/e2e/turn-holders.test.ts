/** Who counts as down in a group, on real stores. A test's last words name the report it is from. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type Box, COMMIT, confirms, STORES, take, useStore } from "./turn-lab.ts";

const { a: A } = COMMIT;

describe.each(STORES)("a group in %s, by %s", (backend, shell, start) => {
  const { store, group } = useStore(backend, shell, start);
  it("who does not come back stays down in the count; limit 2 goes on, limit 1 stops and says why (hcloud-kube-hetzner#1182)", async () => {
    const late = { deadline: 1, maxFailures: 1 };
    const two = await group(["w1", "w2", "w3"], { ...late, slots: 2 });
    const [w1, w2, w3] = two.boxes as [Box, Box, Box];
    await take(w1, A);
    await sleep(7500);
    for (const box of [w2, w3]) box.configure({ ...two.settings, deadline: 600 });
    expect((await take(w2, A)).code).toBe(0);
    const third = await take(w3, A);
    expect(third.code).toBe(75);
    expect(third.text).toMatch(
      /^w1 took its turn .* and did not report back by .*it counts as down until it does, or `pine queue forget w1`; w2 has its turn since/,
    );
    const one = await group(["v1", "v2"], late);
    const [v1, v2] = one.boxes as [Box, Box];
    await take(v1, A);
    // a turn's end is told beforehand, to the second, and nothing is doubled (consul#1172)
    const [, until] = /until (\S+) at the latest/.exec((await v2.turn("status")).text)!;
    await sleep(7500);
    expect((await take(v2, A)).text).toContain(`did not report back by ${until}`);
    expect(await take(v2, A)).toMatchObject({ code: 75, text: expect.stringMatching(/^v1 took its turn .*forget v1/) });
    // and it is a failure of the commit, for those who allow none
    v2.configure({ ...one.settings, maxFailures: 0 });
    expect((await take(v2, A)).text).toMatch(/^commit a{12} was not heard of again on v1/);
    expect((await v2.turn("forget", "v1")).code).toBe(0);
    expect((await take(v2, A)).code).toBe(0);
    // it comes back after all: somebody else is down now, and its own turn is over
    expect((await v1.turn("status")).text).toMatch(/^turnNote=\S+ v1: its turn was forgotten by root on v2$/m);
  });

  it("a member that was deleted holds nothing; the others are told whom, since when, for what (kured#137)", async () => {
    const { boxes } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    const { text } = await take(w2, A);
    expect(text).toMatch(
      /^w1 has its turn since \d{4}-\S+ for commit a{12}, until \S+ at the latest; .*`pine queue forget w1`/,
    );
    expect((await w2.turn("status")).text).toMatch(/^turnHolders=w1 has its turn since .*pine queue forget w1/m);
    expect((await w2.turn("leave", "w1")).code).toBe(0);
    expect((await take(w2, A)).code).toBe(0);
  });

  it("a limit that the program changes counts for a turn that is taken; nothing of it is in a process (kured#478)", async () => {
    const { boxes, settings, text } = await group(["w1"], { deadline: 5000 });
    const [w1] = boxes as [Box];
    await take(w1, A);
    const lasts = async () => {
      const [, , , taken, until] = /^holder.*$/m
        .exec((await text())!)![0]
        .split(" ")
        .map(Number);
      return until! - taken!;
    };
    expect(await lasts()).toBe(5000);
    w1.configure({ ...settings, deadline: 700 });
    await w1.turn("join");
    expect(await lasts()).toBe(700);
    // no process of it is left, and it is given back all the same
    await confirms(w1, A);
    expect(await text()).not.toMatch(/^holder/m);
  });

  it("it knows its own turn whatever it is called, after a reboot that was none of the trial (locksmith#58)", async () => {
    const { boxes, text } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    expect((await w1.turn("mine")).text).toMatch(new RegExp(`^${A} \\d+ \\d+ update$`));
    expect(await w2.turn("mine")).toMatchObject({ code: 0, text: "" });
    // the power fails before it is armed: the old slot boots
    w1.runs(COMMIT.old);
    expect((await take(w1, A)).code).toBe(0);
    expect((await text())!.match(/^holder/gm)).toHaveLength(1);
    // the same, and nobody asks again: it is freed by rule, and is no failure
    w1.runs(COMMIT.old);
    await w1.turn("settle");
    expect(await text()).not.toMatch(/^(holder|bad)/m);
    // armed, and rebooted by a person: still its turn
    await take(w1, A);
    w1.arm(A);
    await w1.turn("settle");
    expect(await text()).toMatch(/^holder w1 /m);
    // to give back what one has not is no error
    expect((await w2.turn("release", "none", A)).code).toBe(0);
    expect(await text()).toMatch(/^holder w1 /m);
  });

  it("only its own turn is given back; a person's word leaves a note (fleetlock#71)", async () => {
    const { boxes, text } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    await take(w1, A);
    const before = await text();
    await w2.turn("release", "none", A);
    expect(await text()).toBe(before);
    expect((await w2.turn("forget", "nobody")).text).toMatch(/^nobody has no turn; w1 has its turn/);
    await w2.turn("forget", "w1");
    expect((await w1.turn("status")).text).toMatch(/^turnNote=.*forgotten by root on w2/m);
  });

  it("two numbers of slots in one group: both refuse and tell both; no group is refused, too (airlock#81)", async () => {
    const { boxes, settings, key } = await group(["w1", "w2"]);
    const [w1, w2] = boxes as [Box, Box];
    w2.configure({ ...settings, slots: 2 });
    await w2.turn("join");
    expect(await take(w1, A)).toMatchObject({ code: 75, text: expect.stringMatching(/has 1 slots here and 2 on w2/) });
    expect(await take(w2, A)).toMatchObject({ code: 75, text: expect.stringMatching(/has 2 slots here and 1 on w1/) });
    // a person's `pulumi up`, which is about to tell the other: the least of them
    expect((await take(w1, A, "up")).code).toBe(0);
    expect(await take(w2, A, "up")).toMatchObject({ code: 75, text: expect.stringMatching(/at most 1 down/) });
    await store().remove(key);
    expect(await take(w1, A)).toMatchObject({ code: 75, text: expect.stringMatching(/^there is no group g\d+ in/) });
  });

  it("a member that is not heard of counts as down (proto-fleet#1014)", async () => {
    const seen = { members: 3, presence: 4 };
    const { boxes, settings } = await group(["w1", "w2", "w3"], seen);
    const [w1, w2] = boxes as [Box, Box, Box];
    await sleep(5500);
    for (const box of [w1, w2]) expect((await box.turn("settle")).code).toBe(0);
    expect((await take(w1, A)).text).toMatch(
      /^1 of 3 members were not heard of for 4 s: w3 \(at most 1 down at once\)/,
    );
    for (const box of boxes) {
      box.configure({ ...settings, slots: 2 });
      await box.turn("join");
    }
    await sleep(5500);
    for (const box of [w1, w2]) await box.turn("settle");
    expect((await take(w1, A)).code).toBe(0);
    expect((await take(w2, A)).code).toBe(75);
  });
});
