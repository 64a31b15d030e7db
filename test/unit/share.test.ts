/** What the campaign of two Pines asks for, and that a mutant of it changes the source that there is. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { BROKEN, breakSource } from "../share/broken.ts";
import { askOf } from "../share/plan.ts";

const asks = (pine: number) => Array.from({ length: 200 }, (_, n) => askOf(1, pine, n, 60_000, 0.25));

it("the same seed asks for the same", () => expect(asks(0)).toEqual(asks(0)));
it("both Pines want the same packages at once, and sometimes the same bytes", () => {
  const [one, other] = [asks(0), asks(1)];
  const packages = (all: typeof one) => all.map((a) => a.rootfs.packages);
  expect(packages(one)).toEqual(packages(other));
  // more than the six bases that are kept
  expect(new Set(packages(one).map(String)).size).toBeGreaterThan(7);
  const same = one.filter((a, n) => JSON.stringify(a.rootfs) === JSON.stringify(other[n]!.rootfs));
  expect(same.length).toBeGreaterThan(2);
});
it("a share is killed, alone or with all in its namespace, at any time", () => {
  const kills = asks(0).flatMap((a) => a.kill ?? []);
  expect(kills.length).toBeGreaterThan(30);
  expect(kills.length).toBeLessThan(75);
  expect(new Set(kills.map((k) => k.all)).size).toBe(2);
  expect(kills.every((k) => k.after <= 60_000)).toBe(true);
});
it.each(Object.keys(BROKEN))("--broken %s changes what there is", (kind) => {
  for (const [file, change] of Object.entries(breakSource(kind))) {
    const text = readFileSync(join(import.meta.dirname, "../..", file), "utf8");
    expect(change(text)).not.toBe(text);
  }
});
