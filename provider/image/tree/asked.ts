/**
 * Whether a commit has what the program asked for: looked for where the system will look, after everything that could
 * have taken it away. Pure.
 */
import { createHash } from "node:crypto";
import { dependencyName } from "../packages/apkindex.ts";
import type { InstalledPackage } from "../packages/installed.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import { madeFrom } from "../recipe/rules.ts";
import type { Recipe, Runlevel } from "../recipe/types.ts";
import type { Change } from "./changes.ts";

/** An entry of a commit. */
export interface Entry {
  type: "file" | "folder" | "link";
  /** Octal, four digits. */
  mode: string;
  /** `uid:gid` */
  owner: string;
  /** Bytes. */
  size: number;
  target?: string;
}

/** Path in the commit to what lies there. */
export type Entries = Map<string, Entry>;

const TYPES: Record<string, Entry["type"]> = { "-": "file", d: "folder", l: "link" };

/** Reads the output of `ostree ls -R`. */
export function parseEntries(text: string): Entries {
  const out: Entries = new Map();
  for (const line of text.split("\n")) {
    const [, type = "", mode = "", uid, gid, size, rest = ""] = /^(.)(\d+) (\d+) (\d+) +(\d+) (.*)$/.exec(line) ?? [];
    const kind = TYPES[type];
    if (!kind) continue;
    const entry: Entry = { type: kind, mode: mode.slice(-4), owner: `${uid}:${gid}`, size: Number(size) };
    if (kind !== "link") {
      out.set(rest, entry);
      continue;
    }
    // names and targets may have the arrow, too: then each split is taken
    const words = rest.split(" -> ");
    for (let n = 1; n < words.length; n++) {
      const path = words.slice(0, n).join(" -> ");
      if (n === words.length - 1 || !out.has(path)) out.set(path, { ...entry, target: words.slice(n).join(" -> ") });
    }
  }
  return out;
}

/**
 * What a deployment shows at another place than the commit has it: /etc is copied from there, and /var filled
 * (layout.sh).
 */
const PLACES: Record<string, string> = { "/etc": "/usr/etc", "/var": "/usr/share/factory/var" };

/**
 * Where a path of the system lies in the commit; its links are followed, except in its last part. Undefined: a loop, or
 * a parent that is not a folder.
 */
export function placeOf(entries: Entries, path: string): string | undefined {
  let left = path.split("/").filter(Boolean);
  let at = "";
  for (let links = 0; left.length > 0; ) {
    const part = left.shift()!;
    if (part === ".") continue;
    const next = part === ".." ? at.slice(0, at.lastIndexOf("/")) : `${at}/${part}`;
    const here = PLACES[next] ?? next;
    const found = entries.get(here);
    if (found?.type === "link" && left.length > 0) {
      if (++links > 40) return undefined;
      const target = found.target ?? "";
      left = [...target.split("/").filter(Boolean), ...left];
      if (target.startsWith("/")) at = "";
      continue;
    }
    if (left.length > 0 && found?.type !== "folder") return undefined;
    at = here;
  }
  return at;
}

/** Something that was to be, and what was found instead. */
export interface Missing {
  /** As the program wrote it: `files["/etc/app"]`. */
  property: string;
  /** As the system has it. */
  path: string;
  why: string;
}

