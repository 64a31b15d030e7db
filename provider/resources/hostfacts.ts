/** Not written yet. */
import { die } from "../errors.ts";
import type { Invoke } from "../resource.ts";

export const getHostFacts: Invoke = async () => die("getHostFacts: not written yet");
