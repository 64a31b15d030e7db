/** A package and a hook that attack the machine that builds: what they may touch is their own tree. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { run } from "../../provider/local/run.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { Committed } from "./rootfs-tree.ts";

/**
 * Each is a try by root of the tree; what succeeds is noted. The ways are those of container escapes: other processes'
 * roots, mounts that are loosened, covered or made anew, devices, kernel settings, a namespace of one's own.
 */
const ATTACKS: Record<string, string> = {
  "another process' root, changed":
    "for r in $(others); do chroot $r touch /run/keys/evil.rsa.pub && exit 0; done; exit 1",
  "another process' root, loosened":
    "for r in $(others); do chroot $r mount -o remount,bind,rw / && exit 0; done; exit 1",
  "a key, loosened": "for r in $(others); do chroot $r mount -o remount,bind,rw /run/keys && exit 0; done; exit 1",
  "the toolbox, changed": 'for r in $(others); do chroot $r sh -c "echo evil >/bin/evil" && exit 0; done; exit 1',
  "the root, bound elsewhere and loosened":
    'for r in $(others); do chroot $r sh -c "mkdir -p /tmp/e && mount --bind / /tmp/e && mount -o remount,bind,rw /tmp/e" && exit 0; done; exit 1',
  "what a mount covers": "for r in $(others); do chroot $r umount -l /run/keys && exit 0; done; exit 1",
  "other stacks": "for r in $(others); do ls -d $r$OUTSIDE && exit 0; done; exit 1",
  "the processes of this machine": 'for p in /proc/[0-9]*; do grep -q "$MARK" $p/cmdline && exit 0; done; exit 1',
  "all devices": "mkdir -p /tmp/d && mount -t devtmpfs d /tmp/d",
  "a device": "mknod /tmp/disk b $DISK && head -c 1 /tmp/disk >/dev/null",
  "/sys": "mkdir -p /tmp/s && mount -t sysfs s /tmp/s",
  "kernel settings": 'echo "|/tmp/evil" >/proc/sys/kernel/core_pattern',
  "kernel settings, loosened": "mount -o remount,rw /proc || mount -o remount,bind,rw /proc",
  "kernel settings, mounted anew":
    'mkdir -p /tmp/p && mount -t proc p /tmp/p && echo "|/tmp/evil" >/tmp/p/sys/kernel/core_pattern',
  "a key press for the kernel": "echo h >/proc/sysrq-trigger",
  "settings, by another namespace":
    'unshare -U -r -m sh -c "mkdir -p /tmp/q; mount -o remount,bind,rw /proc; echo core >/proc/sys/kernel/core_pattern"',
  "a terminal": "[ -c /dev/tty ] || sh -c ': <>/dev/tty' 2>/dev/null && [ -c /dev/tty ]",
  "the network": "wget -q -T 3 -O /dev/null $INDEX",
};
/** Roots of processes that have another one than the script; those that are not told count too. */
const OTHERS = `own=$(stat -c %d:%i /)
others() { for p in /proc/[0-9]*; do [ "$(stat -L -c %d:%i "$p/root" 2>/dev/null)" = "$own" ] || echo "$p/root"; done; }`;
const script = (values: Record<string, string>, log: string) => {
  const set = Object.entries(values).map(([name, value]) => `export ${name}='${value}'`);
  const tries = Object.entries(ATTACKS).map(
    ([name, text]) =>
      `if (${text}) >/dev/null 2>&1; then echo "done: ${name.replaceAll('"', "")}"; else echo "tried: ${name}"; fi >>${log}`,
  );
  return ["#!/bin/sh", ...set, OTHERS, ...tries, `chmod 644 ${log}`, "exit 0", ""].join("\n");
};

