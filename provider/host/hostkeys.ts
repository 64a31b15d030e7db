/** The server's SSH host keys go along to every system it gets, whichever SSH server that has. */
import { assetText } from "../assets.ts";
import type { Ssh } from "./types.ts";

/**
 * Gives a deployment that does not run the running system's host keys, and answers how many. `folder`: of the deployment, on the
 * server. Fails, with nothing changed there, when a key would come out as another one, when nothing would let root in, and (but for
 * `none`) when there is no key.
 */
export async function keepHostKeys(ssh: Ssh, folder: string, o: { none?: boolean } = {}): Promise<number> {
  const { stdout } = await ssh.exec(assetText("system/host/hostkeys.sh"), [folder, ...(o.none ? ["none"] : [])], {
    root: true,
    what: "keeping the SSH host keys",
  });
  return Number(stdout.trim());
}
