/** Makes the files of /etc from a recipe and what the packages brought. Pure. */

import { PineError } from "../../errors.ts";
import { closeNames } from "../../properties/nearest.ts";
import type { ArchiveEntry } from "../archive/entries.ts";
import { parseRepository, repositoryLine } from "../packages/mirror.ts";
import { pieces, rootProgram, world } from "../recipe/recipe.ts";
import { fstabLine, hostsText, KEYMAPS, rcUlimit } from "../recipe/settings.ts";
import type { OwnFile } from "../recipe/system-files.ts";
import { targets } from "../recipe/targets.ts";
import { type Recipe, runlevels } from "../recipe/types.ts";
import { type Accounts, addUsers, numericOwner } from "./accounts.ts";
import type { Change, TreeFacts } from "./changes.ts";
import { services } from "./services.ts";

export interface ConfigureInput {
  recipe: Recipe;
  facts: TreeFacts;
  /** path -> content of the recipe's files. */
  contents: Map<string, Uint8Array>;
  /** path -> entries of the recipe's archives. */
  archives: Map<string, ArchiveEntry[]>;
  /** Files of ours that the target has. */
  system: OwnFile[];
}

type Owner = [uid: number, gid: number];
const root: Owner = [0, 0];

/**
 * What is taken out of any tree: links of runlevels, which are made anew, and copies that package scripts leave, with
 * the day in them.
 */
export const TAKEN_OUT = [
  "/etc/passwd-",
  "/etc/group-",
  "/etc/shadow-",
  ...runlevels.map((level) => `/etc/runlevels/${level}`),
];

/** Everything that is done to the tree after its packages are in it, in order. Throws PineError naming the property. */
export function configure(input: ConfigureInput): Change[] {
  const { recipe, facts, system } = input;
  const accounts = addUsers(facts, recipe.users);
  const brought = pieces(recipe);
  const own = [...system, ...brought.flatMap((p) => p.files ?? []), ...recipe.files].map((f) => f.path);
  return [
    ...accountFiles(accounts),
    ...TAKEN_OUT.map((path): Change => ({ do: "remove", path })),
    ...machine(recipe, facts),
    ...timezone(recipe, facts),
    ...packageFiles(recipe),
    ...logins(recipe, accounts),
    ...system.map((f) => file(f.path, f.content, f.mode)),
    ...brought.flatMap(({ files = [], links = [] }): Change[] => [
      ...files.map((f) => file(f.path, f.content, f.mode)),
      ...links.map((l): Change => ({ do: "link", ...l })),
    ]),
    ...ownFiles(input, accounts),
    ...services(recipe, facts.services, own),
  ];
}

const file = (path: string, content: Uint8Array | string, mode = "0644", owner = root): Change => {
  return { do: "file", path, content, mode, owner };
};

const dir = (path: string, owner: Owner, mode = "0755"): Change => ({ do: "dir", path, mode, owner });

const lines = (all: string[]) => all.map((line) => `${line}\n`).join("");

/** `user:group` as numbers. Throws PineError naming the property where the image has no such user or group. */
function ownerOf(owner: string, accounts: Accounts, property: string): Owner {
  const found = numericOwner(owner, accounts);
  if (typeof found === "string") throw new PineError(`${property}: ${found}`);
  return found;
}

/** Who is known there. The hashes of passwords are for root and the group shadow alone, where there is one. */
function accountFiles(accounts: Accounts): Change[] {
  const shadowGroup = numericOwner("root:shadow", accounts);
  return [
    file("/etc/passwd", accounts.passwd),
    file("/etc/group", accounts.group),
    file("/etc/shadow", accounts.shadow, "0640", typeof shadowGroup === "string" ? root : shadowGroup),
  ];
}

/** What the machine is: its consoles, mounts, name, network, limits, modules and settings of the kernel. */
function machine(recipe: Recipe, facts: TreeFacts): Change[] {
  const target = targets[recipe.target];
  const modules = [...target.modules, ...pieces(recipe).flatMap((p) => p.modules ?? []), ...recipe.modules];
  const knobs = Object.entries(recipe.sysctl).map(([k, v]) => `${k} = ${v}`);
  const changes = [
    file("/etc/inittab", inittab(target.gettys)),
    file("/etc/fstab", lines([...target.mounts, ...recipe.mounts.map(fstabLine)])),
    // folders for mounts; in /var's folders the factory makes them
    ...recipe.mounts.map((m) => dir(m.path, root)),
    file("/etc/hostname", `${recipe.hostname}\n`),
    file("/etc/hosts", hostsText(recipe.hostname)),
    file("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n"),
    file("/etc/rc.conf", rcConf(facts.rcConf, recipe.limits)),
    file("/etc/modules", lines([...new Set(modules)])),
    ...(knobs.length > 0 ? [file("/etc/sysctl.d/90-pine.conf", lines(knobs))] : []),
  ];
  checkKeymap(recipe, facts);
  return changes;
}

