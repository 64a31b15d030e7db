/** What a container's control group says of its memory. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Stage } from "./stage.ts";

export interface Memory {
  /** Bytes, page cache included. */
  now: number;
  /** Highest of `now` since its start. */
  peak: number;
  /** Bytes; `undefined`: none. */
  limit?: number;
  /** How often the limit was hit; most of it ends with cache that was given back. */
  failures: number;
  /** Processes that were killed for it. */
  kills: number;
}

/** Of the container with that init, which must be running. `name`: LXC's of it. */
export function memoryOf(stage: Stage, name: string, init: number): Memory {
  const lines = readFileSync(`/proc/${init}/cgroup`, "utf8").trim().split("\n");
  const of = (kind: (controllers: string) => boolean) => lines.map((l) => l.split(":")).find((l) => kind(l[1]!))?.[2];
  const old = of((c) => c.split(",").includes("memory"));
  const path = old ?? of((c) => c === "") ?? "/";
  // init may have moved to a group below the container's
  const own = new RegExp(`^.*/lxc\\.payload\\.${name}(-\\d+)?(?=/|$)`).exec(path)?.[0] ?? path;
  const group = stage.path(`/sys/fs/cgroup${old === undefined ? "" : "/memory"}${own}`);
  const text = (file: string) =>
    existsSync(`${group}/${file}`) ? readFileSync(`${group}/${file}`, "utf8").trim() : "";
  const field = (file: string, key: string) => Number(new RegExp(`^${key} (\\d+)`, "m").exec(text(file))?.[1] ?? 0);
  const limit = Number(text(old === undefined ? "memory.max" : "memory.limit_in_bytes"));
  const some = limit < 2 ** 60 ? { limit } : {}; // "max", or the most that fits
  return old === undefined
    ? {
        now: Number(text("memory.current")),
        peak: Number(text("memory.peak")),
        ...some,
        failures: field("memory.events", "max"),
        kills: field("memory.events", "oom_kill"),
      }
    : {
        now: Number(text("memory.usage_in_bytes")),
        peak: Number(text("memory.max_usage_in_bytes")),
        ...some,
        failures: Number(text("memory.failcnt")),
        kills: killsBelow(group),
      };
}

/**
 * Of a version 1 group and those below it: each counts its own processes only, and a group that is gone counts no more.
 */
function killsBelow(group: string): number {
  let own = 0;
  try {
    own = Number(/^oom_kill (\d+)/m.exec(readFileSync(`${group}/memory.oom_control`, "utf8"))?.[1] ?? 0);
    const below = readdirSync(group, { withFileTypes: true }).filter((e) => e.isDirectory());
    return below.reduce((sum, e) => sum + killsBelow(`${group}/${e.name}`), own);
  } catch {
    return own; // removed meanwhile
  }
}
