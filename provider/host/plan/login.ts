/** What the new system's login depends on: its keys, its ports, and other settings of the old SSH server. Pure. */
import type { SshServer } from "../../boot/target.ts";
import type { Facts, HostKeyFile } from "../facts/types/facts.ts";
import type { Refusal } from "../refusal.ts";
import { publicKeyOf } from "../ssh/public-key.ts";
import { admits, keptKeys } from "./keys.ts";
import type { Plan, PlanInputs } from "./types.ts";

export interface LoginPlan {
  authorizedKeys: string[];
  sshPorts: number[];
  hostKeyFiles: HostKeyFile[];
  refusals: Refusal[];
  notes: string[];
}

/** `server`: of the new system, where it is known. `ram`: a RAM system, which has dropbear, runs before it. */
export function planLogin(facts: Facts, inputs: PlanInputs, server: SshServer | undefined, ram: boolean): LoginPlan {
  const { root, login } = facts.authorizedKeys;
  const of = (which: SshServer | undefined) => keptKeys(root, login, inputs.authorizedKeys ?? [], which);
  const keys = of(server);
  const refusal =
    loginRefusal(keys, inputs, "the new system's SSH server") ?? (ram ? ramRefusal(of("dropbear"), inputs) : undefined);
  return {
    authorizedKeys: keys.lines,
    sshPorts: sshPorts(facts, inputs),
    hostKeyFiles: hostKeyFiles(facts, inputs.hostKeySeen),
    refusals: refusal ? [refusal] : [],
    notes: [...keys.notes, ...serverNotes(facts, sshPorts(facts, inputs))],
  };
}

/**
 * The same for an overwrite that goes on in its RAM system. The old system's own keys and ports come from the plan that
 * it began with. Keys that the inputs named then and no longer name are removed, except the connection's own key.
 */
export function loginInRam(
  plan: Pick<Plan, "authorizedKeys" | "sshPorts">,
  namedThen: string[],
  facts: Facts,
  inputs: PlanInputs,
  server: SshServer | undefined,
): Pick<LoginPlan, "authorizedKeys" | "sshPorts" | "refusals" | "notes"> {
  const bare = (line: string) => publicKeyOf(line) ?? line;
  const now = inputs.authorizedKeys ?? [];
  const stay = new Set([...now, ...inputs.loginKeys].map(bare));
  const gone = new Set(namedThen.map(bare).filter((key) => !stay.has(key)));
  const own = plan.authorizedKeys.filter((line) => !gone.has(bare(line)));
  const keys = keptKeys(own, [], now, server);
  const refusal = loginRefusal(keys, inputs, "the new system's SSH server");
  return {
    authorizedKeys: keys.lines,
    // the RAM system listens on 22 too: a connection that used it uses it again
    sshPorts: [...new Set([...plan.sshPorts, ...sshPorts(facts, inputs)])],
    refusals: refusal ? [refusal] : [],
    notes: keys.notes,
  };
}

/**
 * Where the new system's SSH server listens. The port on the server's side counts; it differs from the dialled one if
 * something in between forwards it. If it is unknown: the dialled port alone if sshd listens on it, else all ports of
 * sshd, else 22 and the dialled one. A forwarder on the server itself (sslh, a firewall rule) is gone on the new
 * system, so then both ports count.
 */
export function sshPorts(facts: Pick<Facts, "network" | "sshd">, inputs: Pick<PlanInputs, "port" | "host">): number[] {
  const { port: dialled = 22, host } = inputs;
  const { connectedPort: own, connectedTo } = facts.network;
  if (own !== undefined) {
    const here = connectedTo !== undefined && (connectedTo === host || /^(127\.|::1$)/.test(connectedTo));
    return here ? [...new Set([own, dialled])] : [own];
  }
  const listens = facts.sshd.flatMap(([key, value]) => (key === "port" ? [Number(value)] : []));
  if (listens.includes(dialled)) return [dialled];
  return listens.length > 0 ? listens : [...new Set([22, dialled])];
}

/** One file per key type: the one with the key that the connection saw, else the first, as sshd takes it. */
function hostKeyFiles(facts: Facts, seen: string | undefined): HostKeyFile[] {
  const files = facts.hostKeyFiles.filter((f) => f.key !== undefined && !f.key.startsWith("ssh-dss "));
  const typeOf = (f: HostKeyFile) => f.key.split(" ")[0]!.replace(/nistp\d+$/, "");
  const best = [...files.filter((f) => f.key === seen), ...files];
  return files.filter((f) => best.find((b) => typeOf(b) === typeOf(f)) === f);
}

function loginRefusal(keys: ReturnType<typeof keptKeys>, inputs: PlanInputs, whose: string): Refusal | undefined {
  const { loginKeys } = inputs;
  if (loginKeys.length === 0)
    return {
      code: "login-key",
      message: "the connection logs in by password alone, and the new system accepts keys only",
      hint: "set connection.privateKey (or agentSocketPath) besides the password, and put its public key into authorizedKeys",
    };
  if (admits(keys.lines, loginKeys)) return undefined;
  const options = loginKeys.flatMap((line) => keys.leftOut.get(publicKeyOf(line) ?? "") ?? []);
  const add = `add it to authorizedKeys: "${loginKeys[0]!.split(" ").slice(0, 2).join(" ")}"`;
  if (options.length > 0)
    return {
      code: "login-key-options",
      message: `${whose} is dropbear, which refuses the connection's key: it does not know these options of the key in authorized_keys: ${[...new Set(options)].join(", ")}`,
      hint: `let the Rootfs have ssh: "openssh", log in by another key, or, if the key does not need these options, ${add}`,
    };
  return {
    code: "login-key",
    message:
      "the new system would not accept the connection's key: it is not in the authorized_keys of root or of the login user",
    hint: add,
  };
}

function ramRefusal(keys: ReturnType<typeof keptKeys>, inputs: PlanInputs): Refusal | undefined {
  const refusal = loginRefusal(keys, inputs, "the SSH server of the RAM system, which writes the disk,");
  return refusal && { ...refusal, hint: refusal.hint.replace('let the Rootfs have ssh: "openssh", log', "log") };
}

/** Notes about the old server's other login settings, since the new one has none of them. */
function serverNotes(facts: Facts, ports: number[]): string[] {
  const all = (name: string) => facts.sshd.flatMap(([key, value]) => (key === name ? [value] : []));
  const notes: string[] = [];
  if (ports.some((p) => p !== 22))
    notes.push(`the new system's SSH server listens on port ${ports.join(" and ")}, as the connection's does`);
  const others = all("port").filter((p) => !ports.includes(Number(p)));
  if (others.length > 0) notes.push(`sshd listens on port ${others.join(", ")} too; the new system's sshd does not`);
  const bound = all("listenaddress").filter((a) => !/^(0\.0\.0\.0|\[::\]|\*|any)(:\d+)?$/.test(a));
  if (bound.length > 0)
    notes.push(
      `sshd listens only on ${bound.join(", ")} (ListenAddress); the new system's sshd listens on every address`,
    );
  const limits = ["allowusers", "allowgroups", "denyusers", "denygroups"].filter((name) => all(name).length > 0);
  if (limits.length > 0)
    notes.push(
      `sshd limits who may log in (${limits.join(", ")}); the new system lets root in, by the keys that are kept`,
    );
  const methods = all("authenticationmethods").filter((m) => !/^(any|publickey)$/.test(m));
  if (methods.length > 0)
    notes.push(
      `sshd asks for more than a key (AuthenticationMethods ${methods.join(", ")}), and the new system does not`,
    );
  return notes;
}
