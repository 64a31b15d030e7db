/** Health checks of a server, planned here, run on it by the program that images have, too (libexec/pine/probe). */
import { setTimeout as sleep } from "node:timers/promises";
import { assetText } from "../../assets.ts";
import { type Probe, probeArguments } from "../../boot/probe.ts";
import type { Task } from "../../task.ts";
import type { Ssh } from "../ssh/types.ts";

/** Seconds that a check is tried for by default. */
export const HEALTH_SECONDS = 60;

export interface HealthCheck extends Omit<Probe, "freeSpace"> {
  /** Seconds to keep trying, default 60. */
  timeout?: number;
}

/**
 * Arguments of the program, and a label for the check: its kind alone, since an address or a command may hold a secret.
 */
export function planHealth(check: HealthCheck): { label: string; args: string[]; timeoutSeconds: number } {
  const args = probeArguments(check);
  return { label: args[0], args, timeoutSeconds: check.timeout ?? HEALTH_SECONDS };
}

/** Runs every check until it passes or its time is up. Answers what failed, one line each; empty: healthy. */
export async function checkHealth(ssh: Ssh, checks: HealthCheck[], task: Task): Promise<string[]> {
  const script = assetText("system/rootfs/usr/libexec/pine/probe");
  const failed: string[] = [];
  for (const [n, check] of checks.entries()) {
    const { label, args, timeoutSeconds } = planHealth(check);
    const end = Date.now() + timeoutSeconds * 1000;
    for (;;) {
      const which = `health check ${n + 1} of ${checks.length} (${label})`;
      task.step(which);
      const seen = await ssh.exec(script, args, { root: true, ok: [0, 1], timeout: 120_000 });
      if (seen.exitCode === 0) break;
      if (Date.now() >= end) {
        failed.push(`${which} failed for ${timeoutSeconds} s: ${seen.stdout.trim().split("\n").pop()}`);
        break;
      }
      await sleep(Math.min(2000, Math.max(0, end - Date.now())), undefined, { signal: task.signal });
    }
  }
  return failed;
}
