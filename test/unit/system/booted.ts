import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { envBlock } from "../../../provider/boot/state.ts";
import type { Sysroot } from "./sysroot-tools.ts";

/** Writes as the boot loader does when it boots a trial. `stage`: "" where it could not load it. */
export function booted(s: Sysroot, stage = "loaded"): void {
  const block = envBlock({ ...s.env, tries: 0 })
    .toString()
    .replace(/#+$/, "");
  const line = stage ? `pine_stage=${stage}\n` : "";
  writeFileSync(join(s.slots, "env"), `${block}${line}`.padEnd(1024, "#"));
}
