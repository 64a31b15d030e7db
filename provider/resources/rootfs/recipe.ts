/** Makes a Rootfs' recipe, and the contents that go with it, from its checked inputs. */
import { readFile } from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import { die } from "../../errors.ts";
import type { ArchiveEntry } from "../../image/archive/entries.ts";
import { archiveDigest, entriesOfArchive } from "../../image/archive/read.ts";
import { packageName } from "../../image/packages/apkindex.ts";
import { profileOf } from "../../image/recipe/profiles.ts";
import * as rules from "../../image/recipe/rules.ts";
import { targets } from "../../image/recipe/targets.ts";
import type {
  Knobs,
  Memory,
  Recipe,
  RecipeArchive,
  RecipeFile,
  RecipeModule,
  Services,
} from "../../image/recipe/types.ts";
import { sha256 } from "../../local/hash.ts";
import { type Asset, hasUnknown, type Props, plain } from "../../properties/values.ts";
import { withoutUserinfo } from "../../redact.ts";
import type { Config } from "../../resource.ts";
import { recipeChecks } from "./health.ts";
import type { RootfsInputs } from "./shape.ts";

/** A recipe, and the contents that it names only by hash. */
export interface RecipeWithContents {
  recipe: Recipe;
  /** path -> content of its files. */
  contents: Map<string, Uint8Array>;
  /** path -> entries of its archives. */
  archives: Map<string, ArchiveEntry[]>;
  /** name -> content of its kernel modules. */
  modules: Map<string, Uint8Array>;
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1);

/** The recipe of checked inputs; undefined when one of them is not known yet. */
export async function recipeOf(props: Props, config: Config): Promise<RecipeWithContents | undefined> {
  if (hasUnknown(props)) return undefined;
  const inputs = plain(props) as RootfsInputs;
  const contents = new Map<string, Uint8Array>();
  const archives = new Map<string, ArchiveEntry[]>();
  const modules = new Map<string, Uint8Array>();
  const files: RecipeFile[] = [];
  const folders: RecipeArchive[] = [];
  const extraModules: RecipeModule[] = [];
  for (const [path, f] of Object.entries(inputs.files ?? {}).sort(byKey)) {
    const owner = f.owner ?? "root:root";
    if (f.archive) {
      const entries = await entriesOfArchive(f.archive, `files["${path}"].archive`);
      archives.set(path, entries);
      folders.push({ path, owner, sha256: archiveDigest(entries) });
      continue;
    }
    const content =
      f.content === undefined ? await bytesOf(`files["${path}"].source`, f.source) : Buffer.from(f.content);
    contents.set(path, content);
    files.push({ path, mode: rules.fourDigits(f.mode ?? "0644"), owner, sha256: sha256(content) });
  }
  for (const [name, source] of Object.entries(inputs.extraKernelModules ?? {}).sort(byKey)) {
    const content = await bytesOf(`extraKernelModules["${name}"]`, source);
    modules.set(name, content);
    extraModules.push({ name, sha256: sha256(content) });
  }
  const base = recipeBase(inputs, config);
  // the lock already holds what their order decides
  const repositories = sorted(base.repositories);
  const recipe = { ...base, repositories, files, archives: folders, extraModules };
  return { recipe, contents, archives, modules };
}

const sorted = (values: string[] | undefined) => [...new Set(values)].sort();

/** Half of the memory, which zram compresses to about a sixth: Fedora's default since 33. */
const ZRAM_PERCENT = 50;
/** As upstream had it. */
const SWAP_MIB = 1024;
/** Upstream's tuning of disks and network cards, without settings that today's schedulers lack. */
const KNOBS: Knobs = {
  hugepages: "madvise",
  block: { nr_requests: "256", add_random: "0", read_ahead_kb: "4096" },
  offload: { tx: "on", rx: "on", tso: "on", gro: "on" },
};

