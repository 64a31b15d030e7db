/** Fleet: servers that run one commit, changed canaries first and then a few at a time. */
import type { Connection } from "../../host/ssh/connection.ts";
import { answers } from "../../host/ssh/reach.ts";
import { hasSecret, hasUnknown, isUnknown, type Props, plain, Secret, Unknown } from "../../properties/values.ts";
import type { Component, Construction, Made } from "../../resource.ts";
import type { Task } from "../../task.ts";
import { checkFleet } from "./check.ts";
import { memberInputs, opened } from "./members.ts";
import { canariesOf, type Order, turnsOf } from "./order.ts";
import { Rollout, type RolloutPlan, type WhenUnreachable } from "./rollout.ts";
import { fleetLine, type Standing, standingOf } from "./summary.ts";

const MEMBER = "pine:index:HostHijack";
/** Seconds in which a server must answer, so that it does not count as down: it may just be booting. */
const ANSWER_SECONDS = 20;

interface Wanted {
  names: string[];
  plan: RolloutPlan;
  /** Inputs of each server's HostHijack, by name. */
  members: Record<string, Props>;
}

export const fleet: Component = {
  check: checkFleet,

  async construct(build, inputs) {
    if (!opened(inputs.servers)) {
      build.warn("the servers are not known yet: this preview shows those that exist as deleted, which they are not");
      return { summary: Unknown.value, connections: Unknown.value, booted: Unknown.value };
    }
    const wanted = wantedOf(inputs);
    const made: Record<string, Made> = {};
    const standings = (): Standing[] => wanted.names.map((name) => standing(name, rollout, made[name], build.preview));
    let said = "";
    const tell = () => {
      const line = fleetLine(standings(), build.preview);
      if (line !== said) build.info(line);
      said = line;
    };
    // told before the engine knows of a failure: it ends everything at once
    const rollout = oversee(build, wanted, tell);
    await registerAll(build, wanted, rollout, made);
    tell();
    for (const note of build.preview ? rollout.early() : []) build.warn(note);
    return outputsOf(build, wanted, made, standings());
  },
};

function wantedOf(inputs: Props): Wanted {
  const servers = opened(inputs.servers)!;
  const names = Object.keys(servers);
  const rollout = (plain(inputs.rollout) ?? {}) as Partial<Order> & { unreachable?: WhenUnreachable };
  // a preview that does not know the number takes the careful one
  const known = <T>(value: T | null | undefined, otherwise: T) =>
    value === null || value === undefined || hasUnknown(value) ? otherwise : value;
  const canaries = known(rollout.canaries, 1);
  const order = {
    canaries: typeof canaries === "string" ? Number(canaries) : canaries,
    maxUnavailable: Number(known(rollout.maxUnavailable, 1)),
  };
  const common = { commit: inputs.commit, image: inputs.image };
  return {
    names,
    plan: {
      turns: turnsOf(names, order),
      canaries: canariesOf(names, order.canaries),
      maxUnavailable: order.maxUnavailable,
      unreachable: known(rollout.unreachable, "failCanaries"),
      commit: hasUnknown(inputs.commit) ? "" : (plain(inputs.commit) as string),
    },
    members: Object.fromEntries(names.map((name) => [name, memberInputs(inputs.defaults, servers[name], common)])),
  };
}

const childName = (build: Construction, server: string) => `${build.name}-${server}`;

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

/** Inputs of the Fleet of which those of a server are made. */
const FROM: Record<string, string[]> = { commit: ["commit"], image: ["image"] };

/**
 * Registers every server. Each waits for those of the turn before: for the resources themselves, never for a component.
 * A preview stops nobody, so there all are looked at together.
 */
async function registerAll(
  build: Construction,
  { plan, members }: Wanted,
  rollout: Rollout,
  made: Record<string, Made>,
): Promise<void> {
  const one = async (name: string, before: readonly string[]) => {
    const inputs = members[name]!;
    made[name] = await build.child({
      type: MEMBER,
      name: childName(build, name),
      inputs,
      from: Object.fromEntries(Object.keys(inputs).map((key) => [key, FROM[key] ?? ["servers", "defaults"]])),
      after: before.map((other) => build.urnOf(MEMBER, childName(build, other))),
    });
    rollout.ended(name, checksumOf(made[name]));
  };
  const under: Promise<void>[] = [];
  for (const [n, turn] of plan.turns.entries()) {
    const before = plan.turns[n - 1] ?? [];
    if (build.preview)
      for (const name of turn) {
        const taken = rollout.taken(name);
        const done = one(name, before);
        done.catch(() => {}); // heard of below
        under.push(done);
        // the engine must know a server before those that depend on it, but need not be done with it
        await Promise.race([taken, done]);
      }
    else await settled(turn.map((name) => one(name, before)));
  }
  await settled(under);
}

/** Waits for all, then fails as the first one did. */
async function settled(all: Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(all);
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}

const checksumOf = ({ state }: Made): string | undefined => {
  const booted = plain(state.booted) as { checksum?: string } | undefined;
  return typeof booted?.checksum === "string" ? booted.checksum : undefined;
};

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
