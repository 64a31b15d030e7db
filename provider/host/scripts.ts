/** Scripts as servers get them, put together from their pieces. */
import { assetText } from "../assets.ts";

const joined = (...paths: string[]) => paths.map((path) => assetText(path)).join("\n");

/**
 * First line of a script that writes under the server's lock. sshd does not end a script when its connection is lost.
 * So the next holder of the lock ends whatever holds this descriptor (`alone` of parts.sh).
 */
export const HELD = "exec 8>>/run/pine.receiving\n";

/** `sync` for scripts that write on a server, sent before them: it does not wait for other people's mounts. */
const FLUSH = "system/rootfs/usr/libexec/pine/flush";
/** How a script fails and writes files; before what calls it, after {@link FLUSH}. */
const PRELUDE = "system/rootfs/usr/libexec/pine/prelude";
const SAFELY = "host/files/safely.sh";
const PARTS = "host/ssh/parts.sh";
const BESIDE = "host/ways/alongside/beside.sh";

const pieces = (...names: string[]) => names.map((name) => `system/rootfs/usr/libexec/pine/${name}`);

/** The agent as one script. */
export const agentScript = () =>
  joined(FLUSH, ...pieces("deployments", "boot-part", "boot-state", "system", "trials", "agent"));

const TURN = ["http", "group", "take", "report", "queue", "consul", "etcd", "fleetlock"].map((name) => `turn-${name}`);

/** The reboot lock of a group of servers as one script. */
export const turnScript = () => joined(FLUSH, ...pieces("words", "system", "trials", ...TURN, "turn"));

/** The script whose lines {@link parseFacts} reads; its argument is the login's name. */
export const factsScript = () =>
  joined(
    ...["network", "container", "boot", "devices", "login", "storage", "facts"].map((name) => `host/facts/${name}.sh`),
  );

/** Holds the server's lock for as long as its standard input is open. */
export const lockScript = () => joined(PRELUDE, ...pieces("words"), PARTS, "host/locks/server.sh");

/** Looks at a file. */
export const compareScript = () => joined(SAFELY, "host/files/compare.sh");

/** Looks at /etc. */
export const etcChangesScript = () => assetText("host/files/etc-changes.sh");

/** Steps that put a system beside another. */
export const installScript = () =>
  joined(FLUSH, PRELUDE, SAFELY, PARTS, BESIDE, ...pieces("boot-part"), "host/ways/alongside/install.sh");

/** Steps that change a server that runs Pine. */
export const updateScript = () => joined(FLUSH, PRELUDE, SAFELY, PARTS, "host/ways/update/update.sh");

/** Removes what the steps of installScript put on the server. */
export const removeScript = () => joined(FLUSH, PRELUDE, PARTS, BESIDE, "host/leave/restore.sh");

/** Steps that remove the old system, on a machine or in a container. */
export const finalizeScript = (container: boolean) =>
  HELD +
  joined(FLUSH, PRELUDE, "host/leave/finalize-both.sh", `host/leave/finalize${container ? "-container" : ""}.sh`);

/** Keeps the keys that a server trusts, or checks a signature. */
export const trustScript = () =>
  HELD + joined(FLUSH, PRELUDE, "system/rootfs/usr/libexec/pine/trust", "host/server/trust.sh");

/** Writes or removes a server's settings for updates. */
export const updatesScript = () => HELD + joined(FLUSH, PRELUDE, "host/updates/updates.sh");

/** Gives a deployment the server's SSH host keys and port. */
export const hostKeysScript = () => HELD + joined(PRELUDE, "system/rootfs/usr/libexec/pine/hostkeys");

/** Prepares the RAM system. */
export const enterScript = () => joined(FLUSH, PRELUDE, "host/ways/overwrite/enter.sh");

/** Writes the disk, from the RAM system. */
export const diskScript = () => joined(PRELUDE, "host/ways/overwrite/disk.sh");
