/** What a server needs of a commit, made on demand: the sysroot for an install, a delta from what it runs for an update. */
import { existsSync, statSync } from "node:fs";
import { die } from "../errors.ts";
import type { SysrootToSend } from "../host/alongside.ts";
import type { Facts, ImageFacts } from "../host/types.ts";
import type { DeltaToSend } from "../host/update.ts";
import { staticDelta } from "../image/delta.ts";
import { hasCommit, readCommit } from "../image/ostree.ts";
import { Store } from "../image/store.ts";
import { openSysroot, readSysroot, sysrootTar } from "../image/sysroot.ts";
import { machineArch, toolbox } from "../image/toolbox.ts";
import type { Call } from "../resource.ts";
import { largestImage } from "./estimates.ts";

export type Compression = "zstd" | "gzip";

export interface CommitArtifacts {
  version?: string;
  imageFacts(compression: Compression): Promise<ImageFacts>;
  sysroot(compression: Compression, call: Call): Promise<SysrootToSend>;
  /** Bytes of the delta from a commit, when it is made already. */
  knownDelta(from: string): number | undefined;
  /** From what the server runs; from nothing when this store does not have that. */
  delta(from: string, call: Call): Promise<DeltaToSend>;
}

/** zstd -3 of a sysroot against its content, and gzip against zstd: measured 0.42 and 1.13; for estimates only. */
const PACKED = 0.45;
const GZIP = 1.13;

export function missingCommit(checksum: string, call: Call): never {
  die(
    `commit ${checksum.slice(0, 12)} is not in the store ${call.config.store}`,
    "use the checksum output of an OstreeCommit of the same program, so that it is made again where it is missing",
  );
}

/** Of a commit that the server runs and this store lacks: nothing has to be sent. */
export function runningCommit(facts: Facts): CommitArtifacts {
  const never = () => die("the store does not have the commit that the server runs");
  return {
    imageFacts: async (compression) => ({ arch: facts.arch, about: true, compression }),
    knownDelta: () => undefined,
    sysroot: never,
    delta: never,
  };
}

/** Undefined: the store does not have the commit. Makes nothing by itself. */
export async function findArtifacts(checksum: string, call: Call): Promise<CommitArtifacts | undefined> {
  const manifest = await readCommit(Store.at(call.config.store), checksum);
  if (!manifest) return undefined;
  const store = await Store.open(call.config.store);
  const tools = () => toolbox({ ...call.config, arch: machineArch() }, call);
  return {
    version: manifest.version,
    async imageFacts(compression) {
      const made = await readSysroot(store, checksum, compression);
      const packed = PACKED * (compression === "gzip" ? GZIP : 1);
      return {
        arch: manifest.arch,
        sysrootBytes: made?.size ?? Math.round(manifest.size * packed),
        unpackedBytes: made?.unpackedSize ?? manifest.size,
        about: !made,
        compression,
      };
    },
    async sysroot(compression, call) {
      const made = await sysrootTar(store, await tools(), checksum, call, compression);
      return {
        checksum,
        deployment: made.deployment.split("/").pop()!,
        kernel: made.kernel,
        initrd: made.initrd,
        size: made.size,
        compression,
        open: () => openSysroot(made.path, compression, call.signal),
      };
    },
    knownDelta(from) {
      const path = store.delta(from, checksum);
      return existsSync(path) ? statSync(path).size : undefined;
    },
    async delta(from, call) {
      const known = (await hasCommit(store, from)) ? from : undefined;
      if (!known)
        call.warn(
          `this store does not have commit ${from.slice(0, 12)}, which the server runs: the whole commit is sent`,
        );
      return staticDelta(store, await tools(), known, checksum, call);
    },
  };
}

/** The figures before the commit is known: from what this run's previews said, else none. */
export function estimatedImage(arch: string, compression: Compression): ImageFacts {
  const estimate = largestImage();
  if (!estimate) return { arch, about: true, compression };
  return {
    arch: estimate.arch,
    sysrootBytes: Math.round(estimate.unpacked * PACKED * (compression === "gzip" ? GZIP : 1)),
    unpackedBytes: estimate.unpacked,
    about: true,
    compression,
  };
}
