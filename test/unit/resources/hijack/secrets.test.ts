/** What of secrets HostHijack and DiskImage refuse, and that none gets into a state as plain text. */
import { describe, expect, it } from "vitest";
import { type Props, Secret } from "../../../../provider/properties/values.ts";
import { checkHijack } from "../../../../provider/resources/hijack/check/check.ts";
import { outputs } from "../../../../provider/resources/hijack/model/outputs.ts";
import type { HijackState } from "../../../../provider/resources/hijack/model/state.ts";

const base = { connection: { host: "203.0.113.7" }, commit: "c".repeat(64) };
const failures = (news: Props) => checkHijack({ ...base, ...news }).failures.map((f) => `${f.property}: ${f.reason}`);

describe("kernel arguments", () => {
  it.each<[string, Props]>([
    ["one of them", { kernelArguments: ["quiet", new Secret("token=canary")] }],
    ["all of them", { kernelArguments: new Secret(["token=canary"]) }],
  ])("that are secret are refused: %s", (_, news) => {
    const all = failures(news);
    expect(all).toEqual([expect.stringMatching(/^kernelArguments: expected no secret values: .*\/proc\/cmdline/)]);
    expect(all.join()).not.toContain("canary");
  });
  it("that are not, are taken", () => expect(failures({ kernelArguments: ["mitigations=off"] })).toEqual([]));
});

describe("the time of a health check", () => {
  it.each<[Props, RegExp[]]>([
    [{ healthChecks: [{ command: "true", timeout: 300 }] }, []],
    [
      { healthChecks: [{ command: "true" }, { command: "true", timeout: 301 }] },
      [/^healthChecks\[1\]\.timeout: is 301 s, .*trialTimeout, 300 s/],
    ],
    [{ trialTimeout: 600, healthChecks: [{ command: "true", timeout: 301 }] }, []],
    [{ trialTimeout: 60, healthChecks: [{ command: "true" }] }, []],
  ])("%j", (news, expected) => expect(failures(news)).toEqual(expected.map((e) => expect.stringMatching(e))));
});

it("what is said of a server is in the state without this resource's secrets", () => {
  const inputs = { ...base, healthChecks: [{ command: new Secret("curl -H canary-token x") }] };
  const failed = {
    checksum: "c".repeat(64),
    reason: "said: curl -H canary-token x",
    attempts: 1,
    final: true,
    triggers: "",
  };
  const state = {
    installationId: "i",
    failed,
    plan: { lines: ["curl -H canary-token x"], sendBytes: 1 },
  } as unknown as HijackState;
  const made = outputs(inputs, state);
  expect(JSON.stringify(made)).not.toContain("canary");
  expect(made.failed).toMatchObject({ reason: "said: [secret]", attempts: 1 });
  expect(made.plan).toEqual({ lines: ["[secret]"], sendBytes: 1 });
});
