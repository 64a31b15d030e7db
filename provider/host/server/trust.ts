/**
 * Whose signature a server wants on what it runs: read beforehand, checked there before anything is applied, and kept
 * once it is confirmed.
 */
import { messageOf } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { manifestFile, type SignedManifest } from "../../trust/manifest.ts";
import { trustScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** Dies when the server refuses the commit. The server decides by what it keeps, and by its own program. */
export async function checkTrust(ssh: Ssh, checksum: string, signed: SignedManifest | undefined): Promise<void> {
  const what = "the server's look at the signature";
  await ssh.exec(trustScript(), ["check", checksum], { root: true, input: manifestFile(signed), what });
}

/**
 * From now on the server wants these keys and no older version. What runs is confirmed already, so a failure is only a
 * warning.
 */
export async function keepTrust(ssh: Ssh, signed: SignedManifest | undefined, task: Task): Promise<void> {
  if (!signed) return;
  try {
    await ssh.exec(trustScript(), ["keep"], { root: true, input: manifestFile(signed), what: "keeping the keys" });
  } catch (error) {
    const hint = "the lock of an older image has no signify: change `upgradeTrigger` of its Rootfs";
    task.warn(`the server does not yet know the keys that this commit is signed with: ${messageOf(error)} (${hint})`);
  }
}
