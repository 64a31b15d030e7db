/** The arguments of a rehearsal's QEMU. Pure. */
import type { GuestCard } from "./guest.ts";

export const ACCELERATORS = ["kvm", "tcg"] as const;
export type Accelerator = (typeof ACCELERATORS)[number];

/** Names of files in the working folder, where QEMU is started. */
export const DISK = "disk.raw";
export const REPORT = "report";

/**
 * tb-size: MiB of translated code that QEMU keeps. With its default of 1 GiB a boot takes half as long again
 * (measured in test/lab/vps/qemu.ts: 55 s of CPU time instead of 37).
 */
const MACHINE: Record<Accelerator, string[]> = {
  kvm: ["-accel", "kvm", "-cpu", "host"],
  tcg: ["-accel", "tcg,tb-size=128", "-cpu", "max"],
};

/** What every QEMU here gets: nothing of this machine, and it ends when the guest restarts. */
export const bareArguments = (accelerator: Accelerator, memory: number): string[] => [
  ...MACHINE[accelerator],
  "-m",
  String(memory),
  "-nodefaults",
  "-no-user-config",
  "-display",
  "none",
  "-no-reboot",
];

/**
 * A disk, the server's cards, two serial ports: the console on standard output, and the report in a file. The cards
 * answer DHCP and advertise IPv6, and lead nowhere (restrict). They come in another order than their names say, so that
 * it is /etc/mactab that names them.
 */
export function guestArguments(accelerator: Accelerator, o: { memory: number; cards: GuestCard[] }): string[] {
  const card = ({ mac }: GuestCard, n: number) => [
    "-netdev",
    `user,id=net${n},restrict=on`,
    "-device",
    `virtio-net-pci,netdev=net${n}${mac ? `,mac=${mac}` : ""}`,
  ];
  return [
    ...bareArguments(accelerator, o.memory),
    "-machine",
    "q35",
    "-smp",
    "1",
    "-drive",
    `file=${DISK},format=raw,if=none,id=disk,cache=unsafe`,
    "-device",
    "virtio-blk-pci,drive=disk",
    ...[...o.cards].reverse().flatMap(card),
    "-object",
    "rng-random,id=random,filename=/dev/urandom",
    "-device",
    "virtio-rng-pci,rng=random",
    "-serial",
    "stdio",
    "-serial",
    `file:${REPORT}`,
  ];
}
