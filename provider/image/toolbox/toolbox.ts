/** The toolbox: an Alpine tree from the mirror, with the programs that building needs. */

import { join } from "node:path";
import { die } from "../../errors.ts";
import { ROOT_PACKAGES } from "../../filesystems/all.ts";
import { RunError, type RunResult } from "../../local/run.ts";
import { fewTimes, type Task } from "../../task.ts";
import { buildScript, type RunInOptions, runIn } from "../namespace/run-in.ts";
import { apkTool, toolRepositories } from "../packages/apk.ts";
import { fetchPackages } from "../packages/mirror.ts";
import { fetchIndexes } from "../packages/mirror-index.ts";
import { resolve } from "../packages/resolve.ts";
import type { Source } from "../packages/source.ts";
import { sourceKey, toolTree } from "../packages/tool-tree.ts";

/** Where the toolbox comes from: cache (absolute path), mirror, release ("v3.23"), arch (of this machine), keys. */
export type ToolboxSource = Source;

export interface Toolbox {
  /** The tree, used read-only. */
  readonly tree: string;
  /** Digest of the list of its packages. */
  readonly digest: string;
  /** Runs a program of the toolbox; what it works on is bound in below /tmp or /run. */
  run(argv: string[], o?: Omit<RunInOptions, "readOnly">): Promise<RunResult>;
}

// biome-ignore format: what belongs together is in one line
const packages = [
  "alpine-baselayout", "alpine-keys", "busybox", "apk-tools", "kmod", "tar", "zstd",
  "ostree", ...ROOT_PACKAGES, "sfdisk", "dosfstools", "mtools",
  "grub", "grub-bios", "grub-efi", "squashfs-tools",
];

/** The toolbox of this machine, from the cache or made now. Works with the mirror away once it is in the cache. */
export async function toolbox(source: ToolboxSource, task: Task): Promise<Toolbox> {
  const tool = await packagesTool("toolbox", packages, source, task);
  return {
    ...tool,
    // CHARSET: what glib takes for the locale's; in one that is not UTF-8, ostree writes names beyond ASCII as escapes
    run: (argv, o = {}) =>
      runIn(tool.tree, argv, { ...o, env: { TMPDIR: "/tmp", CHARSET: "UTF-8", ...o.env }, readOnly: true }),
  };
}

/** A tree of other packages, kept in the same way; nothing runs in it. Answers its path. */
export async function packagesTree(kind: "ram", names: string[], source: ToolboxSource, task: Task): Promise<string> {
  return (await packagesTool(kind, names, source, task)).tree;
}

async function packagesTool(
  kind: "toolbox" | "ram",
  names: string[],
  source: ToolboxSource,
  task: Task,
): Promise<{ tree: string; digest: string }> {
  const apk = await apkTool(source, task);
  return toolTree(
    source.cache,
    {
      kind,
      key: sourceKey(source, names),
      resolve: async () => {
        task.step(`fetching the index of ${source.mirror}`);
        const indexes = await fetchIndexes(toolRepositories, source, task);
        return resolve(apk, { packages: names, indexes }, source, task);
      },
      fill: async (dir, lock) => {
        const files = await fetchPackages(lock, source, task);
        task.step(`making the ${kind === "ram" ? "RAM system" : kind}: ${lock.length} packages`);
        const inApk: Toolbox["run"] = (argv, o) => runIn(apk.tree, argv, { ...o, readOnly: true });
        await installPackages(inApk, { files, source, keys: apk.keys, tree: dir }, task);
      },
    },
    task,
  );
}

export interface Installation {
  /** Files of packages, all in the cache's folder of packages. */
  files: string[];
  /** Where they come from. */
  source: Source;
  /** Folder with the keys that apk trusts, absolute. */
  keys: string;
  /** An empty folder, which they are installed into. */
  tree: string;
}

/** Installs package files. A script that fails is an error. */
export async function installPackages(
  runTool: Toolbox["run"],
  { files, source, keys, tree }: Installation,
  task: Task,
): Promise<void> {
  const folder = join(source.cache, "packages", source.arch);
  const names = files.map((f) => `/run/packages/${f.slice(folder.length + 1)}`);
  const installing = fewTimes((at: string) => task.step(`installing package ${at}`));
  const said = await runTool(["/bin/sh", "/run/install.sh", source.arch, ...names], {
    signal: task.signal,
    binds: [
      buildScript("image/toolbox/install.sh"),
      { source: folder, target: "/run/packages", readOnly: true },
      { source: keys, target: "/run/keys", readOnly: true },
      { source: tree, target: "/run/tree" },
    ],
    onLine: (line) => {
      const [, at] = /^\(\s*(\d+\/\d+)\) Installing/.exec(line) ?? [];
      if (at) installing(at);
    },
  }).catch((e) => {
    if (!(e instanceof RunError)) throw e;
    return { ...e, exitCode: e.exitCode ?? -1 };
  });
  const lines = `${said.stdout}\n${said.stderr}`.split("\n");
  // what it installed is of no interest once something failed
  if (said.exitCode !== 0 || lines.some((l) => /: script exited with error/.test(l)))
    die(
      `apk could not install the packages:\n${lines
        .filter((l) => l && !/^\(.*Installing|^OK:/.test(l))
        .slice(-20)
        .join("\n")}`,
    );
}
