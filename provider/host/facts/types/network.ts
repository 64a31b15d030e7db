/** What is known of a server's network (facts/network.ts). Anything that could not be read is absent. */

export interface Address {
  family: 4 | 6;
  address: string;
  prefix: number;
  /** Point-to-point peer. */
  peer?: string;
  /** With a lifetime: from DHCP or router advertisements. */
  dynamic: boolean;
  /** A privacy address of IPv6: it changes by itself. */
  temporary?: true;
  /** Not to be the source of new connections. */
  deprecated?: true;
  /** It adds no route to its network. */
  noPrefixRoute?: true;
  /** The kernel did not check whether the network has it twice. */
  noDad?: true;
  /** Who set it: "kernel_ll", "keepalived", …; newer kernels say. */
  proto?: string;
  /** Words about it that were not understood. */
  other?: string[];
  scope: "global" | "link" | "host" | "site";
}

export interface Vlan {
  /** 1 to 4094. */
  id: number;
  /** Interface below it. */
  parent: string;
  /** 802.1ad: a tag in a tag, not the usual one. */
  ad?: true;
}

export interface Bond {
  /** balance-rr, active-backup, 802.3ad, …; absent when it could not be read. */
  mode?: string;
  members: string[];
}

export type InterfaceKind = "physical" | "loopback" | "vlan" | "bond" | "bridge" | "virtual";

export interface Interface {
  name: string;
  /** The kernel's number: the order in which it found them. */
  index: number;
  kind: InterfaceKind;
  mac?: string;
  /** The MAC address was set by software; the card's own, where it could be read. */
  macSet?: { own?: string };
  mtu?: number;
  up: boolean;
  /** Name of the bond or bridge this one is in. */
  master?: string;
  vlan?: Vlan;
  bond?: Bond;
  /** The kernel takes IPv6 from router advertisements. networkd does so itself and says false here. */
  acceptsRa?: boolean;
  /** It makes no address for itself from an advertisement. */
  noAutoconf?: true;
  /** IPv6 is turned off. */
  noIpv6?: true;
  addresses: Address[];
  /** Where a DHCP client for it was seen: "dhclient", "networkd", "ifupdown", … */
  dhcp?: string;
  /** As whom that client asks: option 61 (RFC 2132) in hexadecimal digits; absent: not known. */
  dhcpId?: string;
}

export interface Route {
  family: 4 | 6;
  /** "default" or a prefix. */
  to: string;
  via?: string;
  dev: string;
  onlink: boolean;
  metric?: number;
  src?: string;
  /** "kernel", "ra", "dhcp", "static", "boot", … */
  proto?: string;
  /** The routing daemon that made it. */
  daemon?: string;
  /** Bytes of a packet at most; `lock`: no path MTU discovery. */
  mtu?: { size: number; lock: boolean };
  /** Bytes of a TCP segment at most. */
  advmss?: number;
  /** Words about it that the new system cannot set (`initcwnd 10`), or that were not understood. */
  other?: string[];
}

export interface NetworkFacts {
  interfaces: Interface[];
  /** Routes of the main table. */
  routes: Route[];
  /** Lines of routes that lead nowhere (`blackhole 10.0.0.0/8`), and lines that were not understood. */
  leftOut?: string[];
  /** Routing daemons and how many routes they have made, which are not among `routes`. */
  daemons?: { name: string; routes: number }[];
  /** The server's address that this connection goes to, where it is known; behind NAT not the one that was dialled. */
  connectedTo?: string;
  /** The port that it goes to, on the server's side; absent: not known. */
  connectedPort?: number;
  /** Rules for other tables, as `ip rule` prints them: `32765: from 10.0.0.5 lookup 100`. */
  rules: string[];
  nameservers: string[];
  search: string[];
}
