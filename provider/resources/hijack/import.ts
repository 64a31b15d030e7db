/** Import: makes a resource from a server that Pine installed. The id is its address; nothing is written there. */

import { isIPv6 } from "node:net";
import { DEADMAN_SECONDS } from "../../boot/options.ts";
import { die, isAbort, messageOf, PineError } from "../../errors.ts";
import { finalizedOf } from "../../host/server/record.ts";
import type { Connection } from "../../host/ssh/connection.ts";
import { SshError, type SshErrorCode } from "../../host/ssh/errors.ts";
import { bareKey } from "../../host/ssh/public-key.ts";
import type { Props } from "../../properties/values.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Call } from "../../resource.ts";
import { factsOutput } from "../facts/output.ts";
import { checkHijack } from "./check/check.ts";
import { look } from "./look/look.ts";
import { hijackInputs } from "./model/inputs.ts";
import { bootedOf, outputs, planOutput } from "./model/outputs.ts";
import type { HijackState } from "./model/state.ts";
import { planInstallation } from "./plan/plan-for.ts";

/** Seconds for one attempt to connect. */
const SECONDS = 15;

/** Reads `user@host:port` as a connection. User and port are optional; IPv6 with a port has brackets. Pure. */
export function parseImportId(id: string): Connection {
  const bad = () =>
    die(
      `"${withoutUserinfo(id)}" names no server`,
      "the import id of a HostHijack is user@host:port, such as root@203.0.113.7:22 or root@[2001:db8::7]:22",
    );
  const m = /^(?:([A-Za-z0-9_][A-Za-z0-9_.+-]*)@)?(?:\[([0-9A-Fa-f:.]+)\]|([^\s@[\]/]+?))(?::(\d{1,5}))?$/.exec(
    id.trim(),
  );
  if (!m) return bad();
  const [, user, six, name, port] = m;
  // an IPv6 address without brackets has no port
  const bare = id.trim().replace(/^.*@/, "");
  if (isIPv6(bare)) return { host: bare, ...(user ? { user } : {}) };
  if (name?.includes(":")) return bad();
  if (port !== undefined && !(Number(port) > 0 && Number(port) < 65536)) return bad();
  return { host: six ?? name!, ...(port ? { port: Number(port) } : {}), ...(user ? { user } : {}) };
}

const HINTS: Partial<Record<SshErrorCode, string>> = {
  unreachable: "the import id is user@host:port; check it, and that the server is up and no firewall blocks it",
  "no-host-key":
    "put the key into ~/.ssh/known_hosts first, by one login with ssh; compare it with what the server itself says on its console (dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key, or /etc/ssh/ssh_host_ed25519_key.pub) or the state of the stack that made it",
  "host-key":
    "remove the line only if the server was reinstalled on purpose; otherwise somebody may intercept the connection",
  login:
    "an import logs in with this user's agent ($SSH_AUTH_SOCK) and keys (~/.ssh/id_*): ssh-add the key that the server takes",
  passphrase: "an import asks for nothing: ssh-add the key first",
};

/** Gives connection errors hints for an import: its id carries no key, host key or jump host. Pure. */
export function importError(id: string, error: unknown): unknown {
  if (!(error instanceof SshError)) return error;
  const hint = HINTS[error.code] ?? error.hint;
  const said =
    error.hint && error.message.endsWith(`; ${error.hint}`)
      ? error.message.slice(0, -error.hint.length - 2)
      : error.message;
  return new PineError(`${id} cannot be imported: ${said}`, { hint, cause: error });
}

/** Inputs and state of a server that runs Pine. Writes nothing there. */
export async function importHost(call: Call, id: string): Promise<{ id: string; state: Props; inputs: Props }> {
  const connection = parseImportId(id);
  const seen = await look(connection, undefined, call, SECONDS).catch((error: unknown) => {
    throw isAbort(error, call.signal) ? error : importError(id, error);
  });
  const { ssh, facts, status } = seen;
  try {
    const { install } = facts.pine;
    if (!install?.id)
      die(
        `${id} cannot be imported: it runs ${facts.os.name}, and Pine did not install it`,
        "create the resource instead: the server is taken over",
      );
    if (!status?.running)
      die(
        `${id} cannot be imported: its old system (${facts.os.name}) runs, not Pine`,
        "create the resource instead: the installation that is there is replaced",
      );
    if (status.running !== status.slot)
      die(
        `${id} cannot be imported: a system on trial runs that nobody has confirmed`,
        `import it once the trial is over (\`trialTimeout\` seconds, default ${DEADMAN_SECONDS})`,
      );
    if (install.stack !== call.stack)
      call.warn(
        `stack ${install.stack} made this installation: remove it from that stack's state (pulumi state delete), and never destroy it there`,
      );
    const pinned = { ...connection, hostKey: ssh.hostKeySeen };
    // checked, so that they have the same defaults as the program's inputs
    const finalized = finalizedOf(install) === "done" ? { removeOldSystem: true } : {};
    const given = { connection: pinned, commit: status.checksum, hostname: facts.hostname };
    const { inputs } = checkHijack({ ...given, ...finalized });
    const own = { installationId: install.id };
    const wish = { inputs: hijackInputs(inputs), state: own, id: install.id };
    const plan = await planInstallation(seen, wish, { arch: facts.arch, about: true }, call).catch((error: unknown) => {
      if (isAbort(error, call.signal)) throw error;
      call.warn(`an update of this server would be refused: ${messageOf(error)}`);
      return undefined;
    });
    const lines = ["imported as it ran"];
    const state: HijackState = {
      installationId: install.id,
      booted: bootedOf(status),
      hostKey: ssh.hostKeySeen,
      files: [],
      ...(finalizedOf(install) === "done" ? { oldSystemRemoved: true } : {}),
      rootKeys: facts.authorizedKeys.root.map(bareKey),
      facts: factsOutput(facts),
      ...(plan ? { plan: planOutput({ ...plan, method: plan.method, summary: lines[0]!, lines }) } : {}),
    };
    return { id: install.id, state: outputs(inputs, state), inputs };
  } finally {
    await ssh.close();
  }
}
