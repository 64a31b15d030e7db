/**
 * The classic profile as a container: every service that is declared starts, and extras do what they are for. Needs
 * root, by sudo if need be.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { run } from "../../provider/local/run.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Container, startContainer } from "../lab/container/index.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { Committed } from "./rootfs-tree.ts";

const key = `ssh-ed25519 ${"A".repeat(68)} test`;

/** A commit as a host of containers would lay it out: /etc of its own, /var filled from the factory. */
async function deploy(store: Store, box: Toolbox, checksum: string, folder: string): Promise<string> {
  const script = `ostree --repo=/run/repo checkout "$1" /run/out/root && cd /run/out/root
    cp -a usr/etc etc && cp -a usr/share/factory/var/. var/ && mkdir -p sysroot/ostree/repo`;
  await box.run(["/bin/sh", "-euc", script, "sh", checksum], {
    binds: [
      { source: store.repo, target: "/run/repo", readOnly: true },
      { source: folder, target: "/run/out" },
    ],
  });
  return join(folder, "root");
}

if (!isRoot) asRootBySudo("rootfs", import.meta.filename);

if (isRoot)
  describe("a classic container", () => {
    let bench: Bench;
    let life: Life;
    let box: Toolbox;
    let container: Container;
    let tree: Committed;
    beforeAll(async () => {
      bench = await startBench("container");
      box = await toolbox(toolsOf(bench.config), quietTask());
      life = new Life(rootfs, bench.config);
      await life.up({
        profile: "classic",
        target: "container",
        hostname: "ct-1",
        authorizedKeys: [key],
        users: [{ name: "ann", authorizedKeys: [key], groups: ["wheel"], sudo: true }],
        sysctl: { "net.ipv4.ip_forward": "1", "vm.swappiness": "100" },
        packages: ["iputils-ping"],
        extras: ["bubblewrap", "glibc", "podman"],
        motd: "hello\n",
        mounts: [{ device: "tmpfs", path: "/srv/ram", filesystem: "tmpfs", options: "size=1m" }],
      });
      const store = await Store.open(bench.config.store);
      tree = await Committed.of(store, box, life.state.checksum);
      const folder = join(bench.work, "deployed");
      mkdirSync(folder);
      const root = await deploy(store, box, life.state.checksum, folder);
      // what a mirror would have, for the toolbox: the container has no network
      cpSync(join(bench.tree.dir, "alpine"), join(root, "var/srv/alpine"), { recursive: true });
      writeFileSync(join(root, "etc/apk/repositories"), "/srv/alpine/v3.23/main\n/srv/alpine/v3.23/community\n");
      container = await startContainer({ root, readOnlyUsr: true, timeout: 240_000 });
    });
    afterAll(async () => {
      await container?.stop();
      rmSync(join(bench.work, "deployed"), { recursive: true, force: true });
      await bench?.end();
    });
    const on = async (command: string, timeout = 120_000) => {
      const { stdout, stderr, exitCode } = await container.exec(["/bin/sh", "-lc", command], { timeout });
      return `${exitCode} ${stdout}${stderr ? `\n${stderr}` : ""}`.trim();
    };

    test("has no kernel, no initramfs, no gettys", async () => {
      expect(life.state.kernelRelease).toBe("");
      // OSTree deploys nothing without one
      expect(tree.names("/usr/lib/modules")).toEqual(["0-container"]);
      expect(tree.names("/usr/lib/modules/0-container")).toEqual(["vmlinuz"]);
      expect(await tree.text("/usr/lib/modules/0-container/vmlinuz")).toMatch(/^Not a kernel: .*$/);
      expect((life.state.lockedPackages as { name: string }[]).filter((p) => p.name.startsWith("linux-"))).toEqual([]);
      expect(await on("ps -o comm | grep -c getty")).toMatch(/^1 0/);
    });

    test("every service of every runlevel has started, and none crashed", async () => {
      expect(await on("rc-status -r")).toBe("0 default");
      expect(await on("rc-status --all")).not.toMatch(/crashed|failed/);
      const down: string[] = [];
      for (const level of ["sysinit", "boot", "default"]) {
        const declared = tree.names(`/usr/etc/runlevels/${level}`);
        expect(declared.length, level).toBeGreaterThan(0);
        for (const service of declared) {
          const said = await on(`rc-service ${service} status 2>&1 | tail -n 1`);
          if (!/started|^0$/.test(said)) down.push(`${level}/${service}: ${said}`);
        }
      }
      expect(down).toEqual([]);
    });

    test("knows that OSTree deployed it, and who it is", async () => {
      // the name is the host's to give, and what HostHijack carries
      expect(await on("test -e /run/ostree-booted && cat /etc/hostname")).toBe("0 ct-1");
      expect(await on("cat /etc/motd")).toBe("0 hello");
      expect(await on("touch /usr/x")).toMatch(/^1 .*Read-only file system/s);
      expect(await on("touch /etc/x /var/x /root/x /home/ann/x && echo written")).toBe("0 written");
    });

    test("takes the kernel parameters that its host allows, and starts without the others", async () => {
      expect(await on("sysctl -n net.ipv4.ip_forward")).toBe("0 1");
      const before = (await run("cat", ["/proc/sys/vm/swappiness"])).stdout;
      expect(await on("sysctl -n vm.swappiness")).toBe(`0 ${before}`);
    });

    test("mounts what was asked for", async () =>
      expect(await on("stat -f -c %T /srv/ram /tmp")).toBe("0 tmpfs\ntmpfs"));

    test("sudo and file capabilities work", async () => {
      expect(await on("su ann -s /bin/sh -c 'sudo -n id -u'")).toBe("0 0");
      const binds = [{ source: bench.config.store, target: "/run/store", readOnly: true }];
      const ls = ["ostree", "--repo=/run/store/repo", "ls", "-X", life.state.checksum, "/usr/bin/ping"];
      // cap_net_raw, effective and permitted (linux/capability.h, VFS_CAP_REVISION_2)
      expect((await box.run(ls, { binds })).stdout).toMatch(/security\.capability/);
      expect(tree.entries.get("/usr/bin/sudo")?.mode).toMatch(/^4/);
      expect(await on("su ann -s /bin/sh -c 'ping -c 1 -W 5 127.0.0.1 >/dev/null && echo pong'")).toBe("0 pong");
    });

    describe("extras", () => {
      test("toolbox: a second root, whose programs are found and run", async () => {
        expect(await on("pine-toolbox add tree 2>&1 | tail -n 1")).toMatch(/^0 OK/);
        expect(await on("pine-toolbox enter tree --version")).toMatch(/^0 tree v/);
        expect(await on("pine-toolbox remove; ls /opt/alp 2>&1")).toMatch(/No such file/);
      });
      test("unlock and lock", async () => {
        expect(await on("pine-unlock && touch /usr/x && echo there")).toMatch(/^0 [\s\S]*there$/);
        expect(await on("pine-lock --force; ls /usr/x")).toMatch(/No such file/);
      });
      test("podman runs a container of its own", async () => {
        const image = "tar -C / -ch bin/busybox lib/ld-musl-x86_64.so.1 | podman import -q - own";
        expect(await on(`${image} >/dev/null && podman run --rm --network none own /bin/busybox echo inside`)).toMatch(
          /^0 inside/,
        );
      });
      test("bubblewrap", async () =>
        expect(await on("bwrap --ro-bind / / --dev /dev --proc /proc --unshare-pid echo inside")).toBe("0 inside"));
      test("glibc: its loader's name leads to one", async () =>
        expect(
          await on("test -e /lib64/ld-linux-x86-64.so.2 && /lib64/ld-linux-x86-64.so.2 --version | head -n 1"),
        ).toMatch(/^0 ./));
      test("ssheval and tcpmon are there", async () => {
        expect(await on("SSH_ORIGINAL_COMMAND='A=1 printenv A' ssheval")).toBe("0 1");
        expect(await on("command -v tcpmon")).toBe("0 /usr/bin/tcpmon");
      });
    });
  });
