/** Beside the old system of a container, whose manager starts our init. Pure. */
import { besideNotes, besideSteps } from "../../plan/beside.ts";
import type { WayIn } from "../../plan/way.ts";
import { CONTAINER } from "./refusals.ts";
import { containerWords } from "./words.ts";

export const container: WayIn = {
  refusals: CONTAINER,
  machine: false,
  method: "container",
  steps: (taken) => besideSteps("container", taken),
  words: containerWords,
  notes: besideNotes,
};
