/** A Rootfs built by the real apk and OSTree: what is in it, and that everybody gets the same bytes. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assetText } from "../../provider/assets.ts";
import type { LockedPackage } from "../../provider/image/packages/mirror.ts";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { Asset } from "../../provider/properties/values.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { spdxProblems } from "../lab/spdx/index.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { OtherUser } from "./other-user.ts";
import { Committed } from "./rootfs-tree.ts";

const key = `ssh-ed25519 ${"A".repeat(68)} test`;
const inputs = {
  packages: ["nano", "lighttpd", "labd"],
  timezone: "Europe/Berlin",
  hostname: "web",
  authorizedKeys: [`${key}\n`],
  users: [{ name: "deploy", groups: ["wheel"], authorizedKeys: [key], sudo: true }],
  services: { default: ["lighttpd"] },
  sysctl: { "net.ipv4.ip_forward": "1" },
  loadModules: ["tun"],
  files: {
    "/etc/motd": { content: "hello\n", mode: "600", owner: "deploy:wheel" },
    "/usr/share/www/index.html": { source: new Asset({ text: "<p>hello</p>\n" }) },
    "/usr/bin/my tool": { content: "#!/bin/sh\n", mode: "0755" },
  },
};

/** A package that leaves what differs from build to build: random bytes, the time, another day in shadow. */
const labd = {
  name: "labd",
  version: "1.0-r0",
  description: "leaves traces",
  depends: ["busybox"],
  files: [{ path: "usr/bin/labd", content: "#!/bin/sh\n", mode: 0o755 }],
  scripts: {
    "pre-install": `#!/bin/sh
addgroup -S labd
adduser -S -D -H -s /sbin/nologin -G labd -g labd labd
day=$(head -c 2 /dev/urandom | od -An -tu2 | tr -d ' ')
sed -i "s/^\\(labd:[^:]*\\):[0-9]*:/\\1:$day:/" /etc/shadow
head -c 16 /dev/urandom >/etc/machine-id
mkdir -p /var/cache/labd /var/log /var/tmp
cat /proc/uptime >/var/cache/labd/uptime
date +%s.%N >/var/log/labd.log
date >/var/tmp/labd
`,
  },
};

let bench: Bench;
let life: Life;
let box: Toolbox;
let tree: Committed;
beforeAll(async () => {
  bench = await startBench("build", { add: [labd] });
  box = await toolbox(toolsOf(bench.config), quietTask());
  life = new Life(rootfs, bench.config);
  await life.up(inputs);
  tree = await Committed.of(await Store.open(bench.config.store), box, life.state.checksum);
});
afterAll(() => bench?.end());

