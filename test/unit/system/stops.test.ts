/**
 * Root's scripts on servers, stopped between any two of their commands (stops.ts): what would boot is a whole system,
 * what people have in /var has exactly one name, and the next run completes. By busybox, and by dash with Debian's
 * programs.
 */
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { plant, SHELLS } from "./a-server.ts";
import { install, installed, remove, sha256, sysrootTar } from "./a-sysroot.ts";
import { type Scenario, stopEverywhere } from "./stops.ts";
import { bootsByGrub, dataOf, OLD_INIT, OWN_LINES, PRECIOUS, startsByInit } from "./what-boots.ts";

const [id, before, another] = ["1f", "2e", "3d"].map((digits) => digits.repeat(16)) as [string, string, string];
const VAR = "ostree/deploy/pine/var";
const [tar, tarOfContainer] = [sysrootTar(false), sysrootTar(true)];

const precious = (folder: string) =>
  Object.fromEntries(Object.entries(PRECIOUS).map(([path, content]) => [join(folder, path), content]));
/** What says that it is the old system, and what each has in /var. */
const DEBIAN = { "old-system": "Debian", "var/lib/dpkg/status": "Package: dash\n" };
const machine = (root: string) =>
  plant(root, { ...DEBIAN, "boot/vmlinuz": "its kernel", "boot/grub/custom.cfg": OWN_LINES });
const container = (root: string) => plant(root, { ...DEBIAN, "sbin/init": `-> ${OLD_INIT}`, "etc/hostname": "ct\n" });

/** A machine whose old system runs again, with what people did in Pine, and GRUB's lines. */
function used(root: string): void {
  plant(root, { ...DEBIAN, "boot/vmlinuz": "its kernel" });
  plant(root, { "boot/grub/custom.cfg": `${OWN_LINES}\n${assetText("system/grub/custom.cfg")}` });
  plant(root, { "boot/grub/custom.cfg.pine-old": OWN_LINES });
  installed(root, { id: before, confirmed: true });
  plant(root, precious(VAR));
}
function usedContainer(root: string): void {
  plant(root, { ...DEBIAN, "sbin/init": assetText("system/container/init"), "etc/hostname": "ct\n" });
  plant(root, { "sbin/init.pine-old": `-> ${OLD_INIT}` });
  installed(root, { id: before, container: true, confirmed: true });
  plant(root, precious(VAR));
}

const half = Math.floor(tar.length / 2);
/** A machine to which half of the archive was sent. */
function begun(root: string): void {
  machine(root);
  plant(root, { ".pine-part/": "", "boot/grub/pine/install": `id=${id}\nmethod=alongside\n` });
  chmodSync(join(root, ".pine-part"), 0o700);
  writeFileSync(join(root, ".pine-part", sha256(tar)), tar.subarray(0, half));
}
/** What is there of the archive is of the archive, and only where it is not in its place yet. */
function partIsOurs(root: string): string[] {
  const file = join(root, ".pine-part", sha256(tar));
  const there = existsSync(file) ? readFileSync(file) : new Uint8Array();
  return Buffer.compare(there, tar.subarray(0, there.length)) === 0
    ? []
    : ["what is there of the archive is not of it"];
}

/** What remove leaves. */
const removed = (data: number, where?: string) => (root: string) => [...dataOf(root, data), ...removedAll(root, where)];
const removedAll = (root: string, where?: string) => [
  ...(where && !existsSync(join(root, where, "lib/db/months")) ? [`the data is not in ${where}`] : []),
  ...[
    "ostree",
    ".pine-new",
    ".pine-part",
    ".pine-var",
    "boot/ostree",
    "boot/loader",
    "boot/grub/pine",
    "boot/grub/custom.cfg.pine-old",
  ]
    .filter((path) => existsSync(join(root, path)))
    .map((path) => `${path} is there`),
  ...(existsSync(join(root, "boot/vmlinuz")) && readFileSync(join(root, "boot/grub/custom.cfg"), "utf8") !== OWN_LINES
    ? ["custom.cfg is not as it was"]
    : []),
];
const kept = `var/lib/pine/${before}/var`;
const withData = (judge: (root: string) => string[]) => (root: string) => [...judge(root), ...dataOf(root)];

const SCENARIOS: Scenario[] = [
  { name: "an installation", tree: machine, steps: install({ id }, tar), judge: bootsByGrub },
  {
    name: "an installation that goes on with what arrived",
    tree: begun,
    steps: install({ id, from: half }, tar),
    judge: (root) => [...bootsByGrub(root), ...partIsOurs(root)],
    next: [
      { name: "from the beginning", steps: install({ id }, tar) },
      { name: "another's", steps: install({ id: another }, tar), judge: bootsByGrub },
      { name: "remove", steps: remove(id), judge: removedAll },
    ],
  },
  {
    name: "an installation in a container",
    tree: container,
    steps: install({ id, container: true }, tarOfContainer),
    judge: startsByInit,
  },
  {
    name: "an installation over one that people used",
    tree: used,
    steps: install({ id }, tar),
    judge: withData(bootsByGrub),
    next: [
      { name: "again", steps: install({ id }, tar) },
      { name: "another's", steps: install({ id: another }, tar), judge: withData(bootsByGrub) },
    ],
  },
  {
    name: "a reinstall by the same, and then destroy",
    tree: used,
    steps: install({ id: before }, tar),
    judge: withData(bootsByGrub),
    next: [{ name: "remove", steps: remove(before), judge: removed(1, kept) }],
  },
  { name: "remove", tree: used, steps: remove(before), judge: withData(bootsByGrub) },
  {
    name: "remove where an earlier version's placing was cut off",
    tree: (root) => {
      used(root);
      plant(root, { ".pine-var/": "", [`var/lib/pine/${before}/var/lib/db/older`]: "kept by an earlier destroy" });
      plant(root, { ".pine-var/lib/other": "what an installation before had" });
    },
    steps: remove(before),
    judge: (root) => [
      ...withData(bootsByGrub)(root),
      ...(existsSync(join(root, `var/lib/pine/${before}/var/lib/db/older`)) ? [] : ["what destroy kept is gone"]),
    ],
  },
  {
    name: "remove with deleteData",
    tree: (root) => {
      used(root);
      plant(root, precious(`var/lib/pine/${another}/var`));
    },
    steps: remove(before, true),
    judge: (root) => [
      ...bootsByGrub(root),
      ...(existsSync(join(root, `var/lib/pine/${another}/var/lib/db/months`)) ? [] : ["another's data is gone"]),
    ],
    next: [{ name: "again", steps: remove(before, true), judge: removed(1, `var/lib/pine/${another}/var`) }],
  },
  { name: "remove from a container", tree: usedContainer, steps: remove(before), judge: withData(startsByInit) },
];

describe.each(SHELLS)("%s", (shell) => {
  it.each(SCENARIOS.map((s) => [s.name, s] as const))(
    "%s",
    async (_, scenario) => {
      const t = Date.now();
      const { stops, ran, problems } = await stopEverywhere(shell, scenario);
      if (process.env.PINE_STOPS) console.log(shell, scenario.name, stops, ran, Date.now() - t);
      expect(problems).toEqual([]);
      expect(stops).toBeGreaterThan(5);
    },
    600_000,
  );
});
