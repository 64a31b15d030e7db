/** passwd, group and shadow of an image: the packages' and the recipe's. Pure. */
import { PineError } from "../../errors.ts";
import type { RecipeUser } from "../recipe/types.ts";

/** The three files, as text. */
export interface Accounts {
  passwd: string;
  group: string;
  shadow: string;
}

const rows = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
const table = (all: string[][]) => all.map((row) => `${row.join(":")}\n`).join("");

/**
 * Adds users, each with a group of the same name, and takes out what differs from build to build: the day of the last
 * change, which package scripts write. Only accounts that were given the hash of a password have one: who has a key
 * logs in, root too.
 */
export function addUsers(before: Accounts, users: RecipeUser[]): Accounts {
  const passwd = rows(before.passwd);
  const group = rows(before.group);
  const shadow = rows(before.shadow);
  const uids = new Set(passwd.map((row) => Number(row[2])));
  const gids = new Set(group.map((row) => Number(row[2])));
  for (const u of users) if (u.uid !== undefined) uids.add(u.uid);
  for (const u of users) {
    if (passwd.some((row) => row[0] === u.name))
      throw new PineError(`users: ${u.name} is already an account of a package`, { hint: "choose another name" });
    const taken = passwd.find((row) => Number(row[2]) === u.uid);
    if (taken)
      throw new PineError(`users: uid ${u.uid} of ${u.name} is taken by ${taken[0]}`, { hint: "choose another uid" });
    let id = u.uid;
    for (let n = 1000; id === undefined; n++) if (!uids.has(n) && !gids.has(n)) id = n;
    uids.add(id);
    const own = group.find((row) => row[0] === u.name);
    let gid = own ? Number(own[2]) : id;
    if (!own) {
      while (gids.has(gid)) gid++;
      gids.add(gid);
      group.push([u.name, "x", String(gid), ""]);
    }
    passwd.push([u.name, "x", String(id), String(gid), "", `/home/${u.name}`, u.shell]);
    shadow.push([u.name, u.passwordHash ?? "*", "", "0", "99999", "7", "", "", ""]);
    for (const name of u.groups) {
      const row = group.find((g) => g[0] === name);
      if (!row)
        throw new PineError(`users: there is no group ${name} for ${u.name}`, {
          hint: `known groups are ${group
            .map((g) => g[0])
            .sort()
            .join(", ")}`,
        });
      row[3] = [...(row[3] ?? "").split(",").filter((m) => m && m !== u.name), u.name].join(",");
    }
  }
  for (const row of shadow) {
    row[2] = "";
    if (row[0] === "root") row[1] = "*";
  }
  return { passwd: table(passwd), group: table(group), shadow: table(shadow) };
}

/** `user:group` as numbers; what is wrong as a text. */
export function numericOwner(
  owner: string,
  a: Pick<Accounts, "passwd" | "group">,
): [uid: number, gid: number] | string {
  const [user = "", group = ""] = owner.split(":");
  const find = (text: string, name: string) =>
    /^\d+$/.test(name) ? Number(name) : Number(rows(text).find((row) => row[0] === name)?.[2] ?? Number.NaN);
  const [uid, gid] = [find(a.passwd, user), find(a.group, group)];
  if (Number.isNaN(uid)) return `the image has no user ${user}`;
  if (Number.isNaN(gid)) return `the image has no group ${group}`;
  return [uid, gid];
}
