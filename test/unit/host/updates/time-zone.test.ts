/** Names of time zones, as rules that a server without their database can follow. */
import { describe, expect, it } from "vitest";
import { hasTimeZones, posixTimeZone } from "../../../../provider/host/updates/time-zone.ts";

describe("a time zone", () => {
  it.each([
    ["UTC", "UTC0"],
    ["CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3"],
    ["<+0330>-3:30", "<+0330>-3:30"],
    ["../../etc/passwd", undefined],
    ["/etc/localtime", undefined],
    ["", undefined],
  ])("%j is %j", (zone, posix) => expect(posixTimeZone(zone)).toBe(posix));
  it("by its name needs the database of this machine", () => {
    expect(posixTimeZone("Europe/Berlin", "/nowhere")).toBeUndefined();
    // the set-up does not install it
    expect(posixTimeZone("Europe/Berlin")).toBe(hasTimeZones() ? "CET-1CEST,M3.5.0,M10.5.0/3" : undefined);
  });
});
