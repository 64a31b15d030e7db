/**
 * What of a network is carried over beside addresses and routes, what is told, what is refused, and how long planning
 * takes.
 */
import { describe, expect, it } from "vitest";
import { planContainerNetwork } from "../../../../provider/host/network/container.ts";
import { MOST_ROUTES } from "../../../../provider/host/network/routes.ts";
import { basic, CARD, DNS, files, GW, net, refused, stanzas, V4 } from "./tools.ts";

const TAILSCALE = "if=tailscale0 5 - 1280 unknown virtual";
const LXC = "if=lxcbr0 5 00:16:3e:00:00:01 1500 up bridge\naddr=5: lxcbr0    inet 10.0.3.1/24 scope global lxcbr0";
const WG =
  "if=wg0 6 - 1420 up virtual\naddr=6: wg0 inet 10.8.0.2/24 scope global wg0\nroute4=10.8.0.0/16 dev wg0 scope link";

describe("a resolver of the server's own", () => {
  it.each<[string, string, string]>([
    ["tailscaled (tailscale/tailscale#14467)", "100.100.100.100", TAILSCALE],
    ["its own address (tailscale/tailscale#12108)", "198.51.100.5", ""],
    ["its bridge", "10.0.3.1", LXC],
    ["behind a tunnel", "10.8.7.1", WG],
    [
      "its loopback's further address",
      "192.0.2.53",
      "if=lo 1 - 65536 unknown loopback\naddr=1: lo inet 192.0.2.53/32 scope global lo",
    ],
  ])("%s is refused alone, left out and told beside another", (_, server, more) => {
    const alone = [basic.replace("9.9.9.9", server), more].join("\n");
    expect(refused(net(alone))).toEqual(["network-dns"]);
    const f = files(net([basic, `resolv=nameserver ${server}`, more].join("\n")));
    expect(f.resolvConf).toBe("nameserver 9.9.9.9\nsearch example.org\n");
    expect(f.notes.join("\n")).toContain(`the resolver ${server} `);
    const given = files(net(alone), { static: { addresses: ["198.51.100.5/24"], gateways: ["198.51.100.1"] } });
    expect(given.resolvConf).not.toContain(server);
    expect(given.notes).toContain("no nameserver: names will not resolve");
  });
  it("is no matter where DHCP names another", () => {
    const text = `${basic.replace("9.9.9.9", "100.100.100.100")}\ndhcp=dhclient dhclient eth0`;
    expect(files(net(text)).resolvConf).toBeUndefined();
  });
  it.each([
    ["in the card's network", "198.51.100.53", ""],
    ["by the default route", "203.0.113.53", WG],
  ])("%s is kept", (_, server, more) =>
    expect(files(net([basic.replace("9.9.9.9", server), more].join("\n"))).resolvConf).toContain(server),
  );
});

const SIX = "addr=2: eth0    inet6 2001:db8::5/64 scope global \\  valid_lft forever preferred_lft forever";
const notes = (more: string) => files(net([basic, more].join("\n"))).notes;

describe("what is not understood is told", () => {
  it.each<[string, string, string]>([
    ["a word of a route", "route4=10.0.0.0/8 via 198.51.100.2 dev eth0 frob 3", '"frob" of the route to 10.0.0.0/8'],
    [
      "a known one that busybox cannot set",
      "route4=10.0.0.0/8 via 198.51.100.2 dev eth0 initcwnd 10",
      '"initcwnd 10" of the',
    ],
    ["a lock", "route4=10.0.0.0/8 via 198.51.100.2 dev eth0 congctl lock cubic", '"congctl lock cubic" of the'],
    [
      "a hop limit",
      "route6=2001:db8:9::/48 via fe80::1 dev eth0 hoplimit 12",
      '"hoplimit 12" of the route to 2001:db8:9::/48',
    ],
    [
      "an encapsulation",
      "route4=10.0.0.0/8 encap mpls 16 via 198.51.100.2 dev eth0",
      '"encap" of the route to 10.0.0.0/8',
    ],
    ["a word of an address", SIX.replace("global", "global dadfailed"), '"dadfailed" of 2001:db8::5 is'],
    ["keepalived's address", SIX.replace("global", "global proto keepalived"), "2001:db8::5 was set by keepalived"],
    ["a route to nowhere", "route4=blackhole 10.0.0.0/8", "not carried over: blackhole 10.0.0.0/8"],
    ["a line without a card", "route4=10.0.0.0/8 proto static", "not carried over: 10.0.0.0/8 proto static"],
    ["a line that is no address", "addr=what is this", "not carried over: what is this"],
    [
      "the MTU of a route that DHCP makes",
      "dhcp=dhclient dhclient eth0\nroute4=default via 198.51.100.1 dev eth0 mtu 1400 metric 9",
      '"mtu 1400" of the route to default, which DHCP makes,',
    ],
  ])("%s", (_, line, note) => expect(notes(line).join("\n")).toContain(note));
  it("many routes in one note", () => {
    const line = (n: number) => `route4=10.${n}.0.0/16 via 198.51.100.2 dev eth0 initrwnd 20`;
    expect(notes([1, 2, 3].map(line).join("\n"))).toEqual([
      '"initrwnd 20" of the route to 10.1.0.0/16 and 2 more is not carried over',
    ]);
  });
  it("and nothing of what the kernel says by itself", () => {
    const lines = [
      "route4=10.0.0.0/8 via 198.51.100.2 dev eth0 linkdown weight 1 mtu 1500 advmss 1460 hoplimit 0",
      "route6=unreachable default dev lo proto kernel metric 4294967295 error -101 pref medium",
      SIX.replace("global", "global mngtmpaddr stable-privacy proto kernel_ra"),
    ];
    expect(notes(lines.join("\n"))).toEqual([]);
    expect(stanzas(files(net([basic, ...lines].join("\n")))).join("\n")).not.toMatch(/mtu|advmss/);
  });
});

