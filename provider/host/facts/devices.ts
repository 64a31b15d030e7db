/** A server's cards and disks, and what drives them: from the lines of devices.sh. Pure. */
import type { Device } from "../../boot/device.ts";
import type { Lines } from "./lines.ts";
import type { Facts } from "./types/facts.ts";

/** Lines are `USE NAME MODULE MODALIAS`, "-" for a modalias that could not be read, and `MODULE FILE`. */
export function parseDevices(lines: Lines): Pick<Facts, "devices" | "firmwareFiles"> {
  const devices = (lines.get("device") ?? []).flatMap((line): Device[] => {
    const [, use, name = "", module = "", modalias = "-"] = /^(card|disk) (\S+) (\S+) (\S.*)$/.exec(line) ?? [];
    if (use !== "card" && use !== "disk") return [];
    return [{ use, name, module: module.replaceAll("-", "_"), ...(modalias === "-" ? {} : { modalias }) }];
  });
  const firmwareFiles: Record<string, string[]> = {};
  for (const line of lines.get("firmware") ?? []) {
    const [, module, file] = /^(\S+) (\S+)$/.exec(line) ?? [];
    const name = module?.replaceAll("-", "_");
    if (name && file) firmwareFiles[name] = [...(firmwareFiles[name] ?? []), file];
  }
  return { devices, firmwareFiles };
}