/** Digests of everything below a folder by path, links as their targets. */
function digests(folder: string, at = ""): Record<string, string> {
  const out: Record<string, string> = {};
  for (const name of readdirSync(join(folder, at))) {
    const [path, rel] = [join(folder, at, name), join(at, name)];
    const found = lstatSync(path);
    if (found.isDirectory()) Object.assign(out, digests(folder, rel));
    else if (found.isSymbolicLink()) out[rel] = readlinkSync(path);
    else if (found.isFile()) out[rel] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return out;
}

let bench: Bench;
let box: Toolbox;
let values: Record<string, string>;
beforeAll(async () => {
  bench = await startBench("hostile");
  box = await toolbox(toolsOf(bench.config), quietTask());
  const outside = join(bench.work, "another-stack");
  mkdirSync(outside);
  writeFileSync(join(outside, "f"), "kept");
  const disk = readdirSync("/sys/class/block").find((n) => /^(vda|sda|nvme0n1|xvda)$/.test(n));
  const numbers = disk ? readFileSync(`/sys/class/block/${disk}/dev`, "utf8").trim().replace(":", " ") : "254 0";
  const { mirror, release, arch } = toolsOf(bench.config);
  const index = `${mirror}/${release}/main/${arch}/APKINDEX.tar.gz`;
  values = { OUTSIDE: outside, MARK: "[v]itest", DISK: numbers, INDEX: index };
  await bench.become({
    add: [
      {
        name: "hostile",
        version: "1.0-r0",
        description: "attacks who installs it",
        files: [{ path: "usr/share/hostile", content: "", mode: 0o644 }],
        scripts: { "post-install": script(values, "/usr/share/hostile-install") },
      },
    ],
  });
});
afterAll(() => bench?.end());

const expected = Object.keys(ATTACKS).map((name) => `tried: ${name}`);

describe("a hostile package and a hostile hook", () => {
  let before: Record<string, string>;
  let settings: string;
  let tree: Committed;
  beforeAll(async () => {
    const pattern = () => readFileSync("/proc/sys/kernel/core_pattern", "utf8");
    before = { ...digests(box.tree), ...digests(join(bench.config.cache!, "keys")) };
    settings = pattern();
    // what is there for everybody but the attacker
    expect((await fetch(values.INDEX!)).ok).toBe(true);
    const life = new Life(rootfs, bench.config);
    await life.up({ packages: ["hostile"], buildCommands: [script(values, "/usr/share/hostile-hook")] });
    tree = await Committed.of(await Store.open(bench.config.store), box, life.state.checksum);
  });
  it("tried everything, and nothing came of it: the package", async () =>
    expect((await tree.text("/usr/share/hostile-install")).trim().split("\n")).toEqual(expected));
  it("tried everything, and nothing came of it: the hook", async () =>
    expect((await tree.text("/usr/share/hostile-hook")).trim().split("\n")).toEqual(expected));
  it("left toolbox, keys, other folders and the kernel's settings as they were", () => {
    expect({ ...digests(box.tree), ...digests(join(bench.config.cache!, "keys")) }).toEqual(before);
    expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(settings);
    expect(readFileSync(join(values.OUTSIDE!, "f"), "utf8")).toBe("kept");
  });
});

it("who builds at a terminal has none inside", async () => {
  const file = join(bench.work, "terminal.mts");
  const image = join(import.meta.dirname, "../../provider/image");
  // the seventh field of stat: the controlling terminal's number (proc(5))
  const look = "sed 's/.*) //' /proc/self/stat | cut -d ' ' -f 5";
  writeFileSync(
    file,
    `import { runIn } from "${image}/namespace/run-in.ts";
    import { readFileSync } from "node:fs";
    const own = readFileSync("/proc/self/stat", "utf8").replace(/.*\\) /, "").split(" ")[4];
    const { stdout } = await runIn("${box.tree}", ["sh", "-c", ${JSON.stringify(look)}], { readOnly: true });
    console.log(JSON.stringify({ own: own !== "0", inside: stdout }));`,
  );
  const inTerminal = ["-qec", `${process.execPath} --import tsx ${file}`, "/dev/null"];
  const { stdout } = await run("script", inTerminal, { cwd: join(import.meta.dirname, "../.."), timeout: 120_000 });
  expect(JSON.parse(stdout.trim())).toEqual({ own: true, inside: "0" });
});
