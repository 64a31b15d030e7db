/** Another deployment on a server that runs Pine. Pure. */
import type { WayIn } from "../../plan/way.ts";
import { besideWords } from "../alongside/words.ts";
import { UPDATE } from "./refusals.ts";

export const update: WayIn = {
  refusals: UPDATE,
  machine: false,
  drives: "beside",
  // planned from what lies on the server (resources/hijack/plan/update.ts); until then it is told like an installation
  steps: () => [],
  words: besideWords,
  notes: () => [],
};
