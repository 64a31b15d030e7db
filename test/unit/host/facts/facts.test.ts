/** The facts script run for real, and its parsers over captured outputs. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { parseNetwork } from "../../../../provider/host/facts/network.ts";
import { factsScript } from "../../../../provider/host/scripts.ts";

const folder = join(import.meta.dirname, "../../fixtures/facts");
const fixture = (name: string) => readFileSync(join(folder, `${name}.txt`), "utf8");
const facts = (name: string) => parseFacts(fixture(name));

it("every fixture says where it comes from and can be read", () => {
  const names = readdirSync(folder).filter((n) => n.endsWith(".txt"));
  expect(names.length).toBeGreaterThan(5);
  for (const name of names) {
    const text = readFileSync(join(folder, name), "utf8");
    expect(text, name).toMatch(/^# provenance: (captured|made)/);
    expect(parseFacts(text).kernelRelease, name).toMatch(/^\d+\./);
  }
});

describe("the script", () => {
  it("passes shellcheck", () => {
    execFileSync("shellcheck", ["-"], { input: factsScript() });
  });
  it("runs here with dash, and what it prints fits what this machine says of itself", () => {
    const here = parseFacts(execFileSync("dash", ["-s", "nobody"], { input: factsScript(), encoding: "utf8" }));
    expect(here.kernelRelease).toBe(execFileSync("uname", ["-r"], { encoding: "utf8" }).trim());
    expect(here.bootId.split(".")[0]).toBe(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    expect(here.uid).toBe(process.getuid?.());
    expect(here.ramKiB).toBe(Number(/MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))![1]));
    expect(here.network.interfaces.map((i) => i.name)).toContain("lo");
    expect(here.root.type).not.toBe("unknown");
    expect(here.tools.tar).toBe("gnu");
  });
});

describe("the lab's Debian 12", () => {
  const f = facts("debian-12-lab");
  it("is known", () => {
    expect(f.os).toMatchObject({ id: "debian", versionId: "12", codename: "bookworm" });
    expect([f.arch, f.firmware, f.uid, f.hostname]).toEqual(["x86_64", "bios", 0, "vps"]);
    expect(f.container).toBeUndefined();
    expect(f.consoles).toEqual(["tty0", "ttyS0,115200"]);
  });
  it("has its root on a plain GPT partition", () => {
    expect(f.root).toMatchObject({
      device: "/dev/vda2",
      type: "ext4",
      kind: "plain",
      partition: 2,
      disk: "/dev/vda",
      diskBytes: 4 * 2 ** 30,
      tableType: "gpt",
      uuid: "7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11",
    });
    // what blkid and sfdisk said of this disk
    expect(f.root.tableId).toBe("92b3d58c-252d-8444-8818-a4f72a377994");
    expect(f.root.freeKiB).toBeGreaterThan(3e6);
  });
  it("boots by a GRUB that reads custom.cfg", () => {
    expect(f.grub).toMatchObject({ folder: "/boot/grub", sourcesCustom: true, custom: "none", platforms: ["i386-pc"] });
  });
  it("has a static address and three host keys", () => {
    const eth0 = f.network.interfaces.find((i) => i.name === "eth0");
    expect(eth0).toMatchObject({ kind: "physical", mac: "52:54:00:12:34:56", mtu: 1500, up: true, index: 2 });
    expect(eth0?.dhcp).toBeUndefined();
    expect(eth0?.addresses[0]).toEqual({
      family: 4,
      address: "10.0.2.15",
      prefix: 24,
      dynamic: false,
      scope: "global",
    });
    expect(f.network.routes[0]).toMatchObject({ to: "default", via: "10.0.2.2", dev: "eth0", onlink: true });
    expect(f.network.nameservers).toEqual(["10.0.2.3"]);
    expect(f.hostKeys.map((k) => k.split(" ")[0])).toEqual(["ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519"]);
    expect(f.authorizedKeys.root).toHaveLength(1);
  });
  it("is read with gaps by a login that may not become root", () => {
    const g = facts("debian-12-lab-no-root");
    expect([g.uid, g.kernelRelease, g.root.uuid]).toEqual([1001, f.kernelRelease, f.root.uuid]);
    expect([g.root.tableId, g.authorizedKeys.root]).toEqual([undefined, []]);
  });
});

it("busybox says the same as GNU of one machine", () => {
  const gnu = facts("debian-12-container-image");
  const busybox = facts("alpine-3.23-busybox");
  const ofMachine = (f: typeof gnu) => ({
    interfaces: f.network.interfaces,
    routes: f.network.routes.map(({ proto, ...r }) => r).filter((r) => r.to === "default"),
    disk: [f.root.device, f.root.kind, f.root.diskBytes, f.root.type],
    ram: f.ramKiB,
    bootId: f.bootId,
  });
  expect(ofMachine(busybox)).toEqual(ofMachine(gnu));
  expect([gnu.tools.tar, busybox.tools.tar]).toEqual(["gnu", "busybox"]);
  expect(busybox.os.id).toBe("alpine");
});

it.each(["debian-11-chroot", "debian-13-chroot"])("%s: what its iproute2 prints of one network", (name) => {
  const { interfaces, routes, rules } = facts(name).network;
  const global = interfaces.find((i) => i.name === "eth0")!.addresses.filter((a) => a.scope === "global");
  expect(global.map((a) => [a.address, a.prefix, a.dynamic])).toEqual([
    ["203.0.113.7", 32, false],
    ["2001:db8:1::9", 64, true],
    ["2001:db8::5", 64, false],
  ]);
  expect(routes.filter((r) => r.via).map((r) => [r.family, r.to, r.via, r.onlink])).toEqual([
    [4, "default", "172.31.1.1", false],
    [4, "10.0.0.0/8", "172.31.1.1", false],
    [4, "10.0.0.0/8", "172.31.1.1", true],
    [6, "default", "fe80::1", false],
  ]);
  expect(rules).toEqual(["32765: from 198.51.100.4 lookup 100"]);
});

it("an Ubuntu of a cloud: DHCP by networkd, a stub resolver, root's key forced", () => {
  const f = facts("ubuntu-22.04-networkd");
  expect(f.root).toMatchObject({ device: "/dev/nvme0n1p1", kind: "plain", disk: "/dev/nvme0n1", partition: 1 });
  expect(f.lockdown).toBe("integrity");
  expect(f.network.interfaces.find((i) => i.name === "ens5")?.dhcp).toBe("networkd");
  expect(f.network.nameservers).toEqual(["10.0.0.2"]);
});

/** A disk's lines put into the lab's Debian: what the root is said to lie on. */
const onDisk = (number: string, source: string, blocks: string[], type = "ext4") =>
  parseFacts(
    [
      ...fixture("debian-12-lab")
        .split("\n")
        .filter((l) => !/^(mount|block)=/.test(l)),
      `mount=27 1 ${number} / / rw,relatime shared:1 - ${type} ${source} rw`,
      ...blocks.map((b) => `block=${b}`),
    ].join("\n"),
  ).root;

