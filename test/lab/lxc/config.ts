/** LXC's configuration of a container, and Debian's of its network. */
import { FIRST_ID, NETWORK } from "./stage.ts";

/** Who gives the container its address: its manager before init runs, Debian's ifup, or ifup by DHCP. */
export type ContainerNetwork = "host" | "interfaces" | "dhcp";

export interface ConfigOptions {
  /** Folder of the configuration and the logs, there. */
  folder: string;
  hostname: string;
  privileged: boolean;
  network: ContainerNetwork;
  /** Limit in MiB of everything in it, page cache too. */
  memoryMiB?: number;
  /** What the container sees at /sys/fs/cgroup: what the machine has, or version 2 alone. */
  groups: "machine" | "v2";
  /** The machine has AppArmor on. */
  appArmor: boolean;
  /** Further lines, last. */
  more?: string[];
}

/** Text of the file `config`. */
export function lxcConfig(o: ConfigOptions): string {
  const lines = [
    "lxc.include = /usr/share/lxc/config/common.conf",
    ...(o.privileged ? [] : ["lxc.include = /usr/share/lxc/config/userns.conf"]),
    ...(o.privileged ? [] : ["u", "g"].map((kind) => `lxc.idmap = ${kind} 0 ${FIRST_ID} 65536`)),
    `lxc.uts.name = ${o.hostname}`,
    `lxc.rootfs.path = dir:${o.folder}/rootfs`,
    "lxc.mount.auto =",
    `lxc.mount.auto = proc:mixed sys:mixed${o.groups === "v2" ? "" : " cgroup:mixed"}`,
    ...(o.groups === "v2" ? ["lxc.mount.entry = cgroup2 sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec 0 0"] : []),
    ...(o.appArmor ? ["lxc.apparmor.profile = generated"] : []),
    ...["type = veth", "link = br0", "flags = up", "name = eth0", `hwaddr = ${NETWORK.mac}`].map(
      (l) => `lxc.net.0.${l}`,
    ),
    ...(o.network === "host"
      ? [`lxc.net.0.ipv4.address = ${NETWORK.address}/${NETWORK.prefix}`, `lxc.net.0.ipv4.gateway = ${NETWORK.gateway}`]
      : []),
    ...(o.memoryMiB ? memoryLimit(o.memoryMiB * 1024 * 1024) : []),
    `lxc.console.logfile = ${o.folder}/console.log`,
    `lxc.log.file = ${o.folder}/lxc.log`,
    "lxc.log.level = INFO",
    ...(o.more ?? []),
  ];
  return lines.map((l) => `${l}\n`).join("");
}

/** For whichever controllers there are: LXC leaves out the others'. */
function memoryLimit(bytes: number): string[] {
  return [
    `lxc.cgroup.memory.limit_in_bytes = ${bytes}`,
    `lxc.cgroup2.memory.max = ${bytes}`,
    "lxc.cgroup2.memory.swap.max = 0",
  ];
}

/** Text of Debian's /etc/network/interfaces. */
export function interfaces(network: ContainerNetwork): string {
  const eth0 = {
    host: [],
    interfaces: ["static", `    address ${NETWORK.address}/${NETWORK.prefix}`, `    gateway ${NETWORK.gateway}`],
    dhcp: ["dhcp"],
  }[network];
  const [how, ...rest] = eth0;
  return [
    "auto lo",
    "iface lo inet loopback",
    ...(how ? ["", "auto eth0", `iface eth0 inet ${how}`, ...rest] : []),
    "",
  ].join("\n");
}
