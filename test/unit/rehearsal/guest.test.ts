/** What of a server the machine of a rehearsal gets, and which rehearsals are the same one. */
import { describe, expect, it } from "vitest";
import { planContainerNetwork } from "../../../provider/host/network/container.ts";
import { planNetwork } from "../../../provider/host/network/plan.ts";
import { addressesOf, cardsOf, type Guest, networkShape, rehearsalKey } from "../../../provider/rehearsal/guest.ts";
import { facts } from "../host/plan/tools.ts";

type Given = { addresses: string[]; gateways?: string[]; vlan?: number };
const filesOf = (plan: ReturnType<typeof planNetwork>) => ("files" in plan ? plan.files : expect.fail("refused"));
const fixed = (given: Given, change?: Parameters<typeof facts>[0]) =>
  filesOf(planNetwork(facts(change).network, { static: given }, "web-1"));
const two = fixed({ addresses: ["203.0.113.7/24", "203.0.113.8/32", "2001:db8::7/64"], gateways: ["203.0.113.1"] });
const kept = filesOf(planNetwork(facts().network, "keep", "web-1"));

describe("cards", () => {
  it("are those of mactab", () => expect(cardsOf(kept)).toEqual([{ name: "eth0", mac: "52:54:00:12:34:56" }]));
  it("are no VLANs and no loopback, and one without a fixed name counts", () => {
    const { interfaces } = fixed({ addresses: ["203.0.113.7/24"], vlan: 100 });
    expect(interfaces).toContain("iface eth0.100 inet");
    expect(cardsOf({ interfaces, mactab: "" })).toEqual([{ name: "eth0" }]);
    expect(cardsOf({ interfaces: "iface lo inet loopback\niface eth3 inet dhcp\n", mactab: "eth0 aa:bb\n" })).toEqual([
      { name: "eth0", mac: "aa:bb" },
      { name: "eth3" },
    ]);
  });
});

describe("fixed addresses", () => {
  it("are read from what the planner writes", () =>
    expect(addressesOf(two.interfaces)).toEqual([
      { card: "eth0", address: "203.0.113.7" },
      { card: "eth0", address: "203.0.113.8" },
      { card: "eth0", address: "2001:db8::7" },
    ]));
  it("with a peer, too, and on the loopback", () =>
    expect(
      addressesOf("iface lo inet loopback\n    up ip -4 addr add 198.51.100.9 peer 198.51.100.1/32 dev lo || true\n"),
    ).toEqual([{ card: "lo", address: "198.51.100.9" }]));
  it("are none with DHCP", () =>
    expect(addressesOf(filesOf(planNetwork(facts().network, "dhcp", "web-1")).interfaces)).toEqual([]));
  it("of a container, where several are set in one command", () => {
    const plan = planContainerNetwork(facts().network, { static: { addresses: ["203.0.113.7/24", "::7/64"] } }, "c");
    expect(addressesOf(filesOf(plan).interfaces).map((a) => a.address)).toEqual(["203.0.113.7", "::7"]);
  });
});

const guest = (change: Partial<Guest> = {}): Guest => ({
  network: two,
  identity: [],
  files: [],
  sshPorts: [22],
  kernelArguments: [],
  memory: 512,
  leaveOut: [],
  again: [],
  ...change,
});
const key = (change?: Partial<Guest>, salt = "s") => rehearsalKey(guest(change), salt, "1");

describe("two servers", () => {
  const given = { addresses: ["198.51.100.9/24", "198.51.100.10/32", "2001:db8:1::9/64"], gateways: ["198.51.100.1"] };
  const other = fixed(given, (f) => {
    f.network.interfaces.find((i) => i.name === "eth0")!.mac = "52:54:00:ff:ff:01";
  });
  it("of one shape share a rehearsal, whatever their names, keys and addresses", () => {
    expect(other.interfaces).not.toBe(two.interfaces);
    expect(networkShape(other)).toBe(networkShape(two));
    const identity = [{ path: "/etc/hostname", content: "web-2\n", mode: "0644", owner: "root:root" }];
    expect(key({ network: other, identity })).toBe(key());
  });
  it.each<[string, Partial<Guest>]>([
    ["another network", { network: kept }],
    ["a card more", { network: { ...two, mactab: `${two.mactab}eth1 52:54:00:12:35:02\n` } }],
    ["a file", { files: [{ path: "/etc/x", content: "1", mode: "0644", owner: "root:root" }] }],
    ["another port", { sshPorts: [2222] }],
    ["kernel arguments", { kernelArguments: ["quiet"] }],
    ["memory", { memory: 96 }],
    ["a check left out", { leaveOut: ["web"] }],
    ["other triggers", { again: [1] }],
  ])("with %s do not", (_, change) => expect(key(change)).not.toBe(key()));
  it("in another store have names of their own, so that a file's content cannot be tried out", () =>
    expect(key({}, "another salt")).not.toBe(key()));
});

it("what makes rehearsals goes into the name", () =>
  expect(rehearsalKey(guest(), "s", "2")).not.toBe(rehearsalKey(guest(), "s", "1")));
