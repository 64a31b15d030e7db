/**
 * Debian by mmdebstrap as a tar, and the keys of a server of its own: what virtual machines and containers have in
 * common.
 */
import type { StdioOptions } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { die } from "../../../provider/errors.ts";
import { startProcess } from "../processes.ts";
import type { Release } from "./bases.ts";
import { newKey } from "./key.ts";
import { aptOptions, sourcesList } from "./sources.ts";

/**
 * Set-up hooks of mmdebstrap: as Debian 11's installer makes it, /bin, /sbin and /lib are links. Later releases do so
 * by themselves.
 */
export const HOOKS: Record<Release, string[]> = {
  bullseye: [
    'for d in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d" || exit 1; done',
  ],
  bookworm: [],
  trixie: [],
};

/**
 * Makes `<work>/root.tar` from this machine's own apt sources. `hooks`: shell commands with the tree as `$1`, run at
 * the end.
 */
export async function bootstrap(
  work: string,
  release: Release,
  packages: string[],
  hooks: string[] = [],
): Promise<void> {
  const list = join(work, "sources.list");
  writeFileSync(list, sourcesList(release));
  const root = process.getuid?.() === 0;
  const args = [`--mode=${root ? "root" : "unshare"}`, "--variant=minbase", "--format=tar", "--quiet"];
  args.push(
    ...HOOKS[release].map((hook) => `--setup-hook=${hook}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
  );
  args.push(`--include=${packages.join(",")}`, ...(await aptOptions()), release, "-", list);
  const logFile = join(work, "mmdebstrap.log");
  const [tar, log] = [openSync(join(work, "root.tar"), "w"), openSync(logFile, "w")];
  const env = { ...process.env, LC_ALL: "C.UTF-8" };
  const o = { cwd: work, env, stdio: ["ignore", tar, log] as StdioOptions, gentle: true };
  const { exitCode, signal } = await startProcess("mmdebstrap", "mmdebstrap", args, o).ended;
  for (const fd of [tar, log]) closeSync(fd);
  const said = readFileSync(logFile, "utf8").trim().split("\n").slice(-15).join("\n");
  if (exitCode !== 0) die(`mmdebstrap: ${signal ?? `exit code ${exitCode}`}: ${said}`);
}

/**
 * Makes `<work>/ssh` with host keys and `key.pub`, the line for authorized_keys; the answer is the public host keys,
 * ed25519 first.
 */
export async function newHostKeys(work: string, publicKey: string): Promise<string[]> {
  const ssh = join(work, "ssh");
  mkdirSync(ssh);
  for (const type of ["ed25519", "ecdsa", "rsa"]) await newKey(join(ssh, `ssh_host_${type}_key`), type, "root@vps");
  writeFileSync(join(ssh, "key.pub"), `${publicKey}\n`);
  return readdirSync(ssh)
    .filter((n) => /^ssh_host_.*\.pub$/.test(n))
    .sort((a, b) => Number(b.includes("ed25519")) - Number(a.includes("ed25519")))
    .map((n) => readFileSync(join(ssh, n), "utf8").split(" ").slice(0, 2).join(" "));
}
