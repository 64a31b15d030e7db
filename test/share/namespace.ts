/**
 * A PID namespace in which `up`s run one after the other, as in a container that shares its folders with another one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { childrenOf } from "../lab/processes.ts";

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class Apart {
  /** `unshare`; its child is process 1 in there. */
  private outer: ChildProcess | undefined;
  private inner: ChildProcess | undefined;

  /** Runs a program in the namespace, which is made anew when it was killed. */
  async run(argv: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
    const first = await this.first();
    const enter = ["--target", String(first), "--pid", "--mount", "--", "setpriv", "--pdeathsig", "KILL", ...argv];
    const child = spawn("nsenter", enter, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.inner = child;
    const ended: Ended = { code: null, stdout: "", stderr: "" };
    for (const from of ["stdout", "stderr"] as const)
      child[from].setEncoding("utf8").on("data", (text: string) => {
        ended[from] += text;
      });
    const [code] = await once(child, "close");
    this.inner = undefined;
    return { ...ended, code };
  }

  /** SIGKILL for what runs, or for the first process, and so for all in there. */
  async kill(all: boolean): Promise<void> {
    const outer = all ? this.outer?.pid : this.inner?.pid;
    if (outer === undefined) return;
    for (const pid of childrenOf(outer))
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // ended meanwhile
      }
    if (all && this.outer && this.outer.exitCode === null && this.outer.signalCode === null)
      await once(this.outer, "exit");
  }

  private async first(): Promise<number> {
    if (!this.outer || this.outer.exitCode !== null || this.outer.signalCode !== null) {
      const argv = ["--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--"];
      this.outer = spawn("setpriv", ["--pdeathsig", "KILL", "unshare", ...argv, "sleep", "infinity"], {
        stdio: "ignore",
      });
    }
    for (;;) {
      const [pid] = childrenOf(this.outer.pid!);
      // before it is `sleep`, /proc may still be the other one's
      if (pid !== undefined && (await isSleep(pid))) return pid;
      if (this.outer.exitCode !== null) throw new Error("no PID namespace can be made here: run it as root");
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

const isSleep = async (pid: number) => (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim() === "sleep";
