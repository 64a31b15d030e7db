/** Inputs of OstreeCommit. */
import type { KeyObject } from "node:crypto";
import semver from "semver";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { refProblem } from "../../image/ostree/write.ts";
import { integer, object, text } from "../../properties/check.ts";
import type { Checked } from "../../properties/rule.ts";
import { withoutUserinfo } from "../../redact.ts";
import { KEY_EXPECTED, readSigningKey } from "../../trust/signify.ts";
import { publishShape } from "./publish.ts";

export const shape = {
  rootfs: text({ required: true, pattern: CHECKSUM, expected: "the digest of a Rootfs (64 hex digits)" }),
  ref: text({ verify: refProblem, expected: 'a branch, such as "pine/x86_64/stable"' }),
  version: text({
    expected: 'a version, such as "1.4.0"',
    verify: versionProblem,
  }),
  signingKey: signingKey(),
  oldSigningKey: signingKey(),
  publish: publishShape(),
  retain: object(
    {
      commits: integer({ min: 1, max: 10_000, hint: "the newest is among them" }),
      days: integer({ min: 1, max: 36_500 }),
    },
    { verify: (r) => (Object.keys(r).length > 0 ? undefined : "expected commits, days or both") },
  ),
};
export type Inputs = Checked<typeof shape>;

function versionProblem(v: string): string | undefined {
  if (semver.valid(v) === v) return undefined;
  const build = semver.parse(v)?.build.join(".");
  return build && !v.startsWith("v")
    ? `"${v}" has build metadata (+${build}), which does not count when servers compare versions: leave it out`
    : `expected a version (semver), such as "1.4.0", got "${withoutUserinfo(v)}"`;
}

function signingKey() {
  return text({
    secret: true,
    expected: KEY_EXPECTED,
    verify: (value) => {
      const key = readSigningKey(value);
      return typeof key === "string" ? `${key}; expected ${KEY_EXPECTED}` : undefined;
    },
  });
}

/** The keys that sign: the new one, and the old one while servers know only that. */
export function keysOf(inputs: Pick<Inputs, "signingKey" | "oldSigningKey">): KeyObject[] {
  const given = [inputs.signingKey, inputs.oldSigningKey].filter((k) => k !== undefined);
  return given.map(readSigningKey).filter((k) => typeof k !== "string");
}
