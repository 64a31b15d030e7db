/** IP addresses, as much as planning a network needs. Pure. */
import { isIP } from "node:net";

export interface Cidr {
  family: 4 | 6;
  address: string;
  prefix: number;
}

/** `203.0.113.7/32` taken apart; undefined when it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length, more] = text.split("/");
  const family = isIP(address);
  if ((family !== 4 && family !== 6) || more !== undefined || !/^\d{1,3}$/.test(length ?? "")) return undefined;
  const prefix = Number(length);
  return prefix <= (family === 4 ? 32 : 128) ? { family, address, prefix } : undefined;
}

/** An address as a number. */
export function addressBits(address: string): bigint {
  const plain = address.split("%")[0]!;
  if (isIP(plain) === 4) return plain.split(".").reduce((n, part) => (n << 8n) | BigInt(part), 0n);
  // an IPv4 tail is two groups
  const text = plain.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const group = (x: string, y: string) => ((Number(x) << 8) | Number(y)).toString(16);
    return `${group(a, b)}:${group(c, d)}`;
  });
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const [left, right] = [groups(head), groups(tail ?? "")];
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array(zeros).fill("0"), ...right].reduce((n, g) => (n << 16n) | BigInt(`0x${g}`), 0n);
}

/** Whether `address` lies in the network of `cidr`. */
export function contains(cidr: Cidr, address: string): boolean {
  if (isIP(address.split("%")[0]!) !== cidr.family) return false;
  const shift = BigInt((cidr.family === 4 ? 32 : 128) - cidr.prefix);
  return addressBits(cidr.address) >> shift === addressBits(address) >> shift;
}

/** fe80::/10: reached through its interface, without a route. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === "::1";
}
