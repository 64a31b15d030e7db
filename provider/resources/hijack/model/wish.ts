/** What is asked for of a server, now and before. */
import type { HijackInputs } from "./inputs.ts";
import type { HijackState } from "./state.ts";

export interface Wish {
  inputs: HijackInputs;
  /** The inputs before. */
  before?: HijackInputs;
  /** Absent: the resource is being made. */
  state?: HijackState;
  /** The commit that the server went to by itself, which counts in the program's place. */
  followed?: string;
  /** The installation's id: the state's, or a new one. "" in the preview of a create. */
  id: string;
}
