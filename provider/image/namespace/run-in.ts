/**
 * Runs programs with a folder as their root, in namespaces of their own: no network, nothing of this machine except
 * what is bound in, killed when we end. What runs has its own user namespace (image/namespace/enter.sh): as root with
 * the same ids, else with the user's whole subuid range. A stranger's package may run in it.
 */
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { asset } from "../../assets.ts";
import { die } from "../../errors.ts";
import { RunError, type RunOptions, type RunResult, run } from "../../local/run.ts";
import { redactText, shorten } from "../../redact.ts";
import { requireNamespaces, type Tools } from "./privileges.ts";

/** A file or folder of this machine inside the tree. */
export interface Bind {
  /** Absolute path on this machine. */
  source: string;
  /** Absolute path in the tree; made when missing. In a read-only tree it lies below /tmp or /run. */
  target: string;
  readOnly?: boolean;
}

/** A script, by its path in provider/, as /run/<name>. */
export const buildScript = (path: string): Bind => ({
  source: asset(path),
  target: `/run/${basename(path)}`,
  readOnly: true,
});

export interface RunInOptions
  extends Pick<RunOptions, "signal" | "timeout" | "input" | "output" | "onLine" | "redact" | "ok"> {
  binds?: Bind[];
  /** The tree itself cannot be changed; it has dev, proc, tmp and run already. */
  readOnly?: boolean;
  /** Folder in the tree to start in; default "/". */
  cwd?: string;
  /** Added to PATH, HOME=/root and LC_ALL=C.UTF-8; nothing of ours is inherited. */
  env?: Record<string, string>;
}

const setUpFailed = 125; // enter.sh

/**
 * Runs `argv` with `tree` as its root: own mounts (/dev with five nodes, /proc to read, empty /tmp and /run in memory),
 * processes, empty network. The tree has an `umount`. When the signal aborts, or this process dies, everything in it is
 * killed at once. Throws RunError when the program fails, PineError when namespaces cannot be made.
 */
export async function runIn(tree: string, argv: string[], o: RunInOptions = {}): Promise<RunResult> {
  const tools = await requireNamespaces();
  const binds = (o.binds ?? []).flatMap((b) => [b.readOnly ? "robind" : "bind", b.source, b.target]);
  // biome-ignore format: what belongs together is in one line
  const args = [
    "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--propagation", "private", "--",
    "/bin/sh", asset("image/namespace/enter.sh"), tree, o.readOnly ? "ro" : "rw", o.cwd ?? "/", ...binds,
    "--", ...argv,
  ];
  const env = { HOME: "/root", LC_ALL: "C.UTF-8", ...o.env, PATH: tools.path };
  return contained(tools, [tools.unshare, ...tools.mapped, ...args], argv, { ...o, cwd: "/", env });
}

/**
 * Runs a program of this machine as root of the user namespace that {@link runIn} uses, so that it can touch files of
 * the mapped owners; root simply runs it. Same guarantees on abort.
 */
export async function runMapped(argv: string[], o: Omit<RunInOptions, "binds" | "readOnly"> = {}): Promise<RunResult> {
  const tools = await requireNamespaces();
  const args = [...tools.mapped, "--mount", "--pid", "--mount-proc", "--fork", "--kill-child", "--", ...argv];
  const env = { HOME: "/", LC_ALL: "C.UTF-8", ...o.env, PATH: tools.path };
  return contained(tools, [tools.unshare, ...args], argv, { ...o, cwd: o.cwd ?? "/", env });
}

/** Removes a folder, whoever owns what is in it, also OSTree's immutable deployments. No error when it is not there. */
export async function removeTree(path: string): Promise<void> {
  try {
    // no retries: Node waits for each file that is immutable, minutes for a deployment
    return await rm(path, { recursive: true, force: true });
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    // Node takes a file that may not be removed for a folder
    if (!["EPERM", "EACCES", "ENOTEMPTY", "ENOTDIR"].includes(code ?? "")) throw e;
  }
  // Only root's deployments can be immutable: in a user namespace the flag cannot be set.
  if (process.getuid?.() === 0) await run("chattr", ["-R", "-f", "-i", "--", path], { ok: [0, 1] });
  await runMapped(["rm", "-rf", "--", path]);
}

/** Runs a program through contain.sh; errors name the program, not contain.sh. */
async function contained(tools: Tools, command: string[], argv: string[], o: RunOptions): Promise<RunResult> {
  try {
    // each dies with its parent, so that nothing is left when we are killed
    const tied = ["--pdeathsig", "KILL"];
    const wrapped = [...tied, "/bin/sh", asset("image/namespace/contain.sh"), tools.setpriv, ...tied, ...command];
    return await run(tools.setpriv, wrapped, { ...o, extendEnv: false });
  } catch (e) {
    if (!(e instanceof RunError)) throw e;
    const lines = (e.stderr.trim() || e.stdout.trim()).split("\n").slice(-12);
    const problem = lines.find((l) => /^(unshare|namespace|newuidmap|newgidmap|setpriv): /.test(l));
    if (problem && (e.exitCode === setUpFailed || lines.length === 1)) die(`cannot build here: ${problem}`, hint(), e);
    const why = e.timedOut ? `took longer than ${(o.timeout ?? 0) / 1000} s` : `exit code ${e.exitCode ?? "unknown"}`;
    const what = shorten(redactText(argv.join(" "), o.redact), 300);
    throw new RunError([`${what}: ${why}`, ...lines.filter(Boolean)].join("\n"), { ...e, cause: e });
  }
}

function hint(): string {
  return process.getuid?.() === 0
    ? "in a container, allow it to mount (CAP_SYS_ADMIN), or build on the machine itself"
    : "try `unshare --user --map-auto --map-root-user --mount true` as this user, or build as root";
}
