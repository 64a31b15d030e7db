/** What a server needs from a commit, made on demand: the sysroot for an install, or a delta for an update. */

import { existsSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { create as createTar } from "tar";
import { die } from "../../../errors.ts";
import { DEFAULT } from "../../../filesystems/all.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import type { ImageFacts } from "../../../host/plan/types.ts";
import type { SysrootToSend } from "../../../host/ways/alongside/install.ts";
import type { RamToSend } from "../../../host/ways/overwrite/enter.ts";
import type { ImageToSend } from "../../../host/ways/overwrite/write.ts";
import type { DeltaToSend } from "../../../host/ways/update/update.ts";
import { BLOCK, blockDigests, imageBySha256, imageStream } from "../../../image/disk/blocks.ts";
import { notForOverwrite } from "../../../image/disk/formats/pack.ts";
import type { Image } from "../../../image/disk/image.ts";
import { partitionOf } from "../../../image/disk/partitions.ts";
import { ramSystem } from "../../../image/initramfs/ram-system.ts";
import { hasCommit } from "../../../image/ostree/check.ts";
import { type CommitManifest, readCommit, rootsOf } from "../../../image/ostree/commits.ts";
import { staticDelta } from "../../../image/ostree/delta.ts";
import { type EtcOfCommits, etcOfCommits } from "../../../image/ostree/etc.ts";
import { sshServerOf } from "../../../image/recipe/ssh-server.ts";
import { intact } from "../../../image/store/artifact.ts";
import { Store } from "../../../image/store/store.ts";
import { readSysroot, sysrootTar } from "../../../image/sysroot/archive.ts";
import { machineArch } from "../../../image/toolbox/arch.ts";
import { type Toolbox, type ToolboxSource, toolbox } from "../../../image/toolbox/toolbox.ts";
import { readRootfs } from "../../../image/tree/record.ts";
import type { Guest } from "../../../rehearsal/guest.ts";
import { cannotTell, type Rehearsal, rehearse } from "../../../rehearsal/rehearse.ts";
import type { Call } from "../../../resource.ts";
import type { SignedManifest } from "../../../trust/manifest.ts";
import { packedRange } from "../../estimates.ts";
import { kernelsOn } from "./kept.ts";
import { lacksOf } from "./lacks.ts";

export type Compression = "zstd" | "gzip";

export interface CommitArtifacts {
  version?: string;
  signed?: SignedManifest;
  /** `on`: facts of the server that the image is for. */
  imageFacts(compression: Compression, on?: Facts): Promise<ImageFacts>;
  sysroot(compression: Compression, call: Call): Promise<SysrootToSend>;
  /** The image that overwrite writes; dies when the store has no such image of this commit. */
  diskImage(call: Call): Promise<ImageToSend>;
  ram(call: Call): Promise<RamToSend>;
  /** Bytes of the delta from a commit, when it has already been made. */
  knownDelta(from: string): number | undefined;
  /** How the commit's /etc differs from that of another; undefined when this store does not have that commit. */
  etcSince(from: string, call: Call): Promise<EtcOfCommits | undefined>;
  /** The delta from the commit that the server runs; from nothing when this store does not have that commit. */
  delta(from: string, call: Call): Promise<DeltaToSend>;
  /** Boots it on this machine. `timeout`: seconds, on a machine as fast as the reference. */
  rehearse(guest: Guest, timeout: number | undefined, call: Call): Promise<Rehearsal>;
}

export function missingCommit(checksum: string, call: Call): never {
  die(
    `commit ${checksum.slice(0, 12)} is not in the store ${call.config.store}`,
    "use the checksum output of an OstreeCommit of the same program, so that it is made again where it is missing",
  );
}

/** For a commit that the server runs and this store lacks: nothing has to be sent. */
export function runningCommit(facts: Facts): CommitArtifacts {
  const never = () => die("the store does not have the commit that the server runs");
  return {
    imageFacts: async (compression) => ({ arch: facts.arch, about: true, compression }),
    knownDelta: () => undefined,
    etcSince: async () => undefined,
    sysroot: never,
    diskImage: never,
    ram: never,
    delta: never,
    rehearse: async () => cannotTell("this store does not have the commit, which runs on the server already"),
  };
}

/** A commit in the store, and what its artifacts are made with. */
interface Kept {
  store: Store;
  checksum: string;
  manifest: CommitManifest;
  /** The DiskImage that overwrite may write, and the sha256 that names it. */
  image?: Image;
  imageSha256?: string;
  source: ToolboxSource;
  tools: () => Promise<Toolbox>;
}

/**
 * The artifacts of a commit, made on demand; undefined when the store does not have the commit.
 * `imageSha256`: digest of the DiskImage that overwrite may write.
 */
export async function findArtifacts(
  checksum: string,
  call: Call,
  imageSha256?: string,
): Promise<CommitArtifacts | undefined> {
  const manifest = await readCommit(Store.at(call.config.store), checksum);
  if (!manifest) return undefined;
  const store = await Store.open(call.config.store);
  const source = { ...call.config, arch: machineArch() };
  const tools = () => toolbox(source, call);
  const image = imageSha256 === undefined ? undefined : await imageBySha256(store, imageSha256);
  const kept: Kept = { store, checksum, manifest, image, imageSha256, source, tools };
  const lacksOn = lacksOf({ store, checksum, tools, container: manifest.target === "container" }, call);
  return {
    version: manifest.version,
    signed: manifest.signed,
    imageFacts: async (compression, on) => ({
      ...(await imageFactsOf(kept, compression)),
      kernels: on && (await kernelsOn(store, on)),
      lacks: on && (await lacksOn(on)),
    }),
    diskImage: (call) => diskImageOf(kept, call),
    ram: (call) => ramOf(kept, call),
    sysroot: (compression, call) => sysrootOf(kept, compression, call),
    knownDelta(from) {
      const path = store.delta(from, checksum);
      return existsSync(path) ? statSync(path).size : undefined;
    },
    etcSince: async (from, call) => etcOfCommits({ store, toolbox: await tools(), task: call }, from, checksum),
    delta: (from, call) => deltaOf(kept, from, call),
    rehearse: async (guest, timeout, task) =>
      rehearse({ store, toolbox: await tools(), task }, manifest, guest, timeout),
  };
}

/** What is known without looking at the server. */
async function imageFactsOf({ store, checksum, manifest, image }: Kept, compression: Compression): Promise<ImageFacts> {
  const made = await readSysroot(store, checksum, compression);
  const rootfs = await readRootfs(store, manifest.rootfs);
  const range = packedRange(manifest.size, compression);
  const has = (program: string) => rootfs && rootfs.lock.some(({ name }) => name === program);
  return {
    arch: manifest.arch,
    target: manifest.target ?? "vm",
    ssh: rootfs && sshServerOf(rootfs.lock),
    judgeSeconds: rootfs?.judgeSeconds,
    curl: has("curl"),
    ssl_client: has("ssl_client"),
    sysrootBytes: made?.size ?? Math.round((range[0] + range[1]) / 2),
    sysrootRange: made ? undefined : range,
    unpackedBytes: made?.unpackedSize ?? manifest.size,
    about: !made,
    compression,
    commit: checksum,
    // a container's host mounts its file systems
    filesystems: manifest.target === "container" ? undefined : rootsOf(manifest),
    kernel: manifest.kernel,
    signed: manifest.signed,
    disk: image && {
      commit: image.commit,
      bytes: image.diskSize,
      packedBytes: image.size,
      filesystem: image.filesystem ?? DEFAULT,
    },
    diskUnfit: image && notForOverwrite(image.fileFormat, image.label),
  };
}

async function diskImageOf({ store, checksum, image, imageSha256, tools }: Kept, call: Call): Promise<ImageToSend> {
  if (!image)
    die(
      imageSha256 ? `image ${imageSha256.slice(0, 12)} is not in the store ${store.dir}` : "no `image` is given",
      "use the sha256 output of a DiskImage of the same program, so that it is made again where it is missing",
    );
  const box = await tools();
  call.step("reading the disk image");
  await intact(image.path, image, "disk image", call.signal);
  return {
    sha256: image.sha256,
    diskSize: image.diskSize,
    rootStart: partitionOf(image, "root").start,
    rootType: image.filesystem ?? DEFAULT,
    bootStart: image.partitions.find((p) => p.name === "boot")?.start,
    deployment: `${checksum}.0`,
    digests: await blockDigests(box, image, call),
    block: BLOCK,
    open: (from) => imageStream(box, image, from, call),
  };
}

async function ramOf({ store, checksum, manifest, source, tools }: Kept, call: Call): Promise<RamToSend> {
  if (manifest.arch !== source.arch)
    die(
      `overwrite makes its RAM system on a machine of the server's architecture, ${manifest.arch}, and this one is ${source.arch}`,
    );
  const made = await ramSystem({ store, toolbox: await tools(), task: call }, source, checksum);
  const open = () =>
    Readable.from(createTar({ cwd: made.path, portable: true }, ["vmlinuz", "initramfs.img", "tools"]));
  return { size: made.size, open };
}

async function sysrootOf(
  { store, checksum, tools }: Kept,
  compression: Compression,
  call: Call,
): Promise<SysrootToSend> {
  const made = await sysrootTar({ store, toolbox: await tools(), task: call }, checksum, compression);
  await intact(made.path, made, "sysroot", call.signal);
  const { kernel, initrd, path, size, sha256, unpackedSize } = made;
  const deployment = made.deployment.split("/").pop()!;
  return { checksum, deployment, kernel, initrd, path, size, sha256, unpackedSize, compression };
}

async function deltaOf({ store, checksum, tools }: Kept, from: string, call: Call): Promise<DeltaToSend> {
  const known = (await hasCommit(store, from)) ? from : undefined;
  if (!known)
    call.warn(`this store does not have commit ${from.slice(0, 12)}, which the server runs: the whole commit is sent`);
  const made = await staticDelta({ store, toolbox: await tools(), task: call }, known, checksum);
  await intact(made.path, made, "delta", call.signal);
  return made;
}
