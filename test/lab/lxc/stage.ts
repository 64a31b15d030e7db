/**
 * Where LXC runs: a network and mounts of its own, which end with their process, and a port of 127.0.0.1 that leads
 * into them.
 */
import { once } from "node:events";
import { join } from "node:path";
import { die } from "../../../provider/errors.ts";
import { type RunResult, run } from "../../../provider/local/run.ts";
import { startProcess } from "../processes.ts";

/** The network of every container: each has it to itself. */
export const NETWORK = { gateway: "10.99.0.1", address: "10.99.0.2", prefix: 24, mac: "02:00:00:63:00:02" } as const;

/** First of the 65536 ids of an unprivileged container's users on this machine; LXC's usual ones. */
export const FIRST_ID = 100_000;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// no cache of what is imported beside the scripts
const ENV = { PATH, HOME: "/root", LC_ALL: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" };
const ANY = Array.from({ length: 256 }, (_, code) => code);

export interface Stage {
  /** Of 127.0.0.1, leads to port 22 of the container. */
  port: number;
  /** A path there, as this process can open it. */
  path(name: string): string;
  /** Runs a program there; another exit code than 0 is an error unless `any`. Timeout in ms, default 120 s. */
  run(argv: string[], o?: { input?: string | Uint8Array; timeout?: number; any?: boolean }): Promise<RunResult>;
  /** Starts a process there that ends with us; its pid is the program's own. */
  start(what: string, argv: string[], output: number | "ignore"): ReturnType<typeof startProcess>;
  /** From now on the same port of its gateway leads to 127.0.0.1:PORT of this machine. Answers how to end that. */
  outward(port: number): Promise<() => Promise<unknown>>;
  /** Ends it; its network and mounts go with the last process there. */
  end(): Promise<void>;
}

/** Makes one; an error says what this machine lacks. `port`: of 127.0.0.1, default a free one. */
export async function openStage(port = 0): Promise<Stage> {
  const file = (name: string) => join(import.meta.dirname, name);
  const script = ["sh", file("stage.sh"), `${NETWORK.gateway}/${NETWORK.prefix}`, String(FIRST_ID)];
  const keeper = startProcess(
    "LXC's network",
    "python3",
    [file("stage.py"), String(port), NETWORK.address, ...script],
    {
      cwd: "/",
      env: { ...ENV, PATH: process.env.PATH ?? PATH },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const stderr: Buffer[] = [];
  keeper.child.stderr!.on("data", (d: Buffer) => stderr.push(d));
  const first = new Promise<string>((done) => keeper.child.stdout!.once("data", (d: Buffer) => done(d.toString())));
  const listening = await Promise.race([first, keeper.ended]);
  if (typeof listening !== "string") {
    const said = Buffer.concat(stderr).toString().trim().split("\n").at(-1);
    die(`LXC cannot run on this machine: ${said || "stage.py ended"}`);
  }
  const enter = ["--target", String(keeper.pid), "--mount", "--net", "--"];
  return {
    port: Number(listening),
    path: (name) => `/proc/${keeper.pid}/root${name}`,
    run: (argv, o = {}) =>
      run("nsenter", [...enter, ...argv], {
        env: ENV,
        timeout: o.timeout ?? 120_000,
        ...(o.input === undefined ? {} : { input: o.input }),
        ...(o.any ? { ok: ANY } : {}),
      }),
    start: (what, argv, output) =>
      startProcess(what, "nsenter", [...enter, ...argv], { cwd: "/", env: ENV, stdio: ["ignore", output, output] }),
    async outward(port) {
      const argv = [file("outward.py"), String(keeper.pid), NETWORK.gateway, String(port)];
      const { child, ended } = startProcess("a way out of LXC's network", "python3", argv, {
        cwd: "/",
        env: ENV,
        stdio: ["ignore", "pipe", "ignore"],
      });
      const first = await Promise.race([once(child.stdout!, "data"), ended]);
      if (!Array.isArray(first)) die(`port ${port} cannot be had in LXC's network`);
      return () => {
        child.kill("SIGKILL");
        return ended;
      };
    },
    async end() {
      keeper.child.kill("SIGKILL");
      await keeper.ended;
    },
  };
}
