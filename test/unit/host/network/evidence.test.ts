/**
 * Whether an address comes by DHCP, and as whom it was asked for: real files and processes for the script, lines for
 * the parser.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assetText } from "../../../../provider/assets.ts";
import { CARD, DNS, files, GW, net, stanzas, V4 } from "./tools.ts";

const dir = mkdtempSync(join(tmpdir(), "pine-evidence-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const head =
  'put() { [ -z "$2" ] || printf "%s=%s\\n" "$1" "$2"; }; get() { line=; }; have() { command -v "$1" >/dev/null; }';
/** A call of a function of the script, by each shell. */
const call = (shell: string[], what: string) =>
  execFileSync(shell[0]!, [...shell.slice(1), "-c", `${head}\n${assetText("host/facts/network.sh")}\n${what}`], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C" },
  });
const shells = [["dash"], ["busybox", "sh"]];

describe("files of ifupdown are read as ifup reads them (canonical/cloud-init#2449)", () => {
  const etc = join(dir, "network");
  mkdirSync(join(etc, "interfaces.d"), { recursive: true });
  const file = (name: string, text: string) => writeFileSync(join(etc, name), text);
  file("interfaces.d/eth0.cfg", "auto eth0\niface eth0 inet dhcp\n");
  file("interfaces.d/eth1", "iface eth1 inet static\n  address \\\n  198.51.100.9/24\n# iface eth2 inet dhcp\n");
  const own = "iface eth0 inet static\n\taddress 203.0.113.5/24\n";
  const dhcp = "ifupdown=iface eth0 inet dhcp";
  const fixed = ["ifupdown=iface eth0 inet static", "ifupdown=address 203.0.113.5/24"];
  const one = ["ifupdown=iface eth1 inet static", "ifupdown=address 198.51.100.9/24"];
  it.each<[string, string, string[]]>([
    ["a file that nothing names says nothing", own, fixed],
    ["source, a pattern", `source ${etc}/interfaces.d/*.cfg\n${own}`, [dhcp, ...fixed]],
    ["source, from the file's folder", `source interfaces.d/eth1\n${own}`, [...one, ...fixed]],
    ["source-directory takes no names with a dot", `${own}source-directory ${etc}/interfaces.d\n`, [...fixed, ...one]],
    ["a file that names itself ends", `${own}source ${etc}/none*\n`, fixed],
    ["the last line without an end", own.trimEnd(), fixed],
  ])("%s", (_, text, lines) => {
    file("interfaces", text);
    for (const shell of shells)
      expect(call(shell, `ifupdown ${etc}/interfaces 0`).trim().split("\n"), shell[0]).toEqual(lines);
  });
  it("a file that sources itself ends", () => {
    file("loop", `iface eth0 inet dhcp\nsource ${etc}/loop\n`);
    for (const shell of shells) expect(call(shell, `ifupdown ${etc}/loop 0`).trim().split("\n")).toHaveLength(8);
  });
});

it("a DHCP client in a container that runs here is not this system's (CISOfy/lynis#1067)", async () => {
  const client = join(dir, "dhclient");
  copyFileSync(execFileSync("sh", ["-c", "command -v sleep"], { encoding: "utf8" }).trim(), client);
  chmodSync(client, 0o755);
  const started = [
    spawn(client, ["61"], { stdio: "ignore" }),
    spawn("unshare", ["--user", "--map-root-user", "--net", client, "62"], { stdio: "ignore" }),
  ];
  try {
    await Promise.all(started.map((p) => once(p, "spawn")));
    const name = (pid: number) => execFileSync("cat", [`/proc/${pid}/comm`], { encoding: "utf8" }).trim();
    await expect.poll(() => started.map((p) => name(p.pid!))).toEqual(["dhclient", "dhclient"]);
    for (const shell of shells) {
      const said = call(shell, "dhcp");
      expect(said, shell[0]).toContain(`dhcp=dhclient ${client} 61`);
      expect(said, shell[0]).not.toContain(`${client} 62`);
    }
  } finally {
    for (const p of started) {
      p.kill("SIGKILL");
      await once(p, "exit");
    }
  }
});

const dhcp = (lines: string) => {
  const f = files(net([CARD, V4, GW, DNS, lines].join("\n")));
  const found = stanzas(f);
  return { by: found[1]!.split(" ").pop(), asks: found.find((l) => l.startsWith("udhcpc-opts")), notes: f.notes };
};

