/** Other roots for one of the lab's servers: refusals-roots.sh makes them, and lets logins have one of them as /. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { die } from "../../provider/errors.ts";
import type { Vps } from "../lab/vps/index.ts";
import { on, until } from "./hijack-lab.ts";

/** What they need of Debian, beside what a minimal cloud image has. */
export const ROOT_PACKAGES = ["lvm2", "mdadm", "cryptsetup-bin", "btrfs-progs"];
export type Root = "lvm" | "raid" | "luks" | "btrfs";

/** Makes them on these disks. */
export async function makeRoots(vps: Vps, disks: Record<Root, string[]>): Promise<void> {
  const script = readFileSync(join(import.meta.dirname, "refusals-roots.sh"));
  const sent = await vps.ssh("cat >/run/roots.sh", { input: script });
  if (sent.exitCode !== 0) die(`refusals-roots.sh: ${sent.stderr}`);
  for (const [kind, own] of Object.entries(disks))
    await on(vps, `sh /run/roots.sh make ${kind} ${own.map((d) => `/dev/${d}`).join(" ")}`, 600_000);
}

/**
 * Which root a login has; undefined: the server's own, or nobody answers. A connection to the sshd that is being ended
 * may never answer.
 */
async function entered(vps: Vps): Promise<string | undefined> {
  const r = await vps.ssh("cat /entered || echo own", { timeout: 30_000 }).catch(() => undefined);
  return r?.exitCode === 0 ? r.stdout.trim() : undefined;
}

/** From now on logins have that root. */
export async function enterRoot(vps: Vps, kind: Root): Promise<void> {
  // systemd ends the one sshd before it starts the other
  const unit = "--unit=other-root --collect -p Conflicts=ssh.service -p After=ssh.service";
  await on(vps, `systemd-run --quiet ${unit} unshare --mount sh /run/roots.sh enter ${kind}`);
  await until(`logins have their root on ${kind}`, async () => (await entered(vps)) === kind);
}

/** From now on logins have the server's own root. */
export async function leaveRoot(vps: Vps): Promise<void> {
  // whose systemctl finds another root than systemd's, and would do nothing
  await on(vps, "SYSTEMD_IGNORE_CHROOT=1 systemctl start --no-block ssh");
  await until("logins have the server's own root", async () => (await entered(vps)) === "own");
}
