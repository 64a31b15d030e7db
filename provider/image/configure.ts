/** From a recipe, and what the packages brought, to the files of /etc. Pure. */
import { PineError } from "../errors.ts";
import { type Accounts, addUsers, numericOwner } from "./accounts.ts";
import { closeNames } from "./index.ts";
import { parseRepository, repositoryLine } from "./mirror.ts";
import { baseServices, type Recipe, rootProgram, runlevels, world } from "./recipe.ts";

/** One thing to do in the tree. Paths are absolute there. */
export type Change =
  | { do: "file"; path: string; content: Uint8Array | string; mode: string; owner: [uid: number, gid: number] }
  | { do: "dir"; path: string; mode: string; owner: [uid: number, gid: number] }
  | { do: "link"; path: string; target: string }
  | { do: "remove"; path: string };

/** What the packages brought. */
export interface TreeFacts extends Accounts {
  rcConf: string;
  /** Names in /etc/init.d. */
  services: string[];
  /** Time zones in the tree; empty without tzdata. */
  zones: string[];
}

/** A file of ours, below provider/system/rootfs. */
export interface SystemFile {
  path: string;
  content: string;
  executable: boolean;
}

export interface ConfigureInput {
  recipe: Recipe;
  facts: TreeFacts;
  /** path -> content of the recipe's files. */
  contents: Map<string, Uint8Array>;
  system: SystemFile[];
  /** Lines of provider/system/runlevels: `runlevel service`. */
  systemServices: string;
}

const root: [number, number] = [0, 0];

/** Everything that is done to the tree after its packages are in it, in order. Throws PineError naming the property. */
export function configure(input: ConfigureInput): Change[] {
  const { recipe, facts, contents, system } = input;
  const accounts = addUsers(facts, recipe.users);
  const shadowGroup = numericOwner("root:shadow", accounts);
  const out: Change[] = [];
  const file = (path: string, content: Uint8Array | string, mode = "0644", owner = root) =>
    out.push({ do: "file", path, content, mode, owner });

  file("/etc/passwd", accounts.passwd);
  file("/etc/group", accounts.group);
  file("/etc/shadow", accounts.shadow, "0640", typeof shadowGroup === "string" ? root : shadowGroup);
  // copies that package scripts leave, with the day in them
  for (const path of ["/etc/passwd-", "/etc/group-", "/etc/shadow-"]) out.push({ do: "remove", path });

  file("/etc/inittab", inittab);
  file("/etc/fstab", "tmpfs /tmp tmpfs nosuid,nodev,mode=1777 0 0\n");
  file("/etc/hostname", `${recipe.hostname}\n`);
  const names = [recipe.hostname, recipe.hostname.split(".")[0]!].filter((n, i, all) => all.indexOf(n) === i);
  file("/etc/hosts", `127.0.0.1 localhost ${names.join(" ")}\n::1 localhost ip6-localhost ${names.join(" ")}\n`);
  file("/etc/network/interfaces", "auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n");
  file("/etc/rc.conf", rcConf(facts.rcConf));
  file("/etc/conf.d/dropbear", '# Keys only, host keys are made when there are none.\nDROPBEAR_OPTS="-s -R"\n');
  file("/etc/modules", ["af_packet", "ipv6", ...recipe.modules].map((m) => `${m}\n`).join(""));
  const knobs = Object.entries(recipe.sysctl).map(([k, v]) => `${k} = ${v}\n`);
  if (knobs.length > 0) file("/etc/sysctl.d/90-pine.conf", knobs.join(""));
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

  for (const f of system) file(f.path, f.content, f.executable ? "0755" : "0644");
  for (const f of recipe.files) {
    const owner = numericOwner(f.owner, accounts);
    if (typeof owner === "string") throw new PineError(`files["${f.path}"].owner: ${owner}`);
    file(f.path, contents.get(f.path) ?? "", f.mode, owner);
  }
  services(input, out);
  return out;
}

/**
 * What a container runs in is found out by OpenRC; a value of rc_sys would make it skip hwdrivers, modules and hostname. What services say is
 * logged in memory: a trial's last words are kept from there (libexec/pine/trial-log).
 */
const rcConf = (text: string) =>
  `${text.replace(/^(rc_sys|rc_logger|rc_log_path)=.*\n/gm, "").replace(/\n*$/, "\n")}rc_logger="YES"\nrc_log_path="/run/rc.log"\n`;

const inittab = `::sysinit:/sbin/openrc sysinit
::sysinit:/sbin/openrc boot
::wait:/sbin/openrc default
tty1::respawn:/sbin/getty 38400 tty1
ttyS0::respawn:/sbin/getty -L 115200 ttyS0 vt100
::ctrlaltdel:/sbin/reboot
::shutdown:/sbin/openrc shutdown
`;

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

/** Links of the runlevels: the base system's, ours, the user's. What packages linked in their scripts is taken out. */
function services({ recipe, facts, system, systemServices }: ConfigureInput, out: Change[]): void {
  const own = [...system.map((f) => f.path), ...recipe.files.map((f) => f.path)]
    .filter((p) => /^\/etc\/init\.d\/[^/]+$/.test(p))
    .map((p) => p.slice("/etc/init.d/".length));
  const known = new Set([...facts.services.filter((s) => s !== "functions.sh"), ...own]);
  const ours = systemServices.split("\n").map((line) => line.trim().split(/\s+/));
  for (const level of runlevels) {
    out.push({ do: "remove", path: `/etc/runlevels/${level}` });
    out.push({ do: "dir", path: `/etc/runlevels/${level}`, mode: "0755", owner: root });
    const wanted = [...baseServices[level], ...ours.filter(([l]) => l === level).map(([, s]) => s!)];
    for (const name of recipe.services[level] ?? []) {
      if (!known.has(name)) {
        const close = closeNames(name, known);
        throw new PineError(`services.${level}: the image has no service ${name}`, {
          hint: `${close.length > 0 ? `did you mean ${close.join(" or ")}? ` : ""}known are ${[...known].sort().join(", ")}; a package's service can be in a package of its own (-openrc)`,
        });
      }
      wanted.push(name);
    }
    for (const name of [...new Set(wanted)].sort()) {
      if (!known.has(name)) throw new PineError(`the packages brought no service ${name}, which every server needs`);
      out.push({ do: "link", path: `/etc/runlevels/${level}/${name}`, target: `/etc/init.d/${name}` });
    }
  }
}
