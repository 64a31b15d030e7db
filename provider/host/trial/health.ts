/** Health checks of a server, planned here, run on it by host/trial/health.sh. */
import { setTimeout as sleep } from "node:timers/promises";
import { assetText } from "../../assets.ts";
import type { Task } from "../../task.ts";
import type { Ssh } from "../ssh/types.ts";

/** Seconds that a check is tried for by default. */
export const HEALTH_SECONDS = 60;

/** Exactly one of http, tcp, command, service is set. */
export interface HealthCheck {
  /** URL as the server itself sees it. */
  http?: string;
  /** Expected HTTP status, default 200. */
  status?: number;
  /** Text that the body must contain. */
  contains?: string;
  /** "host:port". */
  tcp?: string;
  /** Shell command that must exit 0. */
  command?: string;
  /** OpenRC service that must be started. */
  service?: string;
  /** Seconds to keep trying, default 60. */
  timeout?: number;
}

/**
 * Arguments of health.sh, and a label for the check: its kind alone, since an address or a command may hold a secret.
 */
export function planHealth(check: HealthCheck): { label: string; args: string[]; timeoutSeconds: number } {
  const timeoutSeconds = check.timeout ?? HEALTH_SECONDS;
  if (check.http !== undefined) {
    const status = check.status ?? 200;
    return {
      label: "http",
      args: ["http", check.http, String(status), check.contains ?? ""],
      timeoutSeconds,
    };
  }
  if (check.tcp !== undefined) {
    const colon = check.tcp.lastIndexOf(":");
    const host = check.tcp.slice(0, colon).replace(/^\[|\]$/g, "");
    return { label: "tcp", args: ["tcp", host, check.tcp.slice(colon + 1)], timeoutSeconds };
  }
  if (check.command !== undefined) return { label: "command", args: ["command", check.command], timeoutSeconds };
  return { label: "service", args: ["service", check.service!], timeoutSeconds };
}

/** Runs every check until it passes or its time is up. Answers what failed, one line each; empty: healthy. */
export async function checkHealth(ssh: Ssh, checks: HealthCheck[], task: Task): Promise<string[]> {
  const script = assetText("host/trial/health.sh");
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
