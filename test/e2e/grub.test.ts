/**
 * Debian's GRUB, booted: what an old system's grub.cfg sets is in force when it sources ours, and nothing of it may
 * make GRUB wait for a person. A password: coreos/bugs#1597, rear/rear#703, CISOfy/lynis#1422, Antynea/grub-btrfs#95.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { slotFile } from "../../provider/boot/slot.ts";
import { type EnvState, envBlock } from "../../provider/boot/state.ts";
import { type GrubMachine, type GrubOptions, startGrub } from "../lab/grub/index.ts";
import { tinyKernel } from "../lab/grub/kernel.ts";

const uuid = "aaaaaaaa-2222-4333-8444-555555555555";
const scratch = mkdtempSync(join(tmpdir(), "pine-grub-"));
/** Every character that a slot's options may hold. */
const OPTIONS = "root=UUID=aaaa rw x=09AZ,.:;=+@%/~^()#_- quiet";
const PASSWORD = 'set superusers="admin"\npassword admin secret';

const machines: GrubMachine[] = [];
let count = 0;
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});
afterAll(() => rmSync(scratch, { recursive: true }));

interface Old {
  env: EnvState;
  /** What the old system's grub.cfg says before it sources custom.cfg. */
  sets?: string;
  timeout?: string;
  pine?: (text: string) => string;
  /** Slots whose kernel is not there. */
  broken?: string[];
  more?: Partial<GrubOptions>;
}

/** A server with an old system, and a slot a and b beside it. */
async function start({ env, sets = "", timeout = "1", pine = (t) => t, broken = [], more }: Old): Promise<GrubMachine> {
  const slot = (name: string) =>
    slotFile({
      title: `Pine ${name}`,
      uuid,
      options: OPTIONS,
      initrd: "/boot/ostree/initrd",
      linux: broken.includes(name) ? "/boot/ostree/nowhere" : "/boot/ostree/vmlinuz",
    });
  const old = [
    "serial --unit=0 --speed=115200\nterminal_input serial console\nterminal_output serial",
    `set timeout=${timeout}\nset default=0\n${sets}`,
    "menuentry Debian --unrestricted {\n echo pager=$pager\n linux (hd0)/boot/vmlinuz old=1\n}",
    // as Debian's 41_custom has it
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: GRUB's own
    "if [ -f  ${config_directory}/custom.cfg ]; then\n  source ${config_directory}/custom.cfg",
    'elif [ -z "${config_directory}" -a -f  $prefix/custom.cfg ]; then\n  source $prefix/custom.cfg;\nfi\n',
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: GRUB's own
  ];
  const machine = await startGrub({
    dir: join(scratch, String(++count)),
    uuid,
    files: {
      "boot/vmlinuz": tinyKernel(),
      "boot/ostree/vmlinuz": tinyKernel(),
      "boot/ostree/initrd": "initrd",
      "boot/grub/grub.cfg": old.join("\n"),
      "boot/grub/custom.cfg": assetText("system/grub/custom.cfg"),
      "boot/grub/pine/grub.cfg": pine(assetText("system/grub/pine.cfg")),
      "boot/grub/pine/a.cfg": slot("a"),
      "boot/grub/pine/b.cfg": slot("b"),
      "boot/grub/pine/env": envBlock(env),
    },
    ...more,
  });
  machines.push(machine);
  return machine;
}

const booted = (slot: string) => new RegExp(`/boot/ostree/vmlinuz \\S+ .*quiet pine\\.slot=${slot}`);
const OLD = /\/boot\/vmlinuz old=1/;
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
