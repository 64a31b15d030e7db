/** A folder of a program's, as people have it in git: made here, cloned somewhere else, or packed. */
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../provider/local/run.ts";
import type { Tree } from "./arbitrary.ts";

/** Whoever clones: no configuration of this machine's user. */
const GIT = [
  "-c",
  "user.name=t",
  "-c",
  "user.email=t@example.org",
  "-c",
  "init.defaultBranch=main",
  "-c",
  "core.hooksPath=/dev/null",
];

export class Source {
  /** The folder, a tar of it, and a bundle that git clones; whoever can go there may read them. */
  readonly folder: string;
  readonly tar: string;
  readonly bundle: string;
  constructor(dir: string) {
    [this.folder, this.tar, this.bundle] = [join(dir, "made"), join(dir, "made.tar"), join(dir, "made.bundle")];
  }

  /** Writes all three, under umask 022 (process-wide). */
  async make(tree: Tree): Promise<void> {
    const { folder } = this;
    const before = process.umask(0o022);
    try {
      for (const [name, entry] of Object.entries(tree.entries)) {
        const path = join(folder, name);
        mkdirSync(dirname(path), { recursive: true });
        if (entry.link !== undefined) symlinkSync(entry.link, path);
        else {
          writeFileSync(path, entry.content ?? "");
          if (entry.executable) chmodSync(path, 0o755);
        }
      }
      await run("tar", ["-C", folder, "-cf", this.tar, "."]);
      await run("git", [...GIT, "init", "-q"], { cwd: folder });
      await run("git", [...GIT, "add", "-A", "-f"], { cwd: folder });
      await run("git", [...GIT, "commit", "-q", "-m", "made"], { cwd: folder });
      await run("git", [...GIT, "bundle", "create", "-q", this.bundle, "HEAD", "main"], { cwd: folder });
      rmSync(join(folder, ".git"), { recursive: true });
    } finally {
      process.umask(before);
    }
  }
}

/** Clones a bundle under this process's umask, and leaves what git itself keeps. */
export async function clone(bundle: string, to: string): Promise<void> {
  await run("git", [...GIT, "clone", "-q", "-b", "main", bundle, to]);
  rmSync(join(to, ".git"), { recursive: true });
}
