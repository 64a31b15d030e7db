/** Static deltas: what a host that runs one commit needs to get another, as one file that OSTree applies offline. */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../../errors.ts";
import { type ArtifactFacts, artifact } from "../store/artifact.ts";
import { hasCommit } from "./check.ts";
import type { Workshop } from "./workshop.ts";

/**
 * MiB up to which a file is sent as its binary difference (bsdiff). Applying holds the new file in memory, and a VM of
 * 96 MB has about 20 MB to spare; larger files go by rolling checksums, which copy from the old file on disk.
 */
const MAX_BSDIFF_MIB = 8;

/**
 * MiB of files in a part of a delta. OSTree unpacks a part in memory, with a dictionary as large. With a whole system
 * in parts of 32 MiB, its default, the kernel killed it at 96 MiB (24 MB were its own). Such a delta is 2.5 % larger
 * than with the default.
 */
const MAX_PART_MIB = 4;

/** Changes when deltas of an earlier provider are no longer good enough; else none is made again. */
const FORMAT = "2";

export interface Delta extends ArtifactFacts {
  path: string;
}

/**
 * OSTree records when it made a delta: the only part of it that does not come from the commits. It is the second member
 * of the file's GVariant, a tuple of a dictionary, a big-endian number of seconds, …. The end of the dictionary is
 * given at the end of the file, in as many bytes as the file's size needs. `began`: seconds since 1970 when it was
 * begun.
 */
async function withoutTime(path: string, began: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    const { size } = await file.stat();
    const bytes = size < 2 ** 8 ? 1 : size < 2 ** 16 ? 2 : size < 2 ** 32 ? 4 : 8;
    const last = Buffer.alloc(8);
    await file.read(last, 0, bytes, size - bytes);
    const place = Math.ceil(Number(last.readBigUInt64LE()) / 8) * 8;
    const time = Buffer.alloc(8);
    if (place + 8 <= size) await file.read(time, 0, 8, place);
    const seconds = Number(time.readBigUInt64BE());
    // another OSTree's shape: such a delta differs from one made later, but is as good
    if (seconds < began - 1 || seconds > Date.now() / 1000 + 1) return;
    await file.write(Buffer.alloc(8), 0, 8, place);
  } finally {
    await file.close();
  }
}

/**
 * The delta between two commits of the store; from nothing when `from` is undefined. One self-contained file for
 * `ostree static-delta apply-offline`, kept in store/deltas. Takes no lock: it only reads the repository.
 */
export async function staticDelta(
  { store, toolbox, task }: Workshop,
  from: string | undefined,
  to: string,
): Promise<Delta> {
  for (const checksum of [from, to])
    if (checksum !== undefined && !(await hasCommit(store, checksum)))
      die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  const path = store.delta(from, to);
  const facts = await artifact<ArtifactFacts>(store, path, FORMAT, task, async (dir) => {
    task.step(from ? "computing the delta" : "packing the whole commit");
    await mkdir(join(dir, "out"));
    // biome-ignore format: what belongs together is in one line
    const argv = [
      "ostree", "static-delta", "generate", "--repo=/run/repo", from ? `--from=${from}` : "--empty", `--to=${to}`,
      // everything within the one file, also large objects that would be fetched one by one
      "--inline", "--min-fallback-size=0", "--filename=/run/out/delta",
      `--max-bsdiff-size=${MAX_BSDIFF_MIB}`, `--max-chunk-size=${MAX_PART_MIB}`,
    ];
    const binds = [
      { source: store.repo, target: "/run/repo" },
      { source: join(dir, "out"), target: "/run/out" },
    ];
    const began = Math.floor(Date.now() / 1000);
    await toolbox.run(argv, { binds, signal: task.signal });
    const file = join(dir, "out", "delta");
    await withoutTime(file, began);
    return { file, facts: {} };
  });
  return { ...facts, path };
}
