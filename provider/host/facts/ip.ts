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

/** A set of networks; the time of a look-up does not depend on how many there are. */
export class Networks {
  readonly #of = new Map<string, Set<bigint>>();

  add({ family, address, prefix }: Cidr): void {
    const key = `${family}/${prefix}`;
    const found = this.#of.get(key) ?? new Set();
    this.#of.set(key, found.add(network(family, prefix, addressBits(address))));
  }

  /** Whether this very network is one of them. */
  has({ family, address, prefix }: Cidr): boolean {
    return this.#of.get(`${family}/${prefix}`)?.has(network(family, prefix, addressBits(address))) === true;
  }

  /** Whether an address lies in one of them. */
  contain(address: string): boolean {
    return this.longest(address) !== undefined;
  }

  /** The prefix length of the smallest network that an address lies in. */
  longest(address: string): number | undefined {
    const family = isIP(address.split("%")[0]!);
    if (family === 0) return undefined;
    const bits = addressBits(address);
    let best: number | undefined;
    for (const [key, networks] of this.#of) {
      const [of, prefix] = key.split("/").map(Number) as [number, number];
      if (of === family && networks.has(network(family as 4 | 6, prefix, bits))) best = Math.max(best ?? 0, prefix);
    }
    return best;
  }
}

const network = (family: 4 | 6, prefix: number, bits: bigint) => bits >> BigInt((family === 4 ? 32 : 128) - prefix);

/** fe80::/10: reached through its interface, without a route. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === "::1";
}
