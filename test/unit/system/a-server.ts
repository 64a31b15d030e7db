/**
 * A made-up server in seconds: a tree of files, in which a script of provider/system runs as root, in a mount and user
 * namespace of its own. Its programs are this machine's: busybox alone, or dash with coreutils and util-linux. /dev,
 * /proc and libraries are bound in, /run is new each time. fsfreeze, which only the kernel's own root may call, and
 * sync do nothing here.
 *
 * With `onCommand` every shell traces (`sh -x`), and PS4 asks before each simple command, in shells that the script
 * starts too: also in those of a deployment, whose /bin/sh is ours. A redirection is made before the question, so there
 * is a stop between making a file empty and filling it.
 */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { shellQuote } from "../../../provider/words.ts";

export type Shell = "busybox" | "dash";
export const SHELLS: Shell[] = ["busybox", "dash"];

export interface Step {
  /** Its text. */
  script: string;
  args: string[];
  /** Standard input. */
  input?: string | Uint8Array;
}

export interface RunSettings {
  /** Before each command; answers whether to go on. What it stops is killed, with all that it started. */
  onCommand?: () => boolean;
  /** The tree lies in memory of so many KiB, as a copy; `after` runs there at last, its output is `seen`. */
  memory?: { kib: number; after: string };
  /** Host paths over paths of the tree: `[["/tmp/x", "/proc/cmdline"]]`. */
  binds?: [string, string][];
  /** Folders of the tree over others of it, before the script runs: `[["/sysroot/boot", "/boot"]]`. */
  within?: [string, string][];
}

export interface Ran {
  code: number | null;
  /** It was killed by `onCommand`. */
  stopped: boolean;
  stdout: string;
  stderr: string;
}

const SH = `case \${1:-} in
-*c)
  flags=$1 text=$2
  shift 2
  exec @SHELL@ \${PINE_TRACE:+-x} "$flags" "$text
" "$@"
  ;;
esac
exec @SHELL@ \${PINE_TRACE:+-x} "$@"
`;
/**
 * Asks by descriptor 7, and waits for the answer on 6: built into the shell, so that it needs nothing of the root it is
 * in.
 */
const ASK = "$(echo >&7; read -r _ <&6)";

const which = (program: string) =>
  execFileSync("sh", ["-c", `command -v "$1"`, "sh", program], { encoding: "utf8" }).trim();

function script(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Makes folders and files below a root: what ends in "/" is a folder, `-> x` a link. */
export function plant(root: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    const at = join(root, path);
    mkdirSync(path.endsWith("/") ? at : dirname(at), { recursive: true });
    if (content.startsWith("-> ")) symlinkSync(content.slice(3), at);
    else if (!path.endsWith("/")) writeFileSync(at, content);
  }
}

/**
 * /bin of the servers with a shell, made once: busybox's has hundreds of links, and a tree is copied and read at each
 * of its stops.
 */
const programs = new Map<Shell, string>();
process.on("exit", () => {
  for (const folder of programs.values()) rmSync(folder, { recursive: true, force: true });
});

function programsOf(shell: Shell): string {
  const made = programs.get(shell);
  if (made) return made;
  const bin = workFolder();
  const real = shell === "busybox" ? "/tools/usr/bin/busybox sh" : "/tools/usr/bin/dash";
  script(join(bin, "sh"), `#!${real}\n${SH.replaceAll("@SHELL@", real)}`);
  script(join(bin, "fsfreeze"), "#!/bin/sh\n");
  symlinkSync("/tools/usr/bin/true", join(bin, "sync"));
  const applets =
    shell === "busybox" ? execFileSync("busybox", ["--list"], { encoding: "utf8" }).trim().split("\n") : [];
  for (const applet of applets)
    if (!["sh", "sync", "fsfreeze"].includes(applet)) symlinkSync("/tools/usr/bin/busybox", join(bin, applet));
  // what is a link to /etc/alternatives
  if (shell !== "busybox") symlinkSync(join("/tools", realpathSync(which("awk"))), join(bin, "awk"));
  programs.set(shell, bin);
  return bin;
}

/** What every made-up server has; `run` binds in the rest. Programs of its own, before the shell's: /sbin. */
export function makeServer(root: string, shell: Shell): void {
  for (const folder of ["tools/usr", "lib", "lib64", "dev", "proc", "run", "tmp", "bin", "etc", "boot/grub", "root"])
    mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, "tools/bin"), programsOf(shell));
}

