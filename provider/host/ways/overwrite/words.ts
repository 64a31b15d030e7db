/** An overwrite in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Sending, StepOf } from "../../plan/steps.ts";
import type { Told, WayWords } from "../../plan/told.ts";
import { count, keepsShort } from "../../plan/words.ts";

export const sendsImage = (p: Sending) =>
  p.sendBytes === undefined ? "send the image" : `send about ${humanBytes(p.sendBytes)}`;

const dataText = (plan: Told["plan"]): string[] =>
  plan.overwrite!.data.map((d) => {
    const size = d.bytes === undefined ? "the rest" : humanBytes(d.bytes);
    return `${d.keep ? "keeps" : "makes"} data partition ${d.label} (${d.filesystem}, ${size}) on ${d.mountPoint}`;
  });

const ENTERS = {
  kexec: "kexec",
  grub: "booted once by the server's own GRUB, since its kernel starts no other",
  shutdown:
    "systemd's shutdown starts it on the running kernel, since that kernel starts no other and GRUB cannot either",
};

export function overwriteWords({ plan: p, title }: Told): WayWords {
  const { disk, erases, enter } = p.overwrite!;
  return {
    head: `overwrite ${title}`,
    effort: `${sendsImage(p)}, ${count(p.boots, "reboot")}`,
    parts: [`ERASES ${erases}`, ...dataText(p), keepsShort(p), "destroy leaves the server as it is"],
    before: [
      `method: overwrite ${title}: a RAM system takes over (${ENTERS[enter]}), the image is written over the disk and every block read back`,
      `disk: ${disk.device}, ${humanBytes(disk.bytes)}`,
    ],
    erases,
    data: dataText(p).map((line) => `data: ${line}`),
    destroy: "destroy: leaves the server as it is, since there is no old system to restore",
  };
}

/** The way to the written disk, and its first boot. */
export const bootDiskLines = ({ watchdog }: StepOf<"boot-disk">, { plan, title }: Told): string[] => [
  `${count(plan.boots, "reboot")}: into the RAM system, and from the written disk; there is no way back to ${title} once the disk is written`,
  "if the connection breaks in between, the next `up` continues; a power cut while the disk is written leaves a server that does not boot",
  watchdog
    ? "a hardware watchdog ends a system that hangs"
    : "no hardware watchdog: a system that hangs hard needs a reset at the provider",
];
