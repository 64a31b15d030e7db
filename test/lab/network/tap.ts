/** A machine whose only cable ends in a network namespace of its own: for networks that QEMU's user network has not. */
import { accessSync, closeSync, constants, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { requireNamespaces } from "../../../provider/image/namespace/privileges.ts";
import { type RunResult, run } from "../../../provider/local/run.ts";
import { startProcess } from "../processes.ts";
import { type Machine, qemuArgs } from "../vps/qemu.ts";

export interface TapMachine {
  /** Runs a program of this machine in the namespace. */
  here(argv: string[], timeout?: number): Promise<RunResult>;
  /** Waits until a command of {@link here} ends with exit code 0. */
  until(argv: string[], timeoutMs: number): Promise<RunResult>;
  console(): string;
  stop(): Promise<void>;
}

const TUN = "/dev/net/tun";
const ANY = Array.from({ length: 256 }, (_, code) => code);

/** Starts the machine. `near`: shell commands for this end of the cable, `tap0`, which is up. */
export async function startTapMachine(machine: Machine, near: string[]): Promise<TapMachine> {
  const tools = await requireNamespaces();
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch (e) {
    die(`${TUN} cannot be opened`, `as root: modprobe tun; chmod 0666 ${TUN} (what systemd-udevd makes it)`, e);
  }
  writeFileSync(machine.serialLog, "");
  // nothing is forwarded: the port is of no meaning
  const args = qemuArgs(machine, 0).map((a) =>
    a.startsWith("user,id=net,") ? "tap,id=net,ifname=tap0,script=no,downscript=no" : a,
  );
  if (!args.some((a) => a.startsWith("tap,"))) die("qemuArgs has no user network to exchange");
  const script = ["set -e", "ip link set lo up", "ip tuntap add tap0 mode tap", "ip link set tap0 up", ...near];
  const shell = [...script, 'exec qemu-system-x86_64 "$@"'].join("\n");
  const log = openSync(join(machine.dir, `${machine.name}.qemu.log`), "a");
  const unshare = [...tools.mapped, "--net", "--", "/bin/sh", "-c", shell, "sh", ...args];
  const env = { PATH: tools.path, LC_ALL: "C" };
  const process = startProcess(`QEMU ${machine.name}`, tools.unshare, unshare, {
    cwd: machine.dir,
    env,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let over = false;
  process.ended.then(() => (over = true));
  const enter = ["--target", String(process.pid), "--net", ...(tools.mapped.length > 0 ? ["--user"] : []), "--"];
  const here = (argv: string[], timeout = 120_000) => run("nsenter", [...enter, ...argv], { timeout, env, ok: ANY });
  const console = () => readFileSync(machine.serialLog, "utf8");
  return {
    here,
    console,
    async until(argv, timeoutMs) {
      const end = Date.now() + timeoutMs;
      for (;;) {
        const r = await here(argv);
        if (r.exitCode === 0) return r;
        const last = `${r.stderr}\n${console().split("\n").slice(-25).join("\n")}`;
        if (over)
          die(`${machine.name}: QEMU ended: ${readFileSync(join(machine.dir, `${machine.name}.qemu.log`), "utf8")}`);
        if (Date.now() > end) die(`${machine.name}: not after ${timeoutMs / 1000} s: ${argv.join(" ")}: ${last}`);
        await sleep(1000);
      }
    },
    async stop() {
      process.child.kill("SIGKILL");
      await process.ended;
    },
  };
}
