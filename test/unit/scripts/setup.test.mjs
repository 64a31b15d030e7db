import { describe, expect, test } from "vitest";
import { freeRange, packageNames } from "../../../scripts/setup/debian.mjs";

describe("set-up", () => {
  test("names of packages, without comments and empty lines", () => {
    expect(packageNames("# what for\nzstd  # Node has none\n\n  uidmap\n")).toEqual(["zstd", "uidmap"]);
  });
  test("subordinate ids begin after every range that is given away", () => {
    expect(freeRange("", "")).toBe(100_000);
    expect(freeRange("ann:100000:65536\nbob:165536:65536\n", "ann:300000:65536\n")).toBe(365_536);
    expect(freeRange("low:1000:10\n", "broken line")).toBe(100_000);
  });
});
