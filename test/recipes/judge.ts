/**
 * Whether a commit has what the inputs say, read off the commit by OSTree, by the inputs' own words: apart from how the
 * provider looks.
 */
import type { Committed } from "../e2e/rootfs-tree.ts";
import type { Inputs } from "./arbitrary.ts";

/** Where a path of the system lies in a commit: the links are those of an Alpine root. */
function placeOf(tree: Committed, path: string): string {
  const [, top = "", rest = ""] = /^\/([^/]+)(.*)$/.exec(path) ?? [];
  const link = tree.entries.get(`/${top}`)?.target;
  if (link) return placeOf(tree, `/${link}${rest}`);
  if (top === "etc") return `/usr/etc${rest}`;
  if (top === "var") return `/usr/share/factory/var${rest}`;
  return path;
}

/** What is not as the inputs have it; empty: all is. */
export async function faultsOf(tree: Committed, i: Inputs): Promise<string[]> {
  const faults: string[] = [];
  const say = (ok: unknown, what: string) => {
    if (!ok) faults.push(what);
  };
  const text = (path: string) => tree.text(placeOf(tree, path)).catch(() => "");
  const passwd = (await text("/etc/passwd")).split("\n").map((l) => l.split(":"));
  const group = (await text("/etc/group")).split("\n").map((l) => l.split(":"));
  const idOf = (rows: string[][], name: string) => (/^\d+$/.test(name) ? name : rows.find((r) => r[0] === name)?.[2]);

  for (const [path, f] of Object.entries(i.files ?? {})) {
    const found = tree.entries.get(placeOf(tree, path));
    say(found?.type === "-", `files ${path}: not there`);
    say(found?.mode === (f.mode ?? "0644").padStart(4, "0"), `files ${path}: mode ${found?.mode}`);
    const [user = "", own = ""] = (f.owner ?? "root:root").split(":");
    say(found?.owner === `${idOf(passwd, user)}:${idOf(group, own)}`, `files ${path}: owner ${found?.owner}`);
    // what runs a program here takes the last line's end away
    say((await text(path)) === (f.content ?? "").replace(/\n$/, ""), `files ${path}: content`);
  }
  for (const [name, entry] of Object.entries(i.tree?.entries ?? {})) {
    const path = `${i.tree!.path}/${name}`;
    const found = tree.entries.get(placeOf(tree, path));
    if (entry.link !== undefined) say(found?.target === entry.link, `tree ${path}: leads to ${found?.target}`);
    else {
      say(found?.mode === (entry.executable ? "0755" : "0644"), `tree ${path}: mode ${found?.mode}`);
      say((await text(path)) === (entry.content ?? "").replace(/\n$/, ""), `tree ${path}: content`);
    }
  }
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
  for (const [level, names] of Object.entries(i.services ?? {}))
    for (const n of names) {
      say(
        tree.entries.get(`/usr/etc/runlevels/${level}/${n}`)?.target === `/etc/init.d/${n}`,
        `services ${level}/${n}`,
      );
      say(tree.entries.has(`/usr/etc/init.d/${n}`), `services ${n}: no script`);
    }
  const knobs = Object.entries(i.sysctl ?? {});
  const sysctl = knobs.length > 0 ? (await text("/etc/sysctl.d/90-pine.conf")).split("\n") : [];
  for (const [k, v] of knobs) say(sysctl.map((l) => l.trimEnd()).includes(`${k} = ${v}`.trimEnd()), `sysctl ${k}`);
  const rc = i.limits ? await text("/etc/rc.conf") : "";
  for (const v of Object.values(i.limits ?? {}))
    say(new RegExp(`^rc_ulimit=".*\\b${v}\\b`, "m").test(rc), `limits ${v}`);
  const fstab = i.mounts?.length ? await text("/etc/fstab") : "";
  for (const m of i.mounts ?? []) {
    say(`\n${fstab}`.includes(`\n${m.device} ${m.path} ${m.type} `), `mounts ${m.path}`);
    say(tree.entries.has(placeOf(tree, m.path)), `mounts ${m.path}: no folder`);
  }
  if (i.hostname) say((await text("/etc/hostname")) === i.hostname, "hostname");
  if (i.timezone && i.timezone !== "UTC") say((await text("/etc/timezone")) === i.timezone, "timezone");
  if (i.motd !== undefined) say((await text("/etc/motd")) === i.motd.replace(/\n$/, ""), "motd");
  const lines = async (path: string, wanted: string[] | undefined, what: string) => {
    const there = wanted?.length ? (await text(path)).split("\n") : [];
    for (const line of wanted ?? []) say(there.includes(line), `${what} ${line}`);
  };
  await lines(
    "/etc/resolv.conf",
    i.dns?.map((a) => `nameserver ${a}`),
    "dns",
  );
  await lines("/etc/modules", i.modules, "modules");
  await lines("/root/.ssh/authorized_keys", i.authorizedKeys, "authorizedKeys");
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
  return faults;
}
