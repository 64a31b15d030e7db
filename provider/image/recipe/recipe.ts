/** What a Rootfs is made of: the packages that follow from a recipe, and its digest. Pure. */
import { canonical, sha256 } from "../../local/hash.ts";
import { dependencyName, packageName } from "../packages/apkindex.ts";
import type { LockedPackage } from "../packages/mirror.ts";
import { extraPieces } from "./extras.ts";
import { settingPieces } from "./settings.ts";
import { sshPiece } from "./ssh-server.ts";
import { common, targets } from "./targets.ts";
import { knobsPiece, memoryPiece, watchdogPiece } from "./tuning.ts";
import { type Piece, type Recipe, type Runlevel, runlevels, type Services } from "./types.ts";

/** Everything that settings and extras of a recipe bring besides the base system. */
export function pieces(r: Recipe): Piece[] {
  const memory = memoryPiece(r.memory);
  return [
    sshPiece(r.ssh),
    ...settingPieces(r),
    ...(memory ? [memory] : []),
    ...(r.knobs ? [knobsPiece(r.knobs)] : []),
    ...(r.watchdog ? [watchdogPiece(r.watchdog.seconds)] : []),
    ...extraPieces(r.extras),
  ];
}

/** Services by runlevel that a system has before its program names any: sorted, without doubles. */
export function baseServices(r: Recipe): Record<Runlevel, string[]> {
  const from: Services[] = [common.services, targets[r.target].services, ...pieces(r).map((p) => p.services ?? {})];
  const of = (level: Runlevel) => [...new Set(from.flatMap((s) => s[level] ?? []))].sort();
  return Object.fromEntries(runlevels.map((level) => [level, of(level)])) as Record<Runlevel, string[]>;
}

/** The package of a recipe's kernel; undefined where it has none. */
export const kernelPackage = (r: Pick<Recipe, "kernel">) => (r.kernel === "none" ? undefined : `linux-${r.kernel}`);

/** Alpine's empty package that takes the place of all firmware files. */
export const NO_FIRMWARE = "linux-firmware-none";

/**
 * Whether the kernel comes without firmware files. Alpine's own flavours except virt depend on `linux-firmware-any`,
 * for which apk takes all of it: some 95 packages of 1 GB. A server in the cloud needs none of them
 * (alpinelinux/alpine-make-vm-image#21). A recipe that names one decides for itself.
 */
export const withoutFirmware = (r: Pick<Recipe, "kernel" | "packages">) =>
  ["lts", "stable", "edge"].includes(r.kernel) && !r.packages.some((p) => packageName(p).startsWith("linux-firmware"));

/** /etc/apk/world: the base system, what settings need, and the user's packages, whose constraints count. Sorted. */
export function world(r: Recipe): string[] {
  const mine = new Set(r.packages.map(packageName));
  const kernel = kernelPackage(r);
  const wanted = [...common.packages, ...targets[r.target].packages, ...pieces(r).flatMap((p) => p.packages ?? [])];
  if (kernel) wanted.push(kernel);
  if (withoutFirmware(r)) wanted.push(NO_FIRMWARE);
  if (r.timezone !== "UTC") wanted.push("tzdata");
  // "!doas" is none
  const has = (name: string) => r.packages.some((p) => dependencyName(p) === name);
  if (r.users.some((u) => u.sudo) && !has("doas") && !has("sudo")) wanted.push("sudo");
  return [...new Set([...wanted.filter((name) => !mine.has(name)), ...r.packages])].sort();
}

/** Which of sudo and doas users become root with, if any. */
export function rootProgram(r: Pick<Recipe, "users" | "packages">): "sudo" | "doas" | undefined {
  if (!r.users.some((u) => u.sudo)) return undefined;
  return r.packages.some((p) => dependencyName(p) === "doas") ? "doas" : "sudo";
}

/**
 * Digest of everything that decides the content (rule 1 of the design): recipe, lock, builder. 64 hex digits, the same
 * on every machine. It holds no contents, only their hashes.
 */
export function recipeDigest(recipe: Recipe, lock: LockedPackage[], builder: string): string {
  const packages = lock.map((p) => [p.name, p.version, p.checksum]);
  return sha256(canonical({ builder, recipe, packages }));
}

/** `linux-virt` 6.18.56-r0 -> `6.18.56-0-virt`: how Alpine names the release of a kernel package. */
export function kernelReleaseOf(recipe: Pick<Recipe, "kernel">, lock: LockedPackage[]): string | undefined {
  const name = kernelPackage(recipe);
  const version = name && lock.find((p) => p.name === name)?.version;
  return version?.replace(/-r(\d+)$/, `-$1-${recipe.kernel}`);
}

/** The newest package of a lock: seconds since 1970. The time of everything built from it. */
export const timestampOf = (lock: LockedPackage[]) => lock.reduce((newest, p) => Math.max(newest, p.built), 0);

/**
 * What changed from one lock to another, a line each: `openssl 3.5.4-r0 => 3.5.5-r0`, `+ nano 8.1-r0`, `- tree 2.1-r0`.
 */
export function lockChanges(
  before: Pick<LockedPackage, "name" | "version" | "checksum">[],
  after: typeof before,
): string[] {
  const old = new Map(before.map((p) => [p.name, p]));
  const now = new Map(after.map((p) => [p.name, p]));
  const lines: string[] = [];
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [a, b] = [old.get(name), now.get(name)];
    if (!a) lines.push(`+ ${name} ${b!.version}`);
    else if (!b) lines.push(`- ${name} ${a.version}`);
    else if (a.version !== b.version) lines.push(`${name} ${a.version} => ${b.version}`);
    else if (a.checksum !== b.checksum) lines.push(`${name} ${a.version} => the same version built again`);
  }
  return lines;
}
