/**
 * Networks that only a booted kernel shows: cards in another order, VLANs, on-link gateways, DHCP, IPv6 alone. From
 * facts to a login.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseFacts } from "../../provider/host/facts/facts.ts";
import { factLines } from "../../provider/host/facts/lines.ts";
import { parseNetwork } from "../../provider/host/facts/network.ts";
import type { NetworkFacts } from "../../provider/host/facts/types/network.ts";
import { newNames } from "../../provider/host/network/cards.ts";
import { planNetwork } from "../../provider/host/network/plan.ts";
import { factsScript } from "../../provider/host/scripts.ts";
import { diskImage, type Image } from "../../provider/image/disk/image.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { run } from "../../provider/local/run.ts";
import { essence } from "../lab/network/compare.ts";
import { putNetwork } from "../lab/network/disk.ts";
import { OUTSIDE } from "../lab/network/old-system.ts";
import { startTapMachine, type TapMachine } from "../lab/network/tap.ts";
import { labKey } from "../lab/vps/key.ts";
import { startVps, type Vps } from "../lab/vps/vps.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

/** Boot of an emulated machine, at most: two of them on a loaded machine with two cores, and then some. */
const BOOT_MS = 600_000;
/** As in image.test.ts, so that the store has it already. */
const options = { title: "Pine test", console: ["tty0", "ttyS0,115200"], hostname: "img-1.example.org" };
const FOREVER = "valid_lft forever preferred_lft forever";

let lab: ImageLab;
let image: Image;
let raw: string;
const dir = mkdtempSync(join(tmpdir(), "pine-boots-"));
beforeAll(async () => {
  lab = await startImageLab();
  const { checksum } = await commitFromRootfs(lab, await lab.rootfs(), {});
  image = await diskImage(lab, checksum, options);
  raw = join(dir, "image.raw");
  await run("zstd", ["-q", "-d", "--sparse", image.path, "-o", raw]);
});
afterAll(async () => {
  rmSync(dir, { recursive: true, force: true });
  await lab?.end();
});

const network = (...lines: string[]) => parseNetwork(factLines(lines.join("\n")));

/** The image with the network of an old system in it. */
async function diskFor(name: string, facts: NetworkFacts): Promise<string> {
  const plan = planNetwork(facts, "keep", "net-1");
  if (!("files" in plan)) throw new Error(JSON.stringify(plan.refusals));
  const disk = join(dir, `${name}.raw`);
  copyFileSync(raw, disk);
  const root = image.partitions.find((p) => p.name === "root")!;
  await putNetwork(disk, root.start, `${image.commit}.0`, plan.files);
  return disk;
}

/** Old and new as far as they must be the same. */
const both = (old: NetworkFacts, now: NetworkFacts) => {
  const names = newNames(old.interfaces);
  return {
    old: essence(old, (dev) => names.get(dev)),
    now: essence(now, (dev) => (dev === "lo" ? undefined : dev)),
  };
};

/** A further card; QEMU's own user network, or one end of a hub. */
const card = (mac: string, netdev: string) => [
  "-netdev",
  netdev,
  "-device",
  `virtio-net-pci,netdev=${/id=(\w+)/.exec(netdev)![1]},mac=${mac}`,
];

async function boot(name: string, old: NetworkFacts, extraArgs: string[]) {
  const vps = await startVps({ base: { disk: await diskFor(name, old) }, dir, name, memory: 256, extraArgs });
  await vps.waitSsh(BOOT_MS);
  return vps;
}

const factsOf = async (vps: Vps) => parseFacts((await vps.ssh("sh -s", { input: factsScript() })).stdout).network;
const said = async (vps: Vps, command: string) => {
  const { stdout, stderr, exitCode } = await vps.ssh(command);
  return `${exitCode} ${stdout}${stderr}`.trim();
};

