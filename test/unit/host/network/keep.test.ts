/**
 * The old system's network to files. Lines are what `ip -o` prints; where they were not captured, the case says what
 * they follow.
 */
import { describe, expect, it } from "vitest";
import { basic, CARD, DNS, files, fixture, GW, net, refused, stanzas, V4 } from "./tools.ts";

describe("keep", () => {
  it("the lab's static address (captured)", () => {
    const f = files(fixture("debian-12-lab"));
    expect(f.interfaces).toBe(
      "# Written by Pine when this system was installed.\nauto lo\niface lo inet loopback\n\n" +
        "auto eth0\niface eth0 inet static\n    address 10.0.2.15/24\n    gateway 10.0.2.2\n",
    );
    expect(f.mactab).toBe("eth0 52:54:00:12:34:56\n");
    expect(f.resolvConf).toBe("nameserver 10.0.2.3\n");
    expect(f.hosts).toBe("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tvps\n");
    expect([f.summary, f.notes]).toEqual(["10.0.2.15/24 via 10.0.2.2", []]);
  });

  it("an odd MTU and IPv6 (captured on a build machine)", () => {
    const f = files(fixture("debian-12-container-image"));
    expect(stanzas(f)).toEqual([
      "auto eth0",
      "iface eth0 inet static",
      "address 192.0.2.2/24",
      "gateway 192.0.2.1",
      "pre-up ip link set dev eth0 mtu 1400 || true",
      "pre-up echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad || true",
      "up ip -6 addr add fd00::2/64 dev eth0 || true",
      "up ip -6 route replace default via fd00::1 dev eth0 || true",
    ]);
  });

  it("DHCP with an on-link gateway beside static IPv6 by a link-local one (Hetzner)", () => {
    const f = files(fixture("hetzner-debian-12"));
    expect(stanzas(f)).toEqual([
      "auto eth0",
      "iface eth0 inet dhcp",
      "up ip -6 addr add 2001:db8:c17:9000::1/64 dev eth0 || true",
      "up ip -4 route replace 172.31.1.1 dev eth0 || true",
      "up ip -6 route replace default via fe80::1 dev eth0 || true",
    ]);
    expect(f.resolvConf).toBe("nameserver 185.12.64.2\nnameserver 185.12.64.1\nnameserver 2a01:4ff:ff00::add:1\n");
    expect(f.summary).toBe("DHCP on eth0 (now 203.0.113.7/32), 2001:db8:c17:9000::1/64 via fe80::1");
  });

  it("DHCP by networkd, DHCPv6, advertisements and docker0 (EC2, Ubuntu 22.04)", () => {
    const f = files(fixture("ubuntu-22.04-networkd"));
    expect(stanzas(f)).toEqual([
      "auto eth0",
      "iface eth0 inet dhcp",
      "pre-up ip link set dev eth0 mtu 9001 || true",
      "pre-up echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra || true",
      "up ip -6 addr add 2001:db8:aa::12/128 dev eth0 || true",
    ]);
    expect(f.mactab).toBe("eth0 06:aa:bb:cc:dd:ee\n");
    expect(f.notes).toEqual([
      "docker0 (bridge) is not carried over",
      "2001:db8:aa::12 came from DHCPv6 and becomes a fixed address",
      expect.stringMatching(/^the DHCP client id that ens5 got \S+ with could not be read.*the address may change$/),
    ]);
  });

  it.each<[string, string, string[]]>([
    [
      "/32 with a gateway outside of it: its route first",
      [CARD, V4.replace("/24", "/32"), GW, DNS].join("\n"),
      [
        "address 198.51.100.5/32",
        "up ip -4 route replace 198.51.100.1 dev eth0 || true",
        "up ip -4 route replace default via 198.51.100.1 dev eth0 || true",
      ],
    ],
    [
      "a link route that is there already is not doubled",
      [
        CARD,
        V4.replace("/24", "/32"),
        "route4=default via 203.0.113.1 dev eth0",
        "route4=203.0.113.1 dev eth0 scope link",
        DNS,
      ].join("\n"),
      [
        "address 198.51.100.5/32",
        "up ip -4 route replace 203.0.113.1 dev eth0 || true",
        "up ip -4 route replace default via 203.0.113.1 dev eth0 || true",
      ],
    ],
    [
      "several addresses and a static route",
      [
        basic,
        V4.replace("198.51.100.5/24", "203.0.113.9/32"),
        "route4=10.0.0.0/8 via 198.51.100.2 dev eth0 proto static metric 50",
      ].join("\n"),
      [
        "address 198.51.100.5/24",
        "gateway 198.51.100.1",
        "up ip -4 addr add 203.0.113.9/32 dev eth0 || true",
        "up ip -4 route replace 10.0.0.0/8 via 198.51.100.2 dev eth0 metric 50 || true",
      ],
    ],
    [
      "point-to-point (ip-address(8): peer)",
      [
        CARD,
        "addr=2: eth0    inet 198.51.100.5 peer 203.0.113.1/32 scope global eth0\\  valid_lft forever",
        "route4=default via 203.0.113.1 dev eth0",
        DNS,
      ].join("\n"),
      [
        "up ip -4 addr add 198.51.100.5 peer 203.0.113.1/32 dev eth0 || true",
        "up ip -4 route replace default via 203.0.113.1 dev eth0 || true",
      ],
    ],
    [
      "IPv6 only",
      [
        CARD,
        "addr=2: eth0    inet6 2001:db8::5/64 scope global \\  valid_lft forever preferred_lft forever",
        "route6=default via 2001:db8::1 dev eth0 metric 1024 pref medium",
        "resolv=nameserver 2001:db8::53",
      ].join("\n"),
      [
        "up ip -6 addr add 2001:db8::5/64 dev eth0 || true",
        "up ip -6 route replace default via 2001:db8::1 dev eth0 || true",
      ],
    ],
    [
      "IPv6 gateway outside the prefix (OVH)",
      [
        basic,
        "addr=2: eth0    inet6 2001:db8:1:2::5/128 scope global \\  valid_lft forever preferred_lft forever",
        "route6=default via 2001:db8:1:ff::1 dev eth0 metric 1024 onlink pref medium",
      ].join("\n"),
      [
        "address 198.51.100.5/24",
        "gateway 198.51.100.1",
        "up ip -6 addr add 2001:db8:1:2::5/128 dev eth0 || true",
        "up ip -6 route replace 2001:db8:1:ff::1 dev eth0 || true",
        "up ip -6 route replace default via 2001:db8:1:ff::1 dev eth0 || true",
      ],
    ],
    [
      "advertised IPv6 needs nothing but to be taken; temporary addresses go",
      [
        basic,
        "addr=2: eth0    inet6 2001:db8::5054:ff:fe12:3456/64 scope global dynamic mngtmpaddr \\  valid_lft 2591983sec preferred_lft 604783sec",
        "addr=2: eth0    inet6 2001:db8::1234/64 scope global temporary dynamic \\  valid_lft 600sec preferred_lft 60sec",
        "route6=default via fe80::1 dev eth0 proto ra metric 1024 expires 1783sec hoplimit 64 pref medium",
      ].join("\n"),
      [
        "address 198.51.100.5/24",
        "gateway 198.51.100.1",
        "pre-up echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra || true",
      ],
    ],
    [
      "DHCP that only the interfaces file tells of (an old dhclient sets no lifetime)",
      [basic, "ifupdown=iface eth0 inet dhcp"].join("\n"),
      [],
    ],
  ])("%s", (_, text, lines) => {
    expect(stanzas(files(net(text))).slice(2)).toEqual(lines);
  });

  it("two cards, the kernel's order kept, the default route's first", () => {
    const text = [
      "if=ens4 3 52:54:00:12:34:57 1500 up physical",
      "if=ens3 2 52:54:00:12:34:56 1500 up physical",
      V4.replaceAll("eth0", "ens4"),
      GW.replace("eth0", "ens4"),
      "addr=2: ens3    inet 10.1.0.5/16 scope global ens3\\  valid_lft forever",
      "route4=10.0.0.0/8 via 10.1.0.1 dev ens3 proto static",
      "resolv=nameserver fe80::1%ens4",
    ].join("\n");
    const f = files(net(text));
    expect(f.mactab).toBe("eth0 52:54:00:12:34:56\neth1 52:54:00:12:34:57\n");
    expect(stanzas(f)).toContain("up ip -4 route replace 10.0.0.0/8 via 10.1.0.1 dev eth0 || true");
    expect(f.resolvConf).toBe("nameserver fe80::1%eth1\n");
    expect(f.summary).toBe("198.51.100.5/24 via 198.51.100.1; 10.1.0.5/16");
  });

  it.each<[string, string, string]>([
    ["network-bond", "a bond", basic.replace("up physical", "up bond")],
    [
      "network-bond",
      "a card in a bond that kept an address",
      `${basic.replace("up physical", "up physical bond0")}\nif=bond0 5 52:54:00:12:34:56 1500 up bond`,
    ],
    ["network-vlan", "a VLAN as default", basic.replace("up physical", "up vlan")],
    ["network-bridge", "a bridge as default", basic.replace("up physical", "up bridge")],
    ["network-virtual", "a tunnel as default", basic.replace("up physical", "up virtual")],
    [
      "network-bridge",
      "a bridge over a card, not default",
      `${basic}\nif=ens4 3 52:54:00:12:34:57 1500 up physical br0\nif=br0 4 52:54:00:12:34:57 1500 up bridge\naddr=4: br0    inet 10.0.0.1/24 scope global br0\\  valid_lft forever`,
    ],
    ["network-none", "no default route", [CARD, V4, DNS].join("\n")],
    ["network-none", "nothing at all", ""],
    [
      "network-connection",
      "a connection by a tunnel",
      `${basic}\nif=wg0 7 - 1420 unknown virtual\naddr=7: wg0    inet 10.8.0.2/24 scope global wg0\\  valid_lft forever\nssh=10.8.0.2`,
    ],
    ["network-gateway", "an IPv6 gateway for IPv4", basic.replace("via 198.51.100.1", "via inet6 fe80::1")],
    ["network-mac", "a card without a MAC address", basic.replace("52:54:00:12:34:56", "-")],
    ["network-mac", "two cards with one MAC address", `${basic}\nif=eth1 3 52:54:00:12:34:56 1500 up physical`],
    [
      "network-vlan",
      "a VLAN by 802.1ad",
      `${basic.replace("up physical", "up vlan")}\nif=e 9 52:54:00:12:34:57 1500 up physical\nvlan=2: eth0@e: <> \\ vlan protocol 802.1ad id 5`,
    ],
    ["network-dns", "a resolver of its own", basic.replace("9.9.9.9", "127.0.0.1")],
  ])("refuses %s: %s", (code, _, text) => expect(refused(net(text))).toEqual([code]));

  it.each<[string, string]>([
    ["plain", "if=eth0 2 52:54:00:12:34:56 1500 up physical"],
    ["onlink", "if=eth0 2 52:54:00:12:34:56 1400 up physical"],
  ])("what ifup of Alpine made of it becomes the same files again (captured): %s", (name, card) => {
    const captured: Record<string, string> = {
      plain: `addr=2: eth0    inet 10.0.2.15/24 scope global eth0\\       valid_lft forever preferred_lft forever
route4=default via 10.0.2.2 dev eth0  metric 1 onlink
route4=10.0.2.0/24 dev eth0 scope link  src 10.0.2.15`,
      onlink: `addr=2: eth0    inet 203.0.113.7/32 scope global eth0\\       valid_lft forever preferred_lft forever
addr=2: eth0    inet 203.0.113.9/32 scope global eth0\\       valid_lft forever preferred_lft forever
addr=2: eth0    inet6 2001:db8:1::7/64 scope global \\       valid_lft forever preferred_lft forever
route4=default via 203.0.113.1 dev eth0
route4=203.0.113.1 dev eth0 scope link
route6=2001:db8:1::/64 dev eth0  metric 256
route6=fe80::/64 dev eth0  metric 256
route6=default via fe80::1 dev eth0  metric 1024`,
    };
    const before: Record<string, string[]> = {
      plain: ["address 10.0.2.15/24", "gateway 10.0.2.2"],
      onlink: [
        "address 203.0.113.7/32",
        "pre-up ip link set dev eth0 mtu 1400 || true",
        "up ip -4 addr add 203.0.113.9/32 dev eth0 || true",
        "up ip -6 addr add 2001:db8:1::7/64 dev eth0 || true",
        "up ip -4 route replace 203.0.113.1 dev eth0 || true",
        "up ip -4 route replace default via 203.0.113.1 dev eth0 || true",
        "up ip -6 route replace default via fe80::1 dev eth0 || true",
      ],
    };
    expect(stanzas(files(net([card, captured[name], DNS].join("\n")))).slice(2)).toEqual(before[name]);
  });
});
