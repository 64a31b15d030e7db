/** Inputs that a preview knows only in part, because another resource of the same run makes them. Pure. */
import { topOf } from "../../../properties/path.ts";
import { hasUnknown, type Props, Secret, Unknown, type Value } from "../../../properties/values.ts";
import { asGiven, spread } from "./overwrite.ts";

/** Inputs that every plan needs: they decide the way, the disk, what is erased and the server's addresses. */
const DECIDE = [
  "connection",
  "method",
  "erase",
  "disk",
  "dataPartitions",
  "network",
  "removeOldSystem",
  "onDestroy",
  "ignoreChecks",
];

/** Parts of the plan that each other input would change; for comparing the plan with what `up` finds. */
const CHANGES: Record<string, string[]> = { hostname: ["hostname", "network"] };

export interface KnownInputs {
  /** The inputs without unknown values. Keeps the known elements of a list. */
  props: Props;
  /** Unknown properties that every plan needs. */
  decisive: string[];
  /** Unknown properties that the plan is shown without. */
  missing: string[];
  /** Parts of the plan that may change once everything is known. */
  open: string[];
}

/** `files` with paths alone: a preview sends none, and their content may not be known yet. Pure. */
export function pathsOnly(files: Value): Record<string, object> {
  const given = files instanceof Secret ? files.value : files;
  const known = typeof given === "object" && given !== null && !(given instanceof Unknown) ? Object.keys(given) : [];
  return Object.fromEntries(known.map((path) => [path, {}]));
}

/**
 * Splits inputs into known and unknown ones. Leaves `commit`, `image` and `files` as they are: a preview treats the
 * first two separately, and sends no files.
 */
export function knownInputs(inputs: Props): KnownInputs {
  const given = spread(inputs);
  const unknown = Object.keys(given).filter(
    (name) => !["commit", "image", "files"].includes(name) && hasUnknown(given[name]),
  );
  const decisive = [...new Set(unknown.filter((name) => DECIDE.includes(name)).map((name) => topOf(asGiven(name))))];
  const missing = unknown.filter((name) => !DECIDE.includes(name));
  const props = { ...given };
  for (const name of missing) {
    const value = given[name] instanceof Secret ? given[name].value : given[name];
    if (Array.isArray(value)) props[name] = value.filter((element: Value) => !hasUnknown(element));
    else delete props[name];
  }
  return { props, decisive, missing, open: missing.flatMap((name) => CHANGES[name] ?? []) };
}
