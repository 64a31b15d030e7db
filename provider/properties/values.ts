/** Pulumi's property values as plain JavaScript, with wrappers for what plain JavaScript cannot express. */
export class Secret<T = unknown> {
  constructor(readonly value: T) {}
  /** Shown instead of the value when a secret is in a template string or JSON. */
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
}

/** A value that is not known yet (preview). */
export class Unknown {
  static readonly value = new Unknown();
  readonly unknown = true;
}

/** An asset: text, or a file on this machine, or a URI. Exactly one is set. */
export class Asset {
  constructor(
    readonly content: { text?: string; path?: string; uri?: string },
    readonly hash?: string,
  ) {}
}

/** An archive: a file or folder on this machine, or a URI, or named assets and archives. At most one is set. */
export class Archive {
  constructor(
    readonly content: { path?: string; uri?: string; assets?: Record<string, Asset | Archive> },
    readonly hash?: string,
  ) {}
}

// biome-ignore lint/suspicious/noExplicitAny: property values are typed by each resource's check
export type Value = any;
export type Props = Record<string, Value>;

const isPlainObject = (v: unknown): v is Props =>
  typeof v === "object" && v !== null && !Array.isArray(v) && Object.getPrototypeOf(v) === Object.prototype;

/** Drops secret wrappers, deeply. */
export function plain(v: Value): Value {
  if (v instanceof Secret) return plain(v.value);
  if (Array.isArray(v)) return v.map(plain);
  if (v instanceof Archive) return v.content.assets ? new Archive(plain(v.content), v.hash) : v;
  if (isPlainObject(v)) return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
  return v;
}

/** Whether the value as a whole is not known yet. */
export const isUnknown = (value: unknown) =>
  value instanceof Unknown || (value instanceof Secret && value.value instanceof Unknown);

/** Whether anything within is not known yet. */
export function hasUnknown(v: Value): boolean {
  if (v instanceof Unknown) return true;
  if (v instanceof Secret) return hasUnknown(v.value);
  if (Array.isArray(v)) return v.some(hasUnknown);
  if (v instanceof Archive) return hasUnknown(v.content.assets);
  return isPlainObject(v) && Object.values(v).some(hasUnknown);
}

/** Whether anything within is secret. */
export function hasSecret(v: Value): boolean {
  if (v instanceof Secret) return true;
  if (Array.isArray(v)) return v.some(hasSecret);
  if (v instanceof Archive) return hasSecret(v.content.assets);
  return isPlainObject(v) && Object.values(v).some(hasSecret);
}

/** Properties of a connection that messages still name when the connection is secret as a whole. */
const ADDRESS = new Set(["host", "port", "user", "hostKey", "agentSocketPath", "dialErrorLimit", "perDialTimeout"]);

/** Every secret string or number within, as text, so that logs and errors can redact it. */
export function secretStrings(v: Value, within = false): string[] {
  if (v instanceof Secret) return secretStrings(v.value, true);
  if (typeof v === "string") return within && v !== "" ? [v] : [];
  if (typeof v === "number") return within ? [String(v)] : [];
  if (v instanceof Asset) return within && v.content.text ? [v.content.text] : [];
  if (v instanceof Archive) return Object.values(v.content.assets ?? {}).flatMap((x) => secretStrings(x, within));
  if (Array.isArray(v)) return v.flatMap((x) => secretStrings(x, within));
  if (!isPlainObject(v)) return [];
  const open = typeof v.host === "string" ? ADDRESS : undefined;
  return Object.entries(v).flatMap(([key, x]) => secretStrings(x, within && !open?.has(key)));
}

/**
 * Deep equality of property values. Secret wrappers do not count, unknowns are never equal, and assets and archives are
 * compared by hash.
 */
export function equalValues(a: Value, b: Value): boolean {
  const x = a instanceof Secret ? a.value : a;
  const y = b instanceof Secret ? b.value : b;
  if (x instanceof Unknown || y instanceof Unknown) return false;
  if (x instanceof Asset && y instanceof Asset)
    return x.hash && y.hash ? x.hash === y.hash : JSON.stringify(x.content) === JSON.stringify(y.content);
  if (x instanceof Archive && y instanceof Archive)
    return x.hash && y.hash ? x.hash === y.hash : equalValues(x.content, y.content);
  if (Array.isArray(x) && Array.isArray(y)) return x.length === y.length && x.every((v, n) => equalValues(v, y[n]));
  if (isPlainObject(x) && isPlainObject(y)) {
    const keys = new Set([...Object.keys(x), ...Object.keys(y)]);
    return [...keys].every((k) => equalValues(x[k], y[k]));
  }
  return x === y || (x === undefined && y === null) || (x === null && y === undefined);
}
