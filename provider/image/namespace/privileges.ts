/** Whether this machine lets this user build: Linux, util-linux, user namespaces with a subuid range. */

import { constants } from "node:fs";
import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";
import { PineError } from "../../errors.ts";
import { accessible } from "../../local/files.ts";
import { run } from "../../local/run.ts";

/** Programs of this machine that namespaces are made with. */
export interface Tools {
  unshare: string;
  setpriv: string;
  /** PATH to find mount, pivot_root and findmnt in. */
  path: string;
  /** Arguments of unshare for the user namespace; none for root. */
  mapped: string[];
}

/** What is known of this machine and user. */
export interface NamespaceFacts {
  platform: string;
  uid: number;
  user: string;
  unshare?: string;
  setpriv?: string;
  nsenter?: string;
  setsid?: string;
  /** Output of `unshare --version`. */
  version: string;
  newuidmap: boolean;
  subuid: string;
  subgid: string;
  /** Kernel switches by name: "" when the kernel has none. */
  sysctl: Record<"apparmor" | "clone" | "max", string>;
}

/** uids from 0 to 65534 (nobody), all of which packages may use. */
const wanted = 65534;
const hasRange = (table: string, f: NamespaceFacts) =>
  table.split("\n").some((line) => {
    const [who, , count] = line.trim().split(":");
    return (who === f.user || who === String(f.uid)) && Number(count) >= wanted;
  });

/** The first reason why nothing can be built here, with what to do. Pure. */
export function namespaceProblem(f: NamespaceFacts): PineError | undefined {
  const no = (message: string, hint: string) => new PineError(`cannot build here: ${message}`, { hint });
  const root = "or run pulumi as root";
  if (f.platform !== "linux")
    return no(`images are built on Linux, this is ${f.platform}`, "run pulumi on Linux, in a virtual machine or in CI");
  const missing = (["unshare", "setpriv", "nsenter", "setsid"] as const).find((name) => !f[name]);
  if (missing) return no(`${missing} was not found in PATH`, "install util-linux (2.38 or newer)");
  const [, major, minor] = /util-linux (\d+)\.(\d+)/.exec(f.version) ?? [];
  if (!major)
    return no(`unshare is not util-linux's (${f.version.slice(0, 60)})`, "install util-linux (2.38 or newer)");
  // scripts of packages get a user namespace even where root builds
  if (f.sysctl.max === "0")
    return no("user namespaces are switched off", "as root: sysctl -w user.max_user_namespaces=28633");
  if (f.uid === 0) return undefined;
  if (Number(major) < 2 || (Number(major) === 2 && Number(minor) < 38))
    return no(`util-linux is ${major}.${minor}, 2.38 or newer is needed to build without root`, `upgrade it, ${root}`);
  if (!f.newuidmap) return no("newuidmap was not found in PATH", `install uidmap (Alpine, Fedora: shadow), ${root}`);
  for (const [file, table] of [
    ["/etc/subuid", f.subuid],
    ["/etc/subgid", f.subgid],
  ] as const)
    if (!hasRange(table, f))
      return no(
        `${file} gives user ${f.user} no range of 65536 ids`,
        `as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${f.user} (a range nobody else has), ${root}`,
      );
  if (f.sysctl.clone === "0")
    return no(
      "user namespaces are switched off for ordinary users",
      `as root: sysctl -w kernel.unprivileged_userns_clone=1, ${root}`,
    );
  if (f.sysctl.apparmor === "1")
    return no(
      "AppArmor restricts user namespaces (Ubuntu 23.10 and newer)",
      `as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, ${root}`,
    );
  return undefined;
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

async function which(name: string, path: string): Promise<string | undefined> {
  for (const dir of path.split(delimiter).filter(isAbsolute)) {
    const file = join(dir, name);
    if (await accessible(file, constants.X_OK)) return file;
  }
  return undefined;
}

async function gather(): Promise<{ facts: NamespaceFacts; path: string }> {
  const text = (file: string) =>
    readFile(file, "utf8")
      .then((t) => t.trim())
      .catch(() => "");
  const path = [process.env.PATH, systemPath].filter(Boolean).join(delimiter);
  const unshare = await which("unshare", path);
  const facts: NamespaceFacts = {
    platform: process.platform,
    uid: process.getuid?.() ?? -1,
    user: userInfo().username,
    unshare,
    setpriv: await which("setpriv", path),
    nsenter: await which("nsenter", path),
    setsid: await which("setsid", path),
    version: unshare ? (await run(unshare, ["--version"], { timeout: 10_000, ok: [0, 1] })).stdout : "",
    newuidmap: Boolean((await which("newuidmap", path)) && (await which("newgidmap", path))),
    subuid: await text("/etc/subuid"),
    subgid: await text("/etc/subgid"),
    sysctl: {
      apparmor: await text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
      clone: await text("/proc/sys/kernel/unprivileged_userns_clone"),
      max: await text("/proc/sys/user/max_user_namespaces"),
    },
  };
  return { facts, path };
}

let found: Promise<Tools> | undefined;

/** The tools, or a {@link PineError} that says why nothing can be built here. Checked once a process. */
export function requireNamespaces(): Promise<Tools> {
  found ??= gather().then(({ facts, path }) => {
    const problem = namespaceProblem(facts);
    if (problem) {
      found = undefined; // it may be put right while we run
      throw problem;
    }
    const mapped = facts.uid === 0 ? [] : ["--user", "--map-auto", "--map-root-user", "--setuid", "0", "--setgid", "0"];
    return { unshare: facts.unshare!, setpriv: facts.setpriv!, path, mapped };
  });
  return found;
}
