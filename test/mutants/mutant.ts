/** A fault put into the source on purpose, and the tests that must notice. Pure. */
import { GROUPS } from "../../scripts/groups.mjs";

export interface Mutant {
  /** Short and unique: what is broken. */
  name: string;
  /** Path in the repository. */
  file: string;
  /** Text that stands exactly once in the file. */
  from: string;
  /** What stands there instead. */
  to: string;
  /** Test files, relative to the repository, of groups that `npm test` runs by itself; one of them must fail. */
  tests: string[];
}

/** The file's text with the fault in it; throws when the place is not there exactly once. */
export function mutate(mutant: Mutant, text: string): string {
  const places = text.split(mutant.from).length - 1;
  if (places !== 1)
    throw new Error(
      `mutant "${mutant.name}": ${mutant.file} has its place ${places} times, expected once; correct "from"`,
    );
  return text.replace(mutant.from, () => mutant.to);
}

const matches = (pattern: string, file: string) =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^$()|[\]\\]/g, "\\$&")
      .replaceAll("**/", "\u0000")
      .replaceAll("*", "[^/]*")
      .replaceAll("\u0000", "(.*/)?")
      .replaceAll(/\{([^}]*)\}/g, (_, words: string) => `(${words.replaceAll(",", "|")})`)}$`,
  ).test(file);

/** The group of a test file; undefined: none has it. */
export const groupOf = (file: string): { name: string; named: boolean } | undefined => {
  for (const [name, group] of Object.entries(GROUPS))
    if (group.include.some((pattern) => matches(pattern, file))) return { name, named: group.named === true };
  return undefined;
};
