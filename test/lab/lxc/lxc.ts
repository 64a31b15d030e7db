/** The lab's container VPS: Debian on LXC, in a network of its own; SSH to a port of 127.0.0.1 reaches it. */
import { chmodSync, existsSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { die } from "../../../provider/errors.ts";
import { endLeftovers } from "../processes.ts";
import { type Key, labKey } from "../vps/key.ts";
import { tail } from "../vps/serial.ts";
import { type Reached, sshTo, waitForSsh } from "../vps/ssh.ts";
import { type ConfigOptions, interfaces } from "./config.ts";
import { ensureContainerDebian } from "./debian.ts";
import { memoryOf } from "./memory.ts";
import { lxcMissing } from "./missing.ts";
import { type Place, type Power, powerOf, saidOf, textOf } from "./power.ts";
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
  const debian = await ensureContainerDebian(log, o.release ?? "bookworm");
  const key = await labKey();
  const place = await openPlace(o);
  const { stage, name, label } = place;
  const power = powerOf(place, settingsOf(place, o));
  const lxc = controls(place, power, { key, hostKeys: debian.hostKeys });
  try {
    await furnish(place, o, debian.tar);
    if (o.network === "dhcp") stage.start(`DHCP of ${name}`, dhcp(), "ignore");
    const began = Date.now();
    await power.start();
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

/** Its folder, and where LXC runs. */
async function openPlace(o: LxcOptions): Promise<Place> {
  const name = `pine-${process.pid}-${++count}`;
  const state = await roots.stateFolder(name);
  chmodSync(state, 0o755);
  const stage = await openStage(o.port);
  const there = `/var/lib/lxc/${name}`;
  return {
    name,
    label: o.name ?? "vps",
    stage,
    state,
    there,
    rootfs: stage.path(`${there}/rootfs`),
    image: o.root === "loop" ? join(state, "root.img") : undefined,
  };
}

const settingsOf = ({ there, label }: Place, o: LxcOptions): ConfigOptions => ({
  folder: there,
  hostname: label,
  privileged: o.privileged,
  network: o.network ?? "host",
  memoryMiB: o.memoryMiB,
  more: o.config,
  groups: o.groups ?? (o.release === "trixie" ? "v2" : "machine"),
  appArmor: existsSync("/sys/kernel/security/apparmor"),
});

const mount = async ({ stage, image, there }: Place) => image && roots.mountImage(stage, image, `${there}/rootfs`);
const unmount = async ({ stage, image, there }: Place) => image && roots.unmountImage(stage, image, `${there}/rootfs`);

/** Makes the root: a copy of the one that was given, or Debian. */
async function furnish(place: Place, o: LxcOptions, tar: string): Promise<void> {
  const { stage, state, there, image, rootfs } = place;
  const { privileged } = o;
  await stage.run(["sh", "-c", 'mkdir "$2" && mount --bind "$1" "$2"', "bind", state, there]);
  if (o.from && statSync(o.from).isDirectory() === (image !== undefined)) die(`${o.from} is not a root of that kind`);
  if (o.from) await roots.copyRoot(o.from, image ?? join(state, "rootfs"));
  else if (image) await roots.newImage(image, o.diskMiB ?? 4096);
  await mount(place);
  if (o.from) return;
  await roots.unpack(stage, tar, `${there}/rootfs`, privileged);
  roots.writeRoot(rootfs, "etc/hostname", `${place.label}\n`, privileged);
  roots.writeRoot(rootfs, "etc/network/interfaces", interfaces(o.network ?? "host"), privileged);
  roots.writeRoot(rootfs, "etc/resolv.conf", `nameserver ${NETWORK.gateway}\n`, privileged);
  if (image) rmSync(join(rootfs, "lost+found"), { recursive: true, force: true });
}

/** Ends it with all that belongs to it, once: a second call does nothing. */
function ender(place: Place, power: Power): () => Promise<void> {
  let ended = false;
  return async () => {
    if (ended) return;
    ended = true;
    await power.kill();
    await unmount(place);
    await place.stage.run(["sh", join(import.meta.dirname, "groups.sh"), place.name]);
    await place.stage.end();
  };
}

interface Login {
  key: Key;
  hostKeys: string[];
}

const reachedBy = ({ stage: { port }, state }: Place, { key, hostKeys }: Login): Reached => ({
  host: "127.0.0.1",
  port,
  user: "root",
  hostKey: hostKeys[0]!,
  hostKeys,
  privateKey: key.text,
  privateKeyPath: key.path,
  ssh: sshTo(port, key.path, hostKeys, join(state, "known_hosts")),
});

function controls(place: Place, power: Power, login: Login): Lxc {
  const { name, label, stage, state, image, rootfs } = place;
  const { start, kill } = power;
  const reached = reachedBy(place, login);
  const end = ender(place, power);
  const lxc: Lxc = {
    ...reached,
    name,
    rootfs,
    image,
    address: NETWORK.address,
    beside: stage,
    start,
    kill,
    get pid() {
      return power.init() ?? 0;
    },
    get consoleText() {
      return textOf(place, "console.log");
    },
    exec: (argv, e = {}) => stage.run(["lxc-attach", "-n", name, "--", ...argv], { ...e, any: true }),
    waitForSsh(timeoutMs = 60_000) {
      const dead = () => (power.monitor() ? undefined : `it is off: ${saidOf(place)}`);
      const { port, ssh } = reached;
      return waitForSsh({ name: label, port, ssh, dead, console: async () => lxc.consoleText }, timeoutMs, 100);
    },
    async off(timeoutMs) {
      const late = await Promise.race([power.monitor()?.ended, sleep(timeoutMs, "late" as const, { ref: false })]);
      if (late === "late") die(`${label}: still on after ${timeoutMs / 1000} s; console:\n${tail(lxc.consoleText)}`);
    },
    memory() {
      if (!lxc.pid) die(`${label} is off`);
      return memoryOf(stage, name, lxc.pid);
    },
    async restart(graceMs = 30_000) {
      const running = power.monitor();
      const timeout = String(Math.ceil(graceMs / 1000));
      await stage.run(["lxc-stop", "-n", name, "-t", timeout], { any: true, timeout: graceMs + 30_000 });
      await running?.ended;
      await start();
    },
    async powerCut() {
      if (!image) die(`${label} has no disk to cut the power of: root: "loop"`);
      await roots.freezeImage(stage, `${place.there}/rootfs`);
      await kill();
      await unmount(place);
      await mount(place);
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
  return lxc;
}

/** A DHCP server for the one address. */
// biome-ignore format: what belongs together is in one line
const dhcp = () => [
  "dnsmasq", "--conf-file=/dev/null", "--no-daemon", "--user=root", "--group=root", "--port=0", "--interface=br0",
  "--bind-dynamic", "--no-ping", "--leasefile-ro", "--dhcp-authoritative",
  `--dhcp-host=${NETWORK.mac},${NETWORK.address}`, `--dhcp-range=${NETWORK.address},${NETWORK.address},1h`,
];
