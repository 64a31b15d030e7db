/** Which steps an update takes, and the one line that a preview makes of them. */
import { describe, expect, it } from "vitest";
import type { Step } from "../../../../../provider/host/plan/steps.ts";
import {
  unconfirmedLine,
  updateLine,
  updateSteps,
  type Wanted,
} from "../../../../../provider/host/ways/update/steps.ts";

const [runs, next] = ["a".repeat(64), "b".repeat(64)];
const wanted = (change: Partial<Wanted> = {}): Wanted => ({
  runs,
  slot: "a",
  armed: false,
  place: "machine",
  watchdog: true,
  commit: next,
  fresh: false,
  foreign: false,
  bytes: 45_276,
  deadman: 300,
  ...change,
});
const kinds = (steps: Step[]) => steps.map((step) => step.do).join(" ");
const SAFETY = "rolls back by itself unless it comes up healthy; /var is shared and is not rolled back";

it.each<[string, Partial<Wanted>, string, string]>([
  [
    "another commit",
    {},
    "check-signature write-files update trial",
    `update aaaaaaaaaaaa => bbbbbbbbbbbb: send a delta of 45 kB, slot b, 1 reboot; ${SAFETY}`,
  ],
  [
    "a commit that is not known yet",
    { commit: "", bytes: undefined },
    "check-signature write-files update trial",
    `update aaaaaaaaaaaa => the new commit: send a delta (its size is known once the commit is built), slot b, 1 reboot; ${SAFETY}`,
  ],
  [
    "what runs already",
    { commit: runs },
    "write-files keep-running",
    "commit aaaaaaaaaaaa runs already: keys and files are written, no reboot",
  ],
  [
    "another name for what runs",
    { commit: runs, changed: "name", slot: "b" },
    "write-files update trial",
    `new name for commit aaaaaaaaaaaa: deployed into slot a, 1 reboot; ${SAFETY}`,
  ],
  [
    "what a run that was cut off left",
    { commit: runs, found: "cut-off", foreign: true },
    "take-over write-files keep-running",
    "takes over what a run that was cut off left: commit aaaaaaaaaaaa runs already: keys and files are written, no reboot",
  ],
  [
    "a Pine that an image brought",
    { found: "running", foreign: true },
    "check-signature take-over write-files update trial",
    `takes over the Pine that runs here: update aaaaaaaaaaaa => bbbbbbbbbbbb: send a delta of 45 kB, slot b, 1 reboot; ${SAFETY}`,
  ],
  [
    "a reinstall",
    { commit: runs, fresh: true, found: "cut-off", foreign: true },
    "take-over write-files update trial",
    `reinstall of Pine, which runs here (commit aaaaaaaaaaaa): nothing to send, a new deployment in slot b whose /etc is the image's, 1 reboot; keeps /var, name, network and keys; ${SAFETY}; to take it over as it is: pulumi import`,
  ],
  [
    "a server of a group: it joins before anything reboots",
    { lock: { group: "web", leaves: false } },
    "check-signature write-files reboot-lock update trial",
    `update aaaaaaaaaaaa => bbbbbbbbbbbb: send a delta of 45 kB, slot b, 1 reboot; ${SAFETY}; when it is its turn in group web`,
  ],
  [
    "one that is none of its group any more",
    { commit: runs, lock: { group: "web", leaves: true } },
    "write-files reboot-lock keep-running",
    "commit aaaaaaaaaaaa runs already: keys and files are written, no reboot",
  ],
  [
    "a slot that somebody armed, and another name of the stack",
    { armed: true, foreign: true },
    "check-signature disarm take-over write-files update trial",
    `update aaaaaaaaaaaa => bbbbbbbbbbbb: send a delta of 45 kB, slot b, 1 reboot; ${SAFETY}`,
  ],
  [
    "an old system that finalize removes",
    { commit: runs, removes: "Debian 12 (bookworm)" },
    "write-files keep-running remove-old",
    "commit aaaaaaaaaaaa runs already: keys and files are written, no reboot; then removes Debian 12 (bookworm) for good",
  ],
])("%s", (_, change, steps, line) => {
  const made = updateSteps(wanted(change));
  expect([kinds(made), updateLine(made)]).toEqual([steps, line]);
});

describe("nothing of a stranger is written", () => {
  it.each<Partial<Wanted>>([{}, { armed: true }, { foreign: true }, { found: "running", foreign: true }])("%j", (w) => {
    const [first] = updateSteps(wanted(w));
    expect(first).toEqual({ do: "check-signature" });
  });
});

it("a trial that nobody confirmed", () => {
  const then = "as if it had not happened";
  expect([unconfirmedLine("a"), unconfirmedLine(undefined, "Debian 12")]).toEqual([
    `an unconfirmed trial runs: 1 reboot back to slot a, and then an update ${then}`,
    `an unconfirmed trial runs: 1 reboot back to Debian 12, and then an install ${then}`,
  ]);
});
