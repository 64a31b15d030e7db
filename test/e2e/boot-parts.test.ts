/** Every fault of boot parts, and of what GRUB reads beside them, in Debian's GRUB (fleet.md, rows 75 to 80). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { envBlock } from "../../provider/boot/state.ts";
import { run } from "../../provider/local/run.ts";
import { booted, OLD, partOf, start, uuid } from "./grub-lab.ts";
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

describe("a trial with another boot part", () => {
  test.each(Object.entries(FAULTS))("whose part %s goes back to what was confirmed", (_, b) => goesBack(b));

  test("may start a GRUB of its own, with a configuration of its own", async () => {
    const work = mkdtempSync(join(tmpdir(), "pine-core-"));
    try {
      const early = [
        `search --no-floppy --fs-uuid --set=root ${uuid}`,
        "set prefix=($root)/boot/grub",
        `normal ($root)/boot/grub/pine/${partOf("b")}/own.cfg`,
      ];
      writeFileSync(join(work, "early.cfg"), `${early.join("\n")}\n`);
      const GRUB = "/usr/lib/grub/i386-pc";
      const modules = "biosdisk ext2 search search_fs_uuid normal echo loadenv linux test serial".split(" ");
      await run("grub-mkimage", [
        ...["-O", "i386-pc", "-d", GRUB, "-p", "/boot/grub", "-c", join(work, "early.cfg"), "-o", join(work, "core")],
        ...modules,
      ]);
      const core = Buffer.concat([readFileSync(join(GRUB, "lnxboot.img")), readFileSync(join(work, "core"))]);
      const part = [
        "set pine_chosen=b$pine_extra",
        "save_env --file $pine_dir/env pine_chosen",
        'if linux16 "$pine_folder/core"; then',
        "  pine_start",
        "fi\n",
      ];
      const own = [
        "serial --unit=0 --speed=115200",
        "terminal_output serial",
        "load_env --file ($root)/boot/grub/pine/env pine_chosen",
        "echo own GRUB for $pine_chosen",
        "source ($root)/boot/grub/pine/b.cfg",
        "linux ($root)$pine_linux $pine_options pine.slot=b pine.trial=1 pine.core=2",
        "initrd ($root)$pine_initrd",
        "boot\n",
      ];
      const b = { "grub.cfg": part.join("\n"), "own.cfg": own.join("\n"), core };
      const grub = await start({ env: TRIAL, parts: { a: version(1), b } });
      const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
      expect(text).toMatch(/own GRUB for bpine\.trial=1/);
      expect(boots(text)[0]).toMatch("pine.slot=b pine.trial=1 pine.core=2");
      expect(boots(text)[1]).toMatch(`pine.part=${partOf("a")}`);
    } finally {
      rmSync(work, { recursive: true });
    }
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
