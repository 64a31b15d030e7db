/** Presets of a Rootfs, in plain data. What the program gives itself is added to lists and wins over single values. */
import type { Target } from "../../boot/target.ts";
import type { Extra, Services } from "./types.ts";

export interface Profile {
  packages: string[];
  services: Services;
  sysctl: Record<string, string>;
  limits: Record<string, string>;
  extras: Extra[];
  /** Busybox's ntpd, where the target has a clock of its own. */
  ntp: boolean;
  /** Tuning of disks and network cards. */
  knobs: boolean;
}

export const profileNames = ["minimal", "classic"] as const;
export type ProfileName = (typeof profileNames)[number];

/** Boots, is reached by SSH, updates itself: what the base of every system has. */
const minimal: Profile = {
  packages: [],
  services: {},
  sysctl: {},
  limits: {},
  extras: [],
  ntp: false,
  knobs: false,
};

/** Tools of a person who keeps servers by hand: upstream's list of 2023. */
// biome-ignore format: what belongs together is in one line
const tools = [
  "alpine-base", "sudo", "tzdata", "util-linux", "binutils", "coreutils", "ca-certificates", "wget", "ethtool",
  "iptables", "git", "htop", "iftop", "bash", "sysstat", "tmux", "mosh-server", "dropbear-scp",
  "openssh-sftp-server",
];
/** Tools for a machine's disks and boot loader. */
const machine = ["xfsprogs", "e2fsprogs", "grub-bios", "blkid", "multipath-tools"];

/** Upstream's sysctl, except what a kernel of today no longer has (tcp_fack, tcp_tw_recycle) and what harms (below). */
// biome-ignore format: what belongs together is in one line
const sysctl = {
  "vm.overcommit_memory": "1", "vm.overcommit_ratio": "100",
  "kernel.pid_max": "4194303", "fs.file-max": "6544018", "fs.nr_open": "6544018", "fs.suid_dumpable": "0",
  "net.core.netdev_max_backlog": "65536", "net.core.somaxconn": "16384",
  "net.ipv4.tcp_window_scaling": "1", "net.ipv4.tcp_sack": "1", "net.ipv4.tcp_dsack": "1",
  "net.ipv4.tcp_no_metrics_save": "1", "net.ipv4.tcp_syncookies": "1", "net.ipv4.tcp_tw_reuse": "1",
  "net.ipv4.ip_local_port_range": "1025 65535", "net.ipv4.tcp_synack_retries": "3", "net.ipv4.tcp_retries2": "6",
  "net.ipv4.tcp_fin_timeout": "30", "net.ipv4.tcp_keepalive_time": "30",
  "net.ipv4.tcp_keepalive_probes": "4", "net.ipv4.tcp_keepalive_intvl": "20",
  "kernel.msgmni": "2878", "kernel.msgmnb": "65536", "kernel.msgmax": "65536",
  "kernel.sem": "256 32000 100 142", "kernel.shmmni": "4096",
};
/**
 * Left out on purpose: buffers of 160 MB a socket and tcp_mem of 4 to 6 TB (more than small servers have),
 * tcp_timestamps=0 (tcp_tw_reuse needs them), htcp (a module of its own: give it in `sysctl` with `loadModules`), and a
 * container's vm.min_free_kbytes=0.
 */
const ofMachine = {
  "vm.swappiness": "10",
  "vm.vfs_cache_pressure": "40",
  "vm.dirty_background_ratio": "4",
  "vm.dirty_ratio": "80",
  "net.ipv4.tcp_max_syn_backlog": "2048",
};
const ofContainer = { "net.ipv4.tcp_max_syn_backlog": "65536" };

const classic = (target: Target): Profile => ({
  packages: [...tools, ...(target === "vm" ? machine : ["procps-ng"])],
  services: { default: ["crond", ...(target === "vm" ? ["acpid"] : [])], boot: target === "vm" ? ["klogd"] : [] },
  sysctl: { ...sysctl, ...(target === "vm" ? ofMachine : ofContainer) },
  limits: { nofile: "917504", core: "0" },
  extras: [...(target === "vm" ? (["iomon"] as const) : []), "ssheval", "tcpmon", "toolbox", "unlock"],
  ntp: target === "vm",
  knobs: target === "vm",
});

export const profileOf = (name: ProfileName, target: Target): Profile =>
  name === "classic" ? classic(target) : minimal;