it("an address whose network's route was taken away stands alone; beside one by a wider route it keeps its length", () => {
  const other =
    "addr=2: eth0 inet 203.0.113.9/28 scope global eth0\nroute4=203.0.113.0/28 dev eth0 proto kernel scope link src 203.0.113.9";
  expect(stanzas(files(net([basic, other].join("\n"))))).toContain("address 198.51.100.5/32");
  const route = "route4=198.51.100.0/24 dev eth0 proto kernel scope link metric 100";
  const flagged = basic.replace("scope global", "scope global noprefixroute");
  expect(stanzas(files(net([flagged, route].join("\n"))))).toContain("address 198.51.100.5/24");
});

it("IPv6 that is off, or takes no advertisements, stays so below a VLAN and in a container", () => {
  const vlan = [
    "if=eno1 2 52:54:00:12:34:56 1500 up physical",
    "if=eno1.5 3 52:54:00:12:34:56 1500 up vlan",
    "vlan=3: eno1.5@eno1: <> \\ vlan protocol 802.1Q id 5",
    V4.replaceAll("eth0", "eno1.5"),
    GW.replace("eth0", "eno1.5"),
    DNS,
  ];
  const off = "pre-up echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6 || true";
  expect(stanzas(files(net([...vlan, "noipv6=eno1"].join("\n"))))).toContain(off);
  expect(stanzas(files(net([...vlan, "ra=eno1 0"].join("\n"))))).toContain(
    off.replace("1 >", "0 >").replace("disable_ipv6", "accept_ra"),
  );
  const p = planContainerNetwork(net(`${basic}\nnoipv6=eth0\ndhcp=networkd 2 198.51.100.5 ff01`), "keep", "vps");
  const lines = "files" in p ? p.files.interfaces : "";
  expect(lines).toContain(off);
  expect(lines).toContain("udhcpc-opts -x 0x3d:ff01");
});

describe("routing daemons", () => {
  const bird = GW.replace("onlink", "proto bird metric 32");
  it("their default route alone is refused", () =>
    expect(refused(net([CARD, V4, bird, DNS].join("\n")))).toEqual(["network-routing"]));
  it("and gives way to the server's own", () => {
    const f = files(net([basic, bird.replace("51.100.1", "51.100.9").replace("32", "1")].join("\n")));
    expect([f.summary, f.notes]).toEqual([
      "198.51.100.5/24 via 198.51.100.1",
      ["1 route of bird will not be carried over: the new system does not run it"],
    ]);
  });
  it("an address that they make known is not the way to the server", () => {
    const lo = "if=lo 1 - 65536 unknown loopback\naddr=1: lo inet 192.0.2.53/32 scope global lo\nssh=192.0.2.53";
    expect(refused(net([basic, lo].join("\n")))).toEqual([]);
    expect(refused(net([basic, lo, "daemon=3 proto bird"].join("\n")))).toEqual(["network-connection"]);
  });
});

describe("many routes (ashi009/bestroutetb#11, 20c/pybird#5)", () => {
  const route = (n: number, proto: string) =>
    `route4=10.${n >> 8}.${n & 255}.0/24 via 198.51.100.${2 + (n % 200)} dev eth0 proto ${proto} metric 32`;
  const routes = (n: number, proto = "static") => Array.from({ length: n }, (_, i) => route(i, proto));
  const text = (n: number) => [basic, ...routes(n)].join("\n");
  it(`${MOST_ROUTES} are carried, one more is refused, and a daemon's are only counted`, () => {
    // the default route is one of them, as `gateway`
    expect(stanzas(files(net(text(MOST_ROUTES - 1)))).filter((l) => l.startsWith("up ip"))).toHaveLength(
      MOST_ROUTES - 1,
    );
    expect(refused(net(text(MOST_ROUTES)))).toEqual(["network-routes"]);
    const f = files(net([basic, ...routes(MOST_ROUTES + 5, "bird")].join("\n")));
    expect([stanzas(f).length, f.notes]).toEqual([
      4,
      [`${MOST_ROUTES + 5} routes of bird will not be carried over: the new system does not run it`],
    ]);
  });
  it("eight thousand take no more than five times as long as two thousand", () => {
    const took = (of: string) => {
      // the processor's time: what else this machine does is not in it
      const start = process.cpuUsage();
      files(net(of));
      return process.cpuUsage(start).user;
    };
    const median = (all: number[]) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)]!;
    const [few, many] = [text(2000), text(8000)];
    for (const warm of [few, many, few]) took(warm);
    // side by side: a slow minute slows both
    const pairs = Array.from({ length: 7 }, () => [took(few), took(many)] as const);
    expect(median(pairs.map(([, m]) => m)) / median(pairs.map(([f]) => f))).toBeLessThanOrEqual(5);
  });
});
