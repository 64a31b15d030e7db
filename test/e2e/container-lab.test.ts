/** The lab's own containers: what tests of a server in a container rely on. Needs root, by sudo if need be. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../provider/local/run.ts";
import { startLxc } from "../lab/lxc/lxc.ts";
import { removeTree } from "../lab/lxc/root.ts";
import type { Lxc, LxcOptions } from "../lab/lxc/types.ts";
import { identify, labCache } from "../lab/processes.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";

if (!isRoot) asRootBySudo("containers", import.meta.filename);

const log = (message: string) => console.log(message);

/** Standard output of a command in it, as root over SSH. */
async function on(lxc: Lxc, command: string): Promise<string> {
  const r = await lxc.ssh(command);
  if (r.exitCode !== 0) throw new Error(`${command}: ${r.exitCode} ${r.stderr}`);
  return r.stdout;
}

/** Waits until it has another init, and for its SSH. */
async function restarted(lxc: Lxc, old: number): Promise<void> {
  await expect.poll(() => ![0, old].includes(lxc.pid), { timeout: 60_000 }).toBe(true);
  await lxc.waitForSsh();
}

/** Mounts and loop devices of this machine, and control groups, that are of the lab's containers. */
async function traces(name: string): Promise<string[]> {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const loops = (await run("losetup", ["--list", "--noheadings", "--output", "BACK-FILE"])).stdout.split("\n");
  const { stdout } = await run("find", ["/sys/fs/cgroup", "-maxdepth", "2", "-name", "lxc.*"]);
  const state = join(labCache(), "lxc", "run");
  return [...mounts, ...loops, ...stdout.split("\n"), ...readdirSync(state)].filter((l) => l.includes(name));
}

if (isRoot)
  describe.each([true, false])("Debian 12, privileged: %s", (privileged) => {
    let lxc: Lxc;
    beforeAll(async () => {
      lxc = await startLxc({
        release: "bookworm",
        privileged,
        memoryMiB: 64,
        root: privileged ? "folder" : "loop",
        log,
      });
    });
    afterAll(() => lxc?.stop());

    test("SSH answers with the host key that is pinned, as every user", async () => {
      const scan = await run("ssh-keyscan", ["-t", "ed25519", "-p", String(lxc.port), "127.0.0.1"]);
      expect(scan.stdout).toContain(lxc.hostKey);
      expect(await on(lxc, ". /etc/os-release; echo $VERSION_ID; id -u; uname -n")).toBe("12\n0\nvps");
      expect((await lxc.ssh("sudo -n id -u", { user: "debian" })).stdout).toBe("0");
      expect((await lxc.ssh("sudo -n id -u", { user: "nosudo" })).exitCode).not.toBe(0);
      expect(await on(lxc, "command -v curl zstd || echo none; readlink /bin")).toBe("none\nusr/bin");
    });

    test("is root of this machine only when privileged; setuid programs stay so", async () => {
      expect(await on(lxc, "awk '{ print $2 }' /proc/self/uid_map")).toBe(privileged ? "0" : "100000");
      const sudo = statSync(join(lxc.rootfs, "usr/bin/sudo"));
      expect([sudo.uid, sudo.mode & 0o7777]).toEqual([privileged ? 0 : 100_000, 0o4755]);
      expect((await lxc.exec(["id", "-u"])).stdout).toBe("0");
    });

    test("cannot open a disk of this machine", async () => {
      const dev = statSync("/dev/vda", { throwIfNoEntry: false })?.rdev ?? statSync("/dev/loop0").rdev;
      const made = await lxc.ssh(`mknod /root/disk b ${dev >> 8} ${dev & 255} && head -c 1 /root/disk`);
      expect(made.exitCode).not.toBe(0);
      expect(made.stderr).toMatch(/not permitted/);
    });

    test("more memory than its limit is not to be had", async () => {
      expect(lxc.memory()).toMatchObject({ limit: 64 * 1024 * 1024, kills: 0 });
      // tail keeps the whole line
      const r = await lxc.ssh("head -c 200M /dev/zero | tail >/dev/null; echo $?");
      expect(r.stdout).toBe("137");
      const memory = lxc.memory();
      expect(memory.kills).toBeGreaterThan(0);
      expect(memory.peak).toBeGreaterThan(60 * 1024 * 1024);
      expect(memory.peak).toBeLessThanOrEqual(64 * 1024 * 1024);
    });

    test.each(["reboot", "reboot -f"])("%s comes back with the same address", async (command) => {
      const old = lxc.pid;
      await lxc.ssh(command);
      await restarted(lxc, old);
      expect(await on(lxc, "ip -4 -br address show eth0")).toContain(`${lxc.address}/24`);
      expect(lxc.memory().limit).toBe(64 * 1024 * 1024);
    });

    test("killed it is off, and started it comes back", async () => {
      await on(lxc, "echo kept >/root/file");
      const old = lxc.pid;
      await lxc.kill();
      expect([lxc.pid, identify(old)]).toEqual([0, undefined]);
      expect((await lxc.ssh("true")).exitCode).toBe(255);
      await lxc.start({ memoryMiB: 96 });
      await lxc.waitForSsh();
      expect(await on(lxc, "cat /root/file")).toBe("kept");
      expect(lxc.memory().limit).toBe(96 * 1024 * 1024);
    });

    test("the manager's restart ends it in order", async () => {
      const old = lxc.pid;
      const unit = "-p Type=oneshot -p RemainAfterExit=yes -p 'ExecStop=/bin/touch /root/stopped' /bin/true";
      await on(lxc, `systemd-run --quiet --unit=until-the-end ${unit}`);
      await lxc.restart();
      await restarted(lxc, old);
      expect(lxc.consoleText).toMatch(/Halting system|Powering off/);
    });

    if (!privileged)
      test("a power cut loses what was not synced", async () => {
        await on(lxc, "echo a >/root/synced; sync; echo b >/root/lost");
        await lxc.powerCut();
        await lxc.start();
        await lxc.waitForSsh();
        expect(await on(lxc, "cd /root; ls -d synced lost 2>/dev/null || true")).toBe("synced");
      });

    test("poweroff ends it, and nothing of it stays", async () => {
      await lxc.ssh("poweroff");
      await lxc.off(60_000);
      expect(lxc.pid).toBe(0);
      await lxc.stop();
      expect(await traces(lxc.name)).toEqual([]);
    });
  });

