/** From a recipe, and what the packages brought, to the files of /etc. Pure. */
import { PineError } from "../../errors.ts";
import { closeNames } from "../../properties/nearest.ts";
import type { ArchiveEntry } from "../archive/entries.ts";
import { parseRepository, repositoryLine } from "../packages/mirror.ts";
import { pieces, rootProgram, world } from "../recipe/recipe.ts";
import { fstabLine, KEYMAPS, rcUlimit } from "../recipe/settings.ts";
import type { OwnFile } from "../recipe/system-files.ts";
import { targets } from "../recipe/targets.ts";
import { type Recipe, runlevels } from "../recipe/types.ts";
import { addUsers, numericOwner } from "./accounts.ts";
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

const root: [number, number] = [0, 0];

/** What is taken out of any tree: links of runlevels, which are made anew, and copies that package scripts leave, with the day in them. */
export const TAKEN_OUT = [
  ...["/etc/passwd-", "/etc/group-", "/etc/shadow-"],
  ...runlevels.map((level) => `/etc/runlevels/${level}`),
];

/** Everything that is done to the tree after its packages are in it, in order. Throws PineError naming the property. */
export function configure(input: ConfigureInput): Change[] {
  const { recipe, facts, contents, archives, system } = input;
  const accounts = addUsers(facts, recipe.users);
  const shadowGroup = numericOwner("root:shadow", accounts);
  const out: Change[] = [];
  const file = (path: string, content: Uint8Array | string, mode = "0644", owner = root) =>
    out.push({ do: "file", path, content, mode, owner });

  file("/etc/passwd", accounts.passwd);
  file("/etc/group", accounts.group);
  file("/etc/shadow", accounts.shadow, "0640", typeof shadowGroup === "string" ? root : shadowGroup);
  for (const path of TAKEN_OUT) out.push({ do: "remove", path });

  const target = targets[recipe.target];
  file("/etc/inittab", inittab(target.gettys));
  file("/etc/fstab", [...target.mounts, ...recipe.mounts.map(fstabLine)].map((l) => `${l}\n`).join(""));
  // what is mounted on; in /var's folders by the factory
  for (const m of recipe.mounts) out.push({ do: "dir", path: m.path, mode: "0755", owner: root });
  file("/etc/hostname", `${recipe.hostname}\n`);
  const names = [recipe.hostname, recipe.hostname.split(".")[0]!].filter((n, i, all) => all.indexOf(n) === i);
  file("/etc/hosts", `127.0.0.1 localhost ${names.join(" ")}\n::1 localhost ip6-localhost ${names.join(" ")}\n`);
  file("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n");
  file("/etc/rc.conf", rcConf(facts.rcConf, recipe.limits));
  const brought = pieces(recipe);
  const modules = [...target.modules, ...brought.flatMap((p) => p.modules ?? []), ...recipe.modules];
  file("/etc/modules", [...new Set(modules)].map((m) => `${m}\n`).join(""));
  const knobs = Object.entries(recipe.sysctl).map(([k, v]) => `${k} = ${v}\n`);
  if (knobs.length > 0) file("/etc/sysctl.d/90-pine.conf", knobs.join(""));
  checkKeymap(recipe, facts);
  timezone(recipe, facts, out);

  file(
    "/etc/apk/world",
    world(recipe)
      .map((p) => `${p}\n`)
      .join(""),
  );
  const repositories = recipe.repositories.map((r) => repositoryLine(parseRepository(r, recipe)));
  file("/etc/apk/repositories", repositories.map((r) => `${r}\n`).join(""));
  for (const [name, pem] of Object.entries(recipe.keys)) file(`/etc/apk/keys/${name}`, pem);

  login("/root", root, recipe.authorizedKeys, out);
  const program = rootProgram(recipe);
  for (const u of recipe.users) {
    const owner = numericOwner(`${u.name}:${u.name}`, accounts);
    if (typeof owner === "string") throw new PineError(`users: ${owner}`);
    out.push({ do: "dir", path: `/home/${u.name}`, mode: "0755", owner });
    login(`/home/${u.name}`, owner, u.authorizedKeys, out);
    if (!u.sudo) continue;
    if (program === "doas") file(`/etc/doas.d/pine-${u.name}.conf`, `permit nopass ${u.name}\n`, "0600");
    else file(`/etc/sudoers.d/pine-${u.name}`, `${u.name} ALL=(ALL:ALL) NOPASSWD: ALL\n`, "0440");
  }

  for (const f of system) file(f.path, f.content, f.mode);
  for (const p of brought) {
    for (const f of p.files ?? []) file(f.path, f.content, f.mode);
    for (const l of p.links ?? []) out.push({ do: "link", ...l });
  }
  for (const f of recipe.files) {
    const owner = numericOwner(f.owner, accounts);
    if (typeof owner === "string") throw new PineError(`files["${f.path}"].owner: ${owner}`);
    file(f.path, contents.get(f.path) ?? "", f.mode, owner);
  }
  for (const a of recipe.archives) {
    const owner = numericOwner(a.owner, accounts);
    if (typeof owner === "string") throw new PineError(`files["${a.path}"].owner: ${owner}`);
    out.push({ do: "dir", path: a.path, mode: "0755", owner });
    for (const e of archives.get(a.path) ?? []) out.push(changeOf(`${a.path}/${e.path}`, e, owner));
  }
  const own = [...system, ...brought.flatMap((p) => p.files ?? []), ...recipe.files].map((f) => f.path);
  out.push(...services(recipe, facts.services, own));
  return out;
}

