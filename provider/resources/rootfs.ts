/** Rootfs: an Alpine tree, built here and kept in the store as an OSTree commit. Rules 1, 2 and 5 of the design. */
import { randomBytes } from "node:crypto";
import { die, isAbort, messageOf } from "../errors.ts";
import type { LockedPackage } from "../image/packages/mirror.ts";
import { kernelPackage, kernelReleaseOf, lockChanges, recipeDigest, withoutFirmware } from "../image/recipe/recipe.ts";
import { sshServerOf } from "../image/recipe/ssh-server.ts";
import type { Recipe } from "../image/recipe/types.ts";
import { sbomPaths } from "../image/sbom/write.ts";
import { Store } from "../image/store/store.ts";
import { archProblem } from "../image/toolbox/arch.ts";
import { buildRootfs } from "../image/tree/build.ts";
import { builder } from "../image/tree/builder.ts";
import { type HiddenParts, hiddenParts, type RootfsRecord, readRootfs } from "../image/tree/record.ts";
import { diffInputs } from "../properties/diff.ts";
import { hasUnknown, type Props, plain, Unknown } from "../properties/values.ts";
import type { Call, Config, Resource } from "../resource.ts";
import { humanBytes } from "../words.ts";
import { noteImage } from "./estimates.ts";
import { checkRootfs } from "./rootfs-inputs.ts";
import { type Before, lockFor, resolveRecipe, toolsOf } from "./rootfs-lock.ts";
import { recipeBase, recipeOf } from "./rootfs-recipe.ts";
import type { RootfsInputs } from "./rootfs-shape.ts";

/** What the state holds. */
export interface RootfsState {
  digest: string;
  checksum: string;
  lock: LockedPackage[];
  packageCount: number;
  kernelRelease: string;
  /** Bytes of its files. */
  size: number;
  /** What built it: provider's files and format. */
  builder: string;
  /** Paths of the bills of materials. */
  sbom?: { spdx: string; cyclonedx: string };
  available?: { name: string; current: string; available: string }[];
}

/** Lists whose order is that of what is made of them. */
const ORDERED = [
  ...["repositories", "hooks", "dns", "ntp.servers", "authorizedKeys", "users.authorizedKeys", "modules"],
];

/** Why the same inputs give another digest: seen in what was built, never by elimination. */
function hiddenCause(was: HiddenParts | undefined, is: HiddenParts): string {
  const archives = Object.keys(is.archives).filter((path) => was?.archives[path] !== is.archives[path]);
  const causes = archives.map((path) => `modes or links in files["${path}"].archive changed`);
  if (was?.keys !== is.keys) causes.push("the trusted keys of the provider's configuration changed (pine:keys)");
  return was === undefined || causes.length === 0
    ? "what its digest is made of changed, and no input shows it"
    : causes.join("; ");
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
    if (state.builder !== builder()) {
      call.info("builder changed: this version of the provider builds the same packages in another way");
      return { detailed, changes: true };
    }
    const built = await readRootfs(Store.at(call.config.store), state.digest);
    if (!built) {
      call.info(`not in the store ${call.config.store}: made again from the lock`);
      return { detailed, changes: true };
    }
    const known = await recipeOf(news, call.config);
    const same = !known || recipeDigest(known.recipe, state.lock, state.builder) === state.digest;
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
      const available = newer(known.lock, await resolveRecipe(recipe, call.config, call));
      return { id, inputs, state: available.length > 0 ? { ...rest, available } : rest };
    } catch (e) {
      if (isAbort(e, call.signal)) throw e;
      call.warn(`newer packages were not looked for: ${messageOf(e)}`);
      return { id, state, inputs };
    }
  },

  async delete(call, { id }) {
    await Store.at(call.config.store).dropRoot(id);
  },
};

function beforeOf(state: RootfsState, oldInputs: Props, config: Config): Before | undefined {
  if (!state.lock?.length) return undefined;
  const inputs = plain(oldInputs) as RootfsInputs;
  return { lock: state.lock, recipe: recipeBase(inputs, config), upgrade: inputs.upgrade };
}

/** What refresh saw upstream that the lock has not. */
function newer(lock: LockedPackage[], now: LockedPackage[]): NonNullable<RootfsState["available"]> {
  const [was, is] = [new Map(lock.map((p) => [p.name, p])), new Map(now.map((p) => [p.name, p]))];
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .map((name) => ({ name, current: was.get(name)?.version ?? "", available: is.get(name)?.version ?? "" }))
    .filter((p) => p.current !== p.available);
}

