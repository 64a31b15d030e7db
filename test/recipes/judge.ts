/**
 * Whether a commit has what the inputs say, read off the commit by OSTree, by the inputs' own words: apart from how the
 * provider looks.
 */
import { run } from "../../provider/local/run.ts";
import type { Committed } from "../e2e/rootfs-tree.ts";
import type { Inputs } from "./arbitrary.ts";
import type { HealthCheck } from "./health.ts";

/** Where a path of the system lies in a commit: the links are those of an Alpine root. */
function placeOf(tree: Committed, path: string): string {
  const [, top = "", rest = ""] = /^\/([^/]+)(.*)$/.exec(path) ?? [];
  const link = tree.entries.get(`/${top}`)?.target;
  if (link) return placeOf(tree, `/${link}${rest}`);
  if (top === "etc") return `/usr/etc${rest}`;
  if (top === "var") return `/usr/share/factory/var${rest}`;
  return path;
}

/** A commit while it is judged. */
interface Judged {
  tree: Committed;
  /** Text of a file of the system; "" where there is none. */
  text(path: string): Promise<string>;
  passwd: string[][];
  group: string[][];
  /** Notes a fault unless it is as it should be. */
  say(ok: unknown, what: string): void;
}

const idOf = (rows: string[][], name: string) => (/^\d+$/.test(name) ? name : rows.find((r) => r[0] === name)?.[2]);

async function files({ tree, text, passwd, group, say }: Judged, i: Inputs): Promise<void> {
  for (const [path, f] of Object.entries(i.files ?? {})) {
    const found = tree.entries.get(placeOf(tree, path));
    say(found?.type === "-", `files ${path}: not there`);
    say(found?.mode === (f.mode ?? "0644").padStart(4, "0"), `files ${path}: mode ${found?.mode}`);
    const [user = "", own = ""] = (f.owner ?? "root:root").split(":");
    say(found?.owner === `${idOf(passwd, user)}:${idOf(group, own)}`, `files ${path}: owner ${found?.owner}`);
    // what runs a program here takes the last line's end away
    say((await text(path)) === (f.content ?? "").replace(/\n$/, ""), `files ${path}: content`);
  }
}

async function wholeFolder({ tree, text, say }: Judged, i: Inputs): Promise<void> {
  for (const [name, entry] of Object.entries(i.tree?.entries ?? {})) {
    const path = `${i.tree!.path}/${name}`;
    const found = tree.entries.get(placeOf(tree, path));
    if (entry.link !== undefined) say(found?.target === entry.link, `tree ${path}: leads to ${found?.target}`);
    else {
      say(found?.mode === (entry.executable ? "0755" : "0644"), `tree ${path}: mode ${found?.mode}`);
      say((await text(path)) === (entry.content ?? "").replace(/\n$/, ""), `tree ${path}: content`);
    }
  }
}

async function users({ tree, text, passwd, group, say }: Judged, i: Inputs): Promise<void> {
  for (const u of i.users ?? []) {
    const row = passwd.find((r) => r[0] === u.name);
    say(row, `users ${u.name}: not there`);
    if (u.uid !== undefined) say(row?.[2] === String(u.uid), `users ${u.name}: uid ${row?.[2]}`);
    if (u.shell) say(row?.[6] === u.shell, `users ${u.name}: shell ${row?.[6]}`);
    for (const g of u.groups ?? [])
      say(
        group
          .find((r) => r[0] === g)?.[3]
          ?.split(",")
          .includes(u.name),
        `users ${u.name}: not in ${g}`,
      );
    const keys = await text(`/home/${u.name}/.ssh/authorized_keys`);
    for (const k of u.authorizedKeys) say(keys.split("\n").includes(k), `users ${u.name}: no key`);
    if (u.sudo)
      say(
        tree.entries.has(`/usr/etc/sudoers.d/pine-${u.name}`) ||
          tree.entries.has(`/usr/etc/doas.d/pine-${u.name}.conf`),
        `users ${u.name}: no root`,
      );
  }
}

function services({ tree, say }: Judged, i: Inputs): void {
  for (const [level, names] of Object.entries(i.services ?? {}))
    for (const n of names) {
      say(
        tree.entries.get(`/usr/etc/runlevels/${level}/${n}`)?.target === `/etc/init.d/${n}`,
        `services ${level}/${n}`,
      );
      say(tree.entries.has(`/usr/etc/init.d/${n}`), `services ${n}: no script`);
    }
}

async function knobsAndLimits({ text, say }: Judged, i: Inputs): Promise<void> {
  const knobs = Object.entries(i.sysctl ?? {});
  const sysctl = knobs.length > 0 ? (await text("/etc/sysctl.d/90-pine.conf")).split("\n") : [];
  for (const [k, v] of knobs) say(sysctl.map((l) => l.trimEnd()).includes(`${k} = ${v}`.trimEnd()), `sysctl ${k}`);
  const rc = i.limits ? await text("/etc/rc.conf") : "";
  for (const v of Object.values(i.limits ?? {}))
    say(new RegExp(`^rc_ulimit=".*\\b${v}\\b`, "m").test(rc), `limits ${v}`);
}

