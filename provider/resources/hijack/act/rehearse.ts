/** Boots the commit on this machine before the server is written to. */
import { die } from "../../../errors.ts";
import { authorizedKeysFile, systemIdentity } from "../../../host/files/identity.ts";
import type { StepOf } from "../../../host/plan/steps.ts";
import type { Guest } from "../../../rehearsal/guest.ts";
import type { Rehearsal } from "../../../rehearsal/rehearse.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

/** MiB of a rehearsal's machine, unless the server has less or the program says more. */
const MEMORY = 1024;

/** The machine that has this server's names, keys and network. Pure. */
export function guestOf({ plan, facts }: Pick<Visit, "plan" | "facts">, { wish, files }: Pick<Job, "wish" | "files">) {
  const { rehearse, kernelArguments, triggers } = wish.inputs;
  return {
    network: plan.network,
    identity: [
      ...systemIdentity(plan),
      ...(plan.authorizedKeys.length > 0 ? [authorizedKeysFile(plan.authorizedKeys)] : []),
    ],
    files,
    sshPorts: plan.sshPorts,
    kernelArguments,
    memory: rehearse?.memory ?? Math.min(MEMORY, Math.max(96, Math.round(facts.ramKiB / 1024))),
    leaveOut: rehearse?.leaveOut ?? [],
    // a machine that was given too little time gets another one
    again: [triggers, rehearse?.timeout ?? null],
  } satisfies Guest;
}

const bullets = (lines: string[]) => lines.map((line) => `\n- ${line}`).join("");

/** The end of a console, for a message. */
const lastLines = ({ console }: Rehearsal) =>
  console.length > 0 ? `\nthe last lines of its console:\n${console.map((line) => `  ${line}`).join("\n")}\n` : "";

/** Ends the run where the commit fails, or where nothing is known of it and that is required. */
export async function rehearseFirst(visit: Visit, { required }: StepOf<"rehearse">, job: Job): Promise<void> {
  const { call, wish } = job;
  const which = `commit ${wish.inputs.commit.slice(0, 12)}`;
  const done = await visit.artifacts.rehearse(guestOf(visit, job), wish.inputs.rehearse?.timeout, call);
  const { answer, reasons, notes, how } = done;
  for (const note of notes) call.warn(`rehearsal of ${which}: ${note}`);
  if (answer === "pass") return call.info(`rehearsal: ${which} came up and is healthy (${how})`);
  if (answer === "unknown" && !required)
    return call.warn(`the rehearsal of ${which} could not tell whether it works (${how}):${bullets(reasons)}`);
  const said = answer === "fail" ? "failed" : "could not tell whether it works, and rehearse.required is set";
  die(
    `the rehearsal of ${which} ${said} (${how}), so nothing was changed on the server:${bullets(reasons)}${lastLines(done)}`,
    answer === "fail"
      ? "mend the commit; a health check that needs the real world can be named in rehearse.leaveOut; a change of `triggers` rehearses it once more"
      : "see to what is said above, or leave required out",
  );
}