/** A root of its own, to be entered by chroot: busybox with its libraries. */
export function makeRoot(root: string): void {
  const busybox = which("busybox");
  const libraries = execFileSync("ldd", [busybox], { encoding: "utf8" }).match(/\/\S+(?= \(0x)/g) ?? [];
  for (const from of libraries) {
    mkdirSync(join(root, dirname(from)), { recursive: true });
    copyFileSync(from, join(root, from));
  }
  for (const folder of ["bin", "usr/bin", "dev", "var", "etc", "boot", "proc", "sys", "run", "sysroot"])
    mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(busybox, join(root, "bin/busybox"));
  script(join(root, "bin/sh"), `#!/bin/busybox sh\n${SH.replaceAll("@SHELL@", "/bin/busybox sh")}`);
  for (const applet of "cat chmod chown cp find mkdir mktemp mv readlink rm rmdir sort stat sync true ln".split(" "))
    symlinkSync("busybox", join(root, "bin", applet));
}

const ENTER = `set -e
root=$1 steps=$2 trace=$3 kib=$4 after=$5 binds=$6 within=$7
mount --make-rprivate /
if [ "$kib" != 0 ]; then
  mkdir -p "$root.memory"
  mount -t tmpfs -o "size=\${kib}k" tmpfs "$root.memory"
  cp -a "$root/." "$root.memory/"
  root=$root.memory
else
  mount --bind "$root" "$root"
fi
# this machine's own, never to be written: what runs here removes and moves whole trees, and may be a faulty script
own() {
  mount --rbind "$1" "$2"
  while read -r _ _ _ _ at flags _; do
    case $at in "$2" | "$2"/*) mount -o "remount,bind,$flags,ro" "$at" ;; esac
  done </proc/self/mountinfo
  ! { true >"$2/.pine-written"; } 2>/dev/null || exit 1
}
own /usr "$root/tools/usr"
own "$(cat "$root/tools/bin")" "$root/bin"
# where they are links into /usr: what is read-only already
for f in lib lib64; do
  if [ -L /$f ] && [ -d "$root/tools/usr/$f" ]; then mount --bind "$root/tools/usr/$f" "$root/$f"; elif [ -e /$f ]; then own /$f "$root/$f"; fi
done
mount --rbind /proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for f in null zero full urandom; do : >"$root/dev/$f" && mount --bind /dev/$f "$root/dev/$f"; done
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/steps"
mount --bind "$steps" "$root/run/steps"
printf '%s\\n' "$within" | while read -r from to; do [ -z "$from" ] || mount --bind "$root$from" "$root$to"; done
printf '%s\\n' "$binds" | while read -r from to; do [ -z "$from" ] || mount --bind "$from" "$root$to"; done
cd "$root"
# sync_help: of libexec/pine/flush, which asks sync what it knows
enter() { exec env -i sync_help=-f PATH=/sbin:/bin:/tools/usr/bin:/tools/usr/sbin HOME=/root "$@"; }
[ -z "$trace" ] || enter PINE_TRACE=1 PS4='${ASK}' chroot . /bin/sh /run/steps/all
[ "$kib" != 0 ] || enter chroot . /bin/sh /run/steps/all
code=0
(enter chroot . /bin/sh /run/steps/all) || code=$?
echo '=== seen'
(enter chroot . /bin/sh -c "$after") </dev/null
exit $code
`;

/** Steps as files of a folder; `all` runs them one after the other, until one fails. */
export function prepare(folder: string, steps: Step[], traced: boolean): void {
  mkdirSync(folder);
  const lines = steps.map(({ script, args, input }, n) => {
    writeFileSync(join(folder, `${n}`), `${script}\n`);
    writeFileSync(join(folder, `${n}.in`), input ?? "");
    // as on a server: the text is evaluated, and standard input is what follows it
    const how = traced ? `sh /run/steps/${n}` : `sh -c 'eval "$(cat "$0")"' /run/steps/${n}`;
    return `${[how, ...args.map(shellQuote)].join(" ")} </run/steps/${n}.in || exit\n`;
  });
  writeFileSync(join(folder, "all"), lines.join(""));
}

/** Runs steps on a made-up server. */
export async function runOn(root: string, steps: Step[], o: RunSettings = {}): Promise<Ran> {
  const folder = mkdtempSync(`${root}.steps-`);
  const pairs = (list: [string, string][] = []) => list.map((pair) => pair.join(" ")).join("\n");
  prepare(join(folder, "steps"), steps, o.onCommand !== undefined);
  const args = [root, join(folder, "steps"), o.onCommand ? "1" : "", String(o.memory?.kib ?? 0), o.memory?.after ?? ""];
  const child = spawn("unshare", ["-r", "-m", "sh", "-c", ENTER, "sh", ...args, pairs(o.binds), pairs(o.within)], {
    stdio: ["ignore", "pipe", "pipe", "ignore", "ignore", "ignore", "pipe", "pipe"],
    detached: true,
  });
  const [, stdout, stderr, , , , answers, asked] = child.stdio as unknown as [null, ...Readable[]];
  let stopped = false;
  answers!.on("error", () => {});
  createInterface({ input: asked! }).on("line", () => {
    if (stopped) return;
    if (o.onCommand?.() ?? true) (answers as unknown as Writable).write("\n");
    else {
      stopped = true;
      process.kill(-child.pid!, "SIGKILL");
    }
  });
  const out = { stdout: "", stderr: "" };
  stdout!.on("data", (data) => (out.stdout += data));
  stderr!.on("data", (data) => (out.stderr += data));
  const code = await new Promise<number | null>((done) => child.on("close", done));
  rmSync(folder, { recursive: true });
  return { code, stopped, ...out };
}

/** A folder for trees, in memory where there is any: nothing here is about disks. */
export const workFolder = () => mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "pine-a-server-"));

/** A copy of a tree, with its owners and times. */
export function copyTree(from: string, to: string): void {
  mkdirSync(to);
  execFileSync("cp", ["-a", `${from}/.`, to]);
}
