/** QEMU of this machine. It is no part of the toolbox: who never asks for what needs it never installs it. */
import { constants } from "node:fs";
import { delimiter, join } from "node:path";
import { die } from "../errors.ts";
import { accessible } from "./files.ts";

export const QEMU = "qemu-system-x86_64";

/** Dies where this machine has no QEMU. `why`: begins with the property; `instead`: what else a person can do. */
export async function needQemu(why: string, instead: string, path = process.env.PATH ?? ""): Promise<void> {
  for (const dir of path.split(delimiter).filter(Boolean))
    if (await accessible(join(dir, QEMU), constants.X_OK)) return;
  die(
    `${why}, and this machine has no ${QEMU}`,
    `install it (package qemu-system-x86 of Debian, qemu-system-x86_64 of Alpine), or ${instead}`,
  );
}
