import { describe, expect, it } from "vitest";
import { closeNames, nearest } from "../../../provider/properties/nearest.ts";

describe("names that are close", () => {
  const names = ["busybox", "busybox-suid", "nano", "openssh", "openssh-server", "openssl", "restic"];
  it.each([
    ["busibox", ["busybox"]],
    ["opnessl", ["openssl"]],
    ["restik", ["restic"]],
    ["nothing-like-it", []],
  ])("to %s", (wrong, expected) => expect(closeNames(wrong, names)).toEqual(expected));
});

it.each([
  ["pakcages", "packages"],
  ["Kernel", "kernel"],
  ["zzz", undefined],
])("the nearest of a few to %s", (wrong, right) => expect(nearest(wrong, ["packages", "kernel"])).toBe(right));