describe("what the root lies on (lines as Linux' sysfs documents them)", () => {
  const disk = "sda 8:0 41943040 - - - - -";
  const part = "sda2 8:2 40000000 2 sda - - -";
  it.each([
    ["plain", "8:2", [disk, part]],
    ["disk", "8:0", [disk]],
    ["lvm", "253:0", [disk, part, "dm-0 253:0 39000000 - - sda2 - LVM-AbCdEf"]],
    ["luks", "253:0", [disk, part, "dm-0 253:0 39000000 - - sda2 - CRYPT-LUKS2-0123-root"]],
    ["luks", "253:1", [disk, part, "dm-0 253:0 39 - - sda2 - CRYPT-LUKS2-0123-pv", "dm-1 253:1 38 - - dm-0 - LVM-Ab"]],
    ["raid", "9:0", [disk, part, "md0 9:0 39000000 - - sda2,sdb2 raid1 -"]],
    ["lvm", "253:0", [disk, part, "md0 9:0 39 - - sda2,sdb2 raid1 -", "dm-0 253:0 38 - - md0 - LVM-Ab"]],
    [
      "multipath",
      "253:1",
      [disk, "dm-0 253:0 41943040 - - sda,sdb - mpath-3600a", "dm-1 253:1 4 - - dm-0 - part1-mpath-3600a"],
    ],
    ["mapper", "253:0", [disk, "dm-0 253:0 41943040 - - sda - -"]],
    ["unknown", "0:45", [disk, part]],
  ])("%s (%s)", (kind, number, blocks) => {
    expect(onDisk(number, "/dev/whatever", blocks).kind).toBe(kind);
  });
  it("btrfs, which has a device number of its own, and one of its devices' name", () => {
    const root = onDisk("0:45", "/dev/sda2", [disk, part], "btrfs");
    expect([root.device, root.kind, root.disk, root.partition]).toEqual(["/dev/sda2", "plain", "/dev/sda", 2]);
  });
  it("a volume, by the name it was given", () => {
    const lines = [disk, part, "dm-0 253:0 39000000 - - sda2 - LVM-AbCdEf"];
    expect(onDisk("253:0", "/dev/mapper/vg-root", lines).device).toBe("/dev/mapper/vg-root");
  });

  it("names a DOS table and its partitions as the kernel does", () => {
    const sector = Buffer.alloc(512);
    sector.writeUInt32LE(0x1234abcd, 440);
    sector.writeUInt16BE(0x55aa, 510);
    const text = fixture("debian-12-lab").replace(/^table=.*$/m, `table=vda 512 ${sector.toString("hex")}`);
    const root = parseFacts(text.replace(/ PARTUUID="[^"]*"/g, "")).root;
    expect([root.tableType, root.tableId, root.partuuid]).toEqual(["dos", "1234abcd", "1234abcd-02"]);
  });
});

it("Pine's own state", () => {
  const pine = [
    "pine.install=id=abc",
    "pine.install=stack=demo/dev",
    "pine.install=urn=urn:pulumi:dev::demo::x=y",
    "pine.env=pine_slot=a",
    "pine.env=pine_trial=",
    "pine.env=pine_boots=2",
    "pine.deployment=/sysroot/ostree/deploy/pine/deploy/0123.0",
    "pine.deployment=/ostree/deploy/pine/deploy/0123.0",
    "pine.leftover=/ostree",
  ];
  const text = fixture("debian-12-lab").replace(
    /^cmdline=(.*)$/m,
    "cmdline=$1 ostree=/ostree/deploy/pine/deploy/0123.0 pine.slot=a pine.trial=1",
  );
  const f = parseFacts([text, ...pine].join("\n")).pine;
  expect(f.install).toEqual({ id: "abc", stack: "demo/dev", urn: "urn:pulumi:dev::demo::x=y" });
  expect(f.slots).toEqual({ slot: "a", trial: "", tries: 0, boots: 2 });
  expect([f.runningSlot, f.runningTrial, f.deployment]).toEqual(["a", true, "0123.0"]);
  expect(f.deployments).toEqual(["pine/0123.0"]);
});

it("says so when there are no facts at all", () => {
  expect(() => parseFacts("This account is currently not available.\n")).toThrow(/facts cannot be read/);
});

it("ifupdown's file does not count for a card that networkd has", () => {
  const lines = [
    "if=eth0 2 52:54:00:12:34:56 1500 up physical",
    "addr=2: eth0    inet 203.0.113.5/24 scope global eth0\\       valid_lft forever preferred_lft forever",
    "ifupdown=iface eth0 inet dhcp",
  ];
  const dhcp = (...more: string[]) => parseNetwork(factLines([...lines, ...more].join("\n"))).interfaces[0]?.dhcp;
  expect([dhcp(), dhcp("managed=2"), dhcp("managed=3")]).toEqual(["ifupdown", undefined, "ifupdown"]);
});
