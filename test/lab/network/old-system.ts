/** What ifup.sh needs to build a server's old network and the other side of its cables, out of the server's facts. */
import { contains, isLinkLocal } from "../../../provider/host/facts/ip.ts";
import type { Address, Interface, NetworkFacts, Route } from "../../../provider/host/facts/types/network.ts";
import { newNames } from "../../../provider/host/network/cards.ts";
import type { NetworkFiles } from "../../../provider/host/network/model/types.ts";

/** An address of each family that only a default route leads to. */
export const OUTSIDE = { 4: "198.19.255.254", 6: "2001:db8:ffff:ffff::1" } as const;

/** The resolver that DHCP names on a card that does not lead anywhere. */
export const STRAY_RESOLVER = "192.0.2.66";

export interface Near {
  /** Interfaces with their addresses as the old system had them; only those that the new one has too. */
  cards: Interface[];
  names: Map<string, string>;
}

/** Cards that are carried: what has a new name and is used. */
export function near(facts: NetworkFacts): Near {
  const names = newNames(facts.interfaces);
  return { cards: facts.interfaces.filter((i) => i.kind === "physical" && names.has(i.name)), names };
}

const own = (card: Interface) => card.addresses.filter((a) => a.scope === "global" && !a.temporary);
const routesOf = (facts: NetworkFacts, card: Interface) => facts.routes.filter((r) => r.dev === card.name);

/** Files for ifup.sh: name to content. */
export function work(facts: NetworkFacts, files: NetworkFiles): Record<string, string> {
  const { cards, names } = near(facts);
  const lo = facts.interfaces.find((i) => i.kind === "loopback");
  return {
    cards: lines(
      cards.map((c) => `${names.get(c.name)} ${c.name} ${c.mac} ${c.mtu ?? 1500} ${c.macSet?.own ?? c.mac}`),
    ),
    old: lines([
      ...(lo ? inOrder(own(lo)).map((a) => addAddress(a, "lo", [])) : []),
      ...cards.flatMap((c) => [
        ...(c.noIpv6 ? [`echo 1 >/proc/sys/net/ipv6/conf/${c.name}/disable_ipv6`] : []),
        `ip link set ${c.name} up`,
        ...inOrder(own(c)).map((a) => addAddress(a, c.name, routesOf(facts, c))),
      ]),
      ...cards.flatMap((c) => oldRoutes(routesOf(facts, c))),
    ]),
    far: lines([
      `far ip addr add ${OUTSIDE[4]}/32 dev lo`,
      `far ip addr add ${OUTSIDE[6]}/128 dev lo`,
      ...cards.flatMap((c, n) => farSide(c, routesOf(facts, c), `far${n}`, facts)),
    ]),
    interfaces: files.interfaces,
    ...(files.resolvConf === undefined ? {} : { "resolv.conf": files.resolvConf }),
    ping: lines(pings(facts, cards)),
    wait: lines(
      cards.flatMap((c) =>
        own(c)
          .filter((a) => a.dynamic || c.dhcp)
          .map((a) => `${a.address}/`),
      ),
    ),
  };
}

const lines = (all: string[]) => all.map((l) => `${l}\n`).join("");
const length = (family: 4 | 6) => (family === 4 ? 32 : 128);

/** The kernel lists what was added last of IPv6 first. */
const inOrder = (addresses: Address[]) => [
  ...addresses.filter((a) => a.family === 4),
  ...addresses.filter((a) => a.family === 6).reverse(),
];

function addAddress(a: Address, dev: string, routes: Route[]): string {
  const linked = routes.some((r) => !r.via && r.to.endsWith(`/${a.prefix}`) && contains(a, r.to.split("/")[0]!));
  const how = [
    ...(a.noPrefixRoute && !linked ? [" noprefixroute"] : []),
    ...(a.deprecated && !a.dynamic ? [" preferred_lft 0"] : []),
  ].join("");
  return `ip -${a.family} addr add ${a.address}${a.peer ? ` peer ${a.peer}` : ""}/${a.prefix} dev ${dev}${how}`;
}

/** `append`, not `add`: a second gateway, a route beside the kernel's own for a network. */
function oldRoutes(routes: Route[]): string[] {
  const made = routes.filter((r) => !["kernel", "redirect"].includes(r.proto ?? ""));
  const text = (r: Route) =>
    [
      `ip -${r.family} route append ${r.to}${r.via ? ` via ${r.via}` : ""} dev ${r.dev}`,
      ...(r.metric ? [`metric ${r.metric}`] : []),
      ...(r.src ? [`src ${r.src}`] : []),
      ...(r.proto === "dhcp" || r.proto === "ra" ? [`proto ${r.proto}`] : []),
      ...(r.onlink ? ["onlink"] : []),
      ...(r.mtu ? [`mtu ${r.mtu.lock ? "lock " : ""}${r.mtu.size}`] : []),
      ...(r.advmss ? [`advmss ${r.advmss}`] : []),
    ].join(" ");
  return [...made.filter((r) => !r.via), ...made.filter((r) => r.via)].map(text);
}