function changeOf(path: string, e: ArchiveEntry, owner: [number, number]): Change {
  const mode = e.mode.toString(8).padStart(4, "0");
  if (e.type === "folder") return { do: "dir", path, mode, owner };
  if (e.type === "link") return { do: "link", path, target: e.target ?? "" };
  return { do: "file", path, content: e.content ?? "", mode, owner };
}

/**
 * What a container runs in is found out by OpenRC; a value of rc_sys would make it skip hwdrivers, modules and hostname. What services say is
 * logged in memory: a trial's last words are kept from there (libexec/pine/trial-log).
 */
const rcConf = (text: string, limits: Record<string, string>) =>
  [
    text.replace(/^(rc_sys|rc_logger|rc_log_path|rc_ulimit)=.*\n/gm, "").replace(/\n*$/, "\n"),
    'rc_logger="YES"\nrc_log_path="/run/rc.log"\n',
    Object.keys(limits).length > 0 ? `rc_ulimit="${rcUlimit(limits)}"\n` : "",
  ].join("");

const inittab = (gettys: string[]) =>
  [
    ...["::sysinit:/sbin/openrc sysinit", "::sysinit:/sbin/openrc boot", "::wait:/sbin/openrc default", ...gettys],
    ...["::ctrlaltdel:/sbin/reboot", "::shutdown:/sbin/openrc shutdown"],
  ]
    .map((line) => `${line}\n`)
    .join("");

function checkKeymap(recipe: Recipe, facts: TreeFacts): void {
  if (!recipe.keymap) return;
  const name = `${recipe.keymap.layout}/${recipe.keymap.variant}`;
  if (facts.keymaps.includes(name)) return;
  const close = closeNames(name, facts.keymaps);
  throw new PineError(`keymap: there is no ${KEYMAPS}/${name}.bmap.gz`, {
    hint: close.length > 0 ? `did you mean ${close.join(" or ")}?` : "expected a layout such as us or de/de-latin1",
  });
}

function timezone(recipe: Recipe, facts: TreeFacts, out: Change[]): void {
  if (recipe.timezone === "UTC") return;
  if (!facts.zones.includes(recipe.timezone)) {
    const close = closeNames(recipe.timezone, facts.zones);
    throw new PineError(`timezone: there is no zone ${recipe.timezone}`, {
      hint: close.length > 0 ? `did you mean ${close.join(" or ")}?` : "expected one such as Europe/Berlin",
    });
  }
  out.push({ do: "link", path: "/etc/localtime", target: `/usr/share/zoneinfo/${recipe.timezone}` });
  out.push({ do: "file", path: "/etc/timezone", content: `${recipe.timezone}\n`, mode: "0644", owner: root });
}

/** Keys in a home folder. The folders become part of the factory's /var. */
function login(home: string, owner: [number, number], keys: string[], out: Change[]): void {
  if (keys.length === 0) return;
  out.push({ do: "dir", path: `${home}/.ssh`, mode: "0700", owner });
  const content = keys.map((k) => `${k}\n`).join("");
  out.push({ do: "file", path: `${home}/.ssh/authorized_keys`, content, mode: "0600", owner });
}
