/** Waits for the moment of a cut while a command runs. */
import type { FaultyDisk } from "../lab/disk/index.ts";
import { type Length, span } from "./length.ts";
import type { Cut } from "./plan.ts";
import type { Ran } from "./pulling.ts";
import type { Watch } from "./watch.ts";

/**
 * Resolves when the power is to go, or has gone by itself; false: the command was over before, or the span it belongs
 * to.
 */
export async function moment(
  cut: Pick<Cut, "what" | "where" | "choice">,
  o: { watch: Watch; disk: FaultyDisk; ended: Promise<Ran>; length: Length },
): Promise<boolean> {
  const { what, where } = cut;
  const { watch, disk, length } = o;
  const came = (mark: string) => watch.until(() => watch.seen.has(mark), mark === "end" ? never : o.ended);
  /** Until a number of seconds is over, or the mark that ends the span is seen. */
  const pause = async (seconds: number, to?: string) => {
    const end = performance.now() + seconds * 1000;
    await watch.until(() => performance.now() > end || (to !== undefined && watch.seen.has(to)), never);
    return performance.now() > end;
  };
  /** The disk's own cut. */
  const trigger = async (set: Parameters<FaultyDisk["trigger"]>[0], to?: string) => {
    let frozen = false;
    await disk.trigger(set);
    disk.frozen().then(
      () => {
        frozen = true;
      },
      () => {}, // the disk ended first
    );
    await watch.until(() => frozen || (to !== undefined && watch.seen.has(to)), o.ended);
    return frozen;
  };
  switch (what.at) {
    case "mark":
      return (await came(what.mark)) && pause((what.seconds ?? 0) * where);
    case "share":
      return watch.until(() => watch.share >= where, o.ended);
    case "between":
      return (await came(what.from)) && pause(span(length, what.from, what.to).seconds * where, what.to);
    case "flush": {
      if (!(await came(what.from))) return false;
      const n = 1 + Math.floor(where * Math.max(1, span(length, what.from, what.to).flushes));
      return trigger({ on: "flush", n, at: cut.choice.seed % 2 ? "before" : "after" }, what.to);
    }
    case "state":
      return (await came(what.after)) && trigger({ on: "state", n: what.n, at: what.when });
  }
}

const never = new Promise<never>(() => {});
