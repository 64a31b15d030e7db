/** Time zones for a server, whose busybox has no list of them: as POSIX writes them, with the rules of summer time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As POSIX.1 has it: a name, an offset, and perhaps those of summer time with its rules. */
const POSIX =
  /^([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)[+-]?\d{1,2}(:\d{2}){0,2}(([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)([+-]?\d{1,2}(:\d{2}){0,2})?(,[MJ]?[0-9.]+(\/[+-]?[0-9:]+)?){2})?$/;

const ZONEINFO = "/usr/share/zoneinfo";

export const TIME_ZONE_EXPECTED =
  'a time zone, such as "Europe/Berlin", "UTC", or as POSIX writes it, "CET-1CEST,M3.5.0,M10.5.0/3"';

/**
 * The zone as POSIX writes it; undefined: there is none of that name. A file of the zone database ends with it, for all
 * years after its table (RFC 8536, 3.3). `folder`: where this machine has the database.
 */
export function posixTimeZone(zone: string, folder = ZONEINFO): string | undefined {
  if (zone === "UTC") return "UTC0";
  if (POSIX.test(zone)) return zone;
  if (!/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(zone)) return undefined;
  let file: string;
  try {
    file = readFileSync(join(folder, zone), "latin1");
  } catch {
    return undefined;
  }
  const footer = file.startsWith("TZif") ? file.trimEnd().split("\n").pop()! : "";
  return POSIX.test(footer) ? footer : undefined;
}

/** Whether this machine has the database: without it only POSIX's form is known. */
export function hasTimeZones(folder = ZONEINFO): boolean {
  return posixTimeZone("Europe/Berlin", folder) !== undefined;
}
