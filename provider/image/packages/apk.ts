/** apk itself, from the mirror's own packages: started through musl's loader, it needs nothing of this machine. */

import { chmod, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { extract } from "tar";
import { die, PineError } from "../../errors.ts";
import { exists, writeWhole } from "../../local/files.ts";
import { type RunResult, run } from "../../local/run.ts";
import type { Task } from "../../task.ts";
import { tidy } from "../namespace/temp.ts";
import { gzipMember, LIMITS } from "./apkfile.ts";
import { closure, entriesOf } from "./closure.ts";
import { fetchPackages } from "./mirror.ts";
import { fetchIndexes } from "./mirror-index.ts";
import type { Source } from "./source.ts";
import { sourceKey, toolTree } from "./tool-tree.ts";

export interface Apk {
  /** A tree with apk, musl, busybox and what they need: it can be a root. */
  readonly tree: string;
  /** Folder with the trusted keys, absolute (apk takes no other). */
  readonly keys: string;
  /** Runs apk on this machine, without a namespace: for commands that change nothing. */
  run(args: string[], task: Task): Promise<RunResult>;
}

/** What apk is taken from; the toolbox's own repositories. */
export const toolRepositories = ["main", "community"];

const wanted = ["apk-tools", "busybox"];
const tidied = new Set<string>();

/** apk for this machine, from the cache or fetched now. */
export async function apkTool(source: Source, task: Task): Promise<Apk> {
  if (!tidied.has(source.cache)) await tidy(source.cache, ["apk", "toolbox", "ram", "ram-systems", "published"]);
  tidied.add(source.cache);
  const { tree } = await toolTree(
    source.cache,
    {
      kind: "apk",
      key: sourceKey(source, wanted),
      resolve: async () => {
        task.step(`fetching the index of ${source.mirror}`);
        return closure(wanted, entriesOf(await fetchIndexes(toolRepositories, source, task)));
      },
      fill: async (dir, packages) => {
        for (const file of await fetchPackages(packages, source, task)) await unpack(file, dir);
        await finish(dir);
      },
    },
    task,
  );
  const keys = await keysFolder(source);
  const find = async (...paths: string[]) => {
    for (const p of paths) if (await exists(join(tree, p))) return join(tree, p);
    return die(`${tree} holds no ${paths[0]}`, "delete the folder: it is made again");
  };
  const loader = await find(`lib/ld-musl-${source.arch}.so.1`, `usr/lib/ld-musl-${source.arch}.so.1`);
  const program = await find("sbin/apk", "usr/sbin/apk", "usr/bin/apk");
  const libraries = ["lib", "usr/lib"].map((d) => join(tree, d)).join(":");
  return {
    tree,
    keys,
    run: (args, t) =>
      run(loader, ["--library-path", libraries, program, ...args], {
        signal: t.signal,
        timeout: 120_000,
        cwd: "/",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
        extendEnv: false,
      }),
  };
}

/** Unpacks the data of a checked package. Owners do not matter here. */
async function unpack(file: string, dir: string): Promise<void> {
  const bytes = await readFile(file);
  const control = gzipMember(bytes, 0, file, LIMITS.signature).end;
  const data = bytes.subarray(gzipMember(bytes, control, file, LIMITS.control).end);
  await new Promise<void>((done, failed) => {
    const out = extract({ cwd: dir, preserveOwner: false, strict: false });
    out.on("close", done);
    out.on("error", failed);
    out.end(data);
  });
}

/** Does what scripts would do: makes the few links that a root needs, and the folders for mounts. */
async function finish(dir: string): Promise<void> {
  for (const d of ["dev", "proc", "tmp", "run", "bin", "lib/apk/db", "etc/apk", "empty/lib/apk/db", "empty/etc/apk"])
    await mkdir(join(dir, d), { recursive: true });
  for (const applet of ["sh", "umount", "mount", "mkdir", "rmdir", "ln", "rm", "cp", "chmod"]) {
    await rm(join(dir, "bin", applet), { force: true });
    await symlink("busybox", join(dir, "bin", applet));
  }
  await chmod(join(dir, "bin/busybox"), 0o755);
  // an empty database for `add --simulate`, which makes none itself
  for (const f of ["lib/apk/db/installed", "lib/apk/db/triggers", "etc/apk/world"])
    await writeFile(join(dir, "empty", f), "");
}

/** The trusted keys as files. */
async function keysFolder(source: Source): Promise<string> {
  const path = join(source.cache, "keys", sourceKey(source, []));
  for (const [name, pem] of Object.entries(source.keys)) {
    if (!/^[A-Za-z0-9_@.+-]+$/.test(name) || name.startsWith("."))
      throw new PineError(`"${name}" is not the name of a key`, { hint: "expected a file name as in /etc/apk/keys" });
    const file = join(path, name);
    if ((await readFile(file, "utf8").catch(() => undefined)) !== pem) await writeWhole(file, pem);
  }
  return path;
}
