/** HostHijack's inputs and outputs as types, and how the first are read. */
import { readFile } from "node:fs/promises";
import { die } from "../errors.ts";
import type { HostFile } from "../host/files/paths.ts";
import type { NetworkInput } from "../host/network/model/types.ts";
import type { DataPartition, Method } from "../host/plan/types.ts";
import type { Connection } from "../host/ssh/connection.ts";
import type { HealthCheck } from "../host/trial/health.ts";
import { withoutUserinfo } from "../local/credentials.ts";
import { Asset, type Props, plain } from "../properties/values.ts";

export interface FileInput {
  content?: string;
  source?: Asset;
  /** Octal, default "0644"; "0600" when the content is secret. */
  mode?: string;
  /** "user:group", default "root:root". */
  owner?: string;
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
  force: boolean;
  triggers: unknown[];
  /** What makes another attempt at the same commit, as JSON without what is secret: kept in the state. */
  attempt: string;
}

const ATTEMPT = ["triggers", "hostname", "network", "kernelArguments", "health"];

/** What runs on the server. */
export interface Booted {
  checksum: string;
  version?: string;
  deployment: string;
  slot: string;
  bootId: string;
}

/** A commit that this server could not run. */
export interface Failed {
  checksum: string;
  reason: string;
  /** Times it was tried; a trial that never answered (it may have been a power cut) gets a second try. */
  attempts: number;
  /** Not to be tried again until commit or triggers change. */
  final: boolean;
  /** What was asked for at the time ({@link HijackInputs.attempt}). */
  triggers: string;
}

export interface HijackState {
  installationId: string;
  booted?: Booted;
  /** Commit of the slot that does not run, or the old system's name. */
  previous?: string;
  failed?: Failed;
  /** The server's, as it was seen: with `acceptNewHostKey` the only one that is accepted from then on. */
  hostKey?: string;
  /** The jump host's; kept within `connection`. */
  proxyHostKey?: string;
  /** Bytes of the last transfer. */
  sent?: number;
  /** Paths of the user's `files` on the server. */
  files?: string[];
  /** Public keys that may log in as root, as the last operation or refresh saw them, without options and comments. */
  rootKeys?: string[];
  /** The old system was removed: destroy cannot restore it. */
  finalized?: boolean;
  /** The last operation did not end. */
  unfinished?: boolean;
  facts?: Props;
  plan?: Props;
  connection?: Props;
}

/** Checked, known inputs with their defaults. */
export function hijackInputs(props: Props): HijackInputs {
  const p = plain(props) as Props;
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
    health: p.health ?? [],
    kernelArguments: p.kernelArguments ?? [],
    onDestroy: p.onDestroy ?? "restore",
    finalize: p.finalize ?? false,
    deleteData: p.deleteData ?? false,
    whenUnreachable: p.whenUnreachable ?? "fail",
    deadman: p.deadman ?? 300,
    force: p.force ?? false,
    triggers: p.triggers ?? [],
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

/** The user's files with their contents; sources are read here. Errors name the file, never what is in it. */
export async function hostFiles(files: Record<string, FileInput>): Promise<HostFile[]> {
  return Promise.all(
    Object.entries(files).map(async ([path, file]) => ({
      path,
      content: await contentOf(path, file),
      mode: file.mode ?? "0644",
      owner: file.owner ?? "root:root",
    })),
  );
}

async function contentOf(path: string, file: FileInput): Promise<string | Uint8Array> {
  if (file.content !== undefined) return file.content;
  const asset = file.source instanceof Asset ? file.source.content : {};
  if (asset.text !== undefined) return asset.text;
  if (asset.path !== undefined)
    return readFile(asset.path).catch((e: NodeJS.ErrnoException) =>
      die(
        `files["${path}"]: cannot read ${withoutUserinfo(asset.path!)} (${e.code ?? e.name})`,
        "give the path of a file on this machine",
        e,
      ),
    );
  return die(`files["${path}"]: an asset by URI cannot be taken`, "give a FileAsset, a StringAsset or content");
}
