/** One random Rootfs: check, preview, up, a second look, and the same once more somewhere else. */
import { chmodSync, mkdtempSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../provider/errors.ts";
import { parseIndex } from "../../provider/image/packages/apkindex.ts";
import { fetchIndexes } from "../../provider/image/packages/mirror-index.ts";
import { Store } from "../../provider/image/store/store.ts";
import { toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { Archive, type Props } from "../../provider/properties/values.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, Life } from "../e2e/life.ts";
import type { OtherUser } from "../e2e/other-user.ts";
import { Committed } from "../e2e/rootfs-tree.ts";
import type { Inputs } from "./arbitrary.ts";
import { faultsOf } from "./judge.ts";
import { clone, Source } from "./source.ts";

export interface Verdict {
  kind: "refused" | "built" | "fault";
  faults: string[];
  said: string;
}

/** Names of the mirror's packages that a program may ask for: kernels are asked for by `kernel`. */
export async function packageNames(bench: Bench): Promise<string[]> {
  const indexes = await fetchIndexes(["main", "community"], toolsOf(bench.config), quietTask());
  const names = indexes.flatMap((i) => parseIndex(i.text).map((p) => p.name));
  return [...new Set(names)].filter((name) => !name.startsWith("linux-")).sort();
}

/**
 * What only the packages' tree can tell, each by the property that names it: a service, a zone, a group, an owner, a
 * path that a package has.
 */
const LATE = /^(services\.\w+|timezone|users|keymap|mounts|files\["[\s\S]*"\](\.owner)?): /;

/** What people have; the third is left to another user, who has each of them in turn. */
const UMASKS = [0o002, 0o077, 0o022];

export class Trial {
  readonly life: Life;
  private readonly source: Source;
  constructor(
    private readonly bench: Bench,
    private readonly inputs: Inputs,
  ) {
    this.life = new Life(rootfs, bench.config);
    this.source = new Source(mkdtempSync(join(bench.work, "tree-")));
    chmodSync(dirname(this.source.folder), 0o755);
  }

  /** The inputs with the tree as that archive. */
  private with(path: string): Props {
    const { tree, ...rest } = this.inputs;
    if (!tree) return rest;
    return { ...rest, files: { ...rest.files, [tree.path]: { archive: new Archive({ path }) } } };
  }

  async run(): Promise<Verdict> {
    if (this.inputs.tree) await this.source.make(this.inputs.tree);
    const given = this.with(this.source.folder);
    const failures = await this.life.failures(given);
    if (failures.length > 0)
      return { kind: "refused", faults: [], said: failures.map((f) => `${f.property}: ${f.reason}`).join("; ") };
    try {
      await new Life(rootfs, this.bench.config).preview(given);
    } catch (e) {
      const named = /^(packages|kernel|repositories)/.test(messageOf(e));
      return { kind: "refused", faults: named ? [] : ["preview failed"], said: messageOf(e) };
    }
    try {
      await this.life.up(given);
    } catch (e) {
      const said = messageOf(e);
      return { kind: "refused", faults: LATE.test(said) ? [] : ["failed after the preview"], said };
    }
    const faults = await faultsOf(await this.committed(), this.inputs);
    const diff = await this.life.diff(given);
    if (diff.changes !== false) faults.push(`a second up changes ${Object.keys(diff.detailed ?? {}).join(", ")}`);
    return { kind: "built", faults, said: String(this.life.state.checksum).slice(0, 12) };
  }

  private async committed(): Promise<Committed> {
    const box = await toolbox(toolsOf(this.bench.config), quietTask());
    return Committed.of(await Store.open(this.bench.config.store!), box, String(this.life.state.checksum));
  }

  /** Builds the same elsewhere; what differs. `n` decides where. */
  async again(n: number, other: OtherUser): Promise<string[]> {
    const config = this.bench.with({
      store: join(this.bench.work, "again"),
      ...(n % 2 && { cache: join(this.bench.work, `cache-${n}`) }),
    });
    const umask = UMASKS[n % UMASKS.length]!;
    const made = n % 3 === 2 ? this.asOther(other, UMASKS[((n / 3) % 3) | 0]!) : this.under(umask, config, n % 4 > 1);
    const how = n % 3 === 2 ? "as another user" : `under umask ${umask.toString(8)}`;
    const state = await made.catch((e) => ({ checksum: messageOf(e).slice(0, 300) }));
    return state.checksum === this.life.state.checksum ? [] : [`built again ${how}: ${state.checksum}`];
  }

  /** From a tar where `packed`, else from a clone of that umask's. */
  private async under(umask: number, config: Bench["config"], packed: boolean): Promise<{ checksum?: string }> {
    const before = process.umask(umask);
    try {
      const cloned = join(dirname(this.source.folder), "cloned");
      if (this.inputs.tree && !packed) await clone(this.source.bundle, cloned);
      return await new Life(rootfs, config).up(this.with(packed ? this.source.tar : cloned));
    } finally {
      process.umask(before);
    }
  }

  private async asOther(other: OtherUser, umask: number): Promise<{ checksum?: string }> {
    const config = { ...this.bench.config, store: join(other.home, "store"), cache: join(other.home, "cache") };
    const { tree, ...inputs } = this.inputs;
    const to = join(other.home, `cloned-${basename(dirname(this.source.folder))}`);
    const cloned = tree && { at: tree.path, bundle: this.source.bundle, to };
    return JSON.parse(
      await other.node("test/e2e/build-rootfs.ts", [JSON.stringify({ config, inputs, umask, cloned })]),
    );
  }
}
