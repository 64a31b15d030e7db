/** Installs what the builder, the lab and the tests need from the machine: Debian packages and subordinate ids. */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { repository, run, SetupError, step } from "./tell.mjs";

/** Package names from a needs.txt file: one per line, `#` starts a comment. */
export function packageNames(text) {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
}

function wanted() {
  const lab = join(repository, "test", "lab");
  const parts = existsSync(lab) ? readdirSync(lab).map((name) => join(lab, name, "needs.txt")) : [];
  const files = [join(repository, "scripts", "needs.txt"), ...parts].filter(existsSync);
  return [...new Set(files.flatMap((f) => packageNames(readFileSync(f, "utf8"))))].sort();
}

async function missingPackages() {
  const names = wanted();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are those of dpkg
  const query = await run("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\n", ...names], { ok: true });
  if (query.exitCode === 127)
    throw new SetupError(`this is no Debian (no dpkg-query): the lab needs Debian 12 and ${names.join(" ")}`);
  const there = new Set(query.stdout.split("\n").flatMap((l) => (l.endsWith(" installed") ? [l.split(" ")[0]] : [])));
  return names.filter((name) => !there.has(name));
}

const isRoot = () => process.getuid() === 0;

/** Runs a command as root: directly, or by sudo without a password. */
async function asRoot(command, otherwise) {
  if (isRoot()) return run(command[0], command.slice(1));
  const may = await run("sudo", ["-n", "true"], { ok: true });
  if (may.exitCode !== 0) throw new SetupError(otherwise);
  return run("sudo", ["-n", ...command]);
}

export async function debianPackages() {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  const line = `apt-get install --no-install-recommends ${missing.join(" ")}`;
  const otherwise = `Debian packages are missing and there is neither root nor sudo; have this run as root: ${line}`;
  const env = ["env", "DEBIAN_FRONTEND=noninteractive"];
  const apt = (...args) => asRoot([...env, "apt-get", "-q", ...args], otherwise);
  const install = () => apt("install", "-y", "--no-install-recommends", ...missing);
  await step(`${missing.length} Debian packages: ${missing.join(" ")}`, async () => {
    const known = await run("apt-cache", ["show", "--no-all-versions", ...missing], { ok: true });
    if (known.exitCode !== 0) await apt("update");
    // the package list may name versions that left the mirror: try again with a new one
    await install().catch(async (error) => {
      if (error.message === otherwise) throw error;
      await apt("update");
      await install();
    });
  });
}

/** Start of a range of 65536 ids that no line of a subuid file holds. */
export function freeRange(...files) {
  const ends = files.flatMap((text) =>
    text.split("\n").flatMap((line) => {
      const [, start, count] = line.split(":").map(Number);
      return start > 0 && count > 0 ? [start + count] : [];
    }),
  );
  return Math.max(100_000, ...ends);
}

/** Gives an ordinary user ranges of subordinate ids, for files of other owners in a user namespace. */
export async function subordinateIds() {
  if (isRoot()) return;
  const { username, uid } = userInfo();
  const read = (name) => (existsSync(name) ? readFileSync(name, "utf8") : "");
  const [users, groups] = [read("/etc/subuid"), read("/etc/subgid")];
  const has = (text) =>
    text
      .split("\n")
      .some((l) => (l.startsWith(`${username}:`) || l.startsWith(`${uid}:`)) && +l.split(":")[2] >= 65_536);
  if (has(users) && has(groups)) return;
  const first = freeRange(users, groups);
  const range = `${first}-${first + 65_535}`;
  const command = [
    "usermod",
    ...(has(users) ? [] : ["--add-subuids", range]),
    ...(has(groups) ? [] : ["--add-subgids", range]),
    username,
  ];
  const otherwise = `${username} has no subordinate ids and there is no sudo; have this run as root: ${command.join(" ")}`;
  await step(`subordinate ids ${range} for ${username}`, () => asRoot(command, otherwise));
}

const TUN = "/dev/net/tun";

/** Opens the tun device to everybody, as systemd-udevd does: the lab's networks need it, and it may be root's alone. */
export async function tunDevice() {
  try {
    return accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch {
    const command = ["sh", "-c", `[ -e ${TUN} ] || modprobe tun; chmod 0666 ${TUN}`];
    const otherwise = `${TUN} cannot be opened and there is no sudo; have this run as root: modprobe tun; chmod 0666 ${TUN}`;
    await step(`${TUN} for everybody, as systemd-udevd makes it`, () => asRoot(command, otherwise));
  }
}
