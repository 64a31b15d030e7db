/** Fleet: servers that run one commit, changed canaries first and then a few at a time. */
import type { Connection } from "../../host/ssh/connection.ts";
import { answers } from "../../host/ssh/reach.ts";
import { hasSecret, hasUnknown, isUnknown, type Props, plain, Secret, Unknown } from "../../properties/values.ts";
import type { Component, Construction, Made } from "../../resource.ts";
import type { Task } from "../../task.ts";
import { checkFleet } from "./check.ts";
import { memberInputs, opened } from "./members.ts";
import { canariesOf, chunks, type Order, turnsOf } from "./order.ts";
import { checksumOf, childName, MEMBER, registerAll, type Wanted } from "./register.ts";
import { branchOf, inRing, ringsOf, waitingLine } from "./rings.ts";
import { Rollout, type WhenUnreachable } from "./rollout.ts";
import { fleetLine, type Standing, standingOf } from "./summary.ts";
import { windowLines } from "./windows.ts";

/** Seconds in which a server must answer, so that it does not count as down: it may just be booting. */
const ANSWER_SECONDS = 20;

export const fleet: Component = {
  check: checkFleet,

  async construct(build, inputs) {
    if (!opened(inputs.servers)) {
      build.warn("the servers are not known yet: this preview shows those that exist as deleted, which they are not");
      const unknown = Unknown.value;
      return { summary: unknown, connections: unknown, booted: unknown, waiting: unknown };
    }
    const wanted = wantedOf(build, inputs);
    const made: Record<string, Made> = {};
    const standings = (): Standing[] => wanted.names.map((name) => standing(name, rollout, made[name], build.preview));
    let said = "";
    const waiting: Record<string, string> = {};
    const windows = windowLines(wanted.members, together(wanted));
    for (const line of windows) build.warn(line);
    const tell = () => {
      const line = [fleetLine(standings(), build.preview) + waitingLine(waiting), ...windows].join("; ");
      if (line !== said) build.info(line);
      said = line;
    };
    // told before the engine knows of a failure: it ends everything at once
    const rollout = oversee(build, wanted, tell);
    await registerAll(build, wanted, { rollout, made, waiting });
    tell();
    for (const note of build.preview ? rollout.early() : []) build.warn(note);
    return { ...outputsOf(build, wanted, made, standings()), waiting };
  },
};

/** Servers that go into one window: those of a ring, since the next one is signed later. */
const together = ({ stages }: Wanted) => stages.map(({ turns }) => turns.flat());

function wantedOf(build: Construction, inputs: Props): Wanted {
  const servers = opened(inputs.servers)!;
  const names = Object.keys(servers);
  const rollout = (plain(inputs.rollout) ?? {}) as Partial<Order> & { unreachable?: WhenUnreachable };
  // a preview that does not know the number takes the careful one
  const known = <T>(value: T | null | undefined, otherwise: T) =>
    value === null || value === undefined || hasUnknown(value) ? otherwise : value;
  const order = {
    canaries: known(rollout.canaries, 1),
    maxUnavailable: Number(known(rollout.maxUnavailable, 1)),
  };
  const rings = opened(inputs.rings);
  const first = canariesOf(names, order.canaries);
  const ringed = rings && ringsOf(names, known(plain(rings.order), undefined), first);
  const stages: Wanted["stages"] = ringed?.map((ring) => ({
    ring: { ...ring, branch: branchOf(rings!, build.name, ring.name) },
    turns: chunks(ring.servers, order.maxUnavailable),
  })) ?? [{ turns: turnsOf(names, order) }];
  const member = (name: string) => {
    const own = memberInputs(inputs.defaults, servers[name], inputs.commit);
    const ring = stages.find(({ ring }) => ring?.servers.includes(name))?.ring;
    return ring ? inRing(own, ring.branch) : own;
  };
  return {
    names,
    stages,
    rings: rings ?? {},
    plan: {
      turns: stages.flatMap(({ turns }) => turns),
      canaries: ringed?.[0]?.servers ?? first,
      maxUnavailable: order.maxUnavailable,
      unreachable: known(rollout.unreachable, "failCanaries"),
      commit: hasUnknown(inputs.commit) ? "" : (plain(inputs.commit) as string),
    },
    members: Object.fromEntries(names.map((name) => [name, member(name)])),
  };
}

function oversee(build: Construction, { plan, members }: Wanted, failed: () => void): Rollout {
  const before = build.urnOf(MEMBER, childName(build, "")).length;
  const silent = async (task: Task, { busy, quiet }: Record<"busy" | "quiet", ReadonlySet<string>>) => {
    const asked = Object.keys(members).filter((name) => !busy.has(name));
    const found = await Promise.all(
      asked.map(async (name) => {
        const dialled = plain(members[name]!.connection) as Connection;
        return (await answers(dialled, task, quiet.has(name) ? 0 : ANSWER_SECONDS)) ? [] : [name];
      }),
    );
    return new Set(found.flat());
  };
  const rollout = new Rollout(plan, { nameOf: (urn) => urn.slice(before), silent, failed });
  build.oversee(MEMBER, childName(build, ""), rollout);
  return rollout;
}

function standing(name: string, rollout: Rollout, made: Made | undefined, preview: boolean): Standing {
  const seen = rollout.seenOf(name);
  if (made) return standingOf(made, seen, preview);
  // the engine has not told yet how this one ended
  const end = rollout.endOf(name);
  if (end === "done") return standingOf({ result: "done", state: {} }, seen, preview);
  return end ?? (rollout.isBusy(name) ? "busy" : "not touched");
}

function outputsOf(build: Construction, { members }: Wanted, made: Record<string, Made>, all: Standing[]): Props {
  const settledNow = !build.preview || all.every((standing) => standing === "unchanged");
  const connections = byServer(
    members,
    made,
    ({ state }) => state.connection ?? (build.preview ? Unknown.value : null),
  );
  const booted = byServer(members, made, (one) =>
    isUnknown(one.state.booted) ? Unknown.value : (checksumOf(one) ?? null),
  );
  return {
    // what an `up` did is known only afterwards
    summary: settledNow ? fleetLine(all, build.preview) : Unknown.value,
    // secret as a whole: a YAML program loses a secret inside an object
    connections: hasSecret(connections) ? new Secret(plain(connections)) : connections,
    booted,
  };
}

function byServer(members: Props, made: Record<string, Made>, value: (one: Made) => unknown): Props {
  const some = Object.keys(members).flatMap((name) => {
    const one = made[name];
    const v = one && value(one);
    return v === null || v === undefined ? [] : [[name, v] as const];
  });
  return Object.fromEntries(some);
}
