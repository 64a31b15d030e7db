/** What an update does to files of /etc, told before it reboots. Only paths are told. */

import { isAbort, messageOf } from "../../../errors.ts";
import { type EtcChanges, etcChanges, isOwn, namesOf } from "../../../host/files/etc-changes.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { EtcOfCommits } from "../../../image/ostree/etc.ts";
import type { Call } from "../../../resource.ts";
import type { CommitArtifacts } from "./artifacts.ts";

/** What is known of an update's /etc. */
interface Etc {
  /** On the server, against the commit that runs. */
  byHand: Pick<EtcChanges, "files" | "more">;
  /** Between the two commits; absent: not known, or the same commit. */
  image?: EtcOfCommits;
  /** Paths of the program's files. */
  given: readonly string[];
  /** A reinstall: /etc is the commit's. */
  fresh: boolean;
}

/** A line for each kind that there is. Pure. */
export function etcNotes({ byHand, image, given, fresh }: Etc): string[] {
  const hand = new Set(byHand.files.map(({ path }) => path));
  const next = [
    ...(image?.changed ?? []).map((path) => ({ path, change: "changed" as const })),
    ...(image?.removed ?? []).map((path) => ({ path, change: "removed" as const })),
  ];
  const changes = next.filter(({ path }) => !hand.has(path) && !isOwn(path, given));
  const note = (text: string, listed: { files: { path: string }[]; more?: number }) =>
    listed.files.length > 0 ? [`${text}: ${namesOf(listed)}`] : [];
  if (fresh) return note("changed by hand in /etc, and gone with the reinstall", byHand);
  return [
    ...note("changed by hand in /etc, and kept over the update", byHand),
    ...note("of these the new image changes some, too, and the server keeps its own", {
      files: next.filter(({ path }) => hand.has(path)),
    }),
    ...note("will change in /etc with the new image", { files: changes }),
    ...note("the new image changes these, too, and the program's files stay", {
      files: next.filter(({ path }) => given.includes(path)),
    }),
  ];
}

/** The same for a server and an update; what cannot be read is told, and stops nothing. */
export async function etcNotesOf(
  ssh: Ssh,
  o: { from: string; to: string; fresh: boolean; given: readonly string[] },
  artifacts: CommitArtifacts | undefined,
  call: Call,
): Promise<string[]> {
  try {
    const byHand = await etcChanges(ssh, o.given);
    const image = o.from === o.to ? undefined : await artifacts?.etcSince(o.from, call);
    return etcNotes({ byHand, image, given: o.given, fresh: o.fresh });
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    return [`what the update does to files of /etc is not known: ${messageOf(error)}`];
  }
}
