/** What a reboot lock may be, and the files that a server gets of it. */
import { describe, expect, it } from "vitest";
import { worstSeconds } from "../../../../../provider/host/trial/worst.ts";
import { usualDeadline } from "../../../../../provider/host/turn/deadline.ts";
import { lockFiles, needsCurl } from "../../../../../provider/host/turn/lock.ts";
import { type Props, plain, Secret, Unknown } from "../../../../../provider/properties/values.ts";
import { checkHijack } from "../../../../../provider/resources/hijack/check/check.ts";
import { hijackInputs } from "../../../../../provider/resources/hijack/model/inputs.ts";
import { lockOf } from "../../../../../provider/resources/hijack/model/lock.ts";
import { lockChange } from "../../../../../provider/resources/hijack/plan/update.ts";

const base = { connection: { host: "203.0.113.7" }, commit: "c".repeat(64) };
const address = "http://127.0.0.1:8500";
const good = { consul: { address }, group: "web" };
const failures = (rebootLock: Props, more: Props = {}) =>
  checkHijack({ ...base, ...more, rebootLock }).failures.map((f) => `${f.property}: ${f.reason}`);
const urn = "urn:pulumi:prod::shop::pine:index:HostHijack::web 1";
const lockFor = (rebootLock: Props) => lockOf(hijackInputs(checkHijack({ ...base, rebootLock }).inputs), { urn })!;

describe("a reboot lock's inputs", () => {
  it.each<[string, Props]>([
    ["Consul", good],
    ["etcd with a user", { etcd: { address, user: "u", password: new Secret("p:w") }, group: "web", slots: 2 }],
    ["FleetLock", { fleetlock: { address }, group: "web" }],
    ["a token that is not known yet", { consul: { address, token: Unknown.value }, group: "web" }],
    ["numbers", { ...good, slots: 2, members: 6, maxFailures: 1, deadline: 3600 }],
    ["a commit that may go without", { ...good, whenAway: { commits: ["a".repeat(64)] } }],
  ])("%s: taken", (_, lock) => expect(failures(lock)).toEqual([]));

  it.each<[string, Props, RegExp]>([
    ["no store", { group: "web" }, /^rebootLock: .*consul, etcd.*fleetlock/],
    ["two stores", { ...good, etcd: { address } }, /^rebootLock: .*consul/],
    ["no group", { consul: { address } }, /^rebootLock.group: is missing|^rebootLock.group: .*missing/],
    [
      "a secret in the address",
      { ...good, consul: { address: "http://u:p@h:1" } },
      /^rebootLock.consul.address: .*without user/,
    ],
    [
      "half a login",
      { etcd: { address, user: "u" }, group: "web" },
      /^rebootLock.etcd: expected both user and password/,
    ],
    [
      "slots for FleetLock",
      { fleetlock: { address }, group: "web", slots: 2 },
      /^rebootLock.slots: is not for fleetlock/,
    ],
    ["all at once", { ...good, slots: 3, members: 3 }, /^rebootLock.slots: is 3, and the group has 3 members/],
    ["too short", { ...good, deadline: 600 }, /^rebootLock.deadline: is 600 s, .*up to 1080 s/],
    ["longer than a day", { ...good, deadline: 90_000 }, /^rebootLock.deadline: .*from 60 to 86400/],
    ["a name with blanks", { ...good, member: "web 1" }, /^rebootLock.member: .*a name such as/],
    ["a proxy's password", { ...good, proxy: "http://u:p@proxy:1" }, /^rebootLock.proxy: .*without user/],
    ["a short commit", { ...good, whenAway: { commits: ["abc"] } }, /^rebootLock.whenAway.commits\[0\]: .*checksum/],
  ])("%s: refused", (_, lock, problem) => expect(failures(lock).join("\n")).toMatch(problem));

  it("a token with a blank is refused and never shown", () => {
    const lock = { consul: { address, token: "se cret" }, group: "web" };
    expect(failures(lock).join()).toMatch(/one line without blanks/);
    expect(failures(lock).join()).not.toMatch(/se cret/);
  });
  it("a token is a secret, whatever the program says", () =>
    expect(
      (checkHijack({ ...base, rebootLock: { ...good, consul: { address, token: "t" } } }).inputs.rebootLock as Props)
        .consul.token,
    ).toBeInstanceOf(Secret));
});

describe("its files", () => {
  it("has the resource's name, and what a turn takes at most", () => {
    const lock = lockFor(good);
    expect(lock).toMatchObject({ member: "web-1", slots: 1, maxFailures: 0 });
    expect(lockFiles(lock)).toEqual([
      {
        path: "/var/lib/pine/lock",
        content: `backend=consul\nurl=${address}\ngroup=web\nid=web-1\nslots=1\nmaxFailures=0\ndeadline=1980\n`,
        mode: "0600",
        owner: "root:root",
      },
    ]);
  });
  it("keeps a secret in a file of its own", () => {
    const files = lockFiles(lockFor({ etcd: { address, user: "u", password: "p:w" }, group: "web" }));
    expect(files.map(({ path, mode }) => [path, mode])).toEqual([
      ["/var/lib/pine/lock", "0600"],
      ["/var/lib/pine/lock.token", "0600"],
    ]);
    expect(files[0]!.content).not.toMatch(/p:w/);
    expect(files[1]!.content).toBe("u:p:w\n");
  });
  it("names commits that may go without", () => {
    const whenAway = { commits: ["a".repeat(64), "b".repeat(64)], after: 60 };
    expect(lockFiles(lockFor({ ...good, whenAway }))[0]!.content).toMatch(/\nafter=60\ngo=a{64}\ngo=b{64}\n$/);
  });
  it.each<[string, Props, RegExp | undefined]>([
    ["Consul", good, /PUT/],
    ["etcd", { etcd: { address }, group: "g" }, undefined],
    ["etcd with a password", { etcd: { address, user: "u", password: "p" }, group: "g" }, /secret/],
    ["FleetLock", { fleetlock: { address }, group: "g" }, undefined],
    ["FleetLock by https", { fleetlock: { address: "https://h" }, group: "g" }, /https/],
  ])("%s and curl", (_, lock, why) =>
    why ? expect(needsCurl(lockFor(lock))).toMatch(why) : expect(needsCurl(lockFor(lock))).toBeUndefined(),
  );
});

describe("how long a turn may take", () => {
  it("two boots, the dead-man and the checks; 15 minutes more for hooks, a day at most", () => {
    expect(worstSeconds({ deadman: 300, health: [] })).toBe(1080);
    expect(worstSeconds({ deadman: 300, health: [{}, { timeout: 120 }] })).toBe(1260);
    expect(usualDeadline({ deadman: 300, health: [] })).toBe(1980);
    expect(usualDeadline({ deadman: 3600, health: Array(60).fill({ timeout: 3600 }) })).toBe(86_400);
  });
});

it("a group is joined, or left when the program has no lock any more", () => {
  const inputs = (rebootLock?: Props) => hijackInputs(plain({ ...base, rebootLock }) as Props);
  const change = (now?: Props, before?: Props) => lockChange({ inputs: inputs(now), before: inputs(before), id: "" });
  expect(change(good)).toEqual({ group: "web", leaves: false });
  expect(change(undefined, good)).toEqual({ group: "web", leaves: true });
  expect(change()).toBeUndefined();
});
