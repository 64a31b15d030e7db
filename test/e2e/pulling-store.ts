/** What keeps the turn of containers that pull: a real store on 127.0.0.1, of each kind that Pine knows. */
import { type Consul, startConsul } from "../lab/consul/index.ts";
import { withEnding } from "../lab/ending.ts";
import { type Etcd, startEtcd } from "../lab/etcd/index.ts";
import { startFleetLock } from "../lab/fleetlock/index.ts";

export type LockKind = "consul" | "etcd" | "fleetlock";
/** The group that all of them are in, with one slot. */
export const GROUP = "web";

export interface LockStore {
  kind: LockKind;
  url: string;
  port: number;
  /** Who has a turn now. */
  holders(): Promise<string[]>;
  /** What the store has of the group: nothing behind FleetLock's protocol, which keeps holders alone. */
  text(): Promise<string>;
  end(): Promise<void>;
}

export function startLockStore(kind: LockKind): Promise<LockStore> {
  return withEnding(async (ending, end) => {
    const store: Consul | Etcd = kind === "consul" ? await startConsul() : await startEtcd();
    ending.unshift(() => store.end());
    const lock = kind === "fleetlock" ? await startFleetLock(store as Etcd, { [GROUP]: 1 }) : undefined;
    if (lock) ending.unshift(() => lock.end());
    const { url } = lock ?? store;
    const text = async () => (await store.read(`pine/turn/${GROUP}`)) ?? "";
    const holders = async () => [...(await text()).matchAll(/^holder (\S+) /gm)].map(([, name]) => name!);
    return { kind, url, port: Number(new URL(url).port), text, holders: () => lock?.holders(GROUP) ?? holders(), end };
  });
}