/** What will be: resolves, so that digest and lock are known, and builds nothing. Writes the package cache at most. */
async function preview(call: Call, props: Props, before: Before | undefined): Promise<Props> {
  // packages can be resolved though files or keys are not known yet
  const { files: _, authorizedKeys: __, hostname: ___, kernelModules: ____, ...rest } = props;
  if (hasUnknown(rest)) return {};
  const base = recipeBase(plain(rest) as RootfsInputs, call.config);
  const lock = await lockFor(base, (plain(rest) as RootfsInputs).upgrade, before, call.config, call);
  const unpacked = lock.reduce((sum, p) => sum + p.installedSize, 0);
  const compressed = lock.reduce((sum, p) => sum + p.size, 0);
  noteImage({ arch: base.arch, target: base.target, ssh: sshServerOf(lock), compressed, unpacked });
  say(call, base, lock, before, unpacked);
  const problem = archProblem(base.arch);
  if (problem) call.warn(`${problem.message}; ${problem.hint}`);
  const known = await recipeOf(props, call.config);
  const digest = known ? recipeDigest(known.recipe, lock, builder()) : undefined;
  const store = Store.at(call.config.store);
  const record = digest ? await readRootfs(store, digest) : undefined;
  if (record) return stateOf(store, record);
  return {
    digest: digest ?? Unknown.value,
    checksum: Unknown.value,
    lock,
    packageCount: lock.length,
    kernelRelease: base.kernel === "none" ? "" : (kernelReleaseOf(base, lock) ?? Unknown.value),
    size: Unknown.value,
    builder: builder(),
    sbom: digest ? sbomPaths(store, digest) : Unknown.value,
  };
}

/** `62 packages, linux-virt 6.18.56, 84 MB`; of an update by how much that grows, and what changes, a line a package. */
function say(call: Call, recipe: Recipe, lock: LockedPackage[], before: Before | undefined, unpacked: number): void {
  const changes = before ? lockChanges(before.lock, lock) : [];
  if (before && changes.length === 0) return;
  const name = kernelPackage(recipe);
  const version = lock.find((p) => p.name === name)?.version.replace(/-r\d+$/, "") ?? "";
  const grown = before && unpacked - before.lock.reduce((sum, p) => sum + p.installedSize, 0);
  const by = grown === undefined ? "" : ` (${grown < 0 ? "-" : "+"}${humanBytes(Math.abs(grown))})`;
  call.info(`${lock.length} packages, ${name ? `${name} ${version}` : "no kernel"}, ${humanBytes(unpacked)}${by}`);
  if (withoutFirmware(recipe))
    call.info(
      `kernel ${recipe.kernel} comes without firmware files; where a card of the server needs some, name its package (linux-firmware-bnx2 and the like; linux-firmware is all of them, about 1 GB)`,
    );
  const most = 60;
  for (const line of changes.slice(0, most))
    call.info(name && line.startsWith(`${name} `) ? `${line} (needs a reboot)` : line);
  if (changes.length > most) call.info(`and ${changes.length - most} more`);
}

async function make(call: Call, id: string, props: Props, before: Before | undefined): Promise<Props> {
  const known = (await recipeOf(props, call.config)) ?? die("inputs are not known");
  const { recipe } = known;
  const problem = archProblem(recipe.arch);
  if (problem) die(problem.message, problem.hint);
  const inputs = plain(props) as RootfsInputs;
  const lock = await lockFor(recipeBase(inputs, call.config), inputs.upgrade, before, call.config, call);
  const store = await Store.open(call.config.store);
  const digest = recipeDigest(recipe, lock, builder());
  const record = await buildRootfs(store, { digest, lock, ...known }, toolsOf(call.config), call);
  await store.addRoot(id, [`rootfs/${record.digest}`, `commit/${record.checksum}`]);
  return stateOf(store, record);
}

/**
 * With an empty store (another machine) what was there before is made too, where it can be made the same: servers run it, and get a delta
 * from it instead of everything.
 */
async function makeOldAgain(call: Call, old: RootfsState, oldInputs: Props): Promise<void> {
  const store = await Store.open(call.config.store);
  if (!old.lock?.length || old.builder !== builder() || (await readRootfs(store, old.digest))) return;
  try {
    const known = await recipeOf(oldInputs, call.config);
    // files of this machine may have changed since
    if (!known || recipeDigest(known.recipe, old.lock, old.builder) !== old.digest) return;
    call.step("making the one before again, which servers run");
    const request = { digest: old.digest, lock: old.lock, ...known };
    await buildRootfs(store, request, toolsOf(call.config), call);
  } catch (e) {
    if (isAbort(e, call.signal)) throw e;
    call.warn(`the Rootfs before this one was not made again, so servers get everything anew: ${messageOf(e)}`);
  }
}

function stateOf(store: Store, r: RootfsRecord): Props {
  return {
    digest: r.digest,
    checksum: r.checksum,
    lock: r.lock,
    packageCount: r.packages,
    kernelRelease: r.kernelRelease,
    size: r.size,
    builder: builder(),
    sbom: sbomPaths(store, r.digest),
  } satisfies RootfsState;
}
