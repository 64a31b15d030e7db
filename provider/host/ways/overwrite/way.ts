/** Over the whole disk, from a system in RAM. Pure. */
import { bootNotes, firmwareRefusal } from "../../plan/boot.ts";
import type { WayIn } from "../../plan/way.ts";
import { firmwareNotes } from "./firmware.ts";
import { overwriteBytes, stepsInRam } from "./plan.ts";
import { OVERWRITE } from "./refusals.ts";
import { overwriteWords } from "./words.ts";

export const overwrite: WayIn = {
  refusals: [firmwareRefusal, ...OVERWRITE],
  machine: true,
  drives: "over",
  method: "overwrite",
  steps: ({ facts, image }) => [
    { do: "check-signature" },
    { do: "enter-ram", sendBytes: overwriteBytes(image), about: image.about },
    ...stepsInRam(facts.watchdog),
  ],
  words: overwriteWords,
  notes: ({ facts }, inputs) => [...firmwareNotes(facts, inputs), ...bootNotes(facts, true)],
};
