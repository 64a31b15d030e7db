/**
 * A small declarative check of a resource's inputs.
 *
 * ```ts
 * const shape = {
 *   arch: text({ enum: ["x86_64", "aarch64"], default: "x86_64" }),
 *   packages: list(text({ pattern: /^[a-z0-9]\S*$/, expected: 'a name such as "restic~0.18"' }), { required: true }),
 *   services: map(list(text()), { keys: { pattern: /^[a-z]+$/, expected: 'a runlevel such as "default"' } }),
 *   password: text({ secret: true }),
 *   health: list(object({ http: text(), tcp: text() }, { exactlyOne: ["http", "tcp"] })),
 *   files: map(object({ content: text(), source: asset() }, { exactlyOne: ["content", "source"] })),
 *   size: integer({ min: 256, verify: (mib) => (mib % 4 ? "expected a multiple of 4 MiB" : undefined) }),
 * };
 * export type Inputs = Checked<typeof shape>; // { arch: "x86_64" | "aarch64"; packages: string[]; services?: …; … }
 *
 * // in Resource.check:
 * const { inputs, failures } = checkProps(news, shape);
 * // elsewhere, once everything is known: const wanted = plain(inputs) as Inputs;
 * ```
 *
 * - Unknown values pass (in a preview), null counts as absent, defaults are filled in, secret wrappers stay.
 * - A string that is a number or a boolean ("22", "true") passes for one: configuration files know only strings.
 * - A failure names the property, what was expected and what to do. Inside a secret its `property` is "", the path is
 *   in the reason, and the value appears nowhere. Unknown properties are treated the same way: a misspelt `pasword`
 *   holds a password.
 */
import { nearest } from "./nearest.ts";
import {
  type Checked,
  type Common,
  checkValue,
  type Form,
  type Of,
  type Rule,
  reject,
  type Shape,
  takeProps,
} from "./rule.ts";
import { Archive, Asset, type Props, type Value } from "./values.ts";

type IsSure<O> = O extends { required: true } ? true : O extends { default: unknown } ? true : false;
type Enum<O, T> = O extends { enum: readonly (infer E)[] } ? E : T;

const isObject = (v: Value): v is Props =>
  typeof v === "object" && v !== null && Object.getPrototypeOf(v) === Object.prototype;

/** A string. `pattern` is tested against the whole value as written; say in `expected` what it means. */
export function text<
  const O extends Common<string> & { pattern?: RegExp; enum?: readonly string[]; empty?: boolean } = object,
>(o?: O & Common<string>): Rule<Enum<O, string>, IsSure<O>> {
  const { pattern, enum: values, empty } = (o ?? {}) as { pattern?: RegExp; enum?: string[]; empty?: boolean };
  const kind = values ? (values.length > 1 ? `one of ${values.join(", ")}` : values[0]!) : "a string";
  return rule(kind, { type: "string", enum: values }, o, (value, at, own) => {
    if (typeof value !== "string") {
      if (typeof value === "number" || typeof value === "boolean") {
        const fix = at.secret ? "" : `, got ${value}`;
        at.fail(`expected ${own.expected ?? own.kind}${fix}; put it in quotes`, "type");
        return undefined;
      }
      return reject(at, own, value);
    }
    if (values && !values.includes(value)) {
      const near = at.secret ? undefined : nearest(value, values);
      return reject(at, near ? { ...own, hint: own.hint ?? `did you mean ${near}?` } : own, value, "choice");
    }
    if (value === "" && empty !== true && !values && !pattern)
      return reject(at, { ...own, expected: own.expected ?? "a string that is not empty" }, value, "empty");
    return pattern && !pattern.test(value) ? reject(at, own, value, "form") : value;
  }) as Rule<Enum<O, string>, IsSure<O>>;
}

interface Range {
  min?: number;
  max?: number;
}

/** A number, within `min` and `max` when given. Both belong. */
export function number<const O extends Common<number> & Range = object>(
  o?: O & Common<number> & Range,
): Rule<number, IsSure<O>> {
  return numeric("number", o, Number.isFinite) as Rule<number, IsSure<O>>;
}

/** A whole number, within `min` and `max` when given. Both belong. */
export function integer<const O extends Common<number> & Range = object>(
  o?: O & Common<number> & Range,
): Rule<number, IsSure<O>> {
  return numeric("integer", o, Number.isSafeInteger) as Rule<number, IsSure<O>>;
}

const NUMBERS = { number: "a number", integer: "a whole number" };

function numeric(
  type: keyof typeof NUMBERS,
  o: (Common<number> & Range) | undefined,
  fits: (n: number) => boolean,
): Rule {
  const { min, max } = o ?? {};
  const range =
    min !== undefined && max !== undefined
      ? ` from ${min} to ${max}`
      : min !== undefined
        ? ` of at least ${min}`
        : max !== undefined
          ? ` of at most ${max}`
          : "";
  return rule(NUMBERS[type] + range, { type, min, max }, o, (value, at, own) => {
    const n = typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    if (typeof n !== "number" || !fits(n)) return reject(at, own, value);
    return n >= (min ?? -Infinity) && n <= (max ?? Infinity) ? n : reject(at, own, value, "range");
  });
}

