/**
 * Debian as a hoster's minimal template of a container: no kernel, no boot loader; one tar, made once a machine and
 * kept in the cache.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { keptFolder } from "../kept.ts";
import { labCache } from "../processes.ts";
import { type Log, type Release, timed } from "../vps/bases.ts";
import { bootstrap, HOOKS, newHostKeys } from "../vps/bootstrap.ts";
import { labKey } from "../vps/key.ts";

/** What the tar is made of; with the scripts and the lab's key it decides whether a kept one is still right. */
const RECIPE = {
  format: 1,
  // no curl, no zstd, no udev; a DHCP client, as ifupdown wants one
  // biome-ignore format: what belongs together is in one line
  packages: [
    "systemd-sysv", "openssh-server", "sudo", "ifupdown", "isc-dhcp-client", "iproute2", "procps", "netbase",
    "ca-certificates", "xz-utils", "e2fsprogs",
  ],
};

export interface ContainerDebian {
  release: Release;
  /** The root, owners as numbers, without device nodes. */
  tar: string;
  /** Public host keys (`ssh-ed25519 AAAA…`): ed25519, ECDSA, RSA. */
  hostKeys: string[];
}

const SCRIPTS = [join(import.meta.dirname, "tree.sh"), join(import.meta.dirname, "../vps/users.sh")] as const;

/** The template of this machine's cache; made when it is not there: about a minute, and the net is needed. */
export async function ensureContainerDebian(
  log: Log = () => {},
  release: Release = "bookworm",
): Promise<ContainerDebian> {
  const key = await labKey();
  const parts = [RECIPE, HOOKS[release], SCRIPTS.map((s) => readFileSync(s, "utf8")), key.public, release];
  const folder = await keptFolder(join(labCache(), "lxc"), release, parts, async (work) => {
    const step = timed(log);
    step(`${release} for containers by mmdebstrap`);
    const hostKeys = await newHostKeys(work, key.public);
    const [tree, users] = SCRIPTS;
    await bootstrap(work, release, RECIPE.packages, [`sh ${tree} "$1"`, `sh ${users} "$1" ${join(work, "ssh")}`]);
    const done = join(work, "done");
    mkdirSync(done);
    renameSync(join(work, "root.tar"), join(done, "root.tar"));
    writeFileSync(join(done, "hostkeys.pub"), `${hostKeys.join("\n")}\n`);
    step("ready");
  });
  const hostKeys = readFileSync(join(folder, "hostkeys.pub"), "utf8").trim().split("\n");
  return { release, tar: join(folder, "root.tar"), hostKeys };
}
