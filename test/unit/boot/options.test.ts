import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { asset, assetText } from "../../../provider/assets.ts";
import { argumentsTooLong, kernelArgumentProblem, nextOptions } from "../../../provider/boot/arguments.ts";
import { containerOptions, slotOptions } from "../../../provider/boot/options.ts";
import { slotsConfig } from "../../../provider/boot/place.ts";
import { parseSlotFile, type Slot, slotFile, slotTitle } from "../../../provider/boot/slot.ts";
import { ENV_SIZE, type EnvState, envBlock, parseEnvBlock } from "../../../provider/boot/state.ts";

const checksum = "95209d263bebb433e951107ca2e434d96738433901ba02427d648eada18d99c2";
const rootUuid = "aaaaaaaa-2222-4333-8444-555555555555";
const boot = `/boot/ostree/pine-${"7".repeat(64)}`;
const slot = {
  title: "web 1.0.3 (Alpine Linux v3.23)",
  uuid: rootUuid,
  linux: `${boot}/vmlinuz-6.18.56-0-virt`,
  initrd: `${boot}/initramfs-6.18.56-0-virt.img`,
  options: slotOptions({
    rootUuid,
    checksum,
    serial: 0,
    console: ["tty0", "ttyS0,115200"],
    extra: ["mitigations=off"],
  }),
};

describe("slotOptions", () => {
  test("is what the README of provider/boot says", () => {
    expect(slot.options).toBe(
      `root=UUID=${rootUuid} rw quiet panic=10 oops=panic softlockup_panic=1 console=tty0 console=ttyS0,115200 ` +
        `mitigations=off pine.deadman=300 ostree=/ostree/deploy/pine/deploy/${checksum}.0`,
    );
    expect(slotOptions({ rootUuid, checksum, serial: 2, deadman: 60 })).toMatch(/ pine\.deadman=60 ostree=\S+\.2$/);
  });
  test.each([
    ["an unset root", { rootUuid: "" }, /UUID of a root filesystem/],
    ["a FAT serial", { rootUuid: "ABCD-1234" }, /UUID of a root filesystem/],
    ["a short checksum", { checksum: "95209d" }, /not an OSTree checksum/],
    ["a serial that is no number", { serial: Number.NaN }, /serial/],
    ["a console with an argument smuggled in", { console: ["tty0 init=/bin/sh"] }, /not a console/],
    ["two arguments in one", { extra: ["a=1 b=2"] }, /without spaces/],
    ["GRUB's variable", { extra: ["a=$prefix"] }, /GRUB would interpret/],
    ["another root", { extra: ["root=/dev/sda1"] }, /set by Pine/],
    ["our own arguments", { extra: ["pine.trial=1"] }, /set by Pine/],
  ])("refuses %s", (_, change, message) => {
    expect(() => slotOptions({ rootUuid, checksum, serial: 0, ...change })).toThrow(message);
  });
  test("names a /boot partition, and keeps it in the next slot", () => {
    const options = slotOptions({ rootUuid, bootUuid: "bbbbbbbb-2222-8333-8444-555555555555", checksum, serial: 0 });
    expect(options).toContain(" pine.boot=UUID=bbbbbbbb-2222-8333-8444-555555555555 pine.deadman=300 ");
    expect(nextOptions({ cmdline: options.split(" ") }, { remove: [], add: [], deadman: 60 })).toContain(
      " pine.boot=UUID=bbbbbbbb-",
    );
    expect(() => slotOptions({ rootUuid, bootUuid: "ABCD-1234", checksum, serial: 0 })).toThrow(/UUID of a \/boot/);
  });
  test("names another root type, and where the slots are when not there", () => {
    const slots = { type: "vfat", uuid: "5AFE-0EF1", path: "/EFI/pine" };
    const options = slotOptions({ rootUuid, checksum, serial: 0, rootType: "xfs", slots });
    expect(options).toMatch(
      /^root=UUID=\S+ rootfstype=xfs rw .* pine\.dir=vfat:UUID=5AFE-0EF1:\/EFI\/pine pine\.deadman=300 /,
    );
    expect(() => slotOptions({ rootUuid, checksum, serial: 0, slots: { ...slots, path: "/a b" } })).toThrow(/place/);
    expect(() => slotOptions({ rootUuid, checksum, serial: 0, rootType: "x fs" })).toThrow(/type of a filesystem/);
  });
  test("of the next slot are those of the running slot's file with other arguments", () => {
    // what was typed at GRUB's prompt once is not the slot's
    const typed = "single init=/bin/sh rd.break systemd.unit=rescue.target";
    const cmdline = `BOOT_IMAGE=(hd0,gpt2)${boot}/vmlinuz ${slot.options} ${typed} pine.slot=a pine.trial=1`.split(" ");
    const running = { options: slot.options.split(" "), cmdline };
    expect(nextOptions(running, { remove: [], add: ["mitigations=off"], deadman: 300 })).toBe(slot.options);
    expect(nextOptions(running, { remove: ["mitigations=off"], add: ["quiet2", "x=1"], deadman: 60 })).toBe(
      slot.options.replace("mitigations=off pine.deadman=300", "quiet2 x=1 pine.deadman=60"),
    );
    expect(() => nextOptions(running, { remove: [], add: ["a b"], deadman: 60 })).toThrow(/without spaces/);
    // without the file only what is ours
    expect(nextOptions({ cmdline }, { remove: [], add: ["mitigations=off"], deadman: 300 })).toBe(slot.options);
  });
  test.each(['x="', "x=$y", "x=\\", "x=`a`", "x=a\nb", "'x", "a=*"])("no next slot has %j", (word) => {
    const options = [...slot.options.split(" "), word];
    expect(() => nextOptions({ options, cmdline: [] }, { remove: [], add: [], deadman: 300 })).toThrow(/GRUB would/);
  });
  test("say beforehand what does not fit", () => {
    expect(argumentsTooLong(["x".repeat(1400)])).toBeUndefined();
    expect(argumentsTooLong(["x".repeat(1000), "y".repeat(400)])).toMatch(/1401 characters long, at most 1400 fit/);
    const longest = {
      rootUuid,
      bootUuid: rootUuid,
      rootType: "btrfs",
      slots: { type: "vfat", uuid: rootUuid, path: "/EFI/pine" },
    };
    expect(slotOptions({ ...longest, checksum, serial: 99, deadman: 3600 }).length).toBeLessThan(400);
  });
  test("names what is allowed of arguments", () => {
    expect(kernelArgumentProblem("net.ifnames=0")).toBeUndefined();
    expect(kernelArgumentProblem("rootflags=noatime")).toBeUndefined();
    expect(kernelArgumentProblem("ro*t")).toMatch(/GRUB/);
  });
});

