/** A server that went to a newer commit by itself: the program's is the least one then. Pure. */
import type { Facts } from "../../../host/facts/types/facts.ts";
import { aheadLine, pullsLine, wentTo } from "../../../host/updates/notes.ts";
import { equalValues, type Props, plain } from "../../../properties/values.ts";
import type { Call } from "../../../resource.ts";
import type { HijackState } from "./state.ts";
import type { Wish } from "./wish.ts";

/** Whether only the server itself brings another commit (`updates.pullOnly`). */
export const pullsOnly = ({ updates }: Props): boolean =>
  (plain(updates) as { pullOnly?: unknown } | undefined | null)?.pullOnly === true;

/**
 * The commit that counts in the program's place; undefined: the program's own does. It counts while the program stays
 * at the commit that the server left by itself (zincati#671, rpm-ostree#4519).
 */
export function followedCommit(
  state: Pick<HijackState, "booted" | "followed"> | undefined,
  oldInputs: Props,
  news: Props,
): string | undefined {
  const runs = state?.booted?.checksum;
  if (runs && pullsOnly(news)) return equalValues(oldInputs.triggers ?? [], news.triggers ?? []) ? runs : undefined;
  if (!runs || state.followed !== runs || news.updates === undefined) return undefined;
  return equalValues(oldInputs.commit, news.commit) && equalValues(oldInputs.triggers ?? [], news.triggers ?? [])
    ? runs
    : undefined;
}

/** The wish for a server that went ahead of a program that stays where it is: what runs there is wanted. */
export function following(wish: Wish, { pine }: Pick<Facts, "pine">, call: Pick<Call, "info">): Wish {
  const { inputs, before } = wish;
  if (inputs.updates?.pullOnly && before) return pulling(wish, pine, call);
  const went = wentTo(pine);
  const stays = before?.commit === inputs.commit && before.attempt === inputs.attempt;
  if (!went || !inputs.updates || !stays || went.checksum === inputs.commit) return wish;
  call.info(aheadLine(went, { checksum: inputs.commit }));
  return { ...wish, inputs: { ...inputs, commit: went.checksum }, followed: went.checksum };
}

/** The wish for a server that only itself brings to another commit: what runs is wanted, until somebody insists. */
function pulling(wish: Wish, pine: Facts["pine"], call: Pick<Call, "info">): Wish {
  const { inputs, before } = wish;
  const runs = pine.deployment?.split(".")[0];
  const insists = !equalValues(before?.triggers ?? [], inputs.triggers);
  if (!runs || pine.runningSlot === undefined || insists || runs === inputs.commit) return wish;
  if (inputs.commit) call.info(pullsLine({ checksum: runs }));
  return { ...wish, inputs: { ...inputs, commit: runs }, followed: runs };
}
