/** Which inputs only affect later operations, and which commits are not tried again. Pure. */
import { die } from "../../../errors.ts";
import { isUnreachable } from "../../../host/ssh/errors.ts";
import { diffInputs } from "../../../properties/diff.ts";
import { topOf } from "../../../properties/path.ts";
import { equalValues, type Props } from "../../../properties/values.ts";
import { followedCommit } from "../model/followed.ts";
import type { HijackInputs } from "../model/inputs.ts";
import { spread } from "../model/overwrite.ts";
import type { HijackState } from "../model/state.ts";

/** Inputs that only affect later operations. */
const POLICY = new Set([
  "onDestroy",
  "deleteData",
  "whenUnreachable",
  "trialTimeout",
  "healthChecks",
  "rehearse",
  "ignoreChecks",
  "erase",
  "image",
]);

/** Whether the server need not be asked, so that `whenUnreachable: forget` can be set for one that vanished. */
export function onlyPolicy(state: HijackState, oldInputs: Props, news: Props): boolean {
  const changed = Object.keys(diffInputs(spread(oldInputs), spread(news))).map(topOf);
  const settled =
    !state.unfinished &&
    (followedCommit(state, oldInputs, news) !== undefined || equalValues(news.commit, state.booted?.checksum));
  return (
    settled &&
    changed.length > 0 &&
    changed.every((key) => POLICY.has(key) || (key === "removeOldSystem" && news.removeOldSystem !== true))
  );
}

/**
 * Whether `whenUnreachable: forget` is new and the server does not answer: that gets into the state whatever else has
 * changed meanwhile, such as the commit that others pull.
 */
export const vanished = (error: unknown, oldInputs: Props, news: Props): boolean =>
  isUnreachable(error) && news.whenUnreachable === "forget" && oldInputs.whenUnreachable !== "forget";

/** Rule 9: a commit that failed on this server is not booted again until it or the triggers change. */
export function refuseKnownFailure(
  state: Pick<HijackState, "failed">,
  inputs: Pick<HijackInputs, "commit" | "attempt">,
): void {
  const { failed } = state;
  if (!failed?.givenUp || failed.checksum !== inputs.commit || failed.triggers !== inputs.attempt) return;
  die(
    `commit ${failed.checksum.slice(0, 12)} failed on this server before (${failed.reason}) and is not booted again`,
    "change what goes into the commit, its hostname, network, kernelArguments or healthChecks, or `triggers` to try the same once more",
  );
}
