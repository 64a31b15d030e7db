/** A card as every renderer gets it. */

export interface CardRoute {
  family: 4 | 6;
  /** "default" or a prefix. */
  to: string;
  via?: string;
  metric?: number;
  /** Source address, where it is not the card's first. */
  src?: string;
  /** The gateway gets a route to itself first. */
  onlink: boolean;
  mtu?: { size: number; lock: boolean };
  advmss?: number;
}

/** A network card of the new system, or a VLAN over one. */
export interface Card {
  name: string;
  oldName: string;
  /** The MAC address of a physical card. */
  mac?: string;
  /** The old system set the MAC address; the new one does so too. */
  setMac?: boolean;
  /** `parent`: the new system's name of the card below. */
  vlan?: { id: number; parent: string; parentMtu?: number; parentIpv6?: { off?: boolean; refusesRa?: boolean } };
  mtu?: number;
  dhcp: boolean;
  /** The client id, where it is not the MAC address: option 61 in hexadecimal digits. */
  dhcpId?: string;
  /** The metric of the default routes that DHCP brings. */
  metric?: number;
  /** IPv6 by router advertisements, which the kernel handles. */
  routerAdvertised: boolean;
  /** Router advertisements are to be ignored. */
  refusesRa?: boolean;
  /** No address is made from an advertisement; the rest of the advertisement counts. */
  noAutoconf?: boolean;
  /** IPv6 is off. */
  noIpv6?: boolean;
  /** IPv6 addresses are used without a check for duplicates. */
  noDad?: boolean;
  /** The address DHCP gave the old system. */
  now?: { address: string; prefix: number };
  /** Addresses that the kernel shall prefer come first. */
  addresses: CardAddress[];
  routes: CardRoute[];
  notes?: string[];
}

export interface CardAddress {
  family: 4 | 6;
  address: string;
  prefix: number;
  peer?: string;
  /** An IPv6 address that must not be the source of new connections. */
  deprecated?: true;
}

export interface NetworkParts {
  cards: Card[];
  /** Every physical card, configured or not. */
  names: { name: string; mac: string }[];
  /** Further addresses of the loopback. */
  lo: CardAddress[];
  dns: { nameservers: string[]; search: string[] };
  hostname: string;
}
