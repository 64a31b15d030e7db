/** Inputs of which a preview does not know all: another resource of the same run makes them. Pure. */
import { hasUnknown, type Props, Secret, Unknown, type Value } from "../../../properties/values.ts";

/**
 * Without one of them there is no plan: which way, which disk, what is erased, by which addresses the server is
 * reached.
 */
const DECIDE = ["connection", "method", "erase", "disk", "dataPartitions", "network", "finalize", "onDestroy", "force"];

/** What of the plan each of the others would change; for comparing it with what `up` finds. */
const CHANGES: Record<string, string[]> = { hostname: ["hostname", "network"] };

export interface KnownInputs {
  /** The inputs without what is not known. Of a list the elements that are known. */
  props: Props;
  /** Properties that are not known, and without which there is no plan. */
  decisive: string[];
  /** Properties without which the plan is shown. */
  missing: string[];
  /** Parts of the plan that may be others once all is known. */
  open: string[];
}

/**
 * `commit`, `image` and `files` are left as they are: a preview has words of its own for the first two, and sends no
 * files.
 */
export function knownInputs(given: Props): KnownInputs {
  const unknown = Object.keys(given).filter(
    (name) => !["commit", "image", "files"].includes(name) && hasUnknown(given[name]),
  );
  const decisive = unknown.filter((name) => DECIDE.includes(name));
  const missing = unknown.filter((name) => !DECIDE.includes(name));
  const props = { ...given };
  for (const name of missing) {
    const value = given[name] instanceof Secret ? given[name].value : given[name];
    if (Array.isArray(value)) props[name] = value.filter((element: Value) => !hasUnknown(element));
    else delete props[name];
  }
  return { props, decisive, missing, open: missing.flatMap((name) => CHANGES[name] ?? []) };
}

/** "hostname and authorizedKeys". */
export const listed = (names: readonly string[]) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

export const isUnknown = (value: unknown) =>
  value instanceof Unknown || (value instanceof Secret && value.value instanceof Unknown);
