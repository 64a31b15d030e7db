/** Registers a fleet's rings and servers at the engine, in their order. */
import { isUnknown, type Props, plain } from "../../properties/values.ts";
import type { Construction, Made } from "../../resource.ts";
import { type FleetRing, ringInputs } from "./rings.ts";
import type { Rollout, RolloutPlan } from "./rollout.ts";

export const MEMBER = "pine:index:HostHijack";
const RING = "pine:index:Ring";

export interface Wanted {
  names: string[];
  plan: RolloutPlan;
  /** Inputs of each server's HostHijack, by name. */
  members: Record<string, Props>;
  /** The turns by rings; one without a ring: no server pulls. */
  stages: { ring?: FleetRing & { branch: string }; turns: string[][] }[];
  /** The program's `rings`. */
  rings: Props;
}

export const childName = (build: Construction, server: string) => `${build.name}-${server}`;

export const checksumOf = ({ state }: Made): string | undefined => {
  const booted = plain(state.booted) as { checksum?: string } | undefined;
  return typeof booted?.checksum === "string" ? booted.checksum : undefined;
};

/** Inputs of the Fleet of which those of a server are made. */
const FROM: Record<string, string[]> = { commit: ["commit"] };
const RING_FROM: Record<string, string[]> = {
  commit: ["commit"],
  servers: ["servers", "rings"],
  after: ["servers", "defaults"],
};

/** What the run has come to. */
export interface Run {
  rollout: Rollout;
  made: Record<string, Made>;
  /** Rings that are not signed for the commit, and why. */
  waiting: Record<string, string>;
}

/**
 * Registers every server. Each waits for those of the turn before: for the resources themselves, never for a component.
 * A preview stops nobody, so there all of a ring are looked at together. A ring comes after the servers of those before
 * it, and before its own, which are asked for what it is signed for.
 */
export async function registerAll(build: Construction, wanted: Wanted, run: Run): Promise<void> {
  const { rollout, made } = run;
  const under: Promise<void>[] = [];
  let before: string[] = [];
  const earlier: string[] = [];
  for (const { ring, turns } of wanted.stages) {
    if (ring) {
      await settled(under);
      before = [...before, await registerRing(build, wanted, { ...run, ring, earlier, after: before })];
      earlier.push(...ring.servers);
    }
    for (const turn of turns) {
      const one = async (name: string, after: string[]) => {
        made[name] = await build.child(memberChild(build, wanted.members[name]!, name, after));
        rollout.ended(name, checksumOf(made[name]));
      };
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
      before = turn.map((name) => build.urnOf(MEMBER, childName(build, name)));
    }
  }
  await settled(under);
}

const memberChild = (build: Construction, inputs: Props, name: string, after: string[]) => ({
  type: MEMBER,
  name: childName(build, name),
  inputs,
  from: Object.fromEntries(Object.keys(inputs).map((key) => [key, FROM[key] ?? ["servers", "defaults"]])),
  after,
});

/** Registers a ring, after the servers of those before it. Gives its own the commit that it is signed for; its URN. */
async function registerRing(
  build: Construction,
  { members, rings }: Wanted,
  o: Run & { ring: FleetRing & { branch: string }; earlier: string[]; after: string[] },
): Promise<string> {
  const { ring, earlier, after, made, rollout, waiting } = o;
  const before = Object.fromEntries(earlier.map((name) => [name, { member: members[name]!, made: made[name] }]));
  const commit = members[ring.servers[0]!]!.commit;
  const inputs = ringInputs(rings, { commit, branch: ring.branch, servers: ring.servers, before });
  const from = Object.fromEntries(Object.keys(inputs).map((key) => [key, RING_FROM[key] ?? ["rings"]]));
  const name = childName(build, `ring-${ring.name}`);
  const { urn, state } = await build.child({ type: RING, name, inputs, from, after });
  const { published, waits } = state;
  if (typeof waits === "string") waiting[ring.name] = waits;
  // none was ever signed for it: the program's commit, and the order of an `up` that brings it
  if (published === undefined || published === null) return urn;
  for (const server of ring.servers) {
    members[server] = { ...members[server], commit: published };
    if (!isUnknown(published)) rollout.signed.add(server);
  }
  return urn;
}

/** Waits for all, then fails as the first one did. */
async function settled(all: Promise<void>[]): Promise<void> {
  const ended = await Promise.allSettled(all);
  for (const result of ended) if (result.status === "rejected") throw result.reason;
}
