import { describe, expect, test } from "vitest";
import { Secret, Unknown } from "../../../../provider/properties/values.ts";
import { fleetLine, type Standing, standingOf } from "../../../../provider/resources/fleet/summary.ts";

const times = (n: number, standing: Standing) => Array<Standing>(n).fill(standing);

describe("the line", () => {
  test("of a preview", () =>
    expect(fleetLine([...times(9, "reboot"), ...times(2, "unchanged"), "unreachable"], true)).toBe(
      "12 servers: 9 reboot, 2 unchanged, 1 cannot be reached",
    ));
  test("of what was done", () =>
    expect(fleetLine(["new", "reboot", "unreachable", "reboot", "change", "unchanged"], false)).toBe(
      "6 servers: 1 installed, 2 rebooted, 1 changed without a reboot, 1 unchanged, 1 cannot be reached",
    ));
  test("of a rollout that stopped", () =>
    expect(fleetLine(["failed", ...times(5, "not touched")], false)).toBe("6 servers: 1 failed, 5 not touched"));
  test("in the singular", () => {
    expect(fleetLine(["reboot"], true)).toBe("1 server: 1 reboots");
    expect(fleetLine(["new", "change", "not known"], true)).toBe(
      "3 servers: 1 is new, 1 changes without a reboot, 1 not known yet",
    );
  });
});

describe("a server's part in it", () => {
  const known = { booted: { checksum: "a" }, plan: { boots: 1 } };
  const open = { booted: Unknown.value, plan: { boots: 1 } };
  test.each([
    ["untouched", { result: "done", state: known }, {}, true, "unchanged"],
    ["looked at, and it will boot", { result: "done", state: open }, { operation: "update" }, true, "reboot"],
    ["only files", { result: "done", state: { ...open, plan: { boots: 0 } } }, { operation: "update" }, true, "change"],
    // the plan in its state is that of the installation
    ["not asked at all", { result: "done", state: known }, { operation: "update" }, true, "change"],
    ["new", { result: "done", state: open }, { operation: "create" }, true, "new"],
    [
      "inputs that nobody knows yet",
      { result: "done", state: { ...open, plan: Unknown.value } },
      { operation: "create" },
      true,
      "not known",
    ],
    [
      "silent in a preview",
      { result: "done", state: { booted: Unknown.value, plan: Unknown.value, unreachable: true } },
      { operation: "update" },
      true,
      "unreachable",
    ],
    [
      "silent at the last refresh",
      { result: "done", state: { ...known, unreachable: true } },
      {},
      false,
      "unreachable",
    ],
    ["stopped and started", { result: "done", state: known }, { operation: "update", stopped: true }, false, "reboot"],
    ["written to", { result: "done", state: known }, { operation: "update" }, false, "change"],
    ["installed", { result: "done", state: known }, { operation: "create", stopped: true }, false, "new"],
    ["failed", { result: "failed", state: {} }, { operation: "update", stopped: true }, false, "failed"],
    ["left out by the engine", { result: "skipped", state: known }, {}, false, "not touched"],
    ["secret", { result: "done", state: { unreachable: new Secret(true) } }, {}, false, "unreachable"],
  ] as const)("%s", (_, made, seen, preview, standing) => expect(standingOf(made, seen, preview)).toBe(standing));
});
