import { describe, expect, test } from "vitest";
import { Secret } from "../../../../../provider/properties/values.ts";
import { inputsBefore, leftFrom } from "../../../../../provider/resources/hijack/model/left.ts";

const inputs = (change: object) => ({ connection: { host: "h" }, commit: "a", ...change });

describe("an update that was left for later", () => {
  test("a key that it would have removed is still removed by the next one", () => {
    const left = leftFrom({ installationId: "x" }, inputs({ authorizedKeys: ["old"], kernelArguments: ["quiet"] }));
    const before = inputsBefore(inputs({ authorizedKeys: ["new"] }), { leftFrom: left });
    expect(before).toMatchObject({ authorizedKeys: ["old"], kernelArguments: ["quiet"], commit: "a" });
  });
  test("two in a row: what the server may have of either", () => {
    const first = leftFrom({}, inputs({ authorizedKeys: ["one"], triggers: [1] }));
    const second = leftFrom({ leftFrom: first }, inputs({ authorizedKeys: ["two"], triggers: [2] }));
    expect(second.authorizedKeys).toEqual(["one", "two"]);
    // what was asked for when the server was last heard of
    expect(second.attempt).toBe(first.attempt);
  });
  test("a secret stays one in the state, and is read from it", () => {
    const left = leftFrom({}, inputs({ authorizedKeys: new Secret(["CANARY"]) }));
    expect(JSON.stringify(left)).not.toContain("CANARY");
    expect(inputsBefore(inputs({}), { leftFrom: left }).authorizedKeys).toEqual(["CANARY"]);
  });
  test("without one, the inputs before are those before", () =>
    expect(inputsBefore(inputs({ authorizedKeys: ["k"] }), undefined).authorizedKeys).toEqual(["k"]));
});
