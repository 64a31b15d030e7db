/** Not written yet. */
import { die } from "../errors.ts";
import type { Invoke } from "../resource.ts";

export const resolvePackages: Invoke = async () => die("resolvePackages: not written yet");
