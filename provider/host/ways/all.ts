/** All ways into a server. Pure. */
import type { Way } from "../plan/types.ts";
import type { WayIn } from "../plan/way.ts";
import { alongside } from "./alongside/way.ts";
import { container } from "./container/way.ts";
import { overwrite } from "./overwrite/way.ts";
import { update } from "./update/way.ts";

/** An overwrite that goes on in its RAM system is planned by itself (overwrite/begun.ts). */
export type Chosen = Exclude<Way, "begun">;

export const WAYS: Record<Chosen, WayIn> = { alongside, container, overwrite, update };
