/** bcachefs, of old systems only. */
import type { Filesystem } from "./filesystem.ts";

export const bcachefs: Filesystem = { name: "bcachefs", severalDevices: true };