/** The recipe without contents, which packages do not depend on; repositories are in the program's order. */
export function recipeBase(inputs: RootfsInputs, config: Config): Recipe {
  const target = inputs.target;
  const profile = profileOf(inputs.profile, target);
  const ntp = inputs.ntp ?? (profile.ntp ? { client: "busybox" as const, servers: [] } : undefined);
  const [layout = "", variant = layout] = (inputs.keymap ?? "").split("/");
  const named = new Set(inputs.packages.map(packageName));
  return {
    target,
    release: inputs.release,
    arch: inputs.arch,
    mirror: inputs.mirror.replace(/\/+$/, ""),
    // in their order: apk takes the first repository that has a version
    repositories: [...new Set(inputs.repositories.map((r) => r.trim()))],
    keys: inputs.repositoryKeys && Object.keys(inputs.repositoryKeys).length > 0 ? inputs.repositoryKeys : config.keys,
    packages: sorted([...profile.packages.filter((p) => !named.has(p)), ...inputs.packages]),
    kernel: inputs.kernel ?? (targets[target].kernel ? "virt" : "none"),
    timezone: inputs.timezone,
    hostname: inputs.hostname,
    authorizedKeys: (inputs.authorizedKeys ?? []).map((k) => k.trim()),
    users: (inputs.users ?? []).map((u) => ({
      name: u.name,
      uid: u.uid,
      shell: u.shell,
      groups: sorted(u.groups),
      authorizedKeys: u.authorizedKeys.map((k) => k.trim()),
      sudo: u.sudo,
      passwordHash: u.passwordHash,
    })),
    ssh: inputs.sshServer,
    services: servicesOf(profile.services, inputs.services ?? {}),
    sysctl: { ...profile.sysctl, ...inputs.sysctl },
    modules: inputs.loadModules ?? [],
    files: [],
    archives: [],
    extraModules: [],
    extras: sorted([...profile.extras, ...(inputs.extras ?? [])]) as Recipe["extras"],
    keymap: inputs.keymap === undefined ? undefined : { layout, variant },
    locale: inputs.locale,
    ntp: ntp && ntp.client !== "none" ? { client: ntp.client, servers: ntp.servers } : undefined,
    dns: inputs.nameservers ?? [],
    mounts: (inputs.mounts ?? []).map(({ filesystem: type, fsckOrder: pass, ...mount }) => ({ ...mount, type, pass })),
    memory: memoryOf(inputs.swap),
    limits: { ...profile.limits, ...inputs.limits },
    knobs: inputs.tuning
      ? {
          hugepages: inputs.tuning.hugepages,
          block: inputs.tuning.block ?? KNOBS.block,
          offload: inputs.tuning.offload ?? KNOBS.offload,
        }
      : profile.knobs
        ? KNOBS
        : undefined,
    watchdog: inputs.watchdog,
    motd: inputs.motd,
    hooks: inputs.buildCommands ?? [],
    healthChecks: recipeChecks(inputs.healthChecks),
  };
}

function servicesOf(profile: Services, own: Services): Services {
  const levels = [...new Set([...Object.keys(profile), ...Object.keys(own)])] as (keyof Services)[];
  return Object.fromEntries(levels.map((l) => [l, sorted([...(profile[l] ?? []), ...(own[l] ?? [])])]));
}

function memoryOf(m: RootfsInputs["swap"]): Memory {
  if (!m || m.kind === "none") return { kind: "none" };
  return m.kind === "zram"
    ? { kind: "zram", percent: m.percent ?? ZRAM_PERCENT }
    : { kind: m.kind, size: m.size ?? SWAP_MIB };
}

async function bytesOf(where: string, source: Asset | undefined): Promise<Uint8Array> {
  const { text: given, path: from } = source?.content ?? {};
  if (given !== undefined) return Buffer.from(given);
  if (from === undefined) return die(`${where}: expected a FileAsset or StringAsset`);
  const path = resolvePath(from);
  return readFile(path).catch((e) => die(`${where}: ${withoutUserinfo(path)} cannot be read`, undefined, e));
}
