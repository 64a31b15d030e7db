/** An overwrite in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Plan } from "../../plan/types.ts";
import { count } from "../../plan/words.ts";

type Base = Omit<Plan, "summary" | "lines">;

const sends = (p: Base) => (p.sendBytes === undefined ? "send the image" : `send about ${humanBytes(p.sendBytes)}`);

function dataText(p: Base): string[] {
  return p.overwrite!.data.map((d) => {
    const size = d.bytes === undefined ? "the rest" : humanBytes(d.bytes);
    return `${d.keep ? "keeps" : "makes"} data partition ${d.label} (${d.filesystem}, ${size}) on ${d.mountPoint}`;
  });
}

export function overwriteSummary(p: Base, title: string): string {
  const kept = `keeps ${p.keeps.slice(0, 3).join(", ")}`;
  const parts = [`ERASES ${p.overwrite!.erases}`, ...dataText(p), kept, "destroy leaves the server as it is"];
  return `overwrite ${title}: ${sends(p)}, ${count(p.boots, "reboot")}; ${parts.join("; ")}`;
}

const ENTERS = {
  kexec: "kexec",
  grub: "booted once by the server's own GRUB, since its kernel starts no other",
  shutdown: "systemd's shutdown leaves the running kernel to it, since that one starts no other and GRUB cannot either",
};

export function overwriteLines(p: Base, title: string, notes: string[]): string[] {
  const { disk, erases } = p.overwrite!;
  return [
    `method: overwrite ${title}: a RAM system takes over (${ENTERS[p.overwrite!.enter]}), the image is written over the disk and every block read back`,
    `disk: ${disk.device}, ${humanBytes(disk.bytes)}`,
    `${sends(p)}, a part of it the RAM system`,
    `${count(p.boots, "reboot")}: into the RAM system, and from the written disk; nothing leads back to ${title} once the disk is written`,
    "a connection that breaks in between is gone on with by the next `up`; a power cut while the disk is written leaves a server that does not boot",
    p.watchdog
      ? "a hardware watchdog ends a system that hangs"
      : "no hardware watchdog: a system that hangs hard needs a reset at the provider",
    `keeps: ${p.keeps.join(", ")}`,
    `erases: ${erases}`,
    ...dataText(p).map((l) => `data: ${l}`),
    "destroy: leaves the server as it is, for there is no old system to give back",
    ...notes.map((n) => `note: ${n}`),
  ];
}
