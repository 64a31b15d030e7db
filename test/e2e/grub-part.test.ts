/**
 * Boot parts, booted by Debian's GRUB: each slot is started by the part that came with its commit; a faulty one goes
 * back with its trial; what is damaged leads to a system that was confirmed. One fault of each kind: all of them are in
 * boot-parts.test.ts.
 */
import { expect, test } from "vitest";
import { booted, partOf, start } from "./grub-lab.ts";
import {
  BLOCKS,
  boots,
  bootsByTheStub,
  DAMAGED,
  FAULTS,
  goesBack,
  leadsToConfirmed,
  TRIAL,
  version,
} from "./grub-parts.ts";

test("a trial is started by its own boot part, and the confirmed slot by the one that was confirmed with it", async () => {
  const grub = await start({ env: TRIAL, parts: { a: version(1), b: version(2) } });
  const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
  expect(text).toMatch(/boot part 2.*boot part 1/);
  const [trial, confirmed] = boots(text);
  expect(trial).toMatch(`pine.slot=b pine.trial=1 pine.stub=1 pine.part=${partOf("b")}`);
  expect(confirmed).toMatch(`pine.slot=a pine.stub=1 pine.part=${partOf("a")}`);
  // so that whoever finds the server back knows that there was a kernel to start
  expect(await grub.read("/boot/grub/pine/env")).toMatch(/^pine_tries=0\n(.*\n)*pine_stage=loaded\n/m);
});

test("a trial whose boot part is cut off goes back to the slot and the part that were confirmed", () =>
  goesBack(FAULTS["is cut off in an `if`"]!));

test("a confirmed slot boots by the stub where its part is cut off", () => bootsByTheStub(DAMAGED["cut off"]!));

test("an environment block that is zeroed leads to the slot that confirmed.cfg names", () =>
  leadsToConfirmed(BLOCKS["zeroed"]));