describe("a static card, one with an on-link gateway, a VLAN, one by DHCP, which the kernel finds in another order", () => {
  const old = network(
    "if=ens3 2 52:54:00:12:34:57 1500 up physical",
    "if=ens4 3 52:54:00:12:34:56 1500 up physical",
    "if=ens5 4 52:54:00:12:34:58 1500 up physical",
    "if=ens6 5 52:54:00:12:34:5a 1500 up physical",
    "if=ens5.11 6 52:54:00:12:34:58 1500 up vlan",
    "vlan=6: ens5.11@ens5: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP \\    vlan protocol 802.1Q id 11 <REORDER_HDR>",
    `addr=2: ens3    inet 10.1.0.15/24 scope global ens3\\       ${FOREVER}`,
    `addr=3: ens4    inet 10.0.2.15/32 scope global ens4\\       ${FOREVER}`,
    "addr=5: ens6    inet 10.3.0.15/24 metric 1024 scope global dynamic ens6\\       valid_lft 3600sec preferred_lft 3600sec",
    `addr=6: ens5.11    inet 10.37.11.250/24 scope global ens5.11\\       ${FOREVER}`,
    `addr=6: ens5.11    inet6 2001:db8:37:11::250/64 scope global \\       ${FOREVER}`,
    "route4=default via 10.0.2.2 dev ens4 proto static onlink ",
    "route4=10.1.0.0/24 dev ens3 proto kernel scope link src 10.1.0.15 ",
    "route4=10.3.0.0/24 dev ens6 proto kernel scope link src 10.3.0.15 metric 1024 ",
    "route4=10.37.11.0/24 dev ens5.11 proto kernel scope link src 10.37.11.250 ",
    "route4=10.99.0.0/16 via 10.1.0.2 dev ens3 proto static ",
    "route6=2001:db8:37:11::/64 dev ens5.11 proto kernel metric 256 pref medium",
    "resolv=nameserver 10.0.2.3",
    "dhcp=networkd 5",
  );
  let vps: Vps;
  beforeAll(async () => {
    const user = (id: string, net: string) => `user,id=${id},restrict=on,ipv6=off,net=${net}`;
    // the kernel's order: ...:56, a stranger, ...:5a, ...:57, ...:58
    vps = await boot("order", old, [
      ...card("52:54:00:12:34:59", "hubport,id=far,hubid=1"),
      ...card("52:54:00:12:34:5a", user("leased", "10.3.0.0/24")),
      ...card("52:54:00:12:34:57", user("other", "10.1.0.0/24")),
      ...card("52:54:00:12:34:58", "hubport,id=near,hubid=1"),
    ]);
  });
  afterAll(() => vps?.stop());

  test("each card has the name of its MAC address, whatever was there first", async () => {
    expect(await said(vps, "dmesg | grep -o 'virtio_net virtio[0-9]* [a-z0-9]*: renamed from eth0'")).toMatch(/^0 /);
    const now = (await factsOf(vps)).interfaces;
    const macs = Object.fromEntries(now.filter((i) => i.kind === "physical").map((i) => [i.name, i.mac!.slice(-2)]));
    expect(macs).toEqual({ eth0: "57", eth1: "56", eth2: "58", eth3: "5a", eth4: "59" });
  });
  test("addresses and routes are the old ones", async () => {
    const { old: before, now } = both(old, await factsOf(vps));
    expect(now).toEqual(before);
    expect(now.first).toEqual(["4 default via 10.0.2.2 dev eth1"]);
    expect(await said(vps, "pidof udhcpc && cat /etc/resolv.conf")).toMatch(/^0 \d+\nnameserver 10\.0\.2\.3$/);
  });
  test.each([
    ["beyond the on-link gateway", "10.0.2.3"],
    ["in the static card's network", "10.1.0.2"],
    ["in the leased network", "10.3.0.2"],
  ])("what is %s answers", async (_, address) => {
    expect(await said(vps, `ping -c 1 -W 5 ${address} >/dev/null`)).toBe("0");
  });
  test("the VLAN's frames are tagged: another network stack answers with the same number, and not with another", async () => {
    const far = (id: number) =>
      `unshare -n sleep 600 & p=$!; sleep 1; ip link set eth4 netns $p && nsenter -t $p -n sh -c '
        ip link set eth4 up; ip link add link eth4 name far type vlan id ${id}; ip addr add 10.37.11.254/24 dev far; ip link set far up'
      ping -c 2 -W 3 10.37.11.254 >/dev/null; r=$?; kill $p; sleep 2; exit $r`;
    expect(await said(vps, far(11))).toBe("0");
    expect(await said(vps, far(12))).toBe("1");
  });
  test("and what is planned of it now are the same files", async () => {
    const facts = await factsOf(vps);
    expect(facts.connectedTo).toBe("10.0.2.15");
    const again = planNetwork(facts, "keep", "net-1");
    expect(again).toMatchObject({ refusals: [] });
    const first = planNetwork(old, "keep", "net-1");
    expect("files" in again && again.files.interfaces).toBe("files" in first && first.files.interfaces);
  });
});

describe("IPv6 alone, by a link-local gateway", () => {
  const old = network(
    "if=eth0 2 52:54:00:12:34:56 1500 up physical",
    `addr=2: eth0    inet6 2001:db8:c17:9000::1/64 scope global \\       ${FOREVER}`,
    `addr=2: eth0    inet6 fe80::5054:ff:fe12:3456/64 scope link \\       ${FOREVER}`,
    "route6=2001:db8:c17:9000::/64 dev eth0 proto kernel metric 256 pref medium",
    "route6=default via fe80::1 dev eth0 proto static metric 1024 onlink pref medium",
    "resolv=nameserver 2a01:4ff:ff00::add:1",
  );
  let machine: TapMachine;
  let ssh: (command: string) => string[];
  beforeAll(async () => {
    const disk = await diskFor("six", old);
    const common = { dir, disk, format: "raw", memory: 256, firmware: "bios" } as const;
    machine = await startTapMachine({ ...common, name: "six", serialLog: join(dir, "six.serial.log") }, [
      "ip link set tap0 addrgenmode none",
      "ip addr add fe80::1/64 dev tap0 nodad",
      // the login comes from far away, not from the server's own network
      `ip addr add ${OUTSIDE[6]}/128 dev lo`,
      "ip -6 route add 2001:db8:c17:9000::/64 dev tap0",
    ]);
    const { path } = await labKey();
    const o = [
      "BatchMode=yes",
      "StrictHostKeyChecking=no",
      "UserKnownHostsFile=/dev/null",
      "ConnectTimeout=30",
      "LogLevel=ERROR",
    ];
    // biome-ignore format: what belongs together is in one line
    ssh = (command) => [
      "ssh", "-F", "none", "-i", path, "-b", OUTSIDE[6], ...o.flatMap((v) => ["-o", v]),
      "root@2001:db8:c17:9000::1", command,
    ];
    await machine.until(ssh("true"), BOOT_MS);
  });
  afterAll(() => machine?.stop());

  test("root logs in from far away; there is no IPv4 address", async () => {
    const { stdout } = await machine.here(ssh("ip -4 addr show scope global; cat /etc/resolv.conf"));
    expect(stdout).toBe("nameserver 2a01:4ff:ff00::add:1");
  });
  test("addresses and routes are the old ones", async () => {
    const { stdout } = await machine.here(ssh("ip -o addr | sed s/^/addr=/; ip -6 route | sed s/^/route6=/"));
    const now = network("if=eth0 2 52:54:00:12:34:56 1500 up physical", stdout);
    const { old: before, now: after } = both(old, now);
    expect(after).toEqual(before);
  });
});
