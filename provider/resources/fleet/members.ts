/** What each server of a fleet is asked for: the program's defaults, and its own words over them. Pure. */
import { isUnknown, type Props, Secret, Unknown, type Value } from "../../properties/values.ts";

/** Inputs that are merged one by one, not replaced as a whole. */
const MERGED = ["connection", "files", "overwrite"];

const isMap = (v: Value): v is Props =>
  typeof v === "object" && v !== null && !Array.isArray(v) && Object.getPrototypeOf(v) === Object.prototype;

/** An object without its secret wrapper; undefined: it is none, or not known. */
export function opened(v: Value): Props | undefined {
  const inner = v instanceof Secret ? v.value : v;
  return isMap(inner) ? inner : undefined;
}

const given = (props: Props): Props =>
  Object.fromEntries(Object.entries(props).filter(([, v]) => v !== undefined && v !== null));

function merged(below: Value, above: Value): Value {
  if (above === undefined || above === null) return below;
  const [a, b] = [opened(below), opened(above)];
  if (!a || !b) return isUnknown(below) && b ? below : above;
  const both = { ...given(a), ...given(b) };
  return below instanceof Secret || above instanceof Secret ? new Secret(both) : both;
}

/** The inputs of a server's HostHijack. `own`: unknown as a whole when another resource makes it. */
export function memberInputs(defaults: Value, own: Value, commit: Value): Props {
  const below = given(opened(defaults) ?? {});
  const above = opened(own);
  const open = isUnknown(own) || isUnknown(defaults);
  const all: Props = { ...below, ...given(above ?? {}) };
  for (const name of MERGED) {
    const value = merged(below[name], above?.[name]);
    if (value !== undefined) all[name] = value;
  }
  if (open) all.connection = Unknown.value;
  const whole = [defaults, own].some((v) => v instanceof Secret);
  const inputs = whole ? Object.fromEntries(Object.entries(all).map(([k, v]) => [k, wrapped(v)])) : all;
  return given({ ...inputs, commit });
}

/** A secret around the whole becomes one around each part. */
const wrapped = (v: Value): Value => (v instanceof Secret ? v : new Secret(v));
