/** Answers of resources as Pulumi's messages. */
import { CheckFailure, DiffResponse, PropertyDiff } from "@pulumi/pulumi/proto/provider_pb.js";
import type { DiffKind } from "../properties/diff.ts";
import type { CheckFailure as Failure } from "../properties/failure.ts";
import { splitPath, topOf } from "../properties/path.ts";
import { hasSecret, type Props, Secret, type Value } from "../properties/values.ts";
import type { Diff } from "../resource.ts";

const KINDS: Record<DiffKind, 0 | 1 | 2 | 3 | 4 | 5> = {
  add: 0,
  "add-replace": 1,
  delete: 2,
  "delete-replace": 3,
  update: 4,
  "update-replace": 5,
};

/**
 * Check failures for the engine, which prints the named input in clear and knows only names at the top. A failure keeps
 * its property only if that is a plain scalar that may be `shown`; else the path goes into the reason.
 */
export function failuresOf(
  failures: Failure[] | undefined,
  news: Props,
  shown: (path: string) => boolean,
  clean: (text: string) => string,
): CheckFailure[] {
  return (failures ?? []).map(({ property, reason, code }) => {
    const message = new CheckFailure();
    const value = news[property];
    const scalar = ["string", "number", "boolean"].includes(typeof value);
    const keeps = property !== "" && scalar && shown(property) && !hasSecret(valueAt(news, property));
    message.setProperty(keeps ? property : "");
    const tail = code ? ` [${code}]` : "";
    message.setReason(clean(`${keeps || property === "" ? reason : `${property}: ${reason}`}${tail}`));
    return message;
  });
}

/** A check failure in words, for calls that have none of their own. */
export const failureLine = (failure: CheckFailure): string =>
  [failure.getProperty(), failure.getReason()].filter((part) => part !== "").join(": ");

function valueAt(props: Props, path: string): Value {
  let v: Value = props;
  for (const part of splitPath(path)) {
    if (v instanceof Secret || v === undefined || v === null) return v;
    v = v[part];
  }
  return v;
}

export function diffOf(diff: Diff): DiffResponse {
  const message = new DiffResponse();
  const entries = Object.entries(diff.detailed);
  const some = entries.length > 0 || diff.changes === true;
  message.setChanges(some ? DiffResponse.DiffChanges.DIFF_SOME : DiffResponse.DiffChanges.DIFF_NONE);
  message.setDeletebeforereplace(diff.deleteBeforeReplace === true);
  message.setHasdetaileddiff(entries.length > 0);
  for (const [path, kind] of entries) {
    const one = new PropertyDiff();
    one.setKind(KINDS[kind]);
    one.setInputdiff(true);
    message.getDetaileddiffMap().set(path, one);
  }
  const tops = (of: [string, DiffKind][]) => [...new Set(of.map(([path]) => topOf(path)))];
  message.setDiffsList(tops(entries));
  message.setReplacesList(tops(entries.filter(([, kind]) => kind.endsWith("-replace"))));
  return message;
}
