/**
 * Carries what connections to a server depend on, its host keys and its port, to every system it gets, whichever SSH
 * server that has.
 */
import type { HostKeyFile } from "../facts/types/facts.ts";
import { hostKeysScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** Host keys as arguments of hostkeys.sh and enter.sh: what facts found is what is kept. */
export const hostKeyArguments = (files: HostKeyFile[]): string[] => files.flatMap((f) => [f.path, ...f.key.split(" ")]);

/**
 * Gives the running system's host keys to a deployment that does not run, and answers how many. The deployment's SSH
 * server listens on `sshPorts`. `folder`: the deployment's, on the server. Without `hostKeyFiles` the keys of the
 * running system's own server are meant (in the RAM system: those that it was given). Fails, with nothing changed
 * there, when a key would come out as another one, when nothing would let root in, and (unless `none` is set) when
 * there is no key.
 */
export async function keepHostKeys(
  ssh: Ssh,
  folder: string,
  o: { none?: boolean; hostKeyFiles?: HostKeyFile[]; sshPorts?: number[] },
): Promise<number> {
  const ports = (o.sshPorts ?? [22]).join(" ");
  const args = [folder, o.none ? "none" : "some", ports, ...hostKeyArguments(o.hostKeyFiles ?? [])];
  const what = "keeping the SSH host keys";
  const { stdout } = await ssh.exec(hostKeysScript(), args, { root: true, what });
  return Number(stdout.trim());
}
