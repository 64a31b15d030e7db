/** Which addresses of an old system are written down, and which come back by themselves. Pure. */
import { addressBits } from "../facts/ip.ts";
import type { Address, Interface } from "../facts/types/network.ts";

/** Whether an address belongs to the server itself: an address of keepalived wanders between servers. */
export function carries(a: Address, notes: string[]): boolean {
  if (a.proto !== "keepalived" && a.proto !== "18") return true;
  notes.push(`${a.address} was set by keepalived and is not carried over`);
  return false;
}

/** Whether an IPv6 address is written down. */
export function carries6(a: Address, card: Interface, notes: string[]): boolean {
  if (!a.dynamic) return true;
  if (a.temporary) return false;
  // a single address with a lifetime comes from DHCPv6, an address in a network from router advertisements
  if (a.prefix === 128) {
    notes.push(`${a.address} came from DHCPv6 and becomes a fixed address`);
    return true;
  }
  // the kernel makes such an address from the MAC again; those of networkd and NetworkManager (RFC 7217) would be lost
  if (card.mac && isEui64(a.address, card.mac)) return false;
  notes.push(`${a.address} was made by the old system from a router's advertisement and becomes a fixed address`);
  return true;
}

/** Whether the lower half of an IPv6 address is made from the MAC address (RFC 4291, appendix A). */
export function isEui64(address: string, mac: string): boolean {
  const [a, b, c, d, e, f] = mac.split(":").map((x) => Number.parseInt(x, 16)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const own = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
  return (addressBits(address) & 0xffff_ffff_ffff_ffffn) === own;
}