it.each<[string, string, string]>([
  ["a file's dhcp alone (an old dhclient sets no lifetime)", "static", ""],
  ["a file's dhcp alone, nothing against it", "dhcp", "ifupdown=iface eth0 inet dhcp"],
  [
    "beside its own static with the address that is there",
    "static",
    "ifupdown=iface eth0 inet static\nifupdown=address 198.51.100.5\nifupdown=iface eth0 inet dhcp",
  ],
  ["beside a static of an unknown address", "static", "ifupdown=iface eth0 inet dhcp\nifupdown=iface eth0 inet static"],
  [
    "beside a static with an address that is not there",
    "dhcp",
    "ifupdown=iface eth0 inet static\nifupdown=address 192.0.2.9/24\nifupdown=iface eth0 inet dhcp",
  ],
  [
    "beside another card's static",
    "dhcp",
    "ifupdown=iface eth1 inet static\nifupdown=address 198.51.100.5/24\nifupdown=iface eth0 inet dhcp",
  ],
  ["a file that networkd has taken the place of", "static", "managed=2\nifupdown=iface eth0 inet dhcp"],
  [
    "a client that runs, whatever the file says",
    "dhcp",
    "dhcp=dhclient dhclient eth0\nifupdown=iface eth0 inet static\nifupdown=address 198.51.100.5/24",
  ],
  ["a client for IPv6 alone", "static", "dhcp=dhclient dhclient -6 eth0"],
  ["networkd's lease of this address", "dhcp", "dhcp=networkd 2 198.51.100.5 01525400123456"],
  ["networkd's lease of another address, left over", "static", "dhcp=networkd 2 198.51.100.77 01525400123456"],
])("%s: %s", (_, by, lines) => expect(dhcp(lines).by).toBe(by));

const LEASES = "/var/lib/dhcp/dhclient.eth0.leases";
const DUID = `dhcp.kept=${LEASES} default-duid "\\000\\001\\000\\0012\\237%\\346RT\\000\\0224V";`;
// 255, the last four bytes of the MAC address, the DUID: what dnsmasq saw of dhclient 4.4.3 -i
const WITH_DUID = "udhcpc-opts -x 0x3d:ff0012345600010001329f25e6525400123456";
const told = expect.stringContaining("the address may change");
it.each<[string, string | undefined, boolean, string]>([
  ["networkd's", "udhcpc-opts -x 0x3d:ffb6220feb0002", false, "dhcp=networkd 2 198.51.100.5 ffb6220feb0002"],
  ["networkd's by the MAC address, which busybox' is as well", undefined, false, "dhcp=networkd 2 - 01525400123456"],
  ["networkd's that does not say", undefined, true, "dhcp=networkd 2"],
  ["NetworkManager's", undefined, true, "dhcp=NetworkManager 2"],
  ["dhclient's by the MAC address", undefined, false, "dhcp=dhclient dhclient -4 eth0"],
  ["dhclient's DUID", WITH_DUID, false, `dhcp=dhclient dhclient -4 -i -lf ${LEASES} eth0\n${DUID}`],
  ["dhclient's DUID of another file", undefined, true, `dhcp=dhclient dhclient -4 -i -lf /x eth0\n${DUID}`],
  [
    "dhclient's by its configuration",
    "udhcpc-opts -x 0x3d:0100a024ab",
    false,
    "dhcp=dhclient dhclient -i eth0\ndhcp.kept=/etc/dhcp/dhclient.conf send dhcp-client-identifier 1:0:a0:24:ab;",
  ],
  [
    "dhclient's by a text that is no number",
    undefined,
    true,
    'dhcp=dhclient dhclient eth0\ndhcp.kept=/etc/dhcp/dhclient.conf send dhcp-client-identifier "vps; x";',
  ],
  [
    "dhcpcd's DUID (dhcpcd.conf(5): the IAID is the last four bytes of the MAC address)",
    "udhcpc-opts -x 0x3d:ff0012345600010001aabb",
    false,
    "dhcp=dhcpcd dhcpcd: eth0 [ip4]\ndhcp.kept=/etc/dhcpcd.conf duid\ndhcp.kept=/var/lib/dhcpcd/duid 00:01:00:01:aa:bb",
  ],
  ["dhcpcd's DUID that is not kept", undefined, true, "dhcp=dhcpcd dhcpcd: eth0\ndhcp.kept=/etc/dhcpcd.conf duid"],
  ["udhcpc's", "udhcpc-opts -x 0x3d:c0ffee", false, "dhcp=udhcpc udhcpc -i eth0 -x 0x3d:C0FFEE"],
  [
    "nobody's that is seen, an address with an end",
    undefined,
    true,
    `addr=2: eth0 inet 198.51.100.6/24 scope global dynamic eth0`,
  ],
])("asks as before: %s", (_, asks, note, lines) => {
  const found = dhcp(lines);
  expect([found.by, found.asks]).toEqual(["dhcp", asks]);
  expect(found.notes).toEqual(note ? [told] : []);
});
