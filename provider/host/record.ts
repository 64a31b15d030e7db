/** The installation's record on a server, boot/grub/pine/install: whose it is, and whether what made it has ended. */
import { assetText } from "../assets.ts";
import type { Ssh } from "./types.ts";

/** The record names another resource: it has the installation from now on. `id` may stay the same. */
export async function adopt(ssh: Ssh, o: { id: string; stack: string; urn: string }): Promise<void> {
  await ssh.exec(assetText("system/host/update.sh"), ["adopt", o.id, o.stack, o.urn], {
    what: "adopting the installation",
  });
}

/**
 * Writes down that the operation which made or took this installation has ended. A create that finds such a record was asked for a
 * reinstall; one that finds a record without it takes over what a run that was cut off left.
 */
export async function markDone(ssh: Ssh): Promise<void> {
  await ssh.exec(assetText("system/host/update.sh"), ["done"], { what: "noting that the operation has ended" });
}
