/** The parts of a check: rules, places and failures. check.ts makes the rules themselves. */
import { withoutUserinfo } from "../redact.ts";
import type { CheckFailure } from "./failure.ts";
import { nearest } from "./nearest.ts";
import { pathOf } from "./path.ts";
import { Archive, Asset, hasUnknown, type Props, plain, Secret, Unknown, type Value } from "./values.ts";

/** Options of every rule. */
export interface Common<T> {
  /** Fails when absent and there is no default. */
  required?: boolean;
  /** Filled in when absent. */
  default?: T;
  /** The value is never shown, and the checked value is a {@link Secret}. */
  secret?: boolean;
  /** What to do about a failure, e.g. `create one with ssh-keygen`. */
  hint?: string;
  /** What is expected, as a noun: `a package name such as "curl"`. */
  expected?: string;
  /**
   * A last check of a value that has the right type and is wholly known. Returns the reason of a failure, with or
   * without a code of its own.
   */
  verify?: (value: T) => string | Fault | undefined;
}

/** What is wrong, and the last part of its code: `uid-twice`. */
export interface Fault {
  code: string;
  reason: string;
}

/** What a value may be, for whoever compares it with the schema. */
export interface Form {
  type: "string" | "number" | "integer" | "boolean" | "list" | "map" | "object" | "asset" | "archive" | "any";
  /** The strings that are taken. */
  enum?: readonly string[];
  min?: number;
  max?: number;
  /** Of a list's elements, or a map's values. */
  of?: Rule;
  /** Of an object. */
  shape?: Shape;
}

/** How one value is checked. Made by {@link text}, {@link list}, … */
export interface Rule<T = Value, Sure extends boolean = boolean> extends Common<T> {
  /** What is expected, unless `expected` says it better. */
  readonly kind: string;
  readonly form: Form;
  /** Returns the value to keep; reports failures to `at`. Never gets secret wrappers, unknowns or null. */
  readonly take: (value: Value, at: Place, own: Rule) => Value;
  /** Only for types: whether a checked value is always there. */
  readonly sure?: Sure;
}

export type Shape = Record<string, Rule>;

/** The plain type of inputs that passed: `plain(inputs) as Checked<typeof shape>` if nothing is unknown. */
export type Checked<S extends Shape> = { [K in keyof S as Sure<S[K]> extends true ? K : never]: Of<S[K]> } & {
  [K in keyof S as Sure<S[K]> extends true ? never : K]?: Of<S[K]>;
};
export type Of<R> = R extends Rule<infer T, boolean> ? T : never;
type Sure<R> = R extends Rule<Value, infer S> ? (boolean extends S ? false : S) : false;

/** Where a value is, and where its failures go. */
export class Place {
  constructor(
    readonly path: string,
    readonly secret: boolean,
    readonly failures: CheckFailure[],
    /** Names of properties on the way here, for the code: neither numbers nor keys that a person chose. */
    readonly names: string[] = [],
  ) {}
  /** `free`: a key that the person chose. */
  key(name: string | number, free = false): Place {
    const names = typeof name === "number" || free ? this.names : [...this.names, name];
    // an address, not a path of a file
    const shown = free && !String(name).startsWith("/") ? withoutUserinfo(String(name)) : name;
    return new Place(pathOf(this.path, shown), this.secret, this.failures, names);
  }
  hidden(secret: boolean): Place {
    return secret && !this.secret ? new Place(this.path, true, this.failures, this.names) : this;
  }
  /** `kind`: the last part of the code, after the names of the properties: `users.uid.range`. */
  fail(reason: string, kind: string, hide = false): void {
    const whole = this.path === "" ? reason : `${this.path}: ${reason}`;
    const hidden = this.secret || hide;
    this.failures.push({
      property: hidden ? "" : this.path,
      reason: hidden ? whole : reason,
      code: [...this.names, kind].join("."),
    });
  }
}

/** A value for a message: a short form, or the kind of thing it is. */
function got(value: Value): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Asset) return "an asset";
  if (value instanceof Archive) return "an archive";
  if (typeof value === "object" && value !== null) return "an object";
  const shown = (typeof value === "string" ? JSON.stringify(withoutUserinfo(value)) : JSON.stringify(value)) ?? "";
  return shown.length > 80 ? `${shown.slice(0, 77)}…"` : shown;
}

/** "expected …, got …; hint"; leaves out the value if it is secret. */
export function reject(at: Place, own: Rule, value: Value, kind = "type"): undefined {
  const shown = at.secret ? "" : `, got ${got(value)}`;
  at.fail(`expected ${own.expected ?? own.kind}${shown}${own.hint ? `; ${own.hint}` : ""}`, kind);
  return undefined;
}

export function checkValue(value: Value, own: Rule, at: Place): Value {
  if (value instanceof Secret) {
    const inner = checkValue(value.value, own, at.hidden(true));
    return inner === undefined || inner instanceof Secret ? inner : new Secret(inner);
  }
  const here = at.hidden(own.secret === true);
  const wrap = (v: Value) => (own.secret && !at.secret && !(v instanceof Secret) ? new Secret(v) : v);
  if (value instanceof Unknown) return wrap(value);
  if (value === undefined || value === null) {
    if (own.default !== undefined) return wrap(structuredClone(own.default));
    if (own.required)
      here.fail(
        `is missing: give ${own.expected ?? own.kind}${own.hint ? `; ${own.hint}` : ""}`,
        "missing",
        here.secret,
      );
    return undefined;
  }
  const before = here.failures.length;
  const kept = own.take(value, here, own);
  if (kept === undefined || here.failures.length > before) return kept;
  const said = own.verify && !hasUnknown(kept) ? own.verify(plain(kept)) : undefined;
  const fault = typeof said === "string" ? { code: "value", reason: said } : said;
  if (fault) here.fail(`${fault.reason}${own.hint ? `; ${own.hint}` : ""}`, fault.code);
  return wrap(kept);
}

/** Checks a resource's inputs. `inputs` holds the values to keep, also when there are failures. */
export function checkProps(news: Props, shape: Shape): { inputs: Props; failures: CheckFailure[] } {
  const failures: CheckFailure[] = [];
  const inputs = takeProps(news, shape, new Place("", false, failures));
  return { inputs, failures };
}

export function takeProps(value: Props, shape: Shape, at: Place): Props {
  const kept: Props = {};
  for (const [name, rule] of Object.entries(shape)) {
    const v = checkValue(value[name], rule, at.key(name));
    if (v !== undefined) kept[name] = v;
  }
  for (const [name, v] of Object.entries(value)) {
    if (Object.hasOwn(shape, name) || v === undefined || v === null) continue;
    const near = nearest(name, Object.keys(shape));
    const advice = near ? `did you mean ${near}?` : `known ones are ${Object.keys(shape).join(", ")}`;
    at.key(name, true).fail(`there is no such property; ${advice}`, "unknown", true);
  }
  return kept;
}
