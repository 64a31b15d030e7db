/** Inputs of OstreeCommit. */
import semver from "semver";
import { CHECKSUM } from "../../image/ostree/check.ts";
import { refProblem } from "../../image/ostree/write.ts";
import { integer, list, object, text } from "../../properties/check.ts";
import type { Checked } from "../../properties/rule.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Signers } from "../../trust/manifest.ts";
import { KEY_EXPECTED, PUBLIC_KEY_EXPECTED, readPublicKey, readSigningKey } from "../../trust/signify.ts";
import { publishShape } from "./publish.ts";

export const shape = {
  rootfs: text({ required: true, pattern: CHECKSUM, expected: "the digest of a Rootfs (64 hex digits)" }),
  branch: text({ verify: refProblem, expected: 'a branch, such as "pine/x86_64/stable"' }),
  version: text({
    expected: 'a version, such as "1.4.0"',
    verify: versionProblem,
  }),
  signingKey: signingKey(),
  oldSigningKey: signingKey(),
  spareKeys: list(text({ expected: PUBLIC_KEY_EXPECTED, verify: spareProblem })),
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

function spareProblem(value: string): string | undefined {
  if (readPublicKey(value)) return undefined;
  // not shown: it may be a private key
  return `expected ${PUBLIC_KEY_EXPECTED}; got ${/PRIVATE KEY/.test(value) ? "a private key, which does not belong in a list of public ones" : "something else"}`;
}

/** Who signs: the new key, and the old one while servers know only that. Servers trust the spare keys, too. */
export function signersOf(inputs: Pick<Inputs, "signingKey" | "oldSigningKey" | "spareKeys">): Signers {
  const given = [inputs.signingKey, inputs.oldSigningKey].filter((k) => k !== undefined);
  return {
    keys: given.map(readSigningKey).filter((k) => typeof k !== "string"),
    spare: (inputs.spareKeys ?? []).map(readPublicKey).filter((k) => k !== undefined),
  };
}
