/** A commit that was booted here and failed is not booted again by itself (rule 9 of the state). */
import { expect, it } from "vitest";
import { refuseKnownFailure } from "../../../../../provider/resources/hijack/check/policy.ts";

const failed = { checksum: "a".repeat(64), triggers: "1", attempts: 1, givenUp: true, reason: "health check 1 failed" };
const ask = (change: Partial<typeof failed>, inputs: Partial<{ commit: string; attempt: string }> = {}) =>
  refuseKnownFailure(
    { failed: { ...failed, ...change } },
    { commit: failed.checksum, attempt: failed.triggers, ...inputs },
  );

it("is refused, with why and what to change", () =>
  expect(() => ask({})).toThrow(/failed on this server before \(health check 1 failed\) and is not booted again/));
it.each([
  ["another commit", {}, { commit: "b".repeat(64) }],
  ["other triggers, hostname, network or health", {}, { attempt: "2" }],
  ["a failure that may have been a power cut", { givenUp: false }, {}],
] as const)("%s is tried", (_, change, inputs) => expect(() => ask(change, inputs)).not.toThrow());
it("so is anything where nothing failed", () =>
  expect(() => refuseKnownFailure({}, { commit: "a", attempt: "1" })).not.toThrow());
