/** HostHijack's inputs as types, and how they are read. */
import { DEADMAN_SECONDS } from "../../../boot/options.ts";
import type { NetworkInput } from "../../../host/network/model/types.ts";
import type { Ignorable } from "../../../host/plan/ignorable.ts";
import type { DataPartition, Method } from "../../../host/plan/types.ts";
import type { Connection } from "../../../host/ssh/connection.ts";
import type { HealthCheck } from "../../../host/trial/health.ts";
import type { RebootLock } from "../../../host/turn/lock.ts";
import { UPDATE_DEFAULTS, type Updates } from "../../../host/updates/settings.ts";
import { type Asset, type Props, plain } from "../../../properties/values.ts";
import { spread } from "./overwrite.ts";

export interface FileInput {
  content?: string;
  source?: Asset;
  /** Octal, default "0644"; "0600" when the content is secret. */
  mode?: string;
  /** "user:group", default "root:root". */
  owner?: string;
}

/** How a commit is rehearsed before the server is touched. */
export interface RehearseInput {
  /** A rehearsal that could not tell ends the run, too. */
  required: boolean;
  /** Seconds that the boot may take on a machine as fast as the reference (rehearsal/speed.ts). */
  timeout?: number;
  /** MiB of the machine. */
  memory?: number;
  /** Names of health checks that need the real world. */
  leaveOut: string[];
}

export interface HijackInputs {
  connection: Connection;
  commit: string;
  method: Method;
  /** sha256 of a DiskImage. */
  image?: string;
  erase: boolean;
  disk?: string;
  dataPartitions: DataPartition[];
  hostname?: string;
  authorizedKeys: string[];
  network?: Props;
  files: Record<string, FileInput>;
  health: HealthCheck[];
  kernelArguments: string[];
  onDestroy: "restore" | "retain";
  /** The old system is removed once the new one is confirmed. */
  finalize: boolean;
  deleteData: boolean;
  whenUnreachable: "fail" | "forget";
  deadman: number;
  rehearse?: RehearseInput;
  ignoreChecks: Ignorable[];
  triggers: unknown[];
  /** Updates that the server pulls by itself; absent: none. */
  updates?: Updates;
  rebootLock?: LockInput;
  /** Inputs that allow another attempt at the same commit when they change; as JSON without secrets, for the state. */
  attempt: string;
}

/** A reboot lock as the program gave it; what is left out has a default (lock.ts). */
export type LockInput = Omit<RebootLock, "member" | "slots" | "maxFailures" | "deadline"> & Partial<RebootLock>;

const ATTEMPT = ["triggers", "hostname", "network", "kernelArguments", "healthChecks"];

/** Checked, known inputs with their defaults. */
export function hijackInputs(props: Props): HijackInputs {
  const p = plain(spread(props)) as Props;
  return {
    connection: p.connection,
    commit: p.commit,
    method: p.method ?? "auto",
    image: typeof p.image === "string" ? p.image : undefined,
    erase: p.erase ?? false,
    disk: p.disk ?? undefined,
    dataPartitions: p.dataPartitions ?? [],
    hostname: p.hostname ?? undefined,
    authorizedKeys: p.authorizedKeys ?? [],
    network: p.network ?? undefined,
    files: p.files ?? {},
    health: p.healthChecks ?? [],
    kernelArguments: p.kernelArguments ?? [],
    onDestroy: p.onDestroy ?? "restore",
    finalize: p.removeOldSystem ?? false,
    deleteData: p.deleteData ?? false,
    whenUnreachable: p.whenUnreachable ?? "fail",
    deadman: p.trialTimeout ?? DEADMAN_SECONDS,
    rehearse: p.rehearse
      ? { ...p.rehearse, required: p.rehearse.required ?? false, leaveOut: p.rehearse.leaveOut ?? [] }
      : undefined,
    ignoreChecks: p.ignoreChecks ?? [],
    triggers: p.triggers ?? [],
    updates: p.updates ? { ...UPDATE_DEFAULTS, ...p.updates } : undefined,
    rebootLock: p.rebootLock ?? undefined,
    attempt: JSON.stringify(ATTEMPT.map((key) => props[key] ?? null)),
  };
}

/** The network input as host/network/keep.ts takes it. */
export function networkInput(network: Props | undefined): NetworkInput {
  const mode = network?.mode ?? "keep";
  if (mode !== "static") return mode;
  const { mode: _, ...rest } = network!;
  return { static: { addresses: [], ...rest } };
}
