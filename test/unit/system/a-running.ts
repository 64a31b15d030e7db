/** A made-up server that runs Pine from slot a, and a real repository with the delta to another commit. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { envBlock } from "../../../provider/boot/state.ts";
import { updateScript } from "../../../provider/host/scripts.ts";
import { plant, type RunSettings, type Step } from "./a-server.ts";
import { DEPLOYMENT, slotOf, sysroot } from "./a-sysroot.ts";
import { PRECIOUS } from "./what-boots.ts";

/** What slot b names. */
export const OTHER = `${"b".repeat(64)}.0`;
export const DEPLOYMENTS = "sysroot/ostree/deploy/pine/deploy";

export const step = (args: string[], input?: string | Uint8Array): Step => ({ script: updateScript(), args, input });

/** How update.sh runs there. `work`: a folder of the test's. */
export function settings(work: string): Pick<RunSettings, "binds" | "within"> {
  const cmdline = join(work, "cmdline");
  writeFileSync(cmdline, `root=UUID=1 ostree=/ostree/deploy/pine/deploy/${DEPLOYMENT}\n`);
  return { binds: [[cmdline, "/proc/cmdline"]], within: [["/sysroot/ostree/deploy/pine/var", "/var"]] };
}

/** A server whose slot a runs; b names another deployment. Its /etc is that of the running one. */
export function running(root: string): void {
  sysroot(join(root, "sysroot"), false);
  for (const [path, content] of Object.entries(PRECIOUS))
    plant(root, { [join("sysroot/ostree/deploy/pine/var", path)]: content });
  const [a, b] = [DEPLOYMENT, OTHER].map((name) => join(root, DEPLOYMENTS, name)) as [string, string];
  plant(a, { "usr/etc/hostname": "pine\n", "usr/etc/app.conf": "the commit's\n", "etc/gone": "of ours\n" });
  cpSync(a, b, { recursive: true, verbatimSymlinks: true });
  cpSync(join(root, "sysroot/boot"), join(root, "boot"), { recursive: true, verbatimSymlinks: true });
  plant(root, {
    ostree: "-> sysroot/ostree",
    "var/": "",
    "sysroot/ostree/deploy/pine/var/tmp/": "", // where OSTree unpacks a delta
    "etc/hostname": "web\n",
    "etc/app.conf": "before\n",
    "etc/gone": "of ours\n",
    "boot/grub/pine/a.cfg": slotOf(false),
    "boot/grub/pine/b.cfg": slotOf(false, OTHER),
    "boot/grub/pine/install": "id=1\nstack=s\nurn=u\nmethod=alongside\n",
  });
  writeFileSync(join(root, "boot/grub/pine/env"), envBlock({ slot: "a" }));
}

/**
 * A repository that has one commit, and the delta to another, which has a file of so many bytes that no compression
 * makes smaller.
 */
export function repository(work: string, bytes = 0) {
  const [repo, other, tree, file] = ["repo", "other", "tree", "delta"].map((name) => join(work, name)) as [
    string,
    string,
    string,
    string,
  ];
  const ostree = (...args: string[]) =>
    execFileSync("unshare", ["-r", "ostree", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const commit = (name: string) => {
    plant(tree, { [name]: `the content of ${name}\n`, same: "in both\n" });
    writeFileSync(join(tree, "large"), name === "two" ? randomBytes(bytes) : "");
    return ostree(
      "commit",
      `--repo=${other}`,
      "--orphan",
      "--owner-uid=0",
      "--owner-gid=0",
      "--no-xattrs",
      `--tree=dir=${tree}`,
    );
  };
  mkdirSync(tree);
  ostree("init", `--repo=${repo}`, "--mode=bare");
  ostree("config", `--repo=${repo}`, "set", "core.fsync", "false");
  // as build/sysroot.sh
  ostree("config", `--repo=${repo}`, "set", "core.min-free-space-size", "16MB");
  ostree("init", `--repo=${other}`, "--mode=archive");
  const first = commit("one");
  const second = commit("two");
  ostree("pull-local", `--repo=${repo}`, other, first);
  ostree("refs", `--repo=${repo}`, "--create=pine/current", first);
  const how = ["--inline", "--min-fallback-size=0", `--from=${first}`, `--to=${second}`, `--filename=${file}`];
  ostree("static-delta", "generate", `--repo=${other}`, ...how);
  return { repo, first, second, delta: readFileSync(file) };
}

/** A running server with that repository, and what OSTree leaves there when it is killed (ostreedev/ostree#1019). */
export function withRepository(root: string, repo: string): void {
  running(root);
  rmSync(join(root, "sysroot/ostree/repo"), { recursive: true });
  execFileSync("cp", ["-a", repo, join(root, "sysroot/ostree/repo")]);
  plant(root, { "sysroot/ostree/repo/tmp/staging-boot-XXXXXX/ab/cd.file": "half" });
}
