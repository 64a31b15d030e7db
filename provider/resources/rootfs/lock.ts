/** Which packages a Rootfs gets: its state's lock, or resolved anew when an input asks for it (design, rule 2). */
import { die } from "../../errors.ts";
import { apkTool } from "../../image/packages/apk.ts";
import { packageName } from "../../image/packages/apkindex.ts";
import { Unsatisfiable } from "../../image/packages/complaint.ts";
import { type LockedPackage, parseRepository, repositoryLine } from "../../image/packages/mirror.ts";
import { fetchIndexes, type RepositoryIndex } from "../../image/packages/mirror-index.ts";
import { resolve } from "../../image/packages/resolve.ts";
import { kernelPackage, NO_FIRMWARE, withoutFirmware, world } from "../../image/recipe/recipe.ts";
import type { Recipe } from "../../image/recipe/types.ts";
import { machineArch } from "../../image/toolbox/arch.ts";
import type { ToolboxSource } from "../../image/toolbox/toolbox.ts";
import { sourceOf } from "../../image/tree/build.ts";
import type { Config } from "../../resource.ts";
import type { Task } from "../../task.ts";

/** What the state was made from. */
export interface Before {
  lock: LockedPackage[];
  recipe: Recipe;
  trigger?: string;
}

/** The toolbox's source: depends on this machine and the configuration, not on the recipe. */
export const toolsOf = (config: Config): ToolboxSource => ({
  cache: config.cache,
  mirror: config.mirror,
  fallbacks: config.fallbackMirrors,
  release: config.release,
  arch: machineArch(),
  keys: config.keys,
});

/** The packages of a recipe as the mirror has them now. Those in `keep` keep their versions where possible. */
export async function resolveRecipe(
  recipe: Recipe,
  config: Config,
  task: Task,
  keep: LockedPackage[] = [],
): Promise<LockedPackage[]> {
  const tools = toolsOf(config);
  const source = sourceOf(recipe, tools);
  const apk = await apkTool(tools, task);
  const indexes = await fetchIndexes(recipe.repositories, source, task);
  try {
    return await resolve(apk, { packages: world(recipe), asked: recipe.packages, indexes, keep }, source, task);
  } catch (e) {
    return die(...aboutKernel(recipe, indexes, e), e);
  }
}

/**
 * Message and hint for a complaint about packages that the recipe's `kernel` adds, which its author never named. Throws
 * any other complaint again.
 */
function aboutKernel(recipe: Recipe, indexes: RepositoryIndex[], complaint: unknown): [string, string] {
  const kernel = kernelPackage(recipe);
  const lacks = (name: string) =>
    complaint instanceof Unsatisfiable && complaint.message.includes(`no package "${name}"`);
  const where = recipe.repositories.join(", ");
  if (kernel && lacks(kernel)) {
    const flavours = indexes.flatMap((r) =>
      [...r.text.matchAll(/^P:linux-(virt|lts|edge|stable|rpi)$/gm)].map((m) => m[1]),
    );
    return [
      `kernel: there is no package ${kernel} in ${where}`,
      `expected ${[...new Set(flavours)].sort().join(" or ") || "virt"}`,
    ];
  }
  if (withoutFirmware(recipe) && lacks(NO_FIRMWARE))
    return [
      `kernel: ${kernel} comes without firmware files by ${NO_FIRMWARE}, which is not in ${where}`,
      "name the firmware packages that the server needs in `packages`, or give a mirror that has it",
    ];
  throw complaint;
}

/** A repository's location in one form: an address on the mirror equals its path there, on whatever mirror. */
function placeOf(text: string, recipe: Pick<Recipe, "mirror" | "release">): string {
  const line = repositoryLine(parseRepository(text, recipe));
  return line.replace(`${recipe.mirror}/`, "");
}

/** A lock whose packages name their repositories as they are written now. */
function byPlace(lock: LockedPackage[], was: Recipe, is: Recipe): LockedPackage[] {
  const names = new Map(
    is.repositories.map((text) => {
      const { name } = parseRepository(text, is);
      return [placeOf(name, is), name];
    }),
  );
  return lock.map((p) => ({ ...p, repository: names.get(placeOf(p.repository, was)) ?? p.repository }));
}

/**
 * The lock for a recipe. Everything is newest without a lock before, and when `upgradeTrigger` or `release` changed.
 * When the same packages are asked for, the lock stays, and the mirror is not read. For other packages, locked versions
 * stay.
 */
export async function lockFor(
  recipe: Recipe,
  trigger: string | undefined,
  before: Before | undefined,
  config: Config,
  task: Task,
): Promise<LockedPackage[]> {
  if (!before || (trigger ?? "") !== (before.trigger ?? "") || recipe.release !== before.recipe.release)
    return resolveRecipe(recipe, config, task);
  const [was, is] = [world(before.recipe), world(recipe)];
  const asked = (w: string[], r: Recipe) => JSON.stringify([w, r.repositories.map((text) => placeOf(text, r)), r.arch]);
  const locked = byPlace(before.lock, before.recipe, recipe);
  if (asked(was, before.recipe) === asked(is, recipe)) return locked;
  // a new constraint overrides the lock
  const free = new Set(is.filter((c) => !was.includes(c)).map(packageName));
  const kept = locked.filter((p) => !free.has(p.name));
  const lock = await resolveRecipe(recipe, config, task, kept);
  const old = new Map(kept.map((p) => [p.name, p.version]));
  const moved = lock.filter((p) => old.has(p.name) && old.get(p.name) !== p.version).map((p) => p.name);
  if (moved.length > 0)
    task.warn(`${moved.join(", ")} could not stay as locked: the packages asked for now need other versions`);
  return lock;
}
