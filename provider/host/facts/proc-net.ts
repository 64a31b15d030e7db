/** Addresses and routes of a server without `ip`, out of /proc/net, as `ip -o` would print them. Pure. */
import { contains, parseCidr } from "./ip.ts";

/** Flags of linux/route.h and linux/ipv6_route.h. */
const GATEWAY = 0x2;
const REJECT = 0x200;
const ADDRCONF = 0x40000;
const ANYCAST = 0x100000;
const LOCAL = 0x80000000;
/** IP6_RT_PRIO_ADDRCONF: metric of the route that an address brings with it. */
const OWN_METRIC = 256;
/** IFA_F_TEMPORARY and IFA_F_PERMANENT of linux/if_addr.h. */
const TEMPORARY = 0x01;
const PERMANENT = 0x80;

export interface ProcLines {
  route4: string[];
  route6: string[];
  addr4: string[];
  addr6: string[];
}

export interface IpLines {
  addr: string[];
  route4: string[];
  route6: string[];
}

/**
 * `route4`, `route6`, `addr6`: lines of /proc/net/route, ipv6_route, if_inet6; `addr4`: the server's own addresses of
 * fib_trie.
 */
export function ipLines(proc: ProcLines): IpLines {
  const routes = proc.route4.map((l) => l.split(/\s+/)).filter((w) => (Number.parseInt(w[3]!, 16) & REJECT) === 0);
  const nets = routes.map((w) => ({
    dev: w[0]!,
    to: `${dotted(w[1]!)}/${bits(w[7]!)}`,
    via: Number.parseInt(w[3]!, 16) & GATEWAY ? dotted(w[2]!) : undefined,
    metric: Number(w[6]),
  }));
  const leading = nets.find((n) => n.to === "0.0.0.0/0");
  const addr4 = proc.addr4.flatMap((address) => {
    if (address.startsWith("127.")) return [];
    // the trie names no card: take the card with a route to the address's network
    const net = nets.find((n) => !n.via && n.to !== "0.0.0.0/0" && contains(parseCidr(n.to)!, address));
    const dev = net?.dev ?? leading?.dev;
    return dev ? [`0: ${dev} inet ${address}/${net?.to.split("/")[1] ?? 32} scope global`] : [];
  });
  return {
    addr: [...addr4, ...proc.addr6.map(address6)],
    route4: nets.map((n) => {
      const metric = n.metric ? ` metric ${n.metric}` : "";
      const own = n.to === "0.0.0.0/0" ? "default" : n.to.replace(/\/32$/, "");
      // the route that an address brings with it
      const made = !n.via && proc.addr4.some((a) => n.to !== "0.0.0.0/0" && contains(parseCidr(n.to)!, a));
      return `${own}${n.via ? ` via ${n.via}` : ""} dev ${n.dev}${made ? " proto kernel" : ""}${metric}${n.via ? "" : " scope link"}`;
    }),
    route6: proc.route6.flatMap(route6),
  };
}

/** `fd000000000000000000000000000002 04 40 00 82 eth0`: address, index, prefix, scope, flags, card. */
function address6(line: string): string {
  const [hex = "", , prefix = "", scope = "", flags = "", dev = ""] = line.split(/\s+/);
  const is = (flag: number) => (Number.parseInt(flags, 16) & flag) !== 0;
  const where = scope === "20" ? "link" : scope === "10" ? "host" : "global";
  const how = `${is(TEMPORARY) ? " temporary" : ""}${is(PERMANENT) ? "" : " dynamic"}`;
  return `0: ${dev} inet6 ${colons(hex)}/${Number.parseInt(prefix, 16)} scope ${where}${how}`;
}

/** Destination, its prefix, source, its prefix, next hop, metric, two counters, flags, card. */
function route6(line: string): string[] {
  const [to = "", prefix = "", , , via = "", metric = "", , , flags = "", dev = ""] = line.split(/\s+/);
  const flag = Number.parseInt(flags, 16);
  if ((flag & (REJECT | ANYCAST)) !== 0 || flag >= LOCAL || to.startsWith("ff") || dev === "lo") return [];
  const length = Number.parseInt(prefix, 16);
  const where = length === 0 ? "default" : length === 128 ? colons(to) : `${colons(to)}/${length}`;
  const hop = flag & GATEWAY ? ` via ${colons(via)}` : "";
  const made = (flag & GATEWAY) === 0 && Number.parseInt(metric, 16) === OWN_METRIC;
  const proto = flag & ADDRCONF ? " proto ra" : made ? " proto kernel" : "";
  return [`${where}${hop} dev ${dev}${proto} metric ${Number.parseInt(metric, 16)}`];
}

/**
 * Eight hexadecimal digits in this machine's byte order; all that Debian and Ubuntu have servers of are little-endian.
 */
const dotted = (hex: string) => [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
const bits = (mask: string) => [...Number.parseInt(mask, 16).toString(2)].filter((b) => b === "1").length;

/** 32 hexadecimal digits, the longest run of zeros shortened. */
function colons(hex: string): string {
  const groups = (hex.match(/.{4}/g) ?? []).map((g) => Number.parseInt(g, 16).toString(16));
  const runs = [
    ...groups
      .map((g) => (g === "0" ? "0" : "x"))
      .join("")
      .matchAll(/0{2,}/g),
  ];
  const longest = runs.sort((a, b) => b[0].length - a[0].length)[0];
  if (!longest) return groups.join(":");
  return `${groups.slice(0, longest.index).join(":")}::${groups.slice(longest.index + longest[0].length).join(":")}`;
}
