/** Scripts as servers get them: of which pieces each consists. */
import { assetText } from "../assets.ts";

const joined = (...paths: string[]) => paths.map((path) => assetText(path)).join("\n");
const ofHost = (...names: string[]) => names.map((name) => `system/host/${name}.sh`);

/**
 * First line of a script that writes under the server's lock. sshd does not end a script whose connection is lost: who has the lock next
 * ends what holds this descriptor (`alone` of parts.sh).
 */
export const HELD = "exec 8>>/run/pine.receiving\n";

/** `sync` for scripts that write on a server, before them: no mount of somebody else's is waited for. */
const FLUSH = "system/rootfs/usr/libexec/pine/flush";

/** The agent as one script. */
export const agentScript = () =>
  joined(FLUSH, "system/rootfs/usr/libexec/pine/deployments", "system/rootfs/usr/sbin/pine");

/** The script whose lines {@link parseFacts} reads; its argument is the login's name. */
export const factsScript = () =>
  joined(
    ...ofHost(
      "facts-network",
      "facts-container",
      "facts-boot",
      "facts-devices",
      "facts-login",
      "facts-storage",
      "facts",
    ),
  );

/** Holds the server's lock for as long as its standard input is open. */
export const lockScript = () => joined(...ofHost("parts", "lock"));

/** Looks at a file. */
export const compareScript = () => joined(...ofHost("safely", "compare"));

/** Steps that put a system beside another. */
export const installScript = () => joined(FLUSH, ...ofHost("safely", "parts", "beside", "install"));

/** Steps that change a server that runs Pine. */
export const updateScript = () => joined(FLUSH, ...ofHost("safely", "parts", "update"));

/** Removes what installScript's steps put there. */
export const removeScript = () => joined(FLUSH, ...ofHost("parts", "beside", "remove"));

/** Steps that give the old system up, of a machine or a container. */
export const finalizeScript = (container: boolean) =>
  HELD + joined(FLUSH, ...ofHost("finalize-kept", container ? "finalize-container" : "finalize"));

/** Keeps the keys that a server trusts, or looks at a signature. */
export const trustScript = () => HELD + joined(FLUSH, ...ofHost("trust"));

/** Gives a deployment the server's SSH host keys and port. */
export const hostKeysScript = () => HELD + joined(...ofHost("hostkeys"));

/** Prepares the RAM system. */
export const enterScript = () => joined(FLUSH, "system/ram/enter.sh");
