/** A moment in which nothing of this test's processes moves. */
import { readdirSync, readFileSync } from "node:fs";

/** Pids below one, all the way down. */
function below(top: number): number[] {
  const parents = readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      return [[Number(name), Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1])] as const];
    } catch {
      return []; // ended meanwhile
    }
  });
  const found = new Set([top]);
  for (let size = 0; size !== found.size; ) {
    size = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  found.delete(top);
  return [...found];
}

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(pid, name);
  } catch {
    // ended meanwhile
  }
};

/** Calls it while all processes that this one started, and those that they started, stand still. */
export function frozen<T>(call: () => T): T {
  const stopped = new Set<number>();
  // one that was not stopped yet may start another
  for (;;) {
    const fresh = below(process.pid).filter((pid) => !stopped.has(pid));
    if (fresh.length === 0) break;
    for (const pid of fresh) {
      signal(pid, "SIGSTOP");
      stopped.add(pid);
    }
  }
  try {
    return call();
  } finally {
    for (const pid of stopped) signal(pid, "SIGCONT");
  }
}
