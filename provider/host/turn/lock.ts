/** What a program gives a server of its group's reboot lock, as the files that libexec/pine/turn reads. Pure. */
import type { HostFile } from "../files/paths.ts";

/** A secret is sent in a file of root's, never shown. */
export interface RebootLock {
  consul?: { address: string; token?: string };
  etcd?: { address: string; user?: string; password?: string };
  fleetlock?: { address: string; token?: string };
  group: string;
  /** The identity that has the turn. */
  member: string;
  /** How many servers of the group may be down at once. */
  slots: number;
  /** How many the group has; absent: who is away without a turn is not counted. */
  members?: number;
  /** Servers on which a commit may fail before no other boots it. */
  maxFailures: number;
  /** Seconds after which a turn counts as failed. */
  deadline: number;
  /** Commits that may go without the lock when the store is away, after so many seconds. */
  whenAway?: { commits: string[]; after: number };
  key?: string;
  caFile?: string;
  proxy?: string;
}

export const LOCK = "/var/lib/pine/lock";
export const TOKEN = "/var/lib/pine/lock.token";

type Backend = "consul" | "etcd" | "fleetlock";

const backendOf = (lock: RebootLock): Backend => (lock.consul ? "consul" : lock.etcd ? "etcd" : "fleetlock");

function secretOf({ consul, etcd, fleetlock }: RebootLock): string | undefined {
  if (etcd) return etcd.user === undefined ? undefined : `${etcd.user}:${etcd.password ?? ""}`;
  return (consul ?? fleetlock)?.token;
}

/** Why the server needs curl; undefined: busybox' wget is enough (libexec/pine/turn-http). */
export function needsCurl(lock: RebootLock): string | undefined {
  const backend = backendOf(lock);
  if (backend === "consul") return "Consul's store is written with PUT";
  if (secretOf(lock) !== undefined) return "a secret must not be on a command line";
  return lock[backend]!.address.startsWith("https:") ? "https is checked by curl" : undefined;
}

/** The settings, and the secret in a file of its own; both for root alone. */
export function lockFiles(lock: RebootLock): HostFile[] {
  const backend = backendOf(lock);
  const lines = {
    backend,
    url: lock[backend]!.address,
    group: lock.group,
    id: lock.member,
    slots: lock.slots,
    members: lock.members,
    maxFailures: lock.maxFailures,
    deadline: lock.deadline,
    after: lock.whenAway?.after,
    key: lock.key,
    ca: lock.caFile,
    proxy: lock.proxy,
  };
  const content = [
    ...Object.entries(lines).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}\n`])),
    ...(lock.whenAway?.commits ?? []).map((commit) => `go=${commit}\n`),
  ].join("");
  const secret = secretOf(lock);
  const own = { mode: "0600", owner: "root:root" };
  return [
    { path: LOCK, content, ...own },
    ...(secret === undefined ? [] : [{ path: TOKEN, content: `${secret}\n`, ...own }]),
  ];
}