/** The property that a path comes from, as the program would name it. */
export function propertyOf(recipe: Recipe, path: string): string {
  if (recipe.files.some((f) => f.path === path)) return `files["${path}"]`;
  const archive = recipe.archives.find((a) => path === a.path || path.startsWith(`${a.path}/`));
  if (archive) return `files["${archive.path}"].archive`;
  const level = /^\/etc\/runlevels\/([^/]+)/.exec(path)?.[1];
  if (level) return `services.${level}`;
  if (path === "/root/.ssh" || path.startsWith("/root/.ssh/")) return "authorizedKeys";
  if (recipe.mounts.some((m) => m.path === path)) return "mounts";
  const others: [RegExp, string][] = [
    [/^\/etc\/(sudoers|doas)\.d\/|^\/home\//, "users"],
    [/^\/etc\/sysctl\.d\/90-pine\.conf$/, "sysctl"],
    [/^\/etc\/rc\.conf$/, "limits"],
    [/^\/etc\/timezone$/, "timezone"],
    [/^\/etc\/hosts$/, "hostname"],
    [/^\/etc\/apk\/keys\//, "keys"],
    [/^\/usr\/lib\/pine\/health\./, "healthChecks"],
  ];
  return madeFrom(path) ?? others.find(([pattern]) => pattern.test(path))?.[1] ?? "the base system";
}

/** Whether a program named it, and no hook of its own could mean to do without it. */
function named(recipe: Recipe, path: string): boolean {
  const [, level = "", service = ""] = /^\/etc\/runlevels\/([^/]+)\/(.+)$/.exec(path) ?? [];
  if (service) return recipe.services[level as Runlevel]?.includes(service) ?? false;
  return /^(files|authorizedKeys|sysctl|users|mounts|healthChecks)/.test(propertyOf(recipe, path));
}

/** The last change for each path that has to be there. */
function expected(recipe: Recipe, changes: Change[]): Exclude<Change, { do: "remove" }>[] {
  const last = new Map<string, Exclude<Change, { do: "remove" }>>();
  for (const c of changes) {
    if (c.do !== "remove") last.set(c.path, c);
    else for (const path of [...last.keys()]) if (path === c.path || path.startsWith(`${c.path}/`)) last.delete(path);
  }
  const all = [...last.values()];
  return recipe.hooks.length === 0 ? all : all.filter((c) => named(recipe, c.path));
}

const TYPE_OF = { file: "file", dir: "folder", link: "link" } as const;

function whyNot(c: Exclude<Change, { do: "remove" }>, found: Entry | undefined, exactly: boolean): string | undefined {
  if (!found) return "is not in the image";
  const wanted = TYPE_OF[c.do];
  // a folder may be reached by a link of the packages (/var/run)
  if (found.type !== wanted && !(wanted === "folder" && found.type === "link"))
    return `is a ${found.type}, not a ${wanted}`;
  if (!exactly) return undefined;
  if (c.do === "link") return found.target === c.target ? undefined : `leads to ${found.target}, not to ${c.target}`;
  if (found.type === "link") return undefined;
  if (found.owner !== c.owner.join(":")) return `belongs to ${found.owner}, not to ${c.owner.join(":")}`;
  const mode = c.mode.padStart(4, "0");
  if (found.mode !== mode) return `has mode ${found.mode}, not ${mode}`;
  if (c.do !== "file") return undefined;
  const size = Buffer.byteLength(c.content as string);
  return found.size === size ? undefined : `has ${found.size} bytes, not ${size}`;
}

/**
 * The first entry that the changes ask for and the commit lacks. A hook of the program may change what is there, not
 * take it away.
 */
export function missingEntry(recipe: Recipe, changes: Change[], entries: Entries): Missing | undefined {
  const exactly = recipe.hooks.length === 0;
  for (const c of expected(recipe, changes)) {
    const place = placeOf(entries, c.path);
    const why = whyNot(c, place === undefined ? undefined : entries.get(place), exactly);
    if (why) return { property: propertyOf(recipe, c.path), path: c.path, why };
  }
  for (const { name } of recipe.extraModules)
    if (![...entries.keys()].some((path) => path.startsWith("/usr/lib/modules/") && path.endsWith(`/${name}.ko`)))
      return { property: `extraKernelModules["${name}"]`, path: `${name}.ko`, why: "is not in the image" };
  return undefined;
}

/**
 * Files whose content is looked at, by their places in the commit, and the SHA-256 of all of them one behind the other,
 * hex. None with hooks.
 */
export function contentsOf(recipe: Recipe, changes: Change[], entries: Entries): { places: string[]; sha256: string } {
  const hash = createHash("sha256");
  const places: string[] = [];
  for (const c of recipe.hooks.length > 0 ? [] : expected(recipe, changes)) {
    if (c.do !== "file") continue;
    places.push(placeOf(entries, c.path)!);
    hash.update(c.content);
  }
  return { places, sha256: hash.digest("hex") };
}

/** The first user or package that a commit lacks; `seen`: its passwd, and what apk's database there lists. */
export function missingName(
  recipe: Recipe,
  lock: Pick<LockedPackage, "name" | "version">[],
  seen: { passwd: string; installed: Pick<InstalledPackage, "name" | "version">[] },
): Missing | undefined {
  const names = seen.passwd.split("\n").map((line) => line.split(":")[0]);
  for (const { name } of recipe.users)
    if (!names.includes(name)) return { property: "users", path: "/etc/passwd", why: `has no user ${name}` };
  const there = new Map(seen.installed.map((p) => [p.name, p.version]));
  const asked = new Set(recipe.packages.map(dependencyName));
  for (const { name, version } of lock) {
    // a hook may take a package away that the program did not name
    if (recipe.hooks.length > 0 && !asked.has(name)) continue;
    if (there.get(name) !== version) {
      const why = `has ${there.has(name) ? `version ${there.get(name)}` : "no"} ${name}, and ${version} is locked`;
      return { property: "packages", path: "apk's database", why };
    }
  }
  return undefined;
}
