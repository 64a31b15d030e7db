/** What a Rootfs is made of, in one normal form, and its digest. Pure. */
import { createHash } from "node:crypto";
import type { Keys } from "./apkfile.ts";
import { dependencyName } from "./index.ts";
import type { LockedPackage } from "./mirror.ts";

export const runlevels = ["sysinit", "boot", "default", "shutdown", "nonetwork"] as const;
export type Runlevel = (typeof runlevels)[number];

export interface RecipeUser {
  name: string;
  /** The next free one from 1000 when not given. */
  uid?: number;
  shell: string;
  groups: string[];
  authorizedKeys: string[];
  /** May become root without a password. */
  sudo: boolean;
}

export interface RecipeFile {
  /** Absolute. */
  path: string;
  /** Octal digits, four. */
  mode: string;
  /** `user:group`, names or numbers. */
  owner: string;
  /** Of the content, hex. */
  sha256: string;
}

export interface Recipe {
  target: "vm";
  release: string;
  arch: string;
  mirror: string;
  /** As apk reads them: order counts, tags before the name. */
  repositories: string[];
  keys: Keys;
  /** What the user asks for, with constraints. Sorted. */
  packages: string[];
  /** Flavour: the package is linux-<kernel>. */
  kernel: string;
  timezone: string;
  hostname: string;
  authorizedKeys: string[];
  users: RecipeUser[];
  /** Besides the base system's. */
  services: Partial<Record<Runlevel, string[]>>;
  sysctl: Record<string, string>;
  modules: string[];
  /** Sorted by path. */
  files: RecipeFile[];
}

/** What every server of ours has: boots, is reached over SSH, updates itself. */
const base = [
  ...["alpine-baselayout", "alpine-release", "alpine-keys", "apk-tools", "musl-utils", "ca-certificates-bundle"],
  ...["busybox", "busybox-openrc", "busybox-mdev-openrc", "openrc", "ifupdown-ng", "kmod", "e2fsprogs", "ostree"],
  ...["dropbear", "dropbear-convert", "util-linux-misc"], // fsfreeze is in the last one
];

/** Base services by runlevel; OpenRC's savecache is not among them, it would write to /usr. */
export const baseServices: Record<Runlevel, string[]> = {
  sysinit: ["devfs", "dmesg", "mdev", "hwdrivers"],
  boot: [
    "modules",
    "sysctl",
    "hostname",
    "bootmisc",
    "networking",
    "localmount",
    "swap",
    "hwclock",
    "seedrng",
    "syslog",
  ],
  default: ["dropbear"],
  shutdown: ["mount-ro", "killprocs"],
  nonetwork: [],
};

export const kernelPackage = (r: Pick<Recipe, "kernel">) => `linux-${r.kernel}`;

/** /etc/apk/world: the base system, what settings need, and the user's packages, whose constraints count. Sorted. */
export function world(r: Pick<Recipe, "kernel" | "timezone" | "users" | "packages">): string[] {
  const mine = new Set(r.packages.map((p) => dependencyName(p.replace(/^!/, ""))));
  const wanted = [...base, kernelPackage(r)];
  if (r.timezone !== "UTC") wanted.push("tzdata");
  if (r.users.some((u) => u.sudo) && !mine.has("doas") && !mine.has("sudo")) wanted.push("sudo");
  return [...wanted.filter((name) => !mine.has(name)), ...r.packages].sort();
}

/** Which of sudo and doas users become root with, if any. */
export function rootProgram(r: Pick<Recipe, "users" | "packages">): "sudo" | "doas" | undefined {
  if (!r.users.some((u) => u.sudo)) return undefined;
  return r.packages.some((p) => dependencyName(p) === "doas") ? "doas" : "sudo";
}

/**
 * Digest of everything that decides the content (rule 1 of the design): recipe, lock, builder. 64 hex digits, the same on
 * every machine. It holds no contents, only their hashes.
 */
export function recipeDigest(recipe: Recipe, lock: LockedPackage[], builder: string): string {
  const packages = lock.map((p) => [p.name, p.version, p.checksum]);
  return sha256(canonical({ builder, recipe: { ...recipe, repositories: recipe.repositories }, packages }));
}

export const sha256 = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex");

/** JSON with sorted keys, without what is undefined. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(",")}}`;
}

/** `linux-virt` 6.18.56-r0 -> `6.18.56-0-virt`: how Alpine names the release of a kernel package. */
export function kernelReleaseOf(recipe: Pick<Recipe, "kernel">, lock: LockedPackage[]): string | undefined {
  const version = lock.find((p) => p.name === kernelPackage(recipe))?.version;
  return version?.replace(/-r(\d+)$/, `-$1-${recipe.kernel}`);
}

/** The newest package of a lock: seconds since 1970. The time of everything built from it. */
export const timestampOf = (lock: LockedPackage[]) => lock.reduce((newest, p) => Math.max(newest, p.built), 0);

/** What changed from one lock to another, a line each: `openssl 3.5.4-r0 => 3.5.5-r0`, `+ nano 8.1-r0`, `- tree 2.1-r0`. */
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
