/** Faults that the campaign must notice: what of the source is changed. */
import { die } from "../../provider/errors.ts";

type Change = [file: string, text: string, by: string];

export const BROKEN: Record<string, Change[]> = {
  // who is alive is asked by its pid alone, whoever's pid it is
  pid: [
    [
      "provider/local/holder.ts",
      "if (!me.boot || h.boot !== me.boot || !me.namespace || h.namespace !== me.namespace) return undefined;",
      "",
    ],
  ],
};

/** File -> what breaks it. */
export function breakSource(kind: string): Record<string, (text: string) => string> {
  const changes = BROKEN[kind] ?? die(`--broken ${kind}`, `there is ${Object.keys(BROKEN).join(", ")}`);
  return Object.fromEntries(
    changes.map(([file, what, by]) => [
      file,
      (text: string) => (text.includes(what) ? text.replace(what, by) : die(`${file} has no ${what} any more`)),
    ]),
  );
}
