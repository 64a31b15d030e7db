/**
 * The physical root of an installed system, as one archive that a server's own tar unpacks: the same for every host.
 */
import { join } from "node:path";
import { humanBytes } from "../../words.ts";
import type { Workshop } from "../ostree/workshop.ts";
import { type ArtifactFacts, artifact, intact, readArtifact } from "../store/artifact.ts";
import type { Store } from "../store/store.ts";
import { formatOfCommit, type SysrootTree, sysrootTree } from "./tree.ts";

/**
 * zstd's level: kernel modules and firmware are compressed already, so that -19 saves 2 % for twenty times the time;
 * and unpacking at -3 needs 2 MiB of window, which every host has.
 */
export const ZSTD_LEVEL = 3;

/** Content of the JSON file beside the archive. */
type SysrootFacts = SysrootTree & ArtifactFacts;

export interface Sysroot extends SysrootFacts {
  /** store/sysroots/<checksum>.tar.zst or .tar.gz */
  path: string;
  compression: Compression;
}

export type Compression = "zstd" | "gzip";

const archivePath = (store: Store, checksum: string, compression: Compression) =>
  compression === "zstd" ? store.sysroot(checksum) : store.sysroot(checksum).replace(/zst$/, "gz");

/** The archive when the store has it already. */
export async function readSysroot(
  store: Store,
  checksum: string,
  compression: Compression = "zstd",
): Promise<Sysroot | undefined> {
  const path = archivePath(store, checksum, compression);
  const facts = await readArtifact<SysrootFacts>(store, path, await formatOfCommit(store, checksum));
  return facts && { ...facts, path, compression };
}

/**
 * The archive of a commit: exactly `ostree`, `boot/ostree`, `boot/loader*`, with numeric owners and hard links, one
 * deployment, no bootloader, no host's own kernel arguments. `gzip` is for hosts without zstd. Kept in store/sysroots.
 */
export async function sysrootTar(
  workshop: Workshop,
  checksum: string,
  compression: Compression = "zstd",
): Promise<Sysroot> {
  const { store, task } = workshop;
  const path = archivePath(store, checksum, compression);
  const make = compression === "zstd" ? pack : repack;
  const format = await formatOfCommit(store, checksum);
  const facts = await artifact<SysrootFacts>(store, path, format, task, (dir) => make(workshop, checksum, dir));
  return { ...facts, path, compression };
}

type Made = { file: string; facts: SysrootTree };

// pax for file capabilities, without the times and process ids that pax would add; zstd's bytes are the same with any
// number of threads (but not with --single-thread)
const PACK = `cd /run/work/root
tar --sort=name --numeric-owner --format=posix --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f \
  --xattrs --xattrs-include=security.capability -cf ../sysroot.tar ostree boot/ostree boot/loader*
zstd -q -T0 -${ZSTD_LEVEL} ../sysroot.tar`;

async function pack(workshop: Workshop, checksum: string, dir: string): Promise<Made> {
  const { toolbox, task } = workshop;
  const facts = await sysrootTree(workshop, checksum, dir);
  task.step(`packing the sysroot (${humanBytes(facts.unpackedSize)})`);
  await toolbox.run(["/bin/sh", "-euc", PACK], {
    binds: [{ source: dir, target: "/run/work" }],
    signal: task.signal,
  });
  return { file: join(dir, "sysroot.tar.zst"), facts };
}

async function repack(workshop: Workshop, checksum: string, dir: string): Promise<Made> {
  const { toolbox, task } = workshop;
  const made = await sysrootTar(workshop, checksum);
  const { path, size: _, sha256: __, format: ___, compression: ____, ...facts } = made;
  await intact(path, made, "sysroot", task.signal);
  task.step("packing the sysroot with gzip");
  await toolbox.run(
    ["/bin/sh", "-c", "zstd -q -d /run/in.zst -o /run/work/sysroot.tar && gzip -n -3 /run/work/sysroot.tar"],
    {
      binds: [
        { source: dir, target: "/run/work" },
        { source: path, target: "/run/in.zst", readOnly: true },
      ],
      signal: task.signal,
    },
  );
  return { file: join(dir, "sysroot.tar.gz"), facts };
}
