/** What apk says when it cannot fulfil a request, as one error with what to do. Pure. */
import { PineError } from "../../errors.ts";
import { closeNames } from "../../properties/nearest.ts";
import { shorten } from "../../redact.ts";
import { dependencyName, indexBlocks, packageName } from "./apkindex.ts";
import type { RepositoryIndex } from "./mirror-index.ts";

/** apk found no way to fulfil the whole request. `culprits`: the packages it names, without versions. */
export class Unsatisfiable extends PineError {
  override name = "Unsatisfiable";
  constructor(
    message: string,
    readonly culprits: string[],
    o: { hint?: string; cause?: unknown },
  ) {
    super(message, o);
  }
}

/** What was asked for, and from which indexes. */
export interface Asked {
  /** As in /etc/apk/world. */
  packages: string[];
  /** The user's part of `packages`, for messages; default all. */
  asked?: string[];
  indexes: RepositoryIndex[];
}

/** A paragraph of the complaint: `  virt (virtual):` and its lines, by their first words. */
interface Paragraph {
  /** "virt", "libcurl-8.22.0-r0". */
  about: string;
  kind: "missing" | "virtual" | "package";
  /** Key ("provided by", "masked in", "breaks", "required by") to its words, those of further lines too. */
  lines: Map<string, string[]>;
}

export function paragraphs(output: string): Paragraph[] {
  const found: Paragraph[] = [];
  let last: string[] | undefined;
  for (const line of output.split("\n")) {
    const [, about = "", what] = /^ {2}(\S+)(?: \((no such package|virtual)\))?:$/.exec(line) ?? [];
    const [, key, rest = ""] = /^ {4}(?! )([a-z][a-z ]*): (.*)$/.exec(line) ?? [];
    if (about) {
      found.push({ about, kind: what === "virtual" ? "virtual" : what ? "missing" : "package", lines: new Map() });
      last = undefined;
    } else if (key && found.length > 0) {
      last = rest.split(" ").filter(Boolean);
      found.at(-1)!.lines.set(key, last);
    } else if (/^ {5,}\S/.test(line)) last?.push(...line.trim().split(" "));
  }
  return found;
}

/** Name of "libcurl-8.22.0-r0"; undefined: it has no version. */
const nameOf = (about: string) => /^(.+)-\d[^-]*(-r\d+)?$/.exec(about)?.[1];

/** Who asks: nothing where the program itself does. */
const whose = (by: string[]) =>
  by.some((w) => w.startsWith("world[")) || by.length === 0 ? "" : ` (required by: ${by.join(" ")})`;

function missing(p: Paragraph, { indexes }: Asked): string {
  const names = new Set(indexes.flatMap((r) => [...indexBlocks(r.text).keys()]));
  const name = dependencyName(p.about) || p.about;
  const close = closeNames(name, names);
  const guess = close.length > 0 ? `; did you mean ${close.join(" or ")}?` : "";
  return `no package "${name}" in ${indexes.map((r) => r.name).join(", ")}${whose(p.lines.get("required by") ?? [])}${guess}`;
}

const RELEASE_HINT = "loosen the constraint that apk names, or change `upgradeTrigger` if the lock is old";

/** Each paragraph's cause, and what to do about that one; a hint for another cause misleads. */
function explain(p: Paragraph): { text: string; hint: string } {
  const by = whose([...(p.lines.get("required by") ?? []), ...(p.lines.get("satisfies") ?? [])]);
  const providers = p.lines.get("provided by") ?? [];
  if (p.kind === "virtual")
    return {
      text: `${p.about} is not a package: ${providers.join(", ")} provide${providers.length === 1 ? "s" : ""} it${by}`,
      hint: `name ${providers.length === 1 ? "it" : "one of them"} in \`packages\`: ${providers.join(" or ")}`,
    };
  const tags = (p.lines.get("masked in") ?? []).filter((w) => w.startsWith("@"));
  const name = nameOf(p.about) ?? p.about;
  if (tags.length > 0)
    return {
      text: `${p.about} is only in a repository with the tag ${tags.join(", ")}${by}`,
      hint: `ask for ${tags.map((tag) => `${name}${tag}`).join(" or ")}, or give the repository without a tag`,
    };
  const lines = [...p.lines].map(([key, words]) => `${key}: ${words.join(" ")}`);
  return { text: `${p.about}: ${lines.join("; ")}`, hint: RELEASE_HINT };
}

/** apk's complaint as one error that names the property, what does not fit, and what to do for each cause. */
export function complaint(output: string, request: Asked, cause?: unknown): Unsatisfiable {
  const all = paragraphs(output);
  const gone = all.filter((p) => p.kind === "missing");
  if (gone.length > 0)
    return new Unsatisfiable(`packages: ${gone.map((p) => missing(p, request)).join("; ")}`, [], { cause });
  const tagged = /repository tag for world dependency '([^'@]+@([^'<>=~]+)[^']*)' does not exist/.exec(output);
  if (tagged)
    return new Unsatisfiable(`packages: ${tagged[1]} asks for the tag @${tagged[2]}, which no repository has`, [], {
      hint: `give one in \`repositories\`: "@${tagged[2]} edge/community"`,
      cause,
    });
  if (all.length === 0) return new Unsatisfiable(`packages: apk says: ${shorten(output.trim(), 600)}`, [], { cause });
  const mine = new Map((request.asked ?? request.packages).map((p) => [packageName(p), p]));
  const worlds = [...output.matchAll(/world\[([^\]]+)\]/g)].map((m) => packageName(m[1]!));
  const asked = [...new Set(worlds)].flatMap((w) => mine.get(w) ?? []);
  const causes = all.map(explain);
  const who =
    asked.length > 0
      ? `${asked.join(", ")} cannot be installed together with the rest`
      : "these cannot be installed together";
  const details = shorten(causes.map((c) => c.text).join("; "), 1200);
  return new Unsatisfiable(
    // no other package is the cause of a masked or virtual one
    all.every((p) => p.kind === "virtual" || p.lines.has("masked in"))
      ? `packages: ${details}`
      : `packages: ${who} (${details})`,
    all.flatMap((p) => (p.kind === "package" ? (nameOf(p.about) ?? []) : [])),
    { hint: [...new Set(causes.map((c) => c.hint))].join("; "), cause },
  );
}