describe("slot files", () => {
  test("come back as they were", () => expect(parseSlotFile(slotFile(slot))).toEqual(slot));
  test.each(['"', "\\", "$x", "`", "'", "\n", "*", "[a]", "é", "\0"])("refuse %j in a title", (bad) => {
    expect(() => slotFile({ ...slot, title: `web${bad}` })).toThrow(/GRUB would interpret/);
  });
  test("refuse what does not fit into the kernel's command line", () => {
    expect(() => slotFile({ ...slot, options: "x".repeat(1801) })).toThrow(/1800 fit/);
  });
  test("refuse a relative kernel", () => {
    expect(() => slotFile({ ...slot, linux: "vmlinuz" })).toThrow(/linux of a boot slot/);
  });
  test.each([
    ["nothing", ""],
    ["a cut file", slotFile(slot).slice(0, -20)],
    ["a line of something else", `${slotFile(slot)}linux /x\n`],
  ])("%s is no slot file", (_, text) => expect(parseSlotFile(text)).toBeUndefined());
});

describe("slot files of a container", () => {
  const own: Slot = {
    title: "web 1.0.3",
    uuid: "",
    linux: `${boot}/vmlinuz-0-container`,
    initrd: "",
    options: containerOptions({ checksum, serial: 0 }),
  };
  test("come back as they were, with the lines of what they have not", () => {
    expect(own.options).toBe(`ostree=/ostree/deploy/pine/deploy/${checksum}.0 pine.deadman=300`);
    expect(slotFile(own)).toMatch(/^set pine_uuid=""\n.*\nset pine_initrd=""$/m);
    expect(parseSlotFile(slotFile(own))).toEqual(own);
  });
  test.each([
    ["a machine's without a UUID", { ...slot, uuid: "" }, "uuid"],
    ["a machine's without an initramfs", { ...slot, initrd: "" }, "initrd"],
    ["a machine's without either", { ...slot, uuid: "", initrd: "" }, "uuid"],
    ["a container's with a UUID", { ...own, uuid: rootUuid }, "initrd"],
  ])("%s is refused", (_, wrong, key) => {
    expect(() => slotFile(wrong)).toThrow(new RegExp(`${key} of a boot slot`));
    const text = Object.entries(wrong).map(([key, value]) => `set pine_${key}="${value}"\n`);
    expect(parseSlotFile(text.join(""))).toBeUndefined();
  });
  test("which lost a line is no slot file", () => {
    expect(parseSlotFile(slotFile(own).replace(/^set pine_initrd.*\n/m, ""))).toBeUndefined();
  });
});

