/** What the store keeps of a built Rootfs. */
import type { Target } from "../../boot/target.ts";
import { canonical, sha256 } from "../../local/hash.ts";
import type { Task } from "../../task.ts";
import { commitObject, hasCommit } from "../ostree/check.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import type { Recipe } from "../recipe/types.ts";
import { sbomPaths } from "../sbom/write.ts";
import { spare } from "../store/grace.ts";
import type { Store } from "../store/store.ts";

/** store/rootfs/<digest>.json */
export interface RootfsRecord {
  digest: string;
  /** OSTree checksum of the tree. */
  checksum: string;
  lock: LockedPackage[];
  target: Target;
  arch: string;
  release: string;
  /** "" where it has no kernel. */
  kernelRelease: string;
  /** What its initramfs mounts as a root: "ext4", …; absent where it has no kernel. */
  filesystems?: string[];
  /** Bytes of its files. */
  size: number;
  /** Seconds since 1970: the newest build date of its packages. */
  timestamp: number;
  /** Number of packages. */
  packages: number;
  /** Seconds that a server needs at most to judge it on trial (recipe/health); absent: of an earlier provider. */
  judgeSeconds?: number;
  /**
   * Digests of what decides the content and shows in no input: the trusted keys, and by path the entries of archives.
   */
  hidden?: HiddenParts;
}

export interface HiddenParts {
  keys: string;
  archives: Record<string, string>;
}

export const hiddenParts = (recipe: Pick<Recipe, "keys" | "archives">): HiddenParts => ({
  keys: sha256(canonical(recipe.keys)),
  archives: Object.fromEntries(recipe.archives.map((a) => [a.path, a.sha256])),
});

/** What the store has of a digest: record and commit, else nothing; a damaged record is none, and is made again. */
export async function readRootfs(store: Store, digest: string): Promise<RootfsRecord | undefined> {
  const record = await store.readJson<RootfsRecord>(store.rootfs(digest)).catch(() => undefined);
  return record && (await hasCommit(store, record.checksum)) ? record : undefined;
}

/** The same with its bills of materials, for who will say that it is needed: no collection takes it until then. */
export async function foundRootfs(store: Store, digest: string, task: Task): Promise<RootfsRecord | undefined> {
  const record = await readRootfs(store, digest);
  if (!record) return undefined;
  const { spdx, cyclonedx } = sbomPaths(store, digest);
  const files = [store.rootfs(digest), commitObject(store, record.checksum), spdx, cyclonedx];
  for (const path of [spdx, cyclonedx]) if (!(await store.readJson(path).catch(() => undefined))) return undefined;
  return (await spare(store, files, task)) ? record : undefined;
}
