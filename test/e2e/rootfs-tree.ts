/** Looks into a commit of a store, by OSTree itself. */
import type { Store } from "../../provider/image/store/store.ts";
import type { Toolbox } from "../../provider/image/toolbox/toolbox.ts";

export interface Entry {
  /** d, -, l as in `ls -l`. */
  type: string;
  /** Octal digits with those of setuid, setgid, sticky. */
  mode: string;
  owner: string;
  size: number;
  target?: string;
}

export class Committed {
  private constructor(
    private readonly ostree: (args: string[]) => Promise<string>,
    readonly checksum: string,
    /** Path to what lies there. */
    readonly entries: Map<string, Entry>,
  ) {}

  static async of(store: Store, toolbox: Toolbox, checksum: string): Promise<Committed> {
    const binds = [{ source: store.repo, target: "/run/repo", readOnly: true }];
    const ostree = async (args: string[]) =>
      (await toolbox.run(["ostree", "--repo=/run/repo", ...args], { binds })).stdout;
    const entries = new Map<string, Entry>();
    for (const line of (await ostree(["ls", "-R", checksum])).split("\n")) {
      const [, type = "", mode = "", uid, gid, size, rest = ""] = /^(.)(\d+) (\d+) (\d+) +(\d+) (.*)$/.exec(line) ?? [];
      // a name may have the arrow, too; no link's target here has
      const [, path = rest, target] = (type === "l" && /^(.*) -> (.*)$/.exec(rest)) || [];
      entries.set(path, { type, mode: mode.slice(-4), owner: `${uid}:${gid}`, size: Number(size), target });
    }
    return new Committed(ostree, checksum, entries);
  }

  text(path: string): Promise<string> {
    return this.ostree(["cat", this.checksum, path]);
  }
  /** Names in a folder. */
  names(folder: string): string[] {
    const prefix = `${folder.replace(/\/$/, "")}/`;
    return [...this.entries.keys()]
      .filter((p) => p.startsWith(prefix) && p !== prefix && !p.slice(prefix.length).includes("/"))
      .map((p) => p.slice(prefix.length))
      .filter(Boolean)
      .sort();
  }
}
