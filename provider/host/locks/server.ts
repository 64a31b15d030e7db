/**
 * The server's one lock: held by an open SSH channel, so it ends with us, with the connection, or when we are silent.
 */
import { PassThrough } from "node:stream";
import { die } from "../../errors.ts";
import { lockScript } from "../scripts.ts";
import type { Ssh } from "../ssh/types.ts";

/** Milliseconds between signs of life; the server's side waits for 15 of them (server.sh). */
const SIGN_OF_LIFE_MS = 60_000;

/** Does some work under the lock, and releases it. */
export async function withHostLock<T>(ssh: Ssh, owner: string, work: () => Promise<T>): Promise<T> {
  const unlock = await lockHost(ssh, owner);
  try {
    return await work();
  } finally {
    await unlock();
  }
}

/**
 * Takes the lock or dies. Ends what an earlier holder left running on the server. Answers a function that releases the
 * lock. `owner` is shown to others who want it ("stack, user@machine").
 */
export async function lockHost(ssh: Ssh, owner: string): Promise<() => Promise<void>> {
  const open = new PassThrough();
  let first = "";
  let told: () => void;
  const answered = new Promise<void>((resolve) => {
    told = resolve;
  });
  const held = ssh.exec(lockScript(), [owner.replace(/\s+/g, " ")], {
    root: true,
    input: open,
    ok: [0, 75],
    onLine: (line) => {
      if (first !== "" || !/^(locked|busy)/.test(line)) return;
      first = line;
      told();
    },
  });
  const alive = setInterval(() => open.write("."), SIGN_OF_LIFE_MS).unref();
  const end = () => {
    clearInterval(alive);
    open.end();
  };
  held.finally(() => clearInterval(alive)).catch(() => {});
  // it ends with the connection: those who use the connection see the error
  held.catch(() => {});
  await Promise.race([answered, held]);
  if (first !== "locked") {
    end();
    die(
      `another operation holds the server's lock: ${first.replace(/^busy /, "") || "no answer"}`,
      "wait until it is done; the lock ends with its connection",
    );
  }
  return async () => {
    end();
    await held.catch(() => {});
  };
}
