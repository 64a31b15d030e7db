/** The reboot lock of the inputs, with its defaults. Pure. */
import { usualDeadline } from "../../../host/turn/deadline.ts";
import type { RebootLock } from "../../../host/turn/lock.ts";
import type { HijackInputs } from "./inputs.ts";

/** The name that a program gives the resource, as a group knows its members. */
const nameOf = (urn: string) =>
  urn
    .split("::")
    .pop()!
    .replaceAll(/[^A-Za-z0-9._-]/g, "-")
    .slice(0, 64);

export function lockOf(inputs: HijackInputs, { urn }: { urn: string }): RebootLock | undefined {
  const given = inputs.rebootLock;
  return given && { member: nameOf(urn), slots: 1, maxFailures: 0, deadline: usualDeadline(inputs), ...given };
}
