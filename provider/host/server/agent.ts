/** The agent (system/rootfs/usr/libexec/pine/agent), always this provider's version, sent over SSH to either system. */
import type { SlotName } from "../../boot/slot.ts";
import { agentScript, HELD } from "../scripts.ts";
import { keyValues } from "../ssh/answers.ts";
import type { Ssh } from "../ssh/types.ts";

/** What `pine status` says. */
export interface AgentStatus {
  /** Slot that runs; undefined: the old system. */
  running?: SlotName;
  /** It runs as a trial. */
  trialRuns: boolean;
  /** "<checksum>.<serial>" of the running deployment; "" on the old system. */
  deployment: string;
  checksum: string;
  bootId: string;
  /** Confirmed slot; undefined: the old system. */
  slot?: SlotName;
  trial?: SlotName;
  tries?: number;
  boots?: number;
  /** "loaded": GRUB had kernel and initramfs of the trial it booted last. */
  stage?: string;
  /** Commit of the slot that does not run, where its deployment is there. */
  other?: string;
  /** Who judges the trial that is armed or runs: the server's own checks, or whoever armed it. */
  judge?: "self" | "outside";
  /** Boot part that started it: undefined where it has none, or GRUB's stub had to do without it. */
  part?: string;
  /** The one that its slot names. */
  partNamed?: string;
  /** A container: its init counts and starts slots, as GRUB does on a machine. */
  container: boolean;
  /** This boot reached the default runlevel. */
  completed: boolean;
}

export function parseStatus(text: string): AgentStatus {
  const values = keyValues(text);
  const slot = (key: string): SlotName | undefined => {
    const value = values.get(key);
    return value === "a" || value === "b" ? value : undefined;
  };
  const count = (key: string) => (values.get(key) ? Number(values.get(key)) : undefined);
  return {
    running: slot("running"),
    trialRuns: values.get("running_trial") === "1",
    deployment: values.get("deployment") ?? "",
    checksum: values.get("checksum") ?? "",
    bootId: values.get("boot_id") ?? "",
    slot: slot("slot"),
    trial: slot("trial"),
    tries: count("tries"),
    boots: count("boots"),
    stage: values.get("stage") || undefined,
    judge: values.get("judge") === "self" ? "self" : values.get("judge") ? "outside" : undefined,
    other: values.get("other") || undefined,
    part: values.get("part") || undefined,
    partNamed: values.get("part_named") || undefined,
    container: values.get("loader") === "init",
    completed: values.get("completed") === "1",
  };
}

/**
 * Commands that take long. When their connection is lost, whoever takes the server's lock next ends them
 * (host/ssh/parts.sh).
 */
const LONG = ["deploy", "restore", "tidy", "undeploy"];

/** Runs the agent with a command; answers its standard output. */
export async function agent(ssh: Ssh, args: string[], timeout = 120_000): Promise<string> {
  const held = LONG.includes(args[0]!) ? HELD : "";
  const result = await ssh.exec(held + agentScript(), args, { root: true, timeout });
  return result.stdout;
}

export async function agentStatus(ssh: Ssh): Promise<AgentStatus> {
  return parseStatus(await agent(ssh, ["status"], 60_000));
}