/** What apk finds in the image: packages that were asked for, where they come from, and the keys. */
function packageFiles(recipe: Recipe): Change[] {
  const repositories = recipe.repositories.map((r) => repositoryLine(parseRepository(r, recipe)));
  return [
    file("/etc/apk/world", lines(world(recipe))),
    file("/etc/apk/repositories", lines(repositories)),
    ...Object.entries(recipe.keys).map(([name, pem]) => file(`/etc/apk/keys/${name}`, pem)),
  ];
}

/** Who logs in, and who of them becomes root without a password. */
function logins(recipe: Recipe, accounts: Accounts): Change[] {
  const program = rootProgram(recipe);
  const sudo = (name: string) =>
    program === "doas"
      ? file(`/etc/doas.d/pine-${name}.conf`, `permit nopass ${name}\n`, "0600")
      : file(`/etc/sudoers.d/pine-${name}`, `${name} ALL=(ALL:ALL) NOPASSWD: ALL\n`, "0440");
  const users = recipe.users.flatMap((u) => {
    const owner = ownerOf(`${u.name}:${u.name}`, accounts, "users");
    const home = `/home/${u.name}`;
    return [dir(home, owner), ...login(home, owner, u.authorizedKeys), ...(u.sudo ? [sudo(u.name)] : [])];
  });
  return [...login("/root", root, recipe.authorizedKeys), ...users];
}

/** The recipe's files, then its archives: what is given there wins over all before. */
function ownFiles({ recipe, contents, archives }: ConfigureInput, accounts: Accounts): Change[] {
  const owned = (one: { path: string; owner: string }) => ownerOf(one.owner, accounts, `files["${one.path}"].owner`);
  return [
    ...recipe.files.map((f) => file(f.path, contents.get(f.path) ?? "", f.mode, owned(f))),
    ...recipe.archives.flatMap((a) => {
      const owner = owned(a);
      const entries = archives.get(a.path) ?? [];
      return [dir(a.path, owner), ...entries.map((e) => changeOf(`${a.path}/${e.path}`, e, owner))];
    }),
  ];
}

function changeOf(path: string, e: ArchiveEntry, owner: Owner): Change {
  const mode = e.mode.toString(8).padStart(4, "0");
  if (e.type === "folder") return dir(path, owner, mode);
  if (e.type === "link") return { do: "link", path, target: e.target ?? "" };
  return file(path, e.content ?? "", mode, owner);
}

/**
 * OpenRC finds out what a container runs in; a value of rc_sys would make it skip hwdrivers, modules and hostname.
 * Output of services is logged in memory: a trial's last words are kept from there (libexec/pine/trial-log).
 */
const rcConf = (text: string, limits: Record<string, string>) =>
  [
    text.replace(/^(rc_sys|rc_logger|rc_log_path|rc_ulimit)=.*\n/gm, "").replace(/\n*$/, "\n"),
    'rc_logger="YES"\nrc_log_path="/run/rc.log"\n',
    Object.keys(limits).length > 0 ? `rc_ulimit="${rcUlimit(limits)}"\n` : "",
  ].join("");

const inittab = (gettys: string[]) =>
  lines([
    "::sysinit:/sbin/openrc sysinit",
    "::sysinit:/sbin/openrc boot",
    "::wait:/sbin/openrc default",
    ...gettys,
    "::ctrlaltdel:/sbin/reboot",
    "::shutdown:/sbin/openrc shutdown",
  ]);

function checkKeymap(recipe: Recipe, facts: TreeFacts): void {
  if (!recipe.keymap) return;
  const name = `${recipe.keymap.layout}/${recipe.keymap.variant}`;
  if (facts.keymaps.includes(name)) return;
  const close = closeNames(name, facts.keymaps);
  throw new PineError(`keymap: there is no ${KEYMAPS}/${name}.bmap.gz`, {
    hint: close.length > 0 ? `did you mean ${close.join(" or ")}?` : "expected a layout such as us or de/de-latin1",
  });
}

function timezone(recipe: Recipe, facts: TreeFacts): Change[] {
  if (recipe.timezone === "UTC") return [];
  if (!facts.zones.includes(recipe.timezone)) {
    const close = closeNames(recipe.timezone, facts.zones);
    throw new PineError(`timezone: there is no zone ${recipe.timezone}`, {
      hint: close.length > 0 ? `did you mean ${close.join(" or ")}?` : "expected one such as Europe/Berlin",
    });
  }
  return [
    { do: "link", path: "/etc/localtime", target: `/usr/share/zoneinfo/${recipe.timezone}` },
    file("/etc/timezone", `${recipe.timezone}\n`),
  ];
}

/** Keys in a home folder. The folders become part of the factory's /var. */
function login(home: string, owner: Owner, keys: string[]): Change[] {
  if (keys.length === 0) return [];
  return [dir(`${home}/.ssh`, owner, "0700"), file(`${home}/.ssh/authorized_keys`, lines(keys), "0600", owner)];
}
