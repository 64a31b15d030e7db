/** Gives a server that runs Pine another deployment: a delta into the slot that does not run, armed for one boot. */
import { type SlotName, slotTitle } from "../../../boot/slot.ts";
import { messageOf } from "../../../errors.ts";
import type { Task } from "../../../task.ts";
import { keepHostKeys } from "../../files/hostkeys.ts";
import type { HostFile } from "../../files/paths.ts";
import type { Plan } from "../../plan/types.ts";
import { updateScript } from "../../scripts.ts";
import { agent } from "../../server/agent.ts";
import { keyValues } from "../../ssh/answers.ts";
import { fullDisk } from "../../ssh/full.ts";
import { type FileToSend, sendFile } from "../../ssh/parts.ts";
import type { Ssh } from "../../ssh/types.ts";

export type DeltaToSend = FileToSend;

interface Update {
  checksum: string;
  version?: string;
  delta?: DeltaToSend;
  options?: string;
  etc: HostFile[];
  fresh?: boolean;
  login: Pick<Plan, "hostKeyFiles" | "sshPorts">;
}

/**
 * Sends the delta (none: the commit is there already), deploys, writes the changed files of /etc into the new
 * deployment and arms it. `fresh`: /etc is the commit's and is not merged from the running one, except the server's own
 * files. The SSH host keys are kept, also when the commit has another SSH server. The running system is not changed.
 * Where the disk is full, nothing of it stays.
 */
export async function prepareUpdate(ssh: Ssh, o: Update, task: Task): Promise<Prepared> {
  try {
    return await prepare(ssh, o, task);
  } catch (error) {
    const full = fullDisk(error, ssh.target);
    if (!full) throw error;
    await forget(ssh).catch((e) => task.warn(`what was sent stays on the server: ${messageOf(e)}`));
    throw full;
  }
}

interface Prepared {
  slot: SlotName;
  deployment: string;
  /** Bytes. */
  sent: number;
}

const forget = (ssh: Ssh) => ssh.exec(updateScript(), ["forget"], { timeout: 60_000, what: "removing the delta" });

async function prepare(ssh: Ssh, o: Update, task: Task): Promise<Prepared> {
  const script = updateScript();
  let sent = 0;
  if (o.delta) {
    const how = { script, more: [o.checksum], what: "sending the update" };
    sent = await sendFile(ssh, o.delta, how, task);
  }
  task.step("deploying beside the running system");
  const told = keyValues(
    await agent(ssh, ["deploy", o.checksum, slotTitle(o.version, o.checksum), o.options ?? ""], 900_000),
  );
  const slot = told.get("slot") as SlotName;
  const deployment = told.get("deployment")!;
  if (o.fresh) await ssh.exec(script, ["fresh", deployment], { root: true, what: "making a new /etc" });
  await keepHostKeys(ssh, `/sysroot/ostree/deploy/pine/deploy/${deployment}`, o.login);
  for (const file of o.etc) {
    await ssh.exec(script, ["write-in", deployment, file.path, file.mode, file.owner], {
      root: true,
      input: file.content,
      what: `writing ${file.path} into the new system`,
    });
  }
  if (o.delta) await forget(ssh);
  await agent(ssh, ["arm", slot, "1"]);
  return { slot, deployment, sent };
}

/** Writes and removes files of the running system, without a reboot. */
export async function writeFiles(ssh: Ssh, files: HostFile[], removed: string[], task: Task): Promise<void> {
  const script = updateScript();
  for (const [n, file] of files.entries()) {
    task.step(`the host's own files: ${n + 1} of ${files.length}`);
    await ssh.exec(script, ["write", file.path, file.mode, file.owner], { root: true, input: file.content });
  }
  for (const path of removed) await ssh.exec(script, ["remove", path], { root: true });
}