describe("the tree", () => {
  it("has one /usr, and what belongs to the server lies in /var", () => {
    const links = { bin: "usr/bin", sbin: "usr/sbin", lib: "usr/lib", root: "var/roothome", home: "var/home" };
    const more = { opt: "var/opt", srv: "var/srv", mnt: "var/mnt", media: "run/media", ostree: "sysroot/ostree" };
    for (const [name, target] of Object.entries({ ...links, ...more }))
      expect(tree.entries.get(`/${name}`), name).toMatchObject({ type: "l", target });
    for (const name of ["boot", "dev", "proc", "run", "sys", "sysroot", "tmp", "var"])
      expect([tree.entries.get(`/${name}`)?.type, tree.names(`/${name}`)], name).toEqual(["d", []]);
    expect(tree.entries.has("/etc")).toBe(false);
    expect(tree.entries.get("/tmp")?.mode).toBe("1777");
    expect(tree.names("/usr/share/factory/var")).toEqual(
      expect.arrayContaining(["home", "lib", "log", "roothome", "tmp"]),
    );
  });

  it("holds exactly the locked packages, and asks for those that were asked for", async () => {
    const db = await tree.text("/usr/lib/apk/db/installed");
    const installed = [...db.matchAll(/^P:(.*)\nV:(.*)$/gm)].map((m) => `${m[1]} ${m[2]}`).sort();
    const lock = life.state.lockedPackages as LockedPackage[];
    expect(installed).toEqual(lock.map((p) => `${p.name} ${p.version}`).sort());
    expect(installed.length).toBe(life.state.packageCount);
    const world = await tree.text("/usr/etc/apk/world");
    expect(world.split("\n")).toEqual(expect.arrayContaining(["nano", "lighttpd", "linux-virt"]));
    expect(world).not.toContain("><");
    expect(await tree.text("/usr/etc/apk/repositories")).toContain(
      `${bench.server.url}/v3.23/community\n${bench.server.url}/v3.23/main\n`.trimEnd(),
    );
    for (const [name, pem] of Object.entries(bench.config.keys))
      expect(await tree.text(`/usr/etc/apk/keys/${name}`)).toBe(pem.trimEnd());
  });

  it("boots: a kernel that is no link, an initramfs with our init, ext4 and a disk's driver", async () => {
    const modules = `/usr/lib/modules/${life.state.kernelRelease}`;
    expect(tree.entries.get(`${modules}/vmlinuz`)).toMatchObject({ type: "-", mode: "0644" });
    expect(tree.entries.get(`${modules}/vmlinuz`)!.size).toBeGreaterThan(4e6);
    // xfs is nearly half of it
    expect(tree.entries.get(`${modules}/initramfs.img`)!.size).toBeLessThan(3.7e6);
    const binds = [{ source: bench.config.store, target: "/run/store", readOnly: true }];
    const script = `cd /tmp && ostree --repo=/run/store/repo cat $1 $2/initramfs.img | zstd -dc | cpio -idm 2>/dev/null
      cat init; find . -name '*.ko*'; du -sk . | sed 's/^/kB: /'; chroot . /bin/sh -c 'echo runs'`;
    const { stdout } = await box.run(["/bin/sh", "-c", script, "sh", tree.checksum, modules], { binds });
    expect(stdout.startsWith(assetText("system/initramfs/init").trimEnd())).toBe(true);
    for (const name of ["ext4", "xfs", "virtio_blk", "virtio_scsi", "sd_mod", "nvme", "i6300esb"])
      expect(stdout).toMatch(new RegExp(`/${name}\\.ko\\.gz$`, "m"));
    // a machine with 96 MiB has to hold both at once
    expect(Number(/^kB: (\d+)/m.exec(stdout)?.[1])).toBeLessThan(5500);
    expect(stdout).toMatch(/runs$/);
  });

  it("is reached by key alone", async () => {
    const shadow = await tree.text("/usr/etc/shadow");
    expect(
      shadow
        .split("\n")
        .filter(Boolean)
        .every((l) => /^[^:]+:[*!]+:/.test(l)),
    ).toBe(true);
    expect(tree.entries.get("/usr/etc/shadow")).toMatchObject({ mode: "0640", owner: "0:42" });
    const factory = "/usr/share/factory/var";
    expect(await tree.text(`${factory}/roothome/.ssh/authorized_keys`)).toBe(key);
    expect(tree.entries.get(`${factory}/roothome/.ssh`)).toMatchObject({ mode: "0700", owner: "0:0" });
    expect(tree.entries.get(`${factory}/home/deploy/.ssh/authorized_keys`)).toMatchObject({
      mode: "0600",
      owner: "1000:1000",
    });
    expect(await tree.text("/usr/etc/conf.d/dropbear")).toMatch(/DROPBEAR_OPTS="-s -R"/);
  });

  it("starts what it should", async () => {
    const level = (name: string) => tree.names(`/usr/etc/runlevels/${name}`);
    expect(level("default")).toEqual(["dropbear", "lighttpd", "pine-health", "pine-ok", "pine-updates"]);
    expect(level("sysinit")).toEqual(["devfs", "dmesg", "hwdrivers", "mdev"]);
    expect(level("boot")).toEqual(expect.arrayContaining(["networking", "hostname", "pine-names", "localmount"]));
    expect(level("shutdown")).toEqual(["killprocs", "mount-ro"]);
    // every link leads to a service that can be run
    for (const name of ["sysinit", "boot", "default", "shutdown"].flatMap(level)) {
      expect(tree.entries.get(`/usr/etc/init.d/${name}`), name).toMatchObject({ type: "-", mode: "0755" });
      expect((await tree.text(`/usr/etc/init.d/${name}`)).split("\n")[0]).toMatch(/^#!.*openrc-run/);
    }
    expect(tree.entries.get("/usr/sbin/pine")).toMatchObject({ mode: "0755", owner: "0:0" });
  });

  it("has the recipe's settings and files, as asked for", async () => {
    expect(tree.entries.get("/usr/etc/motd")).toMatchObject({ mode: "0600", owner: "1000:10", size: 6 });
    expect(await tree.text("/usr/share/www/index.html")).toBe("<p>hello</p>");
    expect(tree.entries.get("/usr/bin/my tool")).toMatchObject({ mode: "0755", owner: "0:0" });
    expect(tree.entries.get("/usr/etc/localtime")?.target).toBe("/usr/share/zoneinfo/Europe/Berlin");
    expect(tree.entries.has("/usr/share/zoneinfo/Europe/Berlin")).toBe(true);
    expect(await tree.text("/usr/etc/hostname")).toBe("web");
    expect(await tree.text("/usr/etc/sysctl.d/90-pine.conf")).toBe("net.ipv4.ip_forward = 1");
    expect(await tree.text("/usr/etc/sudoers.d/pine-deploy")).toMatch(/^deploy ALL=\(ALL:ALL\) NOPASSWD: ALL/);
    expect(await tree.text("/usr/etc/group")).toMatch(/^wheel:x:10:root,deploy$/m);
    expect(tree.entries.get("/usr/bin/sudo")?.mode).toMatch(/^4/);
  });

  it("keeps nothing that differs from build to build", async () => {
    const paths = [...tree.entries.keys()];
    const left = /etc\/machine-id|apk\.log|labd\.log|labd\/uptime$|apk\/db\/lock$|(passwd|group|shadow)-$|\.apk-new$/;
    expect(paths.filter((p) => left.test(p))).toEqual([]);
    expect(await tree.text("/usr/etc/shadow")).toMatch(/^labd:!::/m);
  });
});

it("the store keeps record, commit and root, and nothing of the work", async () => {
  const store = await Store.open(bench.config.store);
  const record = await store.readJson<Record<string, unknown>>(store.rootfs(life.state.digest));
  expect(record).toMatchObject({
    digest: life.state.digest,
    checksum: life.state.checksum,
    kernelRelease: life.state.kernelRelease,
  });
  const built = (life.state.lockedPackages as LockedPackage[]).map((p) => p.built);
  expect(record?.timestamp).toBe(Math.max(...built));
  expect(await store.roots()).toEqual({ [life.id]: [`rootfs/${life.state.digest}`, `commit/${life.state.checksum}`] });
  const { stdout } = await box.run(["ls", "-A", "/run/store/tmp"], {
    binds: [{ source: store.dir, target: "/run/store" }],
  });
  expect(stdout).toBe("");
});

it("preview says how many packages and how large, within 5 %", async () => {
  const before = new Life(rootfs, bench.config);
  await before.preview(inputs);
  const [, packages, megabytes] =
    /^(\d+) packages, linux-virt \S+, ([\d.]+) MB$/m.exec(before.said.infos.join("\n")) ?? [];
  expect(Number(packages)).toBe(life.state.packageCount);
  expect(Math.abs((Number(megabytes) * 1e6) / life.state.size - 1)).toBeLessThan(0.05);
});

it("has bills of materials that public validators take", async () => {
  const { spdx, cyclonedx } = life.state.sbom;
  expect(await spdxProblems(spdx)).toEqual([]);
  const document = await readFile(cyclonedx, "utf8");
  expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(document)).toBeNull();
  const names = (JSON.parse(document).components as { name: string; version?: string }[]).map((c) => c.name);
  expect(names).toEqual(expect.arrayContaining((life.state.lockedPackages as LockedPackage[]).map((p) => p.name)));
});

it("root and an ordinary user get the same bytes, in other folders, at another time", async () => {
  const other = await OtherUser.make(bench.work);
  try {
    const config = {
      ...bench.config,
      store: join(other.home, "a/longer/path/to/the/store"),
      cache: join(other.home, "cache"),
    };
    // assets do not go through JSON
    const files = { ...inputs.files, "/usr/share/www/index.html": { content: "<p>hello</p>\n" } };
    const said = await other.node("test/e2e/build-rootfs.ts", [
      JSON.stringify({ config, inputs: { ...inputs, files } }),
    ]);
    expect(JSON.parse(said)).toEqual({ digest: life.state.digest, checksum: life.state.checksum });
  } finally {
    await other.end();
  }
});

it("a second build by the same user gives the same bytes too", async () => {
  const again = new Life(rootfs, bench.with({ store: join(bench.work, "again") }));
  await again.up(inputs);
  const { sbom, ...same } = again.state;
  expect(life.state).toMatchObject(same);
  for (const kind of ["spdx", "cyclonedx"])
    expect(await readFile(sbom[kind], "utf8"), kind).toBe(await readFile(life.state.sbom[kind], "utf8"));
});
