/** Faults of boot parts and of what GRUB reads beside them, and what each must lead to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { type EnvState, envBlock } from "../../provider/boot/state.ts";
import { makeCore } from "../lab/grub/index.ts";
import { booted, OLD, partOf, start, uuid } from "./grub-lab.ts";

const PART = assetText("system/rootfs/usr/lib/pine/boot/grub.cfg");
/** A part that says which it is. */
export const version = (n: number) => ({ "grub.cfg": `echo boot part ${n}\n${PART}` });
export const TRIAL: EnvState = { slot: "a", trial: "b", tries: 1 };
/** Boots one after the other, as their kernels say them. */
export const boots = (text: string) => text.split("BOOT_IMAGE=").slice(1);

const whole = version(2)["grub.cfg"];
/** Files of a part on trial that cannot start its slot. */
export const FAULTS: Record<string, Record<string, string>> = {
  "is empty": { "grub.cfg": "" },
  "is not there": { other: "" },
  "is cut off within a word": { "grub.cfg": whole.slice(0, whole.indexOf("linux ") + 3) },
  "is cut off in an `if`": { "grub.cfg": whole.slice(0, whole.lastIndexOf("initrd ")) },
  "is no GRUB script": { "grub.cfg": "\u007fELF\u0001\u0002 } { if fi" },
  "wants a command that this GRUB has not": { "grub.cfg": "if blscfg; then\n  pine_start\nfi\n" },
  "starts nothing that it loaded": { "grub.cfg": PART.replace(/^ *pine_start$/m, "true") },
  "names another kernel": { "grub.cfg": PART.replace('"$pine_linux"', '"$pine_linux-new"') },
  "starts before it loads": { "grub.cfg": `pine_start\n` },
  "resets the machine": { "grub.cfg": "reboot\n" },
  "forgets where it is": { "grub.cfg": "set pine_dir=\nset prefix=\nset root=\nset pine_linux=\n" },
};

/** A part of slot b that starts a GRUB of its own, which starts the slot. */
export async function ownGrub(firmware: "bios" | "uefi"): Promise<Record<string, string | Uint8Array>> {
  const early = [
    `search --no-floppy --fs-uuid --set=root ${uuid}`,
    "set prefix=($root)/boot/grub",
    `normal ($root)/boot/grub/pine/${partOf("b")}/own.cfg\n`,
  ].join("\n");
  const part = [
    "set pine_chosen=b$pine_extra",
    "save_env --file $pine_dir/env pine_chosen",
    `if ${firmware === "bios" ? "linux16" : "chainloader"} "$pine_folder/core"; then`,
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
  const work = mkdtempSync(join(tmpdir(), "pine-core-"));
  try {
    const modules = "ext2 search search_fs_uuid normal echo loadenv linux test serial".split(" ");
    const core = await makeCore(work, firmware, { early, modules, prefix: "/boot/grub" });
    return { "grub.cfg": part.join("\n"), "own.cfg": own.join("\n"), core };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The part is on trial: the slot and the part that were confirmed boot next, and nothing else. */
export async function goesBack(b: Record<string, string>): Promise<void> {
  const grub = await start({ env: TRIAL, parts: { a: version(1), b } });
  // a line may come in pieces
  const text = await grub.until(new RegExp(`${booted("a").source}.* pine\\.part=${partOf("a")}`));
  expect(boots(text)).toHaveLength(1);
  expect(text).toMatch(/boot part 1/);
  expect(await grub.read("/boot/grub/pine/env")).toMatch(/^pine_slot=a\npine_trial=b\npine_tries=0\n/m);
}

/** What may have become of the part of the confirmed slot. */
export const DAMAGED: Record<string, Record<string, string>> = {
  gone: {},
  "cut off": { "grub.cfg": PART.slice(0, PART.lastIndexOf("initrd ")) },
  "of another build": { "grub.cfg": "insmod ./normal.mod\nsymbol_not_found\n" },
};

/** The stub boots it, and its kernel's arguments name no part. */
export async function bootsByTheStub(a: Record<string, string>): Promise<void> {
  const grub = await start({ env: { slot: "a" }, parts: { a, b: version(2) } });
  // its whole line is there when the next boot begins
  const text = await grub.until(new RegExp(`${booted("a").source}.*pine: slot=`));
  expect(boots(text)[0]).toMatch(/pine\.slot=a pine\.stub=1/);
  expect(boots(text)[0]).not.toMatch(/pine\.part/);
  expect(text).not.toMatch(/boot part 2/);
}

/** What may have become of the environment block (meta-balena#3908, #3922, #2626). */
export const BLOCKS: Record<string, Uint8Array | "a folder" | undefined> = {
  zeroed: Buffer.alloc(1024),
  "cut to 512 bytes": Buffer.from(envBlock({ slot: "b" }).subarray(0, 512)),
  empty: Buffer.alloc(0),
  garbage: Buffer.alloc(1024, "x=1\n"),
  gone: undefined,
  "a folder": "a folder",
};

/** The slot boots that confirmed.cfg names. */
export async function leadsToConfirmed(env: Uint8Array | "a folder" | undefined): Promise<void> {
  const grub = await start({ env, confirmed: "b", parts: { a: version(1), b: version(2) } });
  const text = await grub.until(booted("b"));
  expect(text).not.toMatch(OLD);
  expect(boots(text)).toHaveLength(1);
}
