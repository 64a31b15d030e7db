/** Static deltas: what a host that runs one commit needs to get another, as one file that OSTree applies offline. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { die } from "../errors.ts";
import type { Task } from "../task.ts";
import { type ArtifactFacts, artifact } from "./artifact.ts";
import { hasCommit } from "./ostree.ts";
import type { Store } from "./store.ts";
import type { Toolbox } from "./toolbox.ts";

/**
 * MiB up to which a file is sent as its binary difference (bsdiff). Applying holds the new file in memory, and a VM of 96 MB
 * has about 20 MB to spare; larger files go by rolling checksums, which copy from the old file on disk.
 */
const MAX_BSDIFF_MIB = 8;

/** Deltas are as good as any other of the same commits: none is made again for a newer provider. */
const FORMAT = "1";

export interface Delta extends ArtifactFacts {
  path: string;
}

/**
 * The delta between two commits of the store; from nothing when `from` is undefined. One self-contained file for
 * `ostree static-delta apply-offline`, kept in store/deltas. Takes no lock: it only reads the repository.
 */
export async function staticDelta(
  store: Store,
  toolbox: Toolbox,
  from: string | undefined,
  to: string,
  task: Task,
): Promise<Delta> {
  for (const checksum of [from, to])
    if (checksum !== undefined && !(await hasCommit(store, checksum)))
      die(`the store ${store.dir} has no commit ${checksum}`, "run `pulumi up` to build it again");
  const path = store.delta(from, to);
  const facts = await artifact<ArtifactFacts>(store, path, FORMAT, task, async (dir) => {
    task.step(from ? "computing the delta" : "packing the whole commit");
    await mkdir(join(dir, "out"));
    const argv = [
      ...["ostree", "static-delta", "generate", "--repo=/run/repo", from ? `--from=${from}` : "--empty", `--to=${to}`],
      // everything within the one file, also large objects that would be fetched one by one
      ...["--inline", "--min-fallback-size=0", `--max-bsdiff-size=${MAX_BSDIFF_MIB}`, "--filename=/run/out/delta"],
    ];
    const binds = [
      { source: store.repo, target: "/run/repo" },
      { source: join(dir, "out"), target: "/run/out" },
    ];
    await toolbox.run(argv, { binds, signal: task.signal });
    return { file: join(dir, "out", "delta"), facts: {} };
  });
  return { ...facts, path };
}
