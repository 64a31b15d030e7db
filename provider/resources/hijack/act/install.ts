/** Installs a system beside the old one, on a machine or in a container, and arms it for one boot. */
import { identityFiles } from "../../../host/files/identity.ts";
import type { HostFile } from "../../../host/files/paths.ts";
import type { StepOf } from "../../../host/plan/steps.ts";
import type { Plan } from "../../../host/plan/types.ts";
import type { InstallRecord } from "../../../host/server/record.ts";
import { installAlongside } from "../../../host/ways/alongside/install.ts";
import type { Job } from "./job.ts";
import type { Visit } from "./visit.ts";

/** The files that give a system this server's identity, and the program's own. */
export const ownFiles = ({ hostname, network, authorizedKeys }: Plan, { files }: Job): HostFile[] => [
  ...identityFiles({ hostname, network, authorizedKeys }),
  ...files,
];

export const recordOf = (old: string, { wish, call, created }: Job): InstallRecord => ({
  id: wish.id,
  stack: call.stack,
  urn: call.urn,
  created,
  old,
});

export async function makeSysroot({ artifacts }: Visit, step: StepOf<"install">, job: Job): Promise<void> {
  job.made.sysroot = await artifacts.sysroot(step.compression, job.call);
}

/** Installs the system. Only its last action changes what boots next. */
export async function installBeside({ ssh, plan, facts, artifacts }: Visit, _: unknown, job: Job): Promise<void> {
  const { kernelArguments } = job.wish.inputs;
  const record = recordOf(plan.restore ?? facts.os.name, job);
  job.touched = true;
  const { sent } = await installAlongside(
    ssh,
    {
      plan,
      sysroot: job.made.sysroot!,
      record,
      version: artifacts.version,
      files: ownFiles(plan, job),
      kernelArguments,
    },
    job.call,
  );
  const rootKeys = plan.authorizedKeys;
  Object.assign(job.outcome, { sent, plan, facts, hostKey: ssh.hostKeySeen, previous: record.old, rootKeys });
}
