/** What hangs: said where a test would only be told that its time is over. */
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../provider/local/run.ts";
import { lastLines } from "../../provider/redact.ts";

/** Some thousand times what it takes on a quiet machine: who is not done by then never is. Milliseconds. */
const NEVER = 10 * 60_000;

/**
 * Waits for `work`; when it does not end, fails with what it said last and every process of this machine with where it
 * waits in the kernel.
 */
export async function ended<T>(what: string, said: readonly string[], work: Promise<T>): Promise<T> {
  const clock = new AbortController();
  const late = sleep(NEVER, undefined, { signal: clock.signal }).then(async () => {
    const processes = await run("ps", ["-eo", "pid,ppid,sid,stat,etime,wchan:20,args", "--forest"], {
      timeout: 60_000,
    });
    throw new Error(`${what} hangs. Said last:\n${lastLines(said.join("\n"), 10)}\n${processes.stdout}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    clock.abort();
  }
}