async function mounts({ tree, text, say }: Judged, i: Inputs): Promise<void> {
  const fstab = i.mounts?.length ? await text("/etc/fstab") : "";
  for (const m of i.mounts ?? []) {
    say(`\n${fstab}`.includes(`\n${m.device} ${m.path} ${m.filesystem} `), `mounts ${m.path}`);
    say(tree.entries.has(placeOf(tree, m.path)), `mounts ${m.path}: no folder`);
  }
}

async function namesAndLines({ text, say }: Judged, i: Inputs): Promise<void> {
  if (i.hostname) say((await text("/etc/hostname")) === i.hostname, "hostname");
  if (i.timezone && i.timezone !== "UTC") say((await text("/etc/timezone")) === i.timezone, "timezone");
  if (i.motd !== undefined) say((await text("/etc/motd")) === i.motd.replace(/\n$/, ""), "motd");
  const lines = async (path: string, wanted: string[] | undefined, what: string) => {
    const there = wanted?.length ? (await text(path)).split("\n") : [];
    for (const line of wanted ?? []) say(there.includes(line), `${what} ${line}`);
  };
  await lines(
    "/etc/resolv.conf",
    i.nameservers?.map((a) => `nameserver ${a}`),
    "nameservers",
  );
  await lines("/etc/modules", i.loadModules, "loadModules");
  await lines("/root/.ssh/authorized_keys", i.authorizedKeys, "authorizedKeys");
}

/** What a check asks, by the words that a real shell makes of its program's last line. */
function asked(c: HealthCheck): string[] {
  if (c.command !== undefined) return ["command", c.command];
  if (c.service !== undefined) return ["service", c.service];
  if (c.freeSpace) return ["space", c.freeSpace.path, String(c.freeSpace.mib)];
  if (c.http !== undefined) return ["http", c.http, String(c.status ?? 200), c.contains ?? ""];
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(c.tcp ?? "") ?? [];
  return ["tcp", String(host), String(port)];
}

async function checks({ tree, text, say }: Judged, i: Inputs): Promise<void> {
  const all = i.healthChecks ?? [];
  const folder = "/usr/lib/pine/health.d";
  say(all.length === 0 || (await text("/usr/lib/pine/health.count")) === String(all.length), "healthChecks: count");
  say(all.length === 0 || tree.names(folder).length === all.length, `healthChecks: ${tree.names(folder)}`);
  for (const c of all) {
    const program = await text(`${folder}/${c.name}`);
    const { mode } = tree.entries.get(`${folder}/${c.name}`) ?? {};
    say(mode === "0755", `healthChecks ${c.name}: mode ${mode}`);
    const said = program.replace("exec /usr/libexec/pine/probe ", "printf '%s\\0' ");
    const { stdout } = await run("dash", ["-c", said]);
    say(
      stdout ===
        asked(c)
          .map((word) => `${word}\0`)
          .join(""),
      `healthChecks ${c.name}: asks ${JSON.stringify(stdout)}`,
    );
    const about = [`timeout=${c.timeout ?? 10}`, `required=${(c.required ?? true) ? "yes" : "no"}`];
    if (c.service) about.push(`service=${c.service}`);
    const words =
      program
        .split("\n")
        .find((line) => /^#[^!]/.test(line))
        ?.split(" ") ?? [];
    for (const word of about) say(words.includes(word), `healthChecks ${c.name}: not ${word}`);
  }
}

async function packages({ tree, say }: Judged, i: Inputs): Promise<void> {
  const installed = await tree.text(
    tree.entries.has("/usr/lib/apk/db/installed") ? "/usr/lib/apk/db/installed" : "/lib/apk/db/installed",
  );
  for (const p of i.packages.filter((one) => !one.startsWith("!"))) {
    const wanted = p.replace(/[<>=~@].*/, "");
    say(
      installed.split("\n").includes(`P:${wanted}`) || new RegExp(`^p:.*\\b${wanted}\\b`, "m").test(installed),
      `packages ${p}`,
    );
  }
}

/** What is not as the inputs have it; empty: all is. */
export async function faultsOf(tree: Committed, i: Inputs): Promise<string[]> {
  const faults: string[] = [];
  const text = (path: string) => tree.text(placeOf(tree, path)).catch(() => "");
  const rows = async (path: string) => (await text(path)).split("\n").map((l) => l.split(":"));
  const say: Judged["say"] = (ok, what) => {
    if (!ok) faults.push(what);
  };
  const judged = { tree, text, passwd: await rows("/etc/passwd"), group: await rows("/etc/group"), say };
  const parts = [files, wholeFolder, users, services, knobsAndLimits, mounts, namesAndLines, checks, packages];
  for (const part of parts) await part(judged, i);
  return faults;
}
