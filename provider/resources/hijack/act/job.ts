/** What one operation knows besides the server, and its result so far. */
import type { HostFile } from "../../../host/files/paths.ts";
import type { SysrootToSend } from "../../../host/ways/alongside/install.ts";
import type { RamToSend } from "../../../host/ways/overwrite/enter.ts";
import type { ImageToSend } from "../../../host/ways/overwrite/write.ts";
import type { DeltaToSend } from "../../../host/ways/update/update.ts";
import type { Call } from "../../../resource.ts";
import type { Outcome } from "../model/outcome.ts";
import type { Wish } from "../model/wish.ts";
import { type CommitArtifacts, findArtifacts } from "../plan/artifacts.ts";
import { hostFiles } from "./files.ts";

/** What is sent, made before anything is written. */
interface Made {
  sysroot?: SysrootToSend;
  ram?: RamToSend;
  image?: ImageToSend;
  delta?: DeltaToSend;
}

export interface Job {
  readonly call: Call;
  readonly wish: Wish;
  /** Artifacts of the wanted commit, where the store has it. */
  readonly known?: CommitArtifacts;
  /** The program's files with their contents. */
  readonly files: HostFile[];
  /** ISO date, for the record of an installation. */
  readonly created: string;
  made: Made;
  /** The deployment that an update made; removed when it fails. */
  deployment?: string;
  /** This run entered the RAM system. */
  entered: boolean;
  /** The server has its group's turn to reboot, and has not rebooted. */
  turn?: boolean;
  /** The server was written to. */
  touched: boolean;
  outcome: Partial<Outcome> & { sent: number };
}

export async function newJob(wish: Wish, call: Call): Promise<Job> {
  const { inputs } = wish;
  return {
    call,
    wish,
    made: {},
    entered: false,
    touched: false,
    outcome: { sent: 0 },
    known: await findArtifacts(inputs.commit, call, inputs.image),
    files: await hostFiles(inputs.files),
    created: new Date().toISOString(),
  };
}
