/** Refusals that a person may overrule, each by its name (`ignoreChecks`): Pine cannot know better than they do. */
export const IGNORABLE = [
  "boot-disk",
  "boot-provider",
  "canary-first",
  "card-driver",
  "card-firmware",
  "disk-driver",
  "distribution",
  "max-unavailable",
] as const;
export type Ignorable = (typeof IGNORABLE)[number];
/** What a hint says of it. */
export const ignoring = (code: Ignorable) => `add "${code}" to ignoreChecks`;
export const isIgnored = (o: { ignoreChecks?: readonly string[] }, code: Ignorable): boolean =>
  o.ignoreChecks?.includes(code) ?? false;