/** true or false. */
export function flag<const O extends Common<boolean> = object>(o?: O & Common<boolean>): Rule<boolean, IsSure<O>> {
  return rule("true or false", { type: "boolean" }, o, (value, at, own) =>
    typeof value === "boolean"
      ? value
      : value === "true" || value === "false"
        ? value === "true"
        : reject(at, own, value),
  ) as Rule<boolean, IsSure<O>>;
}

/** A list. `min`: how many elements at least. */
export function list<R extends Rule, const O extends Common<Of<R>[]> & { min?: number } = object>(
  of: R,
  o?: O & Common<Of<R>[]>,
): Rule<Of<R>[], IsSure<O>> {
  const min = o?.min ?? 0;
  return rule(
    `a list${min > 0 ? ` of at least ${min}` : ""}`,
    { type: "list", of, min },
    o as Common<Value>,
    (value, at, own) => {
      if (!Array.isArray(value)) return reject(at, own, value);
      if (value.length < min) return reject(at, own, value, "empty");
      return value.map((v, n) => checkValue(v, { ...of, required: true }, at.key(n)));
    },
  ) as Rule<Of<R>[], IsSure<O>>;
}

/** An object with free keys. `keys`: what a key looks like. */
export function map<
  R extends Rule,
  const O extends Common<Record<string, Of<R>>> & { keys?: { pattern: RegExp; expected: string } } = object,
>(of: R, o?: O & Common<Record<string, Of<R>>>): Rule<Record<string, Of<R>>, IsSure<O>> {
  const keys = (o as { keys?: { pattern: RegExp; expected: string } } | undefined)?.keys;
  return rule("an object (a map)", { type: "map", of }, o as Common<Value>, (value, at, own) => {
    if (!isObject(value)) return reject(at, own, value);
    const kept: Props = {};
    for (const [k, v] of Object.entries(value)) {
      if (keys && !keys.pattern.test(k)) at.key(k, true).fail(`the key: expected ${keys.expected}`, "key", true);
      const x = checkValue(v, of, at.key(k, true));
      if (x !== undefined) kept[k] = x;
    }
    return kept;
  }) as Rule<Record<string, Of<R>>, IsSure<O>>;
}

/** An object with these properties. `exactlyOne`, `atMostOne`: of these names, that many are to be given. */
export function object<
  S extends Shape,
  const O extends Common<Checked<S>> & { exactlyOne?: readonly string[]; atMostOne?: readonly string[] } = object,
>(shape: S, o?: O & Common<Checked<S>>): Rule<Checked<S>, IsSure<O>> {
  return rule("an object", { type: "object", shape }, o as Common<Value>, (value, at, own) => {
    if (!isObject(value)) return reject(at, own, value);
    const kept = takeProps(value, shape, at);
    for (const [names, least] of [
      [o?.exactlyOne, 1],
      [o?.atMostOne, 0],
    ] as const) {
      const given = names?.filter((n) => value[n] !== undefined && value[n] !== null) ?? [];
      if (!names || (given.length >= least && given.length <= 1)) continue;
      const found = given.length > 0 ? `, got ${given.join(" and ")}` : "";
      at.fail(
        `expected ${least ? "exactly" : "at most"} one of ${names.join(", ")}${found}`,
        given.length > 1 ? "both" : "neither",
      );
    }
    return kept;
  }) as Rule<Checked<S>, IsSure<O>>;
}

/** A file: text, a path on this machine or a URI (Pulumi's assets). */
export function asset<const O extends Common<Asset> = object>(o?: O & Common<Asset>): Rule<Asset, IsSure<O>> {
  return rule("an asset (a StringAsset, FileAsset or RemoteAsset)", { type: "asset" }, o, (value, at, own) =>
    value instanceof Asset ? value : reject(at, own, value),
  ) as Rule<Asset, IsSure<O>>;
}

/** Many files: a folder or a packed file on this machine, or named assets (Pulumi's archives). */
export function archive<const O extends Common<Archive> = object>(o?: O & Common<Archive>): Rule<Archive, IsSure<O>> {
  return rule("an archive (a FileArchive or AssetArchive)", { type: "archive" }, o, (value, at, own) =>
    value instanceof Archive ? value : reject(at, own, value),
  ) as Rule<Archive, IsSure<O>>;
}

/** Anything at all. */
export function any<const O extends Common<Value> = object>(o?: O): Rule<Value, IsSure<O>> {
  return rule("a value", { type: "any" }, o, (value) => value) as Rule<Value, IsSure<O>>;
}

function rule(kind: string, form: Form, o: Common<Value> | undefined, take: Rule["take"]): Rule {
  const { required, default: fallback, secret, hint, expected, verify } = o ?? {};
  return { kind, form, required, default: fallback, secret, hint, expected, verify, take };
}
