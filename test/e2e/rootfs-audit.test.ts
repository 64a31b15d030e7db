/**
 * What apk itself says of a tree that we committed: every file of every package is there and as the package has it, but
 * for those listed here. The field's own oracle, beside ours: apk audit compares the files with the checksums in its
 * database.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, Life, startBench } from "./life.ts";

let bench: Bench;
let box: Toolbox;
beforeAll(async () => {
  bench = await startBench("audit");
  box = await toolbox(toolsOf(bench.config), quietTask());
});
afterAll(() => bench?.end());

/** As a deployment shows it: /etc of the image, /var filled from the factory. */
const DEPLOYED = `set -eu
ostree checkout --repo=/run/repo -U "$1" /run/out/tree
cd /run/out/tree
mv usr/etc etc
rm -rf var
mv usr/share/factory/var var
apk audit --root /run/out/tree --system --no-cache
apk audit --root /run/out/tree --backup --no-cache
echo more >>usr/bin/nano
rm usr/bin/curl
apk audit --root /run/out/tree --system --no-cache | sed -n 's/^\\([UX] usr\\)/damaged: \\1/p'`;

/** apk's letter and path, of what differs. */
async function audited(inputs: object): Promise<string[]> {
  const life = new Life(rootfs, bench.config);
  await life.up(inputs);
  const store = await Store.open(bench.config.store!);
  const out = join(bench.work, String(life.state.checksum));
  mkdirSync(out);
  const binds = [
    { source: store.repo, target: "/run/repo", readOnly: true },
    { source: out, target: "/run/out" },
  ];
  const { stdout } = await box.run(["/bin/sh", "-c", DEPLOYED, "sh", String(life.state.checksum)], { binds });
  return stdout.split("\n").filter(Boolean).sort();
}

/**
 * Configuration that is ours or the program's: A is new, U changed. Links of runlevels are looked at in rootfs-build.
 */
// biome-ignore format: what belongs together is in one line
const OURS = [
  "A etc/apk/arch", "A etc/apk/keys/pine-lab.rsa.pub", "A etc/apk/repositories", "A etc/apk/world", "A etc/profile.d/50-pine.sh",
  "A etc/network/interfaces", "U etc/fstab", "U etc/group", "U etc/hostname", "U etc/hosts", "U etc/inittab",
  "U etc/os-release", "U etc/passwd", "U etc/rc.conf", "U etc/shadow",
];
/** That apk sees anything at all. */
const DAMAGED = ["damaged: U usr/bin/nano", "damaged: X usr/bin/curl"];

const packages = ["nano", "curl"];
it.each<[object, string[]]>([
  [{ target: "container", packages }, ["U etc/conf.d/dropbear", "U etc/modules"]],
  [
    { target: "vm", packages: [...packages, "lighttpd"], sshServer: "openssh" },
    // the kernel lies beside its modules, its other files on no server
    ["A etc/ssh/sshd_config.d/50-pine.conf", ...["System.map-", "config-", "vmlinuz-"].map((file) => `X boot/${file}`)],
  ],
])("%j", async (inputs, more) => {
  const found = (await audited(inputs))
    // Alpine's own, which its package puts there by a script
    .filter((line) => !/^A etc\/(runlevels\/|apk\/keys\/alpine-devel@)/.test(line))
    .map((line) => line.replace(/^(X boot\/[A-Za-z.]+-).*$/, "$1"));
  expect(found).toEqual([...OURS, ...more, ...DAMAGED].sort());
});
