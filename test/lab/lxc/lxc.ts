/** The lab's container VPS: Debian on LXC, in a network of its own; SSH to a port of 127.0.0.1 reaches it. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { childrenOf, endLeftovers, identify, isAlive } from "../processes.ts";
import { labKey } from "../vps/key.ts";
import { tail } from "../vps/serial.ts";
import { sshTo, waitForSsh } from "../vps/ssh.ts";
import { interfaces, lxcConfig } from "./config.ts";
import { ensureContainerDebian } from "./debian.ts";
import { memoryOf } from "./memory.ts";
import { lxcMissing } from "./missing.ts";
import * as roots from "./root.ts";
import { NETWORK, openStage } from "./stage.ts";
import type { Lxc, LxcOptions } from "./types.ts";

let count = 0;

/** Starts a container with a root of its own. An error says what this machine lacks for it, or what LXC said. */
export async function startLxc(o: LxcOptions): Promise<Lxc> {
  const log = o.log ?? (() => {});
  endLeftovers(log);
  const missing = await lxcMissing();
  if (missing) die(missing);
  const release = o.release ?? "bookworm";
  const { privileged, network = "host" } = o;
  const debian = await ensureContainerDebian(log, release);
  const key = await labKey();
  const label = o.name ?? "vps";
  const name = `pine-${process.pid}-${++count}`;
  const state = await roots.stateFolder(name);
  chmodSync(state, 0o755);
  const stage = await openStage(o.port);
  const there = `/var/lib/lxc/${name}`;
  const image = o.root === "loop" ? join(state, "root.img") : undefined;
  const rootfs = stage.path(`${there}/rootfs`);
  const settings = {
    ...{ folder: there, hostname: label, privileged, network, memoryMiB: o.memoryMiB, more: o.config },
    groups: o.groups ?? (release === "trixie" ? "v2" : "machine"),
    appArmor: existsSync("/sys/kernel/security/apparmor"),
  } as const;
  const text = (file: string) => (existsSync(join(state, file)) ? readFileSync(join(state, file), "utf8") : "");

  let monitor: ReturnType<typeof stage.start> | undefined;
  const init = () => (monitor ? childrenOf(monitor.pid).find(isInit) : undefined);
  const start: Lxc["start"] = async (change) => {
    if (monitor) die(`${label} is on`);
    writeFileSync(join(state, "config"), lxcConfig(Object.assign(settings, change)));
    const began = stage.start(`LXC ${name}`, ["lxc-start", "-F", "-n", name], "ignore");
    monitor = began;
    began.ended.then(() => {
      if (monitor === began) monitor = undefined;
    });
    while (init() === undefined) {
      if (monitor !== began) die(`${label} did not start: ${said(text("lxc.log"))}`);
      await sleep(20);
    }
  };
  const kill = async () => {
    const [running, pid] = [monitor, init()];
    const who = pid === undefined ? undefined : identify(pid);
    running?.child.kill("SIGKILL"); // first, so that it does not clean up
    if (who && isAlive(who)) process.kill(who.pid, "SIGKILL");
    await running?.ended;
    while (who && isAlive(who)) await sleep(10);
  };
  const mount = () => image && roots.mountImage(stage, image, `${there}/rootfs`);
  const unmount = () => image && roots.unmountImage(stage, image, `${there}/rootfs`);
  let ended = false;
  const end = async () => {
    if (ended) return;
    ended = true;
    await kill();
    await unmount();
    await stage.run(["sh", join(import.meta.dirname, "groups.sh"), name]);
    await stage.end();
  };

  const { port } = stage;
  const ssh = sshTo(port, key.path, debian.hostKeys, join(state, "known_hosts"));
  const lxc: Lxc = {
    ...({ host: "127.0.0.1", port, user: "root", name, rootfs, image, ssh, start, kill } as const),
    ...{ hostKeys: debian.hostKeys, privateKey: key.text, privateKeyPath: key.path, address: NETWORK.address },
    hostKey: debian.hostKeys[0]!,
    get pid() {
      return init() ?? 0;
    },
    get consoleText() {
      return text("console.log");
    },
    exec: (argv, e = {}) => stage.run(["lxc-attach", "-n", name, "--", ...argv], { ...e, any: true }),
    waitForSsh(timeoutMs = 60_000) {
      const dead = () => (monitor ? undefined : `it is off: ${said(text("lxc.log"))}`);
      return waitForSsh({ name: label, port, ssh, dead, console: async () => lxc.consoleText }, timeoutMs, 100);
    },
    async off(timeoutMs) {
      const late = await Promise.race([monitor?.ended, sleep(timeoutMs, "late" as const, { ref: false })]);
      if (late === "late") die(`${label}: still on after ${timeoutMs / 1000} s; console:\n${tail(lxc.consoleText)}`);
    },
    memory() {
      if (!lxc.pid) die(`${label} is off`);
      return memoryOf(stage, name, lxc.pid);
    },
    async restart(graceMs = 30_000) {
      const running = monitor;
      const timeout = String(Math.ceil(graceMs / 1000));
      await stage.run(["lxc-stop", "-n", name, "-t", timeout], { any: true, timeout: graceMs + 30_000 });
      await running?.ended;
      await start();
    },
    async powerCut() {
      if (!image) die(`${label} has no disk to cut the power of: root: "loop"`);
      await roots.freezeImage(stage, `${there}/rootfs`);
      await kill();
      await unmount();
      await mount();
    },
    async stop() {
      await end();
      await roots.removeTree(state);
    },
    async stopAndKeep(to) {
      await end();
      renameSync(image ?? join(state, "rootfs"), to);
      await roots.removeTree(state);
    },
  };

  try {
    await stage.run(["sh", "-c", 'mkdir "$2" && mount --bind "$1" "$2"', "bind", state, there]);
    if (o.from && statSync(o.from).isDirectory() === (image !== undefined)) die(`${o.from} is not a root of that kind`);
    if (o.from) await roots.copyRoot(o.from, image ?? join(state, "rootfs"));
    else if (image) await roots.newImage(image, o.diskMiB ?? 4096);
    await mount();
    if (!o.from) {
      await roots.unpack(stage, debian.tar, `${there}/rootfs`, privileged);
      roots.writeRoot(rootfs, "etc/hostname", `${label}\n`, privileged);
      roots.writeRoot(rootfs, "etc/network/interfaces", interfaces(network), privileged);
      roots.writeRoot(rootfs, "etc/resolv.conf", `nameserver ${NETWORK.gateway}\n`, privileged);
      if (image) rmSync(join(rootfs, "lost+found"), { recursive: true, force: true });
    }
    if (network === "dhcp") stage.start(`DHCP of ${name}`, dhcp(), "ignore");
    const began = Date.now();
    await start();
    if (o.wait ?? true) {
      await lxc.waitForSsh();
      log(`${label}: SSH after ${((Date.now() - began) / 1000).toFixed(1)} s`);
    }
    return lxc;
  } catch (error) {
    await lxc.stop();
    throw error;
  }
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
const said = (log: string) =>
  tail(
    log
      .split("\n")
      .filter((l) => / (ERROR|WARN) /.test(l))
      .slice(-6)
      .join("\n"),
  ) || "LXC said nothing";

/** A DHCP server for the one address. */
const dhcp = () => [
  ...["dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--user=root", "--group=root", "--port=0", "--interface=br0"],
  ...[
    "--bind-dynamic",
    "--no-ping",
    "--leasefile-ro",
    "--dhcp-authoritative",
    `--dhcp-host=${NETWORK.mac},${NETWORK.address}`,
  ],
  `--dhcp-range=${NETWORK.address},${NETWORK.address},1h`,
];
