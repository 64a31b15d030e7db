/** What the tests of the connection look at from outside: sshd's log, processes and folders. */

import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Connection } from "../../provider/host/ssh/connection.ts";
import { SshError } from "../../provider/host/ssh/errors.ts";
import { openSsh } from "../../provider/host/ssh/open.ts";
import { publicKeyOf } from "../../provider/host/ssh/public-key.ts";
import { run } from "../../provider/local/run.ts";
import { quietTask } from "../../provider/task.ts";
import { ONE_FILE } from "../lab/one-file.ts";
import type { Vps } from "../lab/vps/vps.ts";

/** A key nobody knows. */
export async function strangersKey(dir: string, name: string): Promise<{ text: string; public: string }> {
  const file = join(dir, name);
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  return { text: readFileSync(file, "utf8"), public: publicKeyOf(readFileSync(`${file}.pub`, "utf8"))! };
}

/** What sshd wrote while `work` ran; with `of` = "" the whole journal. */
export async function authLog(vps: Vps, work: () => Promise<unknown>, of = "-t sshd"): Promise<string> {
  const mark = `mark-${randomBytes(6).toString("hex")}`;
  await vps.ssh(`logger -t sshd ${mark}-begin`);
  await work();
  await vps.ssh(`logger -t sshd ${mark}-end; journalctl --sync`);
  const { stdout } = await vps.ssh(`journalctl -o cat ${of} --no-pager`);
  // our own `vps.ssh` stands before the begin and after the end, but for its goodbye and hello
  return stdout.split(`${mark}-begin`)[1]!.split(`${mark}-end`)[0]!;
}
export const mentions = (log: string) => (log.match(/authenticating user|Failed|Invalid user/g) ?? []).length;

/**
 * What a connection comes to for somebody whose known_hosts is `known`: ssh looks it up in the home that the password
 * file names, so root's gets another file system in a mount namespace.
 */
export async function knowing(dir: string, known: string, c: Connection): Promise<string> {
  const [list, script] = [join(dir, "known_hosts"), join(dir, "known-hosts.cjs")];
  writeFileSync(list, known);
  await build({
    entryPoints: [join(import.meta.dirname, "known-hosts.ts")],
    ...ONE_FILE,
    outfile: script,
  });
  const inside =
    'mount -t tmpfs none /root && mkdir -m 700 /root/.ssh && cp "$1" /root/.ssh/known_hosts && exec "$2" "$3"';
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const args = ["--mount", ...user, "sh", "-c", inside, "sh", list, process.execPath, script];
  return (await run("unshare", args, { input: JSON.stringify(c) })).stdout;
}

/** Our children, and our folders of connections. */
export function left(): string[] {
  const mine = `pine-ssh-${process.pid}-`;
  const processes = readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(mine);
      } catch {
        return false;
      }
    });
  const folders = [tmpdir(), process.env.XDG_RUNTIME_DIR ?? tmpdir()].flatMap((d) =>
    readdirSync(d).filter((n) => n.includes(mine)),
  );
  return [...processes, ...folders];
}

/** Where a text shows among the processes of this machine, but for this one. */
export function showing(text: string): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .flatMap((pid) => ["cmdline", "environ"].map((f) => `/proc/${pid}/${f}`))
    .filter((f) => {
      try {
        return readFileSync(f, "latin1").includes(text);
      } catch {
        return false;
      }
    });
}

/** The error of a connection that does not come to be. */
export async function failure(connection: Connection): Promise<SshError> {
  const error = await openSsh(connection, quietTask()).catch((e) => e);
  if (!(error instanceof SshError))
    throw new Error("the connection came to be, or failed in another way", { cause: error });
  return error;
}
