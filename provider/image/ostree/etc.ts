/** How the /etc of one commit differs from that of another. */
import { hasCommit, REPO } from "./check.ts";
import type { Workshop } from "./workshop.ts";

/** Paths as a server shows them: "/etc/motd". */
export interface EtcOfCommits {
  /** The later commit has it with other content, mode or owner. */
  changed: string[];
  /** The later commit has it no more. */
  removed: string[];
}

/** path -> what decides a file or link, from the output of `ostree ls -RC COMMIT /usr/etc`. Pure. */
export function etcOf(listing: string): Map<string, string> {
  // mode, owner, group, bytes, checksum, path; a link's target behind it
  const line = /^([-l]\d+ +\d+ +\d+) +\d+ +([0-9a-f]{64}) +\/usr(\/etc\/.*)$/;
  return new Map(
    listing.split("\n").flatMap((l): [string, string][] => {
      const [, owned, checksum, path] = line.exec(l) ?? [];
      if (!path) return [];
      return [[owned!.startsWith("l") ? path.split(" -> ")[0]! : path, `${owned} ${checksum}`]];
    }),
  );
}

/** Compares two such. Pure. */
export function etcBetween(from: Map<string, string>, to: Map<string, string>): EtcOfCommits {
  const there = [...from.keys()].sort();
  return {
    changed: there.filter((path) => to.has(path) && to.get(path) !== from.get(path)),
    removed: there.filter((path) => !to.has(path)),
  };
}

/** The same of two commits; undefined: the store does not have both. */
export async function etcOfCommits(workshop: Workshop, from: string, to: string): Promise<EtcOfCommits | undefined> {
  const { store, toolbox, task } = workshop;
  if (!(await hasCommit(store, from)) || !(await hasCommit(store, to))) return undefined;
  const binds = [{ source: store.repo, target: REPO, readOnly: true }];
  const listed = async (commit: string) => {
    const argv = ["ostree", "ls", `--repo=${REPO}`, "-RC", commit, "/usr/etc"];
    return etcOf((await toolbox.run(argv, { binds, signal: task.signal })).stdout);
  };
  return etcBetween(await listed(from), await listed(to));
}
