/** Asks the servers of the rings before, over SSH. */
import { setTimeout as sleep } from "node:timers/promises";
import { isAbort, messageOf } from "../../errors.ts";
import type { Connection } from "../../host/ssh/connection.ts";
import { isUnreachable } from "../../host/ssh/errors.ts";
import type { Call } from "../../resource.ts";
import { look } from "../hijack/look/look.ts";
import { type Gate, gateOf, type Seen, type Verdict, verdictOf } from "./gate.ts";

/** Seconds in which a server must answer: it may be rebooting into what is asked for. */
const ANSWER_SECONDS = 20;
const AGAIN_MS = 20_000;

export type Servers = Record<string, { connection: Connection }>;

export async function askAll(commit: string, servers: Servers, call: Call): Promise<Gate> {
  const one = async (connection: Connection): Promise<Seen> => {
    try {
      const { ssh, facts, status } = await look(connection, undefined, call, ANSWER_SECONDS);
      await ssh.close();
      return { pine: facts.pine, status };
    } catch (error) {
      if (isAbort(error, call.signal)) throw error;
      const away = isUnreachable(error);
      return { away: away ? "it cannot be reached" : `it cannot be asked: ${messageOf(error)}` };
    }
  };
  const asked = Object.entries(servers).map(
    async ([name, { connection }]): Promise<[string, Verdict]> => [name, verdictOf(commit, await one(connection))],
  );
  return gateOf(new Map(await Promise.all(asked)));
}

/** The same, until all have confirmed it, one has failed, or so many minutes are over. */
export async function waitForAll(commit: string, servers: Servers, minutes: number, call: Call): Promise<Gate> {
  const end = Date.now() + minutes * 60_000;
  for (;;) {
    const gate = await askAll(commit, servers, call);
    const left = end - Date.now();
    if (gate.is !== "waits" || left <= 0) return gate;
    call.step(`waiting for ${gate.why}, at most ${Math.ceil(left / 60_000)} min`);
    await sleep(Math.min(AGAIN_MS, left), undefined, { signal: call.signal });
  }
}
