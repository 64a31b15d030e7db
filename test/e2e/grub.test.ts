/**
 * Debian's GRUB, booted: what an old system's grub.cfg sets is in force when it sources ours, and nothing of it may
 * make GRUB wait for a person. A password: coreos/bugs#1597, rear/rear#703, CISOfy/lynis#1422, Antynea/grub-btrfs#95.
 */
import { describe, expect, test } from "vitest";
import { booted, OLD, OPTIONS, start } from "./grub-lab.ts";

const PASSWORD = 'set superusers="admin"\npassword admin secret';
const ASKS = /Enter username: $/;

describe("a password of GRUB's", () => {
  test("is not asked for: the trial boots, then the confirmed slot", async () => {
    const grub = await start({ env: { slot: "a", trial: "b", tries: 1 }, sets: PASSWORD });
    const text = await grub.until(booted("a"));
    expect(text).not.toMatch(/Enter username/);
    // the trial first; what its options hold arrives as it is
    expect(text.split("BOOT_IMAGE=")[1]).toMatch(/ pine\.slot=b pine\.trial=1/);
    expect(text).toContain(`${OPTIONS} pine.slot=b pine.trial=1`);
    expect(await grub.read("/boot/grub/pine/env")).toMatch(/^pine_slot=a\npine_trial=b\npine_tries=0\npine_boots=1\n/m);
  });

  test("would be asked for by an entry that is not open to all, for ever", async () => {
    const pine = (text: string) => text.replace(' --unrestricted "$s"', ' "$s"');
    const grub = await start({ env: { trial: "a", tries: 1 }, sets: PASSWORD, pine });
    expect(await grub.until(ASKS)).not.toMatch(/BOOT_IMAGE/);
  });

  test("is asked for by who wants to change an entry of ours", async () => {
    const grub = await start({ env: { trial: "a", tries: 1 }, sets: PASSWORD, timeout: "30" });
    await grub.until(/\*Pine a \[a, on trial.*executed automatically/);
    grub.type("e");
    await grub.until(ASKS);
    expect(grub.said()).not.toMatch(/setparams|BOOT_IMAGE/);
  });
});

describe("of the old grub.cfg", () => {
  test("a countdown without an end, a very long one and none get one of 3 s", async () => {
    const values = ["-1", "-2", '""', "soon", "86400", "0", "60", "5"];
    const tried = values.map((value) => {
      const own = `set timeout=${value}\nset timeout_style=hidden\nsource $config_directory/custom.cfg\n`;
      return `${own}echo "[${value.replaceAll('"', "")}] becomes $timeout $timeout_style."`;
    });
    // and no pager comes by ours
    const more = [...Array.from({ length: 30 }, (_, n) => `echo line ${n}`), "echo the end\n"];
    const grub = await start({ env: {}, sets: ["unset timeout", ...tried, ...more].join("\n") });
    const text = (await grub.until(/line 29 the end/)).split("BOOT_IMAGE=")[0]!;
    const becomes = [...text.matchAll(/\[([^\]]*)\] becomes (\S+) (\w+)\./g)].map((m) => m.slice(1));
    const [menu, hidden] = ["menu", "hidden"];
    expect(becomes).toEqual([
      ...["-1", "-2", "", "soon", "86400", "0"].map((value) => [value, "3", menu]),
      ["60", "60", hidden],
      ["5", "5", hidden],
    ]);
    expect(text).not.toMatch(/error/);
  });

  test("a pager waits for nobody, and is still on in the old system's entry", async () => {
    // the next line is one too many for 24
    const lines = Array.from({ length: 21 }, (_, n) => `echo line ${n}`).join("\n");
    const grub = await start({ env: { trial: "a", tries: 1 }, sets: `set pager=1\n${lines}` });
    const text = await grub.until(OLD);
    expect(text).toMatch(booted("a"));
    expect(text).toMatch(/pager=1/);
    expect(text).not.toMatch(/MORE/);
  });

  test("a fallback, a last choice, another root and a graphical terminal do not matter", async () => {
    const sets =
      "set fallback=0\nset next_entry=0\nset saved_entry=Debian\nset root=hd9\nset timeout_style=hidden\nset gfxmode=auto\ninsmod gfxterm\nterminal_output --append gfxterm";
    const grub = await start({ env: { slot: "b", trial: "a", tries: 1 }, sets, broken: ["a"] });
    const text = await grub.until(booted("b"));
    expect(text).toMatch(/slot a cannot be booted/);
    expect(text).not.toMatch(/old=1/);
  });
});

test("ours lies beside the grub.cfg that is read, also where GRUB's prefix is elsewhere (PvGrub2, linode/docs#135)", async () => {
  const grub = await start({
    env: { slot: "b", trial: "a", tries: 1 },
    broken: ["a"],
    more: { prefix: "/elsewhere" },
  });
  const text = await grub.until(booted("b"));
  expect(text).toMatch(/slot a cannot be booted.*\*Pine b \[b, confirmed\]/);
});

test("a count that is written and does not read back is no trial, and so no loop: the confirmed slot boots", async () => {
  // a disk that says it has what it has not, as far as GRUB sees
  const pine = (text: string) => text.replaceAll("save_env --file", "true ");
  const grub = await start({ env: { slot: "a", trial: "b", tries: 2 }, pine });
  const text = await grub.until(booted("a"));
  expect(text.split("BOOT_IMAGE=")[1]).toMatch(/ pine\.slot=a/);
  expect(text).not.toContain("pine.trial=1");
});
