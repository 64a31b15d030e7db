/** The steps of a tree's making after its packages are in it: each runs a script of ours or a command of the person. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { die, PineError } from "../../errors.ts";
import { RunError } from "../../local/run.ts";
import { lastLines } from "../../redact.ts";
import type { Task } from "../../task.ts";
import { buildScript, runIn } from "../namespace/run-in.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import { type Change, type TreeFacts, writeChanges } from "./changes.ts";

/**
 * Reads `pine: PATH: WHY` from a script that looks at the tree: the path as the system has it. Rethrows any other
 * error.
 */
function ofPath(e: unknown): { path: string; why: string } {
  const [, path, why] = (e instanceof RunError && /^pine: (\/.*?): (.*)$/m.exec(e.stderr)) || [];
  if (!path) throw e;
  return { path, why: why! };
}

function pathError(e: unknown): never {
  const { path, why } = ofPath(e);
  return die(`${path} of the image, which a package or a hook made, ${why}`, undefined, e);
}

/** The error of a path in the image where something cannot be put. */
export class PathError extends PineError {
  override name = "PathError";
  constructor(
    readonly path: string,
    why: string,
    cause: unknown,
  ) {
    super(`${path} ${why}`, { cause });
  }
}

/** Takes out what the packages' installation left, and puts what they have in /usr/etc into /etc. */
export async function sweep(box: Toolbox, tree: string, task: Task): Promise<void> {
  const binds = [buildScript("image/tree/sweep.sh"), { source: tree, target: "/run/tree" }];
  await box.run(["/bin/sh", "/run/sweep.sh"], { signal: task.signal, binds }).catch(pathError);
}

/** What the packages brought; `kernels`: releases that have modules. */
export async function look(box: Toolbox, tree: string, task: Task): Promise<{ facts: TreeFacts; kernels: string[] }> {
  const { stdout } = await box.run(["/bin/sh", "/run/look.sh"], {
    signal: task.signal,
    binds: [buildScript("image/tree/look.sh"), { source: tree, target: "/run/tree", readOnly: true }],
  });
  const parts = new Map<string, string>();
  for (const part of `\n${stdout}`.split("\n@ ").slice(1)) {
    const end = part.indexOf("\n");
    parts.set(end < 0 ? part : part.slice(0, end), end < 0 ? "" : part.slice(end + 1));
  }
  const text = (name: string) => parts.get(name) ?? die(`the packages brought no ${name}`);
  const list = (name: string) => text(name).split("\n").filter(Boolean);
  const facts = {
    passwd: text("etc/passwd"),
    group: text("etc/group"),
    shadow: text("etc/shadow"),
    rcConf: `${text("etc/rc.conf")}\n`,
    services: list("services"),
    zones: list("zones"),
    keymaps: list("keymaps").map((f) => f.replace(/\.bmap\.gz$/, "")),
  };
  return { facts, kernels: list("kernels") };
}

/**
 * Carries out changes with the tree as root, so that none of its links leads out of it. `box`: a folder of programs
 * that come first.
 */
export async function apply(tree: string, dir: string, changes: Change[], task: Task, box?: string): Promise<void> {
  const folder = join(dir, "files");
  const input = await writeChanges(folder, changes);
  try {
    await runIn(tree, ["/bin/busybox", "sh", "/run/apply.sh"], {
      signal: task.signal,
      input,
      binds: [
        buildScript("image/tree/apply.sh"),
        { source: folder, target: "/run/files", readOnly: true },
        ...(box ? [{ source: box, target: "/run/box", readOnly: true }] : []),
      ],
    });
  } catch (e) {
    const { path, why } = ofPath(e);
    throw new PathError(path, why, e);
  }
}

/** A hook that waits for an answer would hold the store for ever. */
const HOOK_TIMEOUT = 600_000;

/**
 * Runs the person's commands in the tree, in order: no network, nothing of this machine. `time`: SOURCE_DATE_EPOCH,
 * seconds.
 */
export async function runHooks(tree: string, hooks: string[], time: number, task: Task): Promise<void> {
  for (const [n, command] of hooks.entries()) {
    task.step(`running build command ${n + 1} of ${hooks.length}`);
    const env = { SOURCE_DATE_EPOCH: String(time), TZ: "UTC" };
    await runIn(tree, ["/bin/sh", "-eu", "-c", command], { signal: task.signal, timeout: HOOK_TIMEOUT, env }).catch(
      (e) => {
        if (!(e instanceof RunError)) throw e;
        const said = lastLines(e.stderr.trim() || e.stdout.trim(), 5);
        const why = e.timedOut ? `took longer than ${HOOK_TIMEOUT / 60_000} minutes` : `ended with ${e.exitCode}`;
        die(
          `buildCommands[${n}] ${why}${said ? `:\n${said}` : ""}`,
          "it runs in the image, as root, by /bin/sh -eu",
          e,
        );
      },
    );
  }
}

/**
 * Puts kernel modules beside the kernel's own and makes their tables again. Each has to be built for that kernel.
 * `dir`: a folder for the work.
 */
export async function addModules(
  box: Toolbox,
  tree: string,
  dir: string,
  { release, modules }: { release: string; modules: Map<string, Uint8Array> },
  task: Task,
): Promise<void> {
  if (modules.size === 0) return;
  task.step(`adding ${modules.size} kernel modules`);
  const folder = join(dir, "modules");
  await mkdir(folder);
  for (const [name, content] of modules) await writeFile(join(folder, `${name}.ko`), content);
  try {
    await box.run(["/bin/sh", "/run/modules.sh", release], {
      signal: task.signal,
      binds: [
        buildScript("image/tree/modules.sh"),
        { source: folder, target: "/run/modules", readOnly: true },
        { source: tree, target: "/run/tree" },
      ],
    });
  } catch (e) {
    const [, name, why] = (e instanceof RunError && /^pine: (\S+): (.*)$/m.exec(e.stderr)) || [];
    if (name) die(`extraKernelModules["${name}"] ${why}`, `build it for ${release}`, e);
    throw e;
  }
}

/**
 * Turns the tree into one that OSTree deploys. `kernel` undefined: a system without one. Answers the bytes of its
 * files; `sizes`: a file that gets them one by one.
 */
export async function layout(
  box: Toolbox,
  tree: string,
  kernel: { release: string; flavour: string; initramfs: string } | undefined,
  task: Task,
  sizes?: string,
): Promise<number> {
  const args = ["/bin/sh", "/run/layout.sh", ...(kernel ? [kernel.release, kernel.flavour] : [])];
  const binds = [
    buildScript("image/tree/layout.sh"),
    ...(kernel ? [{ source: kernel.initramfs, target: "/run/initramfs.img", readOnly: true }] : []),
    { source: tree, target: "/run/tree" },
  ];
  const { stdout } = await box.run(args, { signal: task.signal, binds }).catch(pathError);
  const lines = stdout.split("\n").filter(Boolean);
  if (sizes) await writeFile(sizes, `${lines.join("\n")}\n`);
  return lines.reduce((sum, line) => sum + Number.parseInt(line, 10), 0);
}
