/** Writes an initramfs archive (cpio, format newc) that depends on its content alone. */

export type CpioEntry =
  | { path: string; type: "dir"; mode?: number }
  | { path: string; type: "file"; mode?: number; data: Uint8Array }
  | { path: string; type: "link"; target: string }
  | { path: string; type: "char"; mode?: number; major: number; minor: number };

const types = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000 };

/**
 * Sorted by path, owner root, time 0. The kernel's format: Documentation/driver-api/early-userspace/buffer-format.rst
 */
export function cpio(entries: CpioEntry[]): Buffer {
  const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
  const parts = sorted.map((e, n) => record(e, n + 1));
  const all = Buffer.concat([
    ...parts,
    record({ path: "TRAILER!!!", type: "file", mode: 0, data: Buffer.alloc(0) }, 0),
  ]);
  return Buffer.concat([all, Buffer.alloc((512 - (all.length % 512)) % 512)]);
}

function record(e: CpioEntry, inode: number): Buffer {
  const data = e.type === "file" ? Buffer.from(e.data) : e.type === "link" ? Buffer.from(e.target) : Buffer.alloc(0);
  const mode = inode === 0 ? 0 : types[e.type] | (e.type === "link" ? 0o777 : (e.mode ?? 0o755));
  const name = Buffer.from(`${e.path}\0`);
  const [major, minor] = e.type === "char" ? [e.major, e.minor] : [0, 0];
  const links = e.type === "dir" ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map((f) => f.toString(16).padStart(8, "0")).join("")}`;
  const pad = (length: number) => Buffer.alloc((4 - (length % 4)) % 4);
  return Buffer.concat([Buffer.from(header), name, pad(header.length + name.length), data, pad(data.length)]);
}

/** The folders that entries lie in, and those that init mounts on. */
export function withFolders(entries: CpioEntry[]): CpioEntry[] {
  const folders = new Set(["dev", "newroot", "proc", "run", "sys", "sysroot"]);
  for (const e of entries)
    for (let at = e.path.lastIndexOf("/"); at > 0; at = e.path.lastIndexOf("/", at - 1))
      folders.add(e.path.slice(0, at));
  return [...entries, ...[...folders].map((path): CpioEntry => ({ path, type: "dir" }))];
}
