/** Lines that several formats share: resolv.conf, hosts, routes, a card in words. Pure. */
import type { Card, CardRoute, NetworkParts } from "../model/card.ts";

/** Lines of /etc/resolv.conf. */
export const resolvLines = ({ nameservers, search }: NetworkParts["dns"]): string[] => [
  ...nameservers.map((n) => `nameserver ${n}`),
  ...(search.length > 0 ? [`search ${search.join(" ")}`] : []),
];

/** /etc/hosts. */
export function hostsFile(hostname: string): string {
  const short = hostname.split(".")[0]!;
  const own = short === hostname ? short : `${hostname} ${short}`;
  return `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t${own}\n`;
}

export const flag = (family: 4 | 6) => (family === 6 ? "-6" : "-4");

export function routeCommand(r: CardRoute, dev: string): string {
  const via = r.via ? ` via ${r.via}` : "";
  const metric = r.metric ? ` metric ${r.metric}` : "";
  const src = r.src ? ` src ${r.src}` : "";
  const mtu = r.mtu ? ` mtu ${r.mtu.lock ? "lock " : ""}${r.mtu.size}` : "";
  const advmss = r.advmss ? ` advmss ${r.advmss}` : "";
  return `ip ${flag(r.family)} route replace ${r.to}${via} dev ${dev}${metric}${src}${mtu}${advmss}`;
}

/** "10.0.2.15/24 via 10.0.2.2" */
export function cardSummary(card: Card): string {
  const gateway = (family: 4 | 6) => card.routes.find((r) => r.family === family && r.to === "default")?.via;
  const fixed = ([4, 6] as const).flatMap((family) => {
    const own = card.addresses.filter((a) => a.family === family).map((a) => `${a.address}/${a.prefix}`);
    const via = gateway(family);
    return own.length > 0 ? [`${own.join(", ")}${via ? ` via ${via}` : ""}`] : [];
  });
  const lease = card.now ? ` (now ${card.now.address}/${card.now.prefix})` : "";
  const parts = [
    ...(card.dhcp ? [`DHCP on ${card.name}${lease}`] : []),
    ...fixed,
    ...(card.routerAdvertised ? ["IPv6 by router advertisements"] : []),
  ];
  return `${parts.join(", ")}${card.vlan ? ` in VLAN ${card.vlan.id}` : ""}`;
}
