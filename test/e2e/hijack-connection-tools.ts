/** What the tests of the connection look at from outside: sshd's log, processes and folders. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { publicKeyOf } from "../../provider/host/keys.ts";
import { run } from "../../provider/run.ts";
import type { Vps } from "../lab/vps/index.ts";

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
    readdirSync(d).filter((n) => n.startsWith(mine)),
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
