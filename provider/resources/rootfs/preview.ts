/** What a preview knows and says about a Rootfs. */
import type { LockedPackage } from "../../image/packages/mirror.ts";
import { healthChanges } from "../../image/recipe/health.ts";
import {
  kernelPackage,
  kernelReleaseOf,
  lockChanges,
  recipeDigest,
  withoutFirmware,
} from "../../image/recipe/recipe.ts";
import { sshServerOf } from "../../image/recipe/ssh-server.ts";
import type { Recipe } from "../../image/recipe/types.ts";
import { sbomPaths } from "../../image/sbom/write.ts";
import { Store } from "../../image/store/store.ts";
import { archProblem } from "../../image/toolbox/arch.ts";
import { builder } from "../../image/tree/builder.ts";
import { type RootfsRecord, readRootfs } from "../../image/tree/record.ts";
import { hasUnknown, type Props, plain, Unknown } from "../../properties/values.ts";
import type { Call } from "../../resource.ts";
import { humanBytes } from "../../words.ts";
import { noteImage } from "../estimates.ts";
import { recipeChecks } from "./health.ts";
import { type Before, lockFor } from "./lock.ts";
import { recipeBase, recipeOf } from "./recipe.ts";
import type { RootfsInputs } from "./shape.ts";

/** What the state holds. */
export interface RootfsState {
  digest: string;
  checksum: string;
  lockedPackages: LockedPackage[];
  packageCount: number;
  kernelRelease: string;
  /** Bytes of its files. */
  size: number;
  /** What built it: the provider's files and format. */
  builtBy: string;
  /** Paths of the bills of materials. */
  sbom?: { spdx: string; cyclonedx: string };
  available?: { name: string; current: string; available: string }[];
}

/** The future state: resolves packages, so that digest and lock are known. Writes the package cache at most. */
export async function preview(call: Call, props: Props, before: Before | undefined): Promise<Props> {
  // packages can be resolved even if files or keys are not known yet
  const { files: _, authorizedKeys: __, hostname: ___, extraKernelModules: ____, healthChecks, ...rest } = props;
  if (hasUnknown(rest)) return {};
  const base = recipeBase(plain(rest) as RootfsInputs, call.config);
  const lock = await lockFor(base, (plain(rest) as RootfsInputs).upgradeTrigger, before, call.config, call);
  const unpacked = lock.reduce((sum, p) => sum + p.installedSize, 0);
  const compressed = lock.reduce((sum, p) => sum + p.size, 0);
  noteImage({ arch: base.arch, target: base.target, ssh: sshServerOf(lock), compressed, unpacked });
  say(call, base, lock, before, unpacked);
  if (before && !hasUnknown(healthChecks))
    for (const line of healthChanges(before.recipe.healthChecks, recipeChecks(plain(healthChecks)))) call.info(line);
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
    lockedPackages: lock,
    packageCount: lock.length,
    kernelRelease: base.kernel === "none" ? "" : (kernelReleaseOf(base, lock) ?? Unknown.value),
    size: Unknown.value,
    builtBy: builder(),
    sbom: digest ? sbomPaths(store, digest) : Unknown.value,
  };
}

/** Says `62 packages, linux-virt 6.18.56, 84 MB`; for an update also the growth, and a line per changed package. */
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

export function stateOf(store: Store, r: RootfsRecord): Props {
  return {
    digest: r.digest,
    checksum: r.checksum,
    lockedPackages: r.lock,
    packageCount: r.packages,
    kernelRelease: r.kernelRelease,
    size: r.size,
    builtBy: builder(),
    sbom: sbomPaths(store, r.digest),
  } satisfies RootfsState;
}
