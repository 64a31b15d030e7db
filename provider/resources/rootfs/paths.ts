/**
 * The paths that a Rootfs' program fills: each once, by one property. Files and archive entries follow the same rules.
 * Pure.
 */
import type { ArchiveEntry } from "../../image/archive/entries.ts";
import { pieces } from "../../image/recipe/recipe.ts";
import { pathProblem } from "../../image/recipe/rules.ts";
import type { Recipe } from "../../image/recipe/types.ts";
import type { CheckFailure } from "../../properties/failure.ts";
import type { RootfsInputs } from "./shape.ts";

/** Settings of a recipe that make files -> the inputs that they come from. */
const INPUTS = {
  keymap: "keymap",
  locale: "locale",
  ntp: "ntp",
  dns: "nameservers",
  limits: "limits",
  memory: "swap",
  knobs: "tuning",
  watchdog: "watchdog",
  motd: "motd",
  healthChecks: "healthChecks",
} as const satisfies Partial<Record<keyof Recipe, keyof RootfsInputs>>;
type Setting = keyof typeof INPUTS;

/** Values for a recipe without any of these settings. */
const WITHOUT: Pick<Recipe, Setting> = {
  keymap: undefined,
  locale: undefined,
  ntp: undefined,
  dns: [],
  limits: {},
  memory: { kind: "none" },
  knobs: undefined,
  watchdog: undefined,
  motd: undefined,
  healthChecks: undefined,
};

const pathsOf = (r: Recipe) => pieces(r).flatMap((p) => [...(p.files ?? []), ...(p.links ?? [])].map((f) => f.path));

/** Path -> the input property that makes it. A file that only a profile asks for may be replaced. */
export function madeBy(i: RootfsInputs, recipe: Recipe): Map<string, string> {
  const out = new Map<string, string>();
  const bare = { ...recipe, ...WITHOUT, extras: [] };
  const usual = new Set(pathsOf(bare));
  for (const name of Object.keys(WITHOUT) as Setting[]) {
    const input = INPUTS[name];
    if (i[input] === undefined) continue;
    for (const path of pathsOf({ ...bare, [name]: recipe[name] })) if (!usual.has(path)) out.set(path, input);
  }
  if (i.limits !== undefined) out.set("/etc/rc.conf", "limits");
  if (i.sysctl !== undefined) out.set("/etc/sysctl.d/90-pine.conf", "sysctl");
  if (recipe.timezone !== "UTC") out.set("/etc/timezone", "timezone");
  for (const name of Object.keys(recipe.keys)) out.set(`/etc/apk/keys/${name}`, "repositoryKeys");
  for (const { name, sudo } of recipe.users)
    if (sudo)
      for (const path of [`/etc/sudoers.d/pine-${name}`, `/etc/doas.d/pine-${name}.conf`]) out.set(path, "users");
  return out;
}

/** Something that the program puts at a path. */
interface Put {
  path: string;
  /** The property: `files["/etc/app"].archive`. */
  at: string;
  /** The same for people: "entry a of files[…].archive". */
  what: string;
  folder: boolean;
}

function puts(i: RootfsInputs, archives: Map<string, ArchiveEntry[]>): Put[] {
  const out: Put[] = [];
  for (const [path, f] of Object.entries(i.files ?? {})) {
    const at = `files["${path}"]`;
    if (!f.archive) out.push({ path, at, what: at, folder: false });
    for (const e of archives.get(path) ?? [])
      out.push({
        path: `${path}/${e.path}`,
        at: `${at}.archive`,
        what: `entry ${e.path} of ${at}.archive`,
        folder: e.type === "folder",
      });
  }
  return out;
}

/** What is wrong with the paths of `files`; `archives`: the entries of each archive by its path. */
export function pathFailures(i: RootfsInputs, recipe: Recipe, archives: Map<string, ArchiveEntry[]>): CheckFailure[] {
  const made = madeBy(i, recipe);
  const seen = new Map<string, Put>();
  const out: CheckFailure[] = [];
  const add = (p: Put, code: string, reason: string) => out.push({ property: p.at, reason, code: `files.${code}` });
  const all = puts(i, archives);
  for (const p of all.filter((one) => !one.folder)) {
    const inArchive = p.what !== p.at;
    const problem = inArchive ? pathProblem(p.path) : undefined;
    const property = made.get(p.path);
    const before = seen.get(p.path);
    if (problem) add(p, problem.code, `${p.what}: ${problem.reason}`);
    else if (property) add(p, "path-property", `${p.path} is made from \`${property}\`: give one of them`);
    else if (before) add(p, "path-twice", `${p.path} is there twice: ${before.what} and ${p.what}`);
    seen.set(p.path, p);
  }
  for (const p of all)
    for (let up = p.path.lastIndexOf("/"); up > 0; up = p.path.lastIndexOf("/", up - 1)) {
      const above = seen.get(p.path.slice(0, up));
      if (above && above.at !== p.at) add(p, "below", `${p.path} lies below a file, ${above.what}`);
    }
  return out;
}
