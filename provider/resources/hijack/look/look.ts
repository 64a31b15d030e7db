/** Looks at a server: connects to whichever system runs, and reads its facts. */
import { hostname as machineName, userInfo } from "node:os";
import { die, messageOf } from "../../../errors.ts";
import { readFacts } from "../../../host/facts/facts.ts";
import { runsPine } from "../../../host/facts/pine.ts";
import type { Facts } from "../../../host/facts/types/facts.ts";
import { type AgentStatus, agentStatus } from "../../../host/server/agent.ts";
import type { Connection } from "../../../host/ssh/connection.ts";
import { isUnreachable, SshError } from "../../../host/ssh/errors.ts";
import { openSsh } from "../../../host/ssh/open.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { Call } from "../../../resource.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { loginsOf, pinned } from "../model/logins.ts";
import type { HijackState } from "../model/state.ts";

export interface Look {
  ssh: Ssh;
  facts: Facts;
  /** The agent's status, when Pine runs. */
  status?: AgentStatus;
}

/**
 * Connects to whichever system runs and reads its facts. The caller closes `ssh`. `seconds`: limit of one attempt to
 * connect. Without it Pine waits for the server (`connection.dialErrorLimit`): the same `up` may have made it, and it
 * may still be booting.
 */
export async function look(
  connection: Connection,
  state: HijackState | undefined,
  call: Call,
  seconds?: number,
): Promise<Look> {
  return lookAt(await openAny(loginsOf(pinned(connection, state), state), call, seconds), call);
}

/** The same; says that a server may have lost its power when it is silent since an overwrite was cut off. */
export async function lookAgain(inputs: HijackInputs, state: HijackState | undefined, call: Call, seconds?: number) {
  try {
    return await look(inputs.connection, state, call, seconds);
  } catch (error) {
    if (!state?.unfinished || !inputs.erase || !isUnreachable(error)) throw error;
    throw new SshError(
      "unreachable",
      `${messageOf(error)}; an overwrite of this server was cut off: if it has lost its power since, its disk is half written and does not boot`,
      {
        hint: "have its provider install any Debian on it, set connection.hostKey to the new key, and run `pulumi up`",
        cause: error,
      },
    );
  }
}

/** Reads the facts over an open connection, which is closed on failure. */
export async function lookAt(ssh: Ssh, call: Call): Promise<Look> {
  try {
    call.step(`reading what ${ssh.target} is`);
    const facts = await readFacts(ssh);
    const status = runsPine(facts) && ssh.rootWay !== "none" ? await agentStatus(ssh) : undefined;
    return { ssh, facts, status };
  } catch (error) {
    await ssh.close();
    throw error;
  }
}

/** Opens the first connection that the server accepts. `seconds` as in {@link look}. */
export async function openAny(connections: Connection[], call: Call, seconds?: number): Promise<Ssh> {
  let first: unknown;
  for (const connection of connections) {
    try {
      return await openSsh(connection, call, seconds === undefined ? { wait: true } : { connectTimeout: seconds });
    } catch (error) {
      first ??= error;
      // "shell": cloud images let root log in, and tell it to use another user
      if (!["login", "shell"].includes((error as { code?: string }).code ?? "")) throw error;
    }
  }
  throw first;
}

/** The lock holder's name, told to others that want the server's lock. */
export const lockOwner = (call: Call) => `${call.stack} by ${userInfo().username}@${machineName()}`;

/** Rule 7: dies when the server has an installation that is not this resource's. */
export function refuseAnother(facts: Facts, state: HijackState | undefined, call: Call): void {
  const found = facts.pine.install;
  if (!state || !found || found.id === state.installationId) return;
  const whose = found.stack === call.stack ? "made by another state of this stack" : `of stack ${found.stack}`;
  die(
    `another installation is on this server now, ${whose}`,
    "to take it over, run `pulumi refresh` and `pulumi up`; otherwise remove this resource from the state",
  );
}
