/** Which earlier commits stay published (58, 68: FCOS#749, #1731). That others go: e2e/commit-publish.test.ts. */
import { expect, it } from "vitest";
import { keptBeside } from "../../../../provider/resources/commit/publish.ts";

const made = (n: number) => ({ checksum: String(n).repeat(64), version: `1.${n}.0`, made: "t" });
const history = [9, 8, 7, 6, 5, 4, 3, 2, 1].map(made);
const kept = (deltas: number, ...barriers: number[]) =>
  keptBeside(history, { barriers: barriers.map(made) }, deltas).map((checksum) => checksum.charAt(0));

it.each<[string, string[], string[]]>([
  ["two, which somebody may be pulling", kept(0), ["8", "7"]],
  ["all that get a delta", kept(4), ["8", "7", "6", "5"]],
  ["every barrier, however old", kept(1, 1, 3), ["8", "7", "1", "3"]],
  ["each once, and not the newest", kept(1, 8, 9), ["8", "7"]],
])("%s", (_, is, expected) => expect(is).toEqual(expected));
