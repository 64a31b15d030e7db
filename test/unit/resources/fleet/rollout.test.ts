import { describe, expect, test } from "vitest";
import { pastCanary, Rollout, type RolloutPlan } from "../../../../provider/resources/fleet/rollout.ts";
import { quietTask } from "../../../../provider/task.ts";

const commit = "b".repeat(64);
const plan: RolloutPlan = {
  turns: [["a"], ["b", "c"], ["d", "e"]],
  canaries: ["a"],
  maxUnavailable: 2,
  unreachable: "failCanaries",
  commit,
};
const rollout = (change: Partial<RolloutPlan> = {}, down: string[] = []) => {
  const asked: string[] = [];
  const failures: number[] = [];
  const silent = async (_: unknown, { busy }: { busy: ReadonlySet<string> }) => {
    asked.push([...busy].join("+"));
    return new Set(down);
  };
  const failed = () => void failures.push(1);
  const one = new Rollout({ ...plan, ...change }, { nameOf: (urn) => urn.slice(4), silent, failed });
  return {
    one,
    asked,
    failures,
    enter: (name: string, signal?: AbortSignal) => one.enter(`urn:${name}`, "update", quietTask(signal)),
  };
};
const now = <T>(work: Promise<T>) =>
  Promise.race([work, new Promise<"waits">((done) => setTimeout(done, 20, "waits"))]);
const stop = { serves: true, ignoreChecks: [] };

describe("how many at a time", () => {
  test("as many as may be down; the next when one has ended; then servers are asked again", async () => {
    const { one, asked, enter } = rollout();
    await enter("b");
    await enter("c");
    const third = enter("d");
    expect(await now(third)).toBe("waits");
    one.leave("urn:b", true);
    expect(await now(third)).toMatchObject({ left: false });
    // who is worked on is not asked: it may be rebooting
    expect(asked).toEqual(["", "c"]);
  });
  // block/proto-fleet#1014
  test("one that does not answer takes a place", async () => {
    const { one, enter } = rollout({}, ["e"]);
    one.ended("a", commit);
    const b = await enter("b");
    expect(() => b.mayStop(stop)).not.toThrow();
    const c = enter("c");
    expect(await now(c)).toBe("waits");
    one.leave("urn:b", true);
    expect(await now(c)).toMatchObject({ left: false });
  });
  test("with no place left nobody is stopped, but files may be written, and a person may insist", async () => {
    const { one, enter } = rollout({ maxUnavailable: 1 }, ["e"]);
    one.ended("a", commit);
    const b = await enter("b");
    expect(() => b.mayStop(stop)).toThrow(
      /^e of this fleet is down already, and rollout\.maxUnavailable is 1: b is not/,
    );
    expect(() => b.mayStop({ ...stop, ignoreChecks: ["max-unavailable"] })).not.toThrow();
    // a server that has nothing of ours yet is missed by nobody
    expect(() => b.mayStop({ ...stop, serves: false })).not.toThrow();
  });
  test("one that goes down meanwhile is seen before the next is stopped", async () => {
    const down: string[] = [];
    const { one, enter } = rollout({ maxUnavailable: 1 }, down);
    one.ended("a", commit);
    const b = await enter("b");
    const c = enter("c");
    expect(await now(c)).toBe("waits");
    down.push("a");
    expect(() => b.mayStop(stop)).not.toThrow();
    one.leave("urn:b", true);
    await expect(c.then((member) => member.mayStop(stop))).rejects.toThrow(/^a of this fleet is down already/);
  });
  test("one that is down itself has its own place", async () => {
    const { one, enter } = rollout({ maxUnavailable: 1, unreachable: "fail" }, ["a"]);
    const a = await enter("a");
    expect(() => a.mayStop(stop)).not.toThrow();
    expect(one.endOf("a")).toBeUndefined();
  });
  test("Ctrl-C ends the waiting", async () => {
    const { enter } = rollout({ maxUnavailable: 1 });
    await enter("b");
    const gone = new AbortController();
    const c = enter("c", gone.signal);
    expect(await now(c)).toBe("waits");
    gone.abort();
    await expect(c).rejects.toThrow(/abort/);
  });
});

describe("a failure", () => {
  test("stops those that wait, and those that come", async () => {
    const { one, failures, enter } = rollout({ maxUnavailable: 1 });
    await enter("b");
    const c = enter("c");
    expect(await now(c)).toBe("waits");
    one.leave("urn:b", false);
    expect(failures).toHaveLength(1);
    await expect(c).rejects.toThrow(/^not touched, because b of this fleet failed/);
    await expect(enter("d")).rejects.toThrow(/because b of this fleet failed/);
    expect(["b", "c"].map(one.endOf)).toEqual(["failed", undefined]);
  });
});

describe("a server that does not answer", () => {
  test.each([
    ["failCanaries", "a", false],
    ["failCanaries", "d", true],
    ["fail", "d", false],
    ["skip", "a", true],
  ] as const)("%s: %s is left: %s", async (unreachable, name, left) => {
    const { enter } = rollout({ unreachable }, [name]);
    expect(await enter(name)).toMatchObject({ left });
  });
  test("is never left when it is new: there would be nothing to keep", async () => {
    const { one } = rollout({ unreachable: "skip" }, ["d"]);
    expect(await one.enter("urn:d", "create", quietTask())).toMatchObject({ left: false });
  });
});

describe("before its turn", () => {
  const outcomes = (runs: Record<string, string | undefined>, left: string[] = []) =>
    new Map(Object.entries(runs).map(([name, checksum]) => [name, { runs: checksum, left: left.includes(name) }]));
  test.each([
    ["the canary runs it", "b", outcomes({ a: commit }), undefined],
    ["all before run it", "d", outcomes({ a: commit, b: commit, c: commit }), undefined],
    ["the canary itself", "a", outcomes({}), undefined],
    [
      "the canary runs another",
      "b",
      outcomes({ a: "c".repeat(64) }),
      /the canary a comes first and runs commit c{12}, not b{12}/,
    ],
    ["the canary is no Pine", "e", outcomes({ a: undefined }), /the canary a comes first and does not run Pine/],
    ["one of the batch before", "e", outcomes({ a: commit, b: commit, c: "c" }), /the server c comes first/],
    ["one of its own batch", "b", outcomes({ a: commit, c: "c" }), undefined],
    ["one that was left, because it is away", "d", outcomes({ a: commit, b: "c", c: commit }, ["b"]), undefined],
  ] as const)("%s", (_, name, known, said) => {
    const early = pastCanary(plan, name, known);
    if (said) expect(early).toMatch(said);
    else expect(early).toBeUndefined();
  });
  test("a preview tells it, but not of those that this run changes as well", () => {
    const { one } = rollout();
    one.planned("urn:d", "update");
    one.ended("a", "c".repeat(64));
    one.ended("b", commit);
    one.ended("c", commit);
    expect(one.early()).toEqual([expect.stringMatching(/^d would be stopped before its turn: the canary a/)]);
    one.planned("urn:a", "update");
    expect(one.early()).toEqual([]);
  });
});
