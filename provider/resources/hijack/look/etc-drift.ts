/** What refresh tells of /etc: changed by hand, and fixed by the program. */
import { isAbort, messageOf } from "../../../errors.ts";
import { type EtcChange, etcChanges, namesOf } from "../../../host/files/etc-changes.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import type { Call } from "../../../resource.ts";

/** A part of the state. */
export interface EtcState {
  changedFiles?: EtcChange[];
  moreChangedFiles?: number;
}

/** Tells of it in a line each. `given`: paths of the program's files. What cannot be read stays as it is `known`. */
export async function etcDrift(ssh: Ssh, given: readonly string[], known: EtcState, call: Call): Promise<EtcState> {
  try {
    const { files, more, fixed } = await etcChanges(ssh, given);
    if (files.length > 0)
      call.warn(`changed by hand in /etc: ${namesOf({ files, more })}; updates keep it, a reinstall does not`);
    if (fixed.length > 0)
      call.info(
        `fixed by the program, and equal to the image's: ${namesOf({ files: fixed.map((path) => ({ path })) })}`,
      );
    return {
      ...(files.length > 0 ? { changedFiles: files } : {}),
      ...(more > 0 ? { moreChangedFiles: more } : {}),
    };
  } catch (error) {
    if (isAbort(error, call.signal)) throw error;
    call.warn(`what was changed by hand in /etc could not be read: ${messageOf(error)}`);
    const { changedFiles, moreChangedFiles } = known;
    return { ...(changedFiles ? { changedFiles } : {}), ...(moreChangedFiles ? { moreChangedFiles } : {}) };
  }
}
