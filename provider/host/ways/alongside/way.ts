/** Beside the old system, on its root filesystem; the old system's GRUB boots it. Pure. */
import { besideNotes, besideSteps } from "../../plan/beside.ts";
import type { WayIn } from "../../plan/way.ts";
import { ALONGSIDE } from "./refusals.ts";
import { besideWords } from "./words.ts";

export const alongside: WayIn = {
  refusals: ALONGSIDE,
  machine: true,
  drives: "beside",
  method: "alongside",
  steps: (taken) => besideSteps("machine", taken),
  words: besideWords,
  notes: besideNotes,
};
