/** Turns a container on and off: LXC's monitor of it, and the container's init below that. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { childrenOf, identify, isAlive } from "../processes.ts";
import { tail } from "../vps/serial.ts";
import { type ConfigOptions, lxcConfig } from "./config.ts";
import type { Stage } from "./stage.ts";
import type { Lxc } from "./types.ts";

/** Where a container of this process is. */
export interface Place {
  /** LXC's name of it. */
  name: string;
  /** Its name in messages. */
  label: string;
  stage: Stage;
  /** Its folder on this machine: the configuration, the logs, the root. */
  state: string;
  /** The same folder as LXC sees it. */
  there: string;
  /** Its root as this machine sees it. */
  rootfs: string;
  /** The image file of the root, if it has one. */
  image?: string;
}

export interface Power extends Pick<Lxc, "start" | "kill"> {
  /** Pid of the container's init. */
  init(): number | undefined;
  /** LXC's process; none while it is off. */
  monitor(): ReturnType<Stage["start"]> | undefined;
}

/** The text of a file of its folder; empty while there is none. */
export const textOf = ({ state }: Place, file: string) =>
  existsSync(join(state, file)) ? readFileSync(join(state, file), "utf8") : "";

export function powerOf(place: Place, settings: ConfigOptions): Power {
  const { stage, name, label } = place;
  let monitor: ReturnType<typeof stage.start> | undefined;
  const init = () => (monitor ? childrenOf(monitor.pid).find(isInit) : undefined);
  return {
    init,
    monitor: () => monitor,
    async start(change) {
      if (monitor) die(`${label} is on`);
      writeFileSync(join(place.state, "config"), lxcConfig(Object.assign(settings, change)));
      const began = stage.start(`LXC ${name}`, ["lxc-start", "-F", "-n", name], "ignore");
      monitor = began;
      began.ended.then(() => {
        if (monitor === began) monitor = undefined;
      });
      while (init() === undefined) {
        if (monitor !== began) die(`${label} did not start: ${saidOf(place)}`);
        await sleep(20);
      }
    },
    async kill() {
      const [running, pid] = [monitor, init()];
      const who = pid === undefined ? undefined : identify(pid);
      running?.child.kill("SIGKILL"); // first, so that it does not clean up
      if (who && isAlive(who)) process.kill(who.pid, "SIGKILL");
      await running?.ended;
      while (who && isAlive(who)) await sleep(10);
    },
  };
}

/** Pid 1 of a pid namespace below ours. */
function isInit(pid: number): boolean {
  try {
    return /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** LXC's own errors, the last few. */
export const saidOf = (place: Place) =>
  tail(
    textOf(place, "lxc.log")
      .split("\n")
      .filter((l) => / (ERROR|WARN) /.test(l))
      .slice(-6)
      .join("\n"),
  ) || "LXC said nothing";
