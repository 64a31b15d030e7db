/** Which steps an update takes on a server that runs Pine, and how a preview tells them in one line. Pure. */
import type { SlotName } from "../../../boot/slot.ts";
import { humanBytes, short } from "../../../words.ts";
import { REHEARSED } from "../../plan/rehearsal.ts";
import { type Place, restartsOf, type Step, type StepOf } from "../../plan/steps.ts";
import { count } from "../../plan/words.ts";

/** A server that runs Pine, and what the inputs want of it. */
export interface Wanted {
  /** The commit that runs, and its slot. */
  runs: string;
  slot: SlotName;
  /** A slot that somebody armed and nobody booted. */
  armed: boolean;
  place: Place;
  watchdog: boolean;
  /** "" while it is not known. */
  commit: string;
  /** What needs a deployment although the commit runs: "name"; absent: nothing. */
  changed?: string;
  /** A reinstall: always a new deployment, with an /etc of its own. */
  fresh: boolean;
  /** How a resource without an installation found this one; absent: the installation is its own. */
  found?: "cut-off" | "running";
  /** The record on the server names something else than this resource. */
  foreign: boolean;
  /** Root's authorized_keys from now on; absent: unchanged. */
  keys?: string[];
  /** The group of its reboot lock: joined, or left; absent: none. */
  lock?: { group: string; leaves: boolean };
  /** Bytes of the delta; absent: not known yet. */
  bytes?: number;
  /** Seconds. */
  deadman: number;
  /** What finalize erases, in words; absent: nothing. */
  removes?: string;
  /** The rehearsal of what is deployed; absent: none. */
  rehearse?: StepOf<"rehearse">;
}

export function updateSteps(w: Wanted): Step[] {
  const same = w.runs === w.commit;
  const slot = w.slot === "a" ? "b" : "a";
  const { fresh, changed, deadman, place, watchdog } = w;
  const sending = same ? { sendBytes: 0, about: false } : { sendBytes: w.bytes, about: false };
  const deploys = !same || fresh || changed !== undefined;
  return [
    ...(deploys && w.rehearse ? [w.rehearse] : []),
    ...(same ? [] : [{ do: "check-signature" } as const]),
    ...(w.armed ? [{ do: "disarm" } as const] : []),
    ...(w.foreign || w.found ? [{ do: "take-over", fresh, found: w.found } as const] : []),
    { do: "write-files", keys: w.keys },
    ...(w.lock ? [{ do: "reboot-lock", ...w.lock } as const] : []),
    ...(deploys
      ? ([
          { do: "update", from: w.runs, to: w.commit, slot, fresh, changed, ...sending },
          { do: "trial", place, slot, deadman, watchdog },
        ] as const)
      : [{ do: "keep-running", commit: w.runs } as const]),
    ...(w.removes === undefined ? [] : [{ do: "remove-old", erases: w.removes } as const]),
  ];
}

const FOUND = {
  "cut-off": "takes over what a run that was cut off left: ",
  running: "takes over the Pine that runs here: ",
} as const;
const SAFETY = "rolls back by itself unless it comes up healthy; /var is shared and is not rolled back";

function sendText({ from, to, sendBytes }: StepOf<"update">): string {
  if (from === to) return "nothing to send";
  const known = sendBytes === undefined ? "its size is known once the commit is built" : undefined;
  return known ? `send a delta (${known})` : `send a delta of ${humanBytes(sendBytes!)}`;
}

function deploymentText(step: StepOf<"update">, restarts: string): string {
  const { from, to, slot, fresh, changed } = step;
  if (fresh)
    return `reinstall of Pine, which runs here (commit ${short(from)}): ${sendText(step)}, a new deployment in slot ${slot} whose /etc is the image's, ${restarts}; keeps /var, name, network and keys; ${SAFETY}; to take it over as it is: pulumi import`;
  if (from === to)
    return `new ${changed} for commit ${short(from)}: deployed into slot ${slot}, ${restarts}; ${SAFETY}`;
  return `update ${short(from)} => ${to ? short(to) : "the new commit"}: ${sendText(step)}, slot ${slot}, ${restarts}; ${SAFETY}`;
}

/** The one line of a preview. */
export function updateLine(steps: readonly Step[]): string {
  const restarts = count(restartsOf(steps), "reboot");
  const fresh = steps.some((step) => step.do === "update" && step.fresh);
  return steps
    .map((step) => {
      switch (step.do) {
        case "take-over":
          return step.found && !fresh ? FOUND[step.found] : "";
        case "rehearse":
          return `${REHEARSED}; `;
        case "update":
          return deploymentText(step, restarts);
        case "trial": {
          const lock = steps.find((one): one is StepOf<"reboot-lock"> => one.do === "reboot-lock" && !one.leaves);
          return lock ? `; when it is its turn in group ${lock.group}` : "";
        }
        case "keep-running":
          return `commit ${short(step.commit)} runs already: keys and files are written, no reboot`;
        case "remove-old":
          return `; then removes ${step.erases} for good`;
        default:
          return "";
      }
    })
    .join("");
}

/** The line for a trial that the server judges itself. */
export const ownTrialLine = (commit: string) =>
  `the server tries commit ${short(commit)} by itself and judges it by its own health checks: run it again when it has`;

/** The line for an unconfirmed trial that runs. `back`: the confirmed slot, or the old system's name. */
export const unconfirmedLine = (slot: SlotName | undefined, old = "the old system") =>
  `an unconfirmed trial runs: 1 reboot back to ${slot ? `slot ${slot}` : old}, and then ${slot ? "an update" : "an install"} as if it had not happened`;
