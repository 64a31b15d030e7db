/** Asks a server to take its turn, to give it back, and what its store says (libexec/pine/turn). */
import { setTimeout as sleep } from "node:timers/promises";
import { die, messageOf } from "../../errors.ts";
import type { Task } from "../../task.ts";
import { turnScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** Milliseconds between two questions of who waits: 20 to 40 s, so that several do not ask together. */
const pause = () => 20_000 + Math.random() * 20_000;

const HINT = "`pine queue` on the server shows the group; nothing was rebooted";

/** Exit codes: done, no, not now, and not by waiting. */
const [DONE, NOT_NOW, STOPPED] = [0, 75, 77];

async function ask(ssh: Ssh, args: string[], what: string): Promise<{ code: number; text: string }> {
  const ok = [DONE, 1, NOT_NOW, STOPPED];
  const { exitCode, stdout } = await ssh.exec(turnScript(), args, { root: true, ok, timeout: 300_000, what });
  return { code: exitCode, text: stdout.trim() };
}

/** Takes the turn, and waits for it. Answers why there is none, where waiting does not help. */
async function waitForTurn(ssh: Ssh, args: [commit: string, purpose: string], task: Task): Promise<string | undefined> {
  for (;;) {
    const { code, text } = await ask(ssh, ["take", ...args], "taking the server's turn");
    if (code === DONE) return undefined;
    if (code !== NOT_NOW) return text;
    task.step(`waiting for this server's turn: ${text}`);
    await sleep(pause(), undefined, { signal: task.signal });
  }
}

/** Takes the turn for a commit. Dies where the commit failed elsewhere, and where the store is away. */
export async function takeTurn(ssh: Ssh, commit: string, task: Task): Promise<void> {
  const problem = await waitForTurn(ssh, [commit, "up"], task);
  if (problem) die(problem, HINT);
}

/** Waits until a server that is given up may go down. A store that is away, perhaps for good, does not keep it. */
export async function takeLastTurn(ssh: Ssh, commit: string, task: Task): Promise<void> {
  const problem = await waitForTurn(ssh, [commit, "destroy"], task);
  if (problem) task.warn(`the server goes down without its group's turn: ${problem}`);
}

/** The last look before a slot is armed. Dies when the turn is lost. */
export async function checkTurn(ssh: Ssh, commit: string): Promise<void> {
  const { code, text } = await ask(ssh, ["check", commit], "looking at the server's turn");
  if (code !== DONE) die(text, HINT);
}

/** How a turn ended. `none`: nothing was rebooted. */
export type Verdict = "good" | "failed" | "unclear" | "none";

/**
 * Gives the turn back with what became of the commit. Never fails: the server keeps what its store did not get, and
 * delivers it later.
 */
export async function giveTurnBack(ssh: Ssh, commit: string, verdict: Verdict, reason: string, task: Task) {
  try {
    const words = reason.split("\n")[0]!.slice(0, 200);
    const { code, text } = await ask(ssh, ["release", verdict, commit, words], "giving the server's turn back");
    if (code !== DONE) task.warn(`the group was not told how it ended, and is told later: ${text}`);
  } catch (error) {
    task.warn(`the group was not told how it ended: ${messageOf(error)}`);
  }
}

/** Tries all that the lock asks of its store, and makes this server one of the group. Dies with what is missing. */
export async function joinGroup(ssh: Ssh): Promise<void> {
  for (const command of ["probe", "join"]) {
    const { code, text } = await ask(ssh, [command], "joining the group of the reboot lock");
    if (code !== DONE) die(text, "look at `rebootLock`; nothing else was changed on the server");
  }
}

/** This server is none of the group any more: it has no turn, and nobody waits for it. Answers what went wrong. */
export async function leaveGroup(ssh: Ssh): Promise<string | undefined> {
  const { code, text } = await ask(ssh, ["leave"], "leaving the group of the reboot lock");
  return code === DONE ? undefined : text;
}
