/** Carries out a plan step by step, from one table. */
import { runsPine } from "../../../host/facts/pine.ts";
import { restartsOf, type Step, type StepOf } from "../../../host/plan/steps.ts";
import { checkTrust } from "../../../host/server/trust.ts";
import type { Ssh } from "../../../host/ssh/types.ts";
import { type Look, refuseAnother } from "../look/look.ts";
import type { Outcome } from "../model/outcome.ts";
import { missingCommit } from "../plan/artifacts.ts";
import { installBeside, makeSysroot } from "./install.ts";
import type { Job } from "./job.ts";
import { bootDisk, enterRamSystem, makeImage, makeRamSystem, writeDisk } from "./overwrite.ts";
import { changeGroup } from "./reboot-lock.ts";
import { rehearseFirst } from "./rehearse.ts";
import { removeOld } from "./remove-old.ts";
import { boot } from "./trial.ts";
import { endUnconfirmedTrial } from "./unconfirmed.ts";
import { disarm, keepRunning, makeDelta, prepareDeployment, takeOver, writeOwnFiles } from "./update.ts";
import { setUpdates } from "./updates.ts";
import { enterVisit, type Visit } from "./visit.ts";

type Work<D extends Step["do"], R> = (visit: Visit, step: StepOf<D>, job: Job) => Promise<R>;

/** What is done for a step: an entry without any work does not compile. The result is noted in the job. */
type Executor<D extends Step["do"]> = {
  /** Before anything is written: makes what is sent. */
  make?: Work<D, void>;
} & (
  | { act: Work<D, void>; enter?: undefined }
  /** Another system answers afterwards: returns the visit to go on with. */
  | { act?: undefined; enter: Work<D, Visit> }
  /** Nothing is done on the server. */
  | { act?: undefined; enter?: undefined; make: Work<D, void> }
);

const TABLE: { [D in Step["do"]]: Executor<D> } = {
  rehearse: { make: rehearseFirst },
  "check-signature": {
    act: ({ ssh, artifacts }, _, { wish }) => checkTrust(ssh, wish.inputs.commit, artifacts.signed),
  },
  install: { make: makeSysroot, act: installBeside },
  "enter-ram": { make: makeRamSystem, enter: enterRamSystem },
  "write-disk": { make: makeImage, act: writeDisk },
  "boot-disk": { act: bootDisk },
  disarm: { act: disarm },
  "take-over": { act: takeOver },
  "write-files": { act: writeOwnFiles },
  "reboot-lock": { act: changeGroup },
  update: { make: makeDelta, act: prepareDeployment },
  trial: { act: boot },
  "keep-running": { act: keepRunning },
  "set-updates": { act: setUpdates },
  "remove-old": { act: removeOld },
};

const executorOf = <D extends Step["do"]>(step: StepOf<D>) => TABLE[step.do as D] as unknown as Executor<D>;

/**
 * The connection to the confirmed system. Dies before anything is changed when the server is another resource's, or the
 * commit is missing.
 */
async function confirmed(seen: Look, { wish, known, call }: Job): Promise<Ssh> {
  const { commit } = wish.inputs;
  try {
    refuseAnother(seen.facts, wish.state, call);
    if (!known && seen.status?.checksum !== commit) missingCommit(commit, call);
    return await endUnconfirmedTrial(seen, wish.inputs, call);
  } catch (error) {
    await seen.ssh.close();
    throw error;
  }
}

/** Brings a server to what its plan says. The result is in `job.outcome`, even if this fails. */
export async function carryOut(seen: Look, job: Job): Promise<Outcome> {
  let visit = await enterVisit(await confirmed(seen, job), job);
  try {
    const { steps } = visit.plan;
    const { call, wish } = job;
    if (restartsOf(steps) > 0)
      call.member?.mayStop({ serves: runsPine(visit.facts), ignoreChecks: wish.inputs.ignoreChecks });
    for (const step of steps) await executorOf(step).make?.(visit, step, job);
    for (const step of steps) {
      const { act, enter } = executorOf(step);
      await act?.(visit, step, job);
      if (enter) visit = await enter(visit, step, job);
      if (job.outcome.result?.outcome === "returned") break;
    }
    return job.outcome as Outcome;
  } finally {
    await visit.leave();
  }
}
