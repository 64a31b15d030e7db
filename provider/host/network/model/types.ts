/** What a program says about a server's network, and the files made from it. */
import type { Refusal } from "../../refusal.ts";
import type { NetworkParts } from "./card.ts";

export interface StaticNetwork {
  /** Found by MAC, else by the old system's name; default: the card of the default route. */
  mac?: string;
  interfaceName?: string;
  /** With prefix: `203.0.113.7/32`, `2001:db8::7/64`. */
  addresses: string[];
  /** At most one per family; outside the prefix = on-link. */
  gateways?: string[];
  nameservers?: string[];
  search?: string[];
  /** Default: the card's MTU. */
  mtu?: number;
  /** VLAN id 1 to 4094: the addresses are on a tagged network over the card. */
  vlan?: number;
}

export type NetworkInput = "keep" | "dhcp" | { static: StaticNetwork };

/** Files of the new system, each whole. */
export interface NetworkFiles {
  /** /etc/network/interfaces, ifupdown-ng. */
  interfaces: string;
  /** /etc/mactab for busybox nameif: `eth0 52:54:00:12:34:56`. */
  mactab: string;
  /** /etc/resolv.conf; the DHCP client may write it anew. undefined: only it does. */
  resolvConf?: string;
  /** /etc/hosts. */
  hosts: string;
  /** One line: `10.0.2.15/24 via 10.0.2.2`. */
  summary: string;
}

/** A format: what a file of render/ makes of a planned network. */
export type Renderer = (parts: NetworkParts) => NetworkFiles;

export type NetworkPlan = { files: NetworkFiles; refusals: []; notes: string[] } | { refusals: Refusal[] };
