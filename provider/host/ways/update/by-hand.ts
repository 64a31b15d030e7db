/** What a person on the server said against an update: a hold, a rollback. Pure. */

import { short } from "../../../words.ts";
import type { PineFacts } from "../../facts/types/pine.ts";
import { type Refusal, refusal } from "../../refusal.ts";

type Hold = NonNullable<PineFacts["hold"]>;

/** Who holds a server, since when and why. */
export const heldText = ({ since, by, reason }: Hold) =>
  `held${since && ` since ${since}`}${by && ` by ${by}`}${reason && `: ${reason}`}`;

export const heldRefusal = (hold: Hold): Refusal =>
  refusal("held", `the server is ${heldText(hold)}`, "run `pine unhold` on the server when an update may reboot it");

const rollback = ({ refused }: PineFacts, commit: string) =>
  refused?.find((one) => one.kind === "person" && one.commit === commit);

/**
 * Why a person on the server does not want the reboot into a commit; undefined: nothing speaks against it. `insisted`:
 * the program asks for the same commit once more (its triggers changed).
 */
export function byHandRefusal(pine: PineFacts, commit: string, insisted: boolean): Refusal | undefined {
  const { hold } = pine;
  if (hold) return heldRefusal(hold);
  const back = insisted ? undefined : rollback(pine, commit);
  return (
    back &&
    refusal(
      "rolled-back",
      `commit ${short(commit)} was rolled back by hand on the server at ${back.since}: ${back.reason}`,
      `deploy another commit, run \`pine unhold ${short(commit)}\` on the server, or change \`triggers\` to boot it again`,
    )
  );
}

/** The same for a refresh, which only tells. `booted`: the commit that was deployed last. */
export function byHandNotes(pine: PineFacts, booted: string | undefined): string[] {
  const { hold, wentWithoutLock: without } = pine;
  const back = booted === undefined ? undefined : rollback(pine, booted);
  return [
    ...(hold ? [`${heldText(hold)}; no update reboots it until \`pine unhold\``] : []),
    ...(without
      ? [`it went without the reboot lock at ${without.since}, into commit ${short(without.commit)}: ${without.reason}`]
      : []),
    ...(back ? [`commit ${short(back.commit)} was rolled back by hand at ${back.since}: ${back.reason}`] : []),
  ];
}
