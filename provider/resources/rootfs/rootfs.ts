/** Rootfs: an Alpine tree, built here and kept in the store as an OSTree commit. Rules 1, 2 and 5 of the design. */
import { randomBytes } from "node:crypto";
import { die, isAbort, messageOf } from "../../errors.ts";
import type { LockedPackage } from "../../image/packages/mirror.ts";
import { recipeDigest } from "../../image/recipe/recipe.ts";
import { Store } from "../../image/store/store.ts";
import { archProblem } from "../../image/toolbox/arch.ts";
import { buildRootfs } from "../../image/tree/build.ts";
import { builder } from "../../image/tree/builder.ts";
import { type HiddenParts, hiddenParts, readRootfs } from "../../image/tree/record.ts";
import { diffInputs } from "../../properties/diff.ts";
import { hasUnknown, type Props, plain } from "../../properties/values.ts";
import type { Call, Config, Resource } from "../../resource.ts";
import { checkRootfs } from "./check.ts";
import { type Before, lockFor, resolveRecipe, toolsOf } from "./lock.ts";
import { preview, type RootfsState, stateOf } from "./preview.ts";
import { recipeBase, recipeOf } from "./recipe.ts";
import type { RootfsInputs } from "./shape.ts";

/** Lists whose order decides the result. */
// biome-ignore format: what belongs together is in one line
const ORDERED = [
  "repositories", "buildCommands", "nameservers", "ntp.servers", "authorizedKeys", "users.authorizedKeys", "loadModules",
];

/** Why the same inputs give another digest: found in what was built, never guessed by elimination. */
function hiddenCause(was: HiddenParts | undefined, is: HiddenParts): string {
  const archives = Object.keys(is.archives).filter((path) => was?.archives[path] !== is.archives[path]);
  const causes = archives.map((path) => `modes or links in files["${path}"].archive changed`);
  if (was?.keys !== is.keys)
    causes.push("the trusted keys of the provider's configuration changed (pine:repositoryKeys)");
  return was === undefined || causes.length === 0 ? "its digest changed, and no input shows why" : causes.join("; ");
}

export const rootfs: Resource = {
  check: (call, { news }) => checkRootfs(news, call.config),

  async diff(call, { olds, oldInputs, news, ignoreChanges }) {
    const state = plain(olds) as RootfsState;
    const detailed = diffInputs(oldInputs, news, {
      replace: ["target", "arch"],
      ordered: ORDERED,
      ignore: ignoreChanges,
    });
    if (Object.keys(detailed).length > 0) return { detailed };
    if (state.builtBy !== builder()) {
      call.info("builder changed: this version of the provider builds the same packages in another way");
      return { detailed, changes: true };
    }
    const built = await readRootfs(Store.at(call.config.store), state.digest);
    if (!built) {
      call.info(`not in the store ${call.config.store}: made again from the lock`);
      return { detailed, changes: true };
    }
    const known = await recipeOf(news, call.config);
    const same = !known || recipeDigest(known.recipe, state.lockedPackages, state.builtBy) === state.digest;
    if (!same) call.info(hiddenCause(built.hidden, hiddenParts(known.recipe)));
    return { detailed, changes: !same };
  },

  async create(call, { inputs }) {
    if (call.preview) return { id: "", state: await preview(call, inputs, undefined) };
    const id = `rootfs-${randomBytes(8).toString("hex")}`;
    return { id, state: await make(call, id, inputs, undefined) };
  },

  async update(call, { id, olds, oldInputs, news }) {
    const old = plain(olds) as RootfsState;
    const before = beforeOf(old, oldInputs, call.config);
    if (call.preview) return { state: await preview(call, news, before) };
    const state = await make(call, id, news, before);
    if (state.digest !== old.digest) await makeOldAgain(call, old, oldInputs);
    return { state };
  },

  async read(call, { id, state, inputs }) {
    const known = plain(state) as RootfsState;
    if (!known.digest)
      return die("a Rootfs cannot be imported", "create the resource: what the store has is not built again");
    const { available: _, ...rest } = state;
    try {
      const checked = await checkRootfs(inputs, call.config);
      if (checked.failures.length > 0 || hasUnknown(checked.inputs)) return { id, state, inputs };
      const recipe = recipeBase(plain(checked.inputs) as RootfsInputs, call.config);
      const available = newer(known.lockedPackages, await resolveRecipe(recipe, call.config, call));
      return { id, inputs, state: available.length > 0 ? { ...rest, available } : rest };
    } catch (e) {
      if (isAbort(e, call.signal)) throw e;
      call.warn(`Pine could not look for newer packages: ${messageOf(e)}`);
      return { id, state, inputs };
    }
  },

  async delete(call, { id }) {
    await Store.at(call.config.store).dropRoot(id);
  },
};

function beforeOf(state: RootfsState, oldInputs: Props, config: Config): Before | undefined {
  if (!state.lockedPackages?.length) return undefined;
  const inputs = plain(oldInputs) as RootfsInputs;
  return { lock: state.lockedPackages, recipe: recipeBase(inputs, config), trigger: inputs.upgradeTrigger };
}

/** Upstream packages that differ from the lock, as refresh saw them. */
function newer(lock: LockedPackage[], now: LockedPackage[]): NonNullable<RootfsState["available"]> {
  const [was, is] = [new Map(lock.map((p) => [p.name, p])), new Map(now.map((p) => [p.name, p]))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .map((name) => ({ name, current: was.get(name)?.version ?? "", available: is.get(name)?.version ?? "" }))
    .filter((p) => p.current !== p.available);
}

async function make(call: Call, id: string, props: Props, before: Before | undefined): Promise<Props> {
  const known = (await recipeOf(props, call.config)) ?? die("inputs are not known");
  const { recipe } = known;
  const problem = archProblem(recipe.arch);
  if (problem) die(problem.message, problem.hint);
  const inputs = plain(props) as RootfsInputs;
  const lock = await lockFor(recipeBase(inputs, call.config), inputs.upgradeTrigger, before, call.config, call);
  const store = await Store.open(call.config.store);
  const digest = recipeDigest(recipe, lock, builder());
  const record = await buildRootfs(store, { digest, lock, ...known }, toolsOf(call.config), call);
  await store.addRoot(id, [`rootfs/${record.digest}`, `commit/${record.checksum}`]);
  return stateOf(store, record);
}

/**
 * Makes the Rootfs before this one too when the store lacks it (another machine) and it can be made the same. Servers
 * that run it then get a delta instead of everything.
 */
async function makeOldAgain(call: Call, old: RootfsState, oldInputs: Props): Promise<void> {
  const store = await Store.open(call.config.store);
  if (!old.lockedPackages?.length || old.builtBy !== builder() || (await readRootfs(store, old.digest))) return;
  try {
    const known = await recipeOf(oldInputs, call.config);
    // files of this machine may have changed since
    if (!known || recipeDigest(known.recipe, old.lockedPackages, old.builtBy) !== old.digest) return;
    call.step("making the previous Rootfs again, which servers run");
    const request = { digest: old.digest, lock: old.lockedPackages, ...known };
    await buildRootfs(store, request, toolsOf(call.config), call);
  } catch (e) {
    if (isAbort(e, call.signal)) throw e;
    call.warn(`the previous Rootfs could not be made again, so servers get everything again: ${messageOf(e)}`);
  }
}
