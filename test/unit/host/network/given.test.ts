/** A network that is asked for, to files; and the addresses it is made of. */
import { describe, expect, it } from "vitest";
import { addressBits, contains, parseCidr } from "../../../../provider/host/facts/ip.ts";
import type { NetworkInput } from "../../../../provider/host/network/model/types.ts";
import { basic, files, net, refused, stanzas } from "./tools.ts";

describe("dhcp", () => {
  it("is the card of the default route", () => {
    const f = files(net(basic), "dhcp");
    expect(stanzas(f)).toEqual(["auto eth0", "iface eth0 inet dhcp"]);
    expect([f.resolvConf, f.summary]).toEqual([undefined, "DHCP on eth0"]);
  });
  it("needs a card", () => expect(refused(net(""), "dhcp")).toEqual(["network-card"]));
  it("is not for a bond", () =>
    expect(refused(net(basic.replace("physical", "bond")), "dhcp")).toEqual(["network-bond"]));
});

describe("static", () => {
  const to = (s: Partial<Extract<NetworkInput, object>["static"]>): NetworkInput => ({
    static: { addresses: ["203.0.113.7/24"], gateways: ["203.0.113.1"], ...s },
  });
  it("replaces what was there and keeps the resolvers", () => {
    const f = files(net(basic), to({}));
    expect(stanzas(f).slice(2)).toEqual(["address 203.0.113.7/24", "gateway 203.0.113.1"]);
    expect(f.resolvConf).toBe("nameserver 9.9.9.9\nsearch example.org\n");
  });
  it("takes a card by MAC, both families, resolvers and MTU", () => {
    const s = to({
      mac: "52:54:00:12:34:56",
      addresses: ["203.0.113.7/32", "2001:db8::7/64"],
      gateways: ["203.0.113.1", "fe80::1"],
      nameservers: ["2001:db8::53"],
      search: [],
      mtu: 1450,
    });
    const f = files(net(basic), s);
    expect(stanzas(f).slice(2)).toEqual([
      "address 203.0.113.7/32",
      "pre-up ip link set dev eth0 mtu 1450 || true",
      "up ip -6 addr add 2001:db8::7/64 dev eth0 || true",
      "up ip -4 route replace 203.0.113.1 dev eth0 || true",
      "up ip -4 route replace default via 203.0.113.1 dev eth0 || true",
      "up ip -6 route replace default via fe80::1 dev eth0 || true",
    ]);
    expect(f.resolvConf).toBe("nameserver 2001:db8::53\n");
  });
  it("says so when the connection's address goes", () => {
    const notes = (ssh: string) => files(net(`${basic}\nssh=${ssh}`), to({})).notes;
    expect(notes("198.51.100.5")).toEqual(["this connection goes to 198.51.100.5, which is not among the addresses"]);
    expect([notes("203.0.113.7"), notes("::1")]).toEqual([[], []]);
  });
  it.each<[string, Parameters<typeof to>[0], string]>([
    ["a prefix is missing", { addresses: ["203.0.113.7"] }, "network-input"],
    ["no address", { addresses: [], gateways: [] }, "network-input"],
    ["a gateway of another family", { gateways: ["fe80::1"] }, "network-input"],
    ["two gateways of a family", { gateways: ["203.0.113.1", "203.0.113.2"] }, "network-input"],
    ["a nameserver's name", { nameservers: ["dns.example"] }, "network-input"],
    ["a MAC that is not there", { mac: "52:54:00:00:00:00" }, "network-card"],
  ])("refuses: %s", (_, s, code) => expect(refused(net(basic), to(s))).toEqual([code]));
});

describe("addresses", () => {
  it.each([
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["0.0.0.0/0", "203.0.113.1", true],
    ["2001:db8::/32", "2001:db8:ffff::1", true],
    ["2001:db8::/64", "2001:db8:0:1::", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["10.0.0.0/8", "::1", false],
  ])("%s contains %s: %s", (cidr, address, yes) => expect(contains(parseCidr(cidr)!, address)).toBe(yes));
  it("reads an IPv4 tail", () => expect(addressBits("::ffff:192.0.2.1")).toBe(addressBits("::ffff:c000:201")));
  it.each(["10.0.0.1", "10.0.0.1/33", "::1/129", "10.0.0/8", "x/8", "10.0.0.1/8/8", "10.0.0.1/"])(
    "%s is none",
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );
});
