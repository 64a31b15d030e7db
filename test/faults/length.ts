/** How long an undisturbed command takes from mark to mark: what random moments are chosen from. */
import type { Watch } from "./watch.ts";

/** By mark: seconds and flushes since the start. */
export type Length = Record<string, { seconds: number; flushes: number }>;

export function lengthOf(watch: Watch): Length {
  const start = watch.seen.get("start")!.disk.flushes;
  return Object.fromEntries(
    [...watch.seen].map(([name, { seconds, disk }]) => [name, { seconds, flushes: disk.flushes - start }]),
  );
}

/** Between two marks; both are in it. */
export function span(length: Length, from: string, to: string): { seconds: number; flushes: number } {
  const [a, b] = [length[from], length[to]];
  if (!a || !b) throw new Error(`an undisturbed run did not show ${a ? to : from}`);
  return { seconds: b.seconds - a.seconds, flushes: b.flushes - a.flushes };
}