if (isRoot)
  describe("other releases and networks, side by side", () => {
    const kinds: LxcOptions[] = [
      { release: "bullseye", privileged: true, network: "interfaces", groups: "v2" },
      { release: "bullseye", privileged: false, network: "host" },
      { release: "bookworm", privileged: false, network: "dhcp", groups: "v2" },
      { release: "trixie", privileged: true, network: "dhcp" },
      { release: "trixie", privileged: false, network: "interfaces" },
    ];
    const VERSIONS = { bullseye: "11", bookworm: "12", trixie: "13" };
    test.each(kinds)("$release, privileged: $privileged, $network", async (kind) => {
      const all = await Promise.all([startLxc({ ...kind, log }), startLxc({ ...kind, name: "second" })]);
      try {
        for (const lxc of all) {
          expect(await on(lxc, ". /etc/os-release; echo $VERSION_ID")).toBe(VERSIONS[kind.release!]);
          expect(await on(lxc, "ip -4 -br address show eth0; ip -4 route show default")).toMatch(
            /10\.99\.0\.2\/24[\s\S]*default via 10\.99\.0\.1/,
          );
          const old = lxc.pid;
          await lxc.ssh("reboot");
          await restarted(lxc, old);
        }
        expect(await on(all[1]!, "uname -n")).toBe("second");
        expect(new Set(all.map((l) => l.port)).size).toBe(2);
      } finally {
        for (const lxc of all) await lxc.stop();
      }
    });
  });

if (isRoot)
  describe("a kept root", () => {
    test.each(["folder", "loop"] as const)(
      "%s: is copied for another container, immutable folders and all",
      async (root) => {
        const folder = mkdtempSync(join(labCache(), "lxc", "kept-"));
        try {
          const first = await startLxc({ privileged: true, root, log });
          await on(first, "echo first >/root/file; mkdir -p /ostree/deploy/x");
          await run("chattr", ["+i", join(first.rootfs, "ostree/deploy/x")]);
          await first.stopAndKeep(join(folder, "root"));
          const second = await startLxc({ privileged: true, root, from: join(folder, "root"), log });
          expect(await on(second, "cat /root/file; rm /root/file")).toBe("first");
          await run("chattr", ["+i", join(second.rootfs, "ostree/deploy/x")]);
          await second.stop();
          expect(await traces(second.name)).toEqual([]);
        } finally {
          await removeTree(folder);
        }
        rmSync(folder, { recursive: true, force: true });
      },
    );
  });