test("the menu names a version, or the commit, and the day", () => {
  const day = new Date("2026-11-28T23:59:59Z");
  const line = (version?: string) => slotFile({ ...slot, title: slotTitle(version, checksum, day) }).split("\n")[0];
  expect(line("1.0.3")).toBe('set pine_title="Pine 1.0.3, 2026-11-28"');
  expect(line()).toBe('set pine_title="Pine 95209d263beb, 2026-11-28"');
  expect(line('1$"x')).toBe('set pine_title="Pine 1__x, 2026-11-28"');
});

describe("environment block", () => {
  test.each<[EnvState]>([
    [{}],
    [{ slot: "a", boots: 0 }],
    [{ slot: "a", trial: "b", tries: 2, boots: 1 }],
    [{ trial: "a", tries: 1 }],
  ])("%j comes back, in 1024 bytes of which the second sector never varies", (state) => {
    const block = envBlock(state);
    expect(block.length).toBe(ENV_SIZE);
    expect(block.subarray(512).every((byte) => byte === 0x23)).toBe(true);
    expect(parseEnvBlock(block)).toEqual({
      slot: undefined,
      trial: undefined,
      tries: undefined,
      boots: undefined,
      ...state,
    });
  });
  test.each([
    ["a short block", envBlock({}).subarray(0, 512), /512 bytes/],
    ["zeros", Buffer.alloc(ENV_SIZE), /not a GRUB environment block/],
    ["another slot", Buffer.from(envBlock({ slot: "a" }).toString().replace("slot=a", "slot=c")), /pine_slot/],
  ])("refuses %s", (_, block, message) => expect(() => parseEnvBlock(block)).toThrow(message));
  test("refuses a count GRUB's if-chain does not know", () => expect(() => envBlock({ tries: 12 })).toThrow(/0 to 9/));
});

describe("custom.cfg", () => {
  const template = assetText("system/grub/custom.cfg");
  test("looks beside itself, or on the EFI system partition", () => {
    expect(slotsConfig(template, { type: "ext4", uuid: rootUuid, path: "/grub/pine" })).toBe(template);
    const lines = "search --no-floppy --fs-uuid --set=pine_esp 5AFE-0EF1\nset pine_dir=($pine_esp)/EFI/pine";
    for (const text of [template, assetText("system/grub/image.cfg")])
      expect(slotsConfig(text, { type: "vfat", uuid: "5AFE-0EF1", path: "/EFI/pine" })).toBe(
        text.replace(/\nfi\n(?=if \[ -f|source)/, () => `\nfi\n${lines}\n`),
      );
  });
});

describe("GRUB itself", () => {
  const dir = mkdtempSync(join(tmpdir(), "slots-"));
  const file = (content: string | Buffer) => {
    writeFileSync(join(dir, "f"), content);
    return join(dir, "f");
  };
  test.each(["custom.cfg", "image.cfg", "pine.cfg"])("takes %s as a script", (name) => {
    expect(spawnSync("grub-script-check", [asset("system/grub", name)]).status).toBe(0);
  });
  test("takes the slot file as a script", () => {
    expect(spawnSync("grub-script-check", [file(slotFile(slot))]).status).toBe(0);
    expect(spawnSync("grub-script-check", [file('set x="\nmenuentry {')]).status).not.toBe(0);
  });
  test("reads and writes the block", () => {
    const path = file(envBlock({ slot: "a", trial: "b", tries: 2, boots: 0 }));
    expect(execFileSync("grub-editenv", [path, "list"], { encoding: "utf8" })).toBe(
      "pine_slot=a\npine_trial=b\npine_tries=2\npine_boots=0\n",
    );
    execFileSync("grub-editenv", [path, "set", "pine_tries=1", "pine_boots=3"]);
    const written = execFileSync("cat", [path]);
    expect(parseEnvBlock(written)).toEqual({ slot: "a", trial: "b", tries: 1, boots: 3 });
    rmSync(dir, { recursive: true });
  });
});
