/** Which kinds of entries are taken, and with what mode. */
import type { Stats } from "node:fs";
import { messageOf } from "../../errors.ts";
import { withoutUserinfo } from "../../redact.ts";
import { ArchiveFault } from "./entries.ts";

export const DEVICE = ["device", "device"] as const;
export const ONLY = "an archive holds files, folders and links";

/**
 * Keeps of a mode on this machine what git keeps: whether the owner may execute. The rest comes from the umask, and
 * would give each clone another commit. Setuid, setgid and sticky stay: somebody set them. A tar states its own modes.
 */
export const keptMode = (found: Stats) =>
  (found.mode & 0o7000) | (found.isDirectory() || found.mode & 0o100 ? 0o755 : 0o644);

export const TAKEN = "a folder (FileArchive), a .tar, a .tar.gz (.tgz) and an AssetArchive are accepted";

export async function fromDisk<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((e: NodeJS.ErrnoException) => {
    if (e.code === "ENOENT" || e.code === "ENOTDIR")
      throw new ArchiveFault("missing", `there is no ${withoutUserinfo(path)}`, undefined, e);
    throw new ArchiveFault("unreadable", `${path} cannot be read (${e.code ?? messageOf(e)})`, undefined, e);
  });
}
