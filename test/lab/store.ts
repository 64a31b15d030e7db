/** What the lab's stores for reboot locks have in common. */
import { setTimeout as sleep } from "node:timers/promises";

export interface Store {
  url: string;
  pid: number;
  /** The text of a key; undefined: there is none. */
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
  end(): Promise<void>;
}

/** Waits until an address answers well; dies when its process has ended. */
export async function answers(url: string, ended: Promise<unknown>, headers: Record<string, string> = {}) {
  let over = false;
  ended.then(() => {
    over = true;
  });
  const end = Date.now() + 120_000;
  for (;;) {
    const ok = await fetch(url, { headers, signal: AbortSignal.timeout(5000) }).then(
      async (answer) => answer.ok && (await answer.text()) !== '""',
      () => false,
    );
    if (ok) return;
    if (over || Date.now() > end) throw new Error(`nothing answers at ${url}${over ? ": its process has ended" : ""}`);
    await sleep(200);
  }
}
