/** Inputs of Ring. */
import { CHECKSUM } from "../../image/ostree/check.ts";
import { refProblem } from "../../image/ostree/write.ts";
import { flag, integer, list, map, object, text } from "../../properties/check.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import type { Checked, Rule } from "../../properties/rule.ts";
import { hasUnknown, type Props, plain } from "../../properties/values.ts";
import { publishShape } from "../commit/publish.ts";
import { shape as commitShape } from "../commit/shape.ts";
import { connectionRule } from "../connection-shape.ts";

const must = <T>(rule: Rule<T>): Rule<T, true> => ({ ...rule, required: true }) as Rule<T, true>;
const { signingKey, oldSigningKey, spareKeys } = commitShape;

/** What all rings of a fleet have in common. */
export const signing = {
  publish: must(publishShape()),
  signingKey: must(signingKey),
  oldSigningKey,
  spareKeys,
  waitMinutes: integer({ min: 0, max: 1440 }),
};

export const shape = {
  commit: text({ required: true, pattern: CHECKSUM, expected: "the checksum of an OstreeCommit (64 hex digits)" }),
  branch: text({ required: true, verify: refProblem, expected: 'a branch, such as "pine/web/canary"' }),
  servers: list(text()),
  after: map(object({ connection: connectionRule, pulls: flag({ default: true }) })),
  ...signing,
};
export type Inputs = Checked<typeof shape>;

/** Versions in what is said of commits: one may be several commits of a store, and a ring may have had none. */
export function namesFailures(publish: unknown, at = ""): CheckFailure[] {
  if (publish === undefined || hasUnknown(publish)) return [];
  const given = plain(publish) as Props;
  return ["withdrawn", "barriers"].flatMap((name) =>
    ((given[name] ?? []) as string[]).flatMap((one, n) =>
      CHECKSUM.test(one)
        ? []
        : [{ property: `${at}publish.${name}[${n}]`, reason: `expected the checksum of a commit, got "${one}"` }],
    ),
  );
}
