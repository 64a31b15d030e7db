/** What is known of a server (facts.ts). Anything that could not be read is absent. */
import type { Device } from "../../../boot/device.ts";
import type { NetworkFacts } from "./network.ts";
import type { PineFacts } from "./pine.ts";
import type { Disk, Mount, RootFacts } from "./storage.ts";

export interface KexecFacts {
  /** /proc/sys/kernel/kexec_load_disabled; absent: a kernel without kexec, or before 3.14. */
  disabled?: boolean;
  /** CONFIG_KEXEC: the old system call; absent where the configuration could not be read. */
  load?: boolean;
  /** CONFIG_KEXEC_FILE: the one that lockdown allows, for signed kernels. */
  fileLoad?: boolean;
  /** Only signed kernels (CONFIG_KEXEC_SIG_FORCE). */
  signedOnly?: boolean;
}

export interface ContainerRights {
  /** Its root is another user outside (a user namespace). */
  unprivileged: boolean;
  /**
   * What a new root needs and its host refuses: "unshare", "namespace", "tmpfs", "bind", "readonly", "dev", "proc",
   * "sys", "chroot".
   */
  refused: string[];
  /** pivot_root is allowed; else chroot has to do. */
  pivot: boolean;
}

export interface GrubFacts {
  version?: string;
  /** Folder of grub.cfg on the running system: `/boot/grub` or `/boot/grub2`. */
  folder: string;
  /** Platform folders in it: `i386-pc`, `x86_64-efi`. */
  platforms: string[];
  /** Another one with a grub.cfg and modules: it cannot be told which GRUB reads. */
  otherFolder?: string;
  /** grub.cfg sources custom.cfg of its folder (Debian's 41_custom). */
  sourcesCustom: boolean;
  custom: "none" | "ours" | "other" | "mixed";
  grubenv: boolean;
  /** GRUB_DEFAULT of /etc/default/grub. */
  default?: string;
  /** It asks for a user name and a password (superusers) before anything is changed. */
  password: boolean;
  /** It reads only what is signed (check_signatures). */
  signed: boolean;
  /** Lines of grub.cfg, outside its entries, at which it waits for a person at every boot. */
  waits: string[];
  /** Lines after custom.cfg that decide what boots and when. */
  after: string[];
}

/** A private host key that can be kept: its path and its public half. */
export interface HostKeyFile {
  path: string;
  /** `type base64`. */
  key: string;
}

/** What is known of a server. Anything that could not be read is absent. */
export interface Facts {
  uid: number;
  os: { id: string; idLike: string[]; versionId?: string; codename?: string; name: string };
  hostname: string;
  timezone?: string;
  kernelRelease: string;
  /** `uname -m`: x86_64, aarch64, … */
  arch: string;
  cmdline: string[];
  /** console= arguments, in their order. */
  consoles: string[];
  bootId: string;
  /** lxc, openvz, docker, … when it is no machine of its own. */
  container?: string;
  /** What a container may do; absent on a machine. */
  rights?: ContainerRights;
  /** DMI vendor and product: "QEMU", "Standard PC". */
  machine?: string;
  /** kvm, qemu, vmware, microsoft, xen, …, "unknown" for one that does not say, "none" for a real machine. */
  hypervisor: string;
  /** PV, PVH or HVM under Xen: a PV guest's kernel is not started by the GRUB on its disk. */
  xen?: string;
  firmware: "bios" | "uefi";
  /** Whether UEFI's own programs are 32-bit or 64-bit. Absent: not known. */
  efiBits?: 32 | 64;
  /** Mounts of a folder of their file system (bind mounts, subvolumes): mount point -> that folder. */
  folders: Record<string, string>;
  secureBoot?: boolean;
  /** none, integrity, confidentiality. */
  lockdown?: string;
  /** A hardware watchdog's device is there. */
  watchdog: boolean;
  ramKiB: number;
  availableKiB?: number;
  swapKiB: number;
  root: RootFacts;
  /** All of them, in the kernel's order. */
  disks: Disk[];
  /** What drives cards and disks, except what is built into the kernel. */
  devices: Device[];
  /** Such a module -> firmware files that it may ask for and that are there. */
  firmwareFiles: Record<string, string[]>;
  /** UUIDs that several file systems have, with their devices. */
  twins?: Record<string, string[]>;
  /** PARTUUID of the partition that UEFI started a boot loader from. */
  bootPartition?: string;
  kexec: KexecFacts;
  /** systemd is the server's init, and its shutdown can hand the machine over to what lies in /run/initramfs. */
  systemd: boolean;
  mounts: Mount[];
  grub?: GrubFacts;
  network: NetworkFacts;
  /** name -> path or, for tar, its kind ("gnu", "busybox"). */
  tools: Record<string, string>;
  /** Public SSH host keys, `ssh-ed25519 AAAA…`. */
  hostKeys: string[];
  hostKeyFiles: HostKeyFile[];
  /**
   * What sshd says of its settings that decide who may log in and where: `["port", "22"]`, in lower case. A port only
   * where it listens.
   */
  sshd: [string, string][];
  authorizedKeys: { root: string[]; login: string[] };
  pine: PineFacts;
}
