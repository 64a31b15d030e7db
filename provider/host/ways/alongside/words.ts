/** An installation beside an old system, in words. Pure. */
import { humanBytes } from "../../../words.ts";
import type { Told, WayWords } from "../../plan/told.ts";
import { count, keepsShort, sends } from "../../plan/words.ts";

export function besideWords({ plan: p, facts, title }: Told): WayWords {
  const free = `${humanBytes(facts.root.freeKiB * 1024)} free`;
  const table = p.disk.ptuuid ? `, ${facts.root.tableType} ${p.disk.ptuuid}` : "";
  const left =
    p.erases.length > 0
      ? `then removes ${title} for good; destroy leaves the server as it is`
      : "destroy leaves the server as it is";
  const back = p.existing === "ours" || p.existing === "adopt" ? p.restore : title;
  return {
    head: `alongside ${title} on ${p.disk.rootDevice.replace("/dev/", "")} (${facts.root.type}, ${free})`,
    effort: `${sends(p)}, ${count(p.boots, "reboot")}`,
    parts: [keepsShort(p), p.restore ? `destroy restores ${back}` : left],
    before: [
      `method: alongside ${title}, which stays on ${p.disk.rootDevice} and remains the default until the new system is confirmed`,
      `disk: ${p.disk.device}${table}, root ${facts.root.type} ${p.disk.rootUuid}, ${free}`,
    ],
    erases: p.erases.join(", ") || "nothing",
    destroy: p.restore ? `destroy: boots ${p.restore} again and removes Pine` : "destroy: leaves the server as it is",
  };
}
