/** Every fault of boot parts, and of what GRUB reads beside them, in Debian's GRUB (fleet.md, rows 75 to 80). */
import { describe, expect, test } from "vitest";
import { booted, OLD, partOf, start } from "./grub-lab.ts";
import {
  BLOCKS,
  boots,
  bootsByTheStub,
  DAMAGED,
  FAULTS,
  goesBack,
  leadsToConfirmed,
  ownGrub,
  TRIAL,
  version,
} from "./grub-parts.ts";

describe("a trial with another boot part", () => {
  test.each(Object.entries(FAULTS))("whose part %s goes back to what was confirmed", (_, b) => goesBack(b));

  test.each(["bios", "uefi"] as const)(
    "may start a GRUB of its own, with a configuration of its own, by %s",
    async (firmware) => {
      const grub = await start({
        env: TRIAL,
        parts: { a: version(1), b: await ownGrub(firmware) },
        more: { firmware },
      });
      const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
      expect(text).toMatch(/own GRUB for bpine\.trial=1/);
      expect(boots(text)[0]).toMatch("pine.slot=b pine.trial=1 pine.core=2");
      expect(boots(text)[1]).toMatch(`pine.part=${partOf("a")}`);
    },
  );

  test.each(["bios", "uefi"] as const)("whose GRUB is none goes back, by %s", async (firmware) => {
    const b = { ...(await ownGrub(firmware)), core: Buffer.alloc(4096, "no core") };
    const grub = await start({ env: TRIAL, parts: { a: version(1), b }, more: { firmware } });
    const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
    expect(boots(text)).toHaveLength(1);
  });
});

describe("what was confirmed and is damaged", () => {
  test.each(Object.entries(DAMAGED))("boots by the stub where its part is %s", (_, a) => bootsByTheStub(a));

  test.each(Object.entries(BLOCKS))("an environment block that is %s leads to what confirmed.cfg names", (_, env) =>
    leadsToConfirmed(env),
  );

  test("and without confirmed.cfg to the old system; one that names a slot that is gone, to the other", async () => {
    const old = await start({ env: BLOCKS["zeroed"] });
    expect(boots(await old.until(OLD))).toHaveLength(1);
    const other = await start({ env: undefined, confirmed: "b", gone: ["b"] });
    await other.until(booted("a"));
  });

  test("no system is confirmed: a whole block says so, whatever confirmed.cfg names", async () => {
    const grub = await start({ env: {}, confirmed: "b" });
    expect(boots(await grub.until(OLD))).toHaveLength(1);
  });
});
