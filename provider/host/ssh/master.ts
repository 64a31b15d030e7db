/** The ssh process that holds a connection: started, watched and ended by pid. */
import { existsSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { SshError } from "./errors.ts";
import type { PrivateFolder } from "./private-folder.ts";

export interface Ended {
  stderr: string;
  /** We ended it since it took too long. */
  timedOut: boolean;
}

export interface Master {
  /** Waits until sessions can be opened. Answers how it ended, if it ended instead. `limit`: milliseconds, 0 none. */
  ready(signal: AbortSignal, limit: number): Promise<Ended | undefined>;
  /** Set once it has ended. */
  readonly ended: Ended | undefined;
  /** Waits until it ends, at most `ms`. */
  settle(ms: number): Promise<Ended | undefined>;
  /** Ends it and its jump host's ssh. `now`: without asking first. Never throws. */
  stop(now: boolean): Promise<void>;
}

/** ssh's environment: it holds no secret, and nothing that changes what ssh does. */
export function sshEnv(ask?: string): Record<string, string> {
  const env: Record<string, string> = { LANG: "C", PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: homedir() };
  const agent = process.env.SSH_AUTH_SOCK;
  return {
    ...env,
    USER: userInfo().username,
    ...(agent ? { SSH_AUTH_SOCK: agent } : {}),
    ...(ask ? { SSH_ASKPASS: ask, SSH_ASKPASS_REQUIRE: "force", DISPLAY: "none" } : {}),
  };
}

const groups = new Set<number>();
process.on("exit", () => {
  for (const pid of groups) killGroup(pid, "SIGKILL");
});

function killGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

interface Started {
  pid?: number;
  /** Set once it has ended. */
  ended?: Ended;
  /** ssh itself could not be run. */
  missing: boolean;
  timedOut: boolean;
  done: Promise<Ended>;
}

/**
 * Starts `ssh -M -N` in a process group of its own, so that a jump host's ssh ends with it. The kernel ends it when we
 * end (setpriv): nobody else would if we are killed.
 */
function start(at: (name: string) => string): Started {
  const ssh = ["ssh", "-F", at("config"), "-E", at("log"), "-M", "-S", at("ctl"), "-N", "pine-host"];
  const child = execa("setpriv", ["--pdeathsig", "KILL", "--", ...ssh], {
    env: sshEnv(at("ask_host")),
    extendEnv: false,
    stdin: "ignore",
    stdout: "ignore",
    buffer: false,
    reject: false,
    detached: true,
    cleanup: false,
  });
  const { pid } = child;
  if (pid) groups.add(pid);
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString("utf8")).slice(-16_384);
  });
  const started: Omit<Started, "done"> = { pid, missing: false, timedOut: false };
  const done = child.then((result) => {
    // 127: setpriv did not find ssh
    started.missing = result.exitCode === 127 || (result.exitCode === undefined && result.signal === undefined && !pid);
    // a jump host's ssh may outlive its parent
    if (pid) killGroup(pid, "SIGKILL");
    if (pid) groups.delete(pid);
    started.ended = { stderr, timedOut: started.timedOut };
    return started.ended;
  });
  return Object.assign(started, { done });
}

/** Starts a connection that stays open until it is stopped. */
export function startMaster(folder: PrivateFolder): Master {
  const at = (name: string) => `${folder.path}/${name}`;
  const started = start(at);
  const { pid } = started;
  const within = (ms: number) => Promise.race([started.done, sleep(ms, undefined, { ref: false })]);
  return {
    get ended() {
      return started.ended;
    },
    settle: (ms) => within(ms),
    async ready(signal, limit) {
      const begin = Date.now();
      while (!started.ended && !existsSync(at("ctl"))) {
        signal.throwIfAborted();
        if (limit && Date.now() - begin > limit) {
          started.timedOut = true;
          await this.stop(true);
          break;
        }
        await within(15);
      }
      if (started.missing)
        throw new SshError("client", "ssh cannot be run on this machine", {
          hint: "install OpenSSH's client, and util-linux (setpriv)",
        });
      return started.ended;
    },
    async stop(now) {
      if (started.ended || !pid) return;
      if (!now) {
        const argv = ["-F", at("config"), "-O", "exit", "pine-mux"];
        await execa("ssh", argv, { env: sshEnv(), extendEnv: false, stdio: "ignore", reject: false, timeout: 500 });
        if (await within(500)) return;
      }
      killGroup(pid, "SIGTERM");
      if (await within(500)) return;
      killGroup(pid, "SIGKILL");
      await within(500);
    },
  };
}
