/** How old and new inputs differ, property by property, for the preview a person reads. */
import { pathOf } from "./path.ts";
import { Archive, Asset, equalValues, hasUnknown, type Props, Secret, Unknown, type Value } from "./values.ts";

export interface DiffRules {
  /** Properties (`arch`, `connection.host`) whose change, or the change of anything within, replaces the resource. */
  replace?: readonly string[];
  /** Properties that never make a difference. */
  ignore?: readonly string[];
  /**
   * Lists of strings with an order that counts: compared place by place. Other lists are compared by membership.
   * `users.authorizedKeys`: in each element of a list.
   */
  ordered?: readonly string[];
}

/**
 * Old against new inputs, both as `check` answered them.
 *
 * - Lists of strings by membership: `packages[2]: add` (index in the new list), `packages[0]: delete` (in the old one),
 *   `update` when both fall on the same index. Other lists place by place, objects key by key.
 * - A secret is one value: it differs or it does not, and nothing within is named.
 * - Unknown counts as different: "update", "update-replace" under `replace`.
 * - Absent, null, an empty list and an empty object are the same.
 */
export function diffInputs(olds: Props, news: Props, rules: DiffRules = {}): Record<string, DiffKind> {
  const found: Record<string, DiffKind> = {};
  const under = (path: string, names: readonly string[] = []) =>
    names.some((n) => path === n || path.startsWith(`${n}.`) || path.startsWith(`${n}[`));
  const add = (path: string, kind: "add" | "delete" | "update") => {
    found[path] = under(path, rules.replace) ? `${kind}-replace` : kind;
  };

  const compare = (path: string, a: Value, b: Value): void => {
    if (under(path, rules.ignore)) return;
    const [gone, came] = [isEmpty(b), isEmpty(a)];
    if (gone && came) return;
    if (gone || came) add(path, gone ? "delete" : "add");
    else if (a instanceof Secret || b instanceof Secret) {
      if (!same(a, b)) add(path, "update");
    } else if (Array.isArray(a) && Array.isArray(b)) {
      if (isTexts(a) && isTexts(b) && !rules.ordered?.includes(path.replace(/\[\d+\]/g, ""))) members(path, a, b);
      else for (let n = 0; n < Math.max(a.length, b.length); n++) compare(pathOf(path, n), a[n], b[n]);
    } else if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) compare(pathOf(path, key), a[key], b[key]);
    } else if (!same(a, b)) add(path, "update");
  };

  /** Two lists of strings as sets. Unknown elements of the new one are additions. */
  const members = (path: string, a: Value[], b: Value[]): void => {
    const gone = a.map((v, n) => (b.includes(v) ? -1 : n)).filter((n) => n >= 0);
    const came = b.map((v, n) => (v instanceof Unknown || !a.includes(v) ? n : -1)).filter((n) => n >= 0);
    for (const n of new Set([...gone, ...came].sort((x, y) => x - y)))
      add(pathOf(path, n), !gone.includes(n) ? "add" : came.includes(n) ? "update" : "delete");
  };

  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) compare(key, olds[key], news[key]);
  return found;
}

const same = (a: Value, b: Value) => !hasUnknown(a) && !hasUnknown(b) && equalValues(a, b);

const isTexts = (v: Value[]) => v.every((x) => typeof x === "string" || x instanceof Unknown);

const isObject = (v: Value): v is Props =>
  typeof v === "object" && v !== null && ![Unknown, Asset, Archive].some((c) => v instanceof c) && !Array.isArray(v);

const isEmpty = (v: Value): boolean =>
  v === undefined ||
  v === null ||
  (v instanceof Secret && isEmpty(v.value)) ||
  (Array.isArray(v) && v.length === 0) ||
  (isObject(v) && !(v instanceof Secret) && Object.keys(v).length === 0);

/** How a property differs. The `-replace` kinds ask for a replacement of the resource. */
export type DiffKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";
