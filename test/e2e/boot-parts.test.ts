/** Every fault of boot parts, and of what GRUB reads beside them, in Debian's GRUB (fleet.md, rows 75 to 80). */
import { describe, expect, test } from "vitest";
import { envBlock } from "../../provider/boot/state.ts";
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

// meta-balena#2350, #2351, #1380: keys of a later version are nobody's business here, and GRUB keeps them
test("a state that has more to say is read all the same", async () => {
  const state = envBlock({ ...TRIAL, slot: "a" })
    .toString()
    .replace(/#+$/, "");
  const env = Buffer.from(
    `${state.replace("pine_trial=", "pine_later=a=b c\npine_trial=")}pine_more=1\n`.padEnd(1024, "#"),
  );
  const grub = await start({ env, parts: { a: version(1), b: version(2) } });
  const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
  expect(boots(text)[0]).toMatch("pine.slot=b pine.trial=1");
  expect(await grub.read("/boot/grub/pine/env")).toMatch(
    /^pine_later=a=b c\n(.*\n)*pine_tries=0\n(.*\n)*pine_more=1\n/m,
  );
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