/** The other end of a cable: gateways, ways back, DHCP, advertisements. */
function farSide(card: Interface, routes: Route[], dev: string, facts: NetworkFacts): string[] {
  const gateways = [...new Set(routes.flatMap((r) => r.via ?? []))];
  const local = gateways.filter(isLinkLocal);
  const addresses = own(card);
  const lease = addresses.find((a) => a.family === 4 && (a.dynamic || card.dhcp));
  const network = routes.find((r) => r.family === 6 && r.via === undefined && r.proto === "ra");
  const made = addresses.find((a) => a.family === 6 && a.dynamic && a.prefix < 128);
  const prefix = (made && `${made.address}/${made.prefix}`) ?? network?.to;
  return [
    ...(local.length > 0 ? local : ["fe80::ffff"]).map((g) => `far ip addr add ${g}/64 dev ${dev} nodad`),
    ...gateways
      .filter((g) => !isLinkLocal(g))
      .map(
        (g) => `far ip addr add ${g}/${g.includes(":") ? "128" : "32"} dev ${dev}${g.includes(":") ? " nodad" : ""}`,
      ),
    ...addresses.map((a) => `far ip -${a.family} route append ${a.address}/${length(a.family)} dev ${dev}`),
    ...(lease ? dhcp(card, lease, routes, dev, facts) : []),
    ...(prefix ? advertise(prefix, made !== undefined, dev) : []),
  ];
}

const DNSMASQ =
  "far dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --bind-dynamic --no-ping --leasefile-ro";

function dhcp(card: Interface, lease: Address, routes: Route[], dev: string, facts: NetworkFacts): string[] {
  const dotted = (bits: number) =>
    [24, 16, 8, 0].map((shift) => ((bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0) >>> shift) & 255).join(".");
  // dnsmasq leases only what is in a network of the card: a /32 has none
  const wide = Math.min(lease.prefix, 24);
  const net = lease.address.split(".").slice(0, 3).join(".");
  const server = [253, 252].map((n) => `${net}.${n}`).find((a) => a !== lease.address)!;
  const gateway = routes.find((r) => r.family === 4 && r.to === "default")?.via;
  const others = routes.filter((r) => r.family === 4 && r.proto === "dhcp" && r.via && r.via !== gateway);
  // a second card's network has resolvers of its own, which are not the server's
  const leads = dev === "far0" || gateway !== undefined;
  const dns = leads ? facts.nameservers.filter((n) => !n.includes(":")) : [STRAY_RESOLVER];
  const options = [
    `option:netmask,${dotted(lease.prefix)}`,
    gateway ? `option:router,${gateway}` : "option:router",
    ...(dns.length > 0 ? [`option:dns-server,${dns.join(",")}`] : []),
    ...(others.length > 0 ? [`option:classless-static-route,${others.map((r) => `${r.to},${r.via}`).join(",")}`] : []),
  ];
  return [
    `far ip addr add ${server}/${wide} dev ${dev} noprefixroute`,
    `${DNSMASQ} --interface=${dev} --dhcp-range=${lease.address},${lease.address},${dotted(wide)},1h` +
      ` --dhcp-host=${card.dhcpId ? `id:${card.dhcpId.replaceAll(/..(?=.)/g, "$&:")}` : card.mac},${lease.address} --dhcp-authoritative ${options.map((o) => `--dhcp-option=${o}`).join(" ")} 2>"$work/dhcp.${dev}" &`,
  ];
}

/** A router that advertises a network, with addresses for everybody or by DHCPv6 alone. */
function advertise(prefix: string, autoconf: boolean, dev: string): string[] {
  const groups = expand(prefix.split("/")[0]!).slice(0, 4).join(":");
  const range = autoconf ? `${groups}::,ra-only` : `${groups}::1000,${groups}::1fff,64`;
  return [
    `far ip addr add ${groups}::fffe/64 dev ${dev} nodad`,
    `${DNSMASQ} --interface=${dev} --enable-ra --dhcp-range=${range} 2>"$work/ra.${dev}" &`,
  ];
}

function expand(address: string): string[] {
  const [left = "", right] = address.split("::");
  const [a, b] = [left.split(":").filter(Boolean), (right ?? "").split(":").filter(Boolean)];
  return right === undefined ? a : [...a, ...Array(8 - a.length - b.length).fill("0"), ...b];
}

/** What must answer: through the default routes, and every gateway that an address can be pinged of. */
function pings(facts: NetworkFacts, cards: Interface[]): string[] {
  const used = facts.routes.filter((r) => cards.some((c) => c.name === r.dev));
  const outside = ([4, 6] as const).flatMap((family) =>
    used.some((r) => r.family === family && r.to === "default") ? [`-${family} ${OUTSIDE[family]}`] : [],
  );
  const gateways = new Set(used.flatMap((r) => (r.via && !isLinkLocal(r.via) ? [`-${r.family} ${r.via}`] : [])));
  return [...outside, ...gateways];
}
