/**
 * Whether a card has its address by DHCP, and as whom it asks. If evidence contradicts itself, the strongest counts.
 * Pure.
 */
import type { Address, Interface } from "./types/network.ts";

export interface DhcpLines {
  /** `dhclient COMMAND LINE` of a process, `networkd INDEX ADDRESS CLIENTID`, `NetworkManager INDEX`. */
  seen: string[];
  /** `iface eth0 inet dhcp` and `address …` below it, from the files that ifup reads. */
  ifupdown: string[];
  /** Cards' indexes that networkd has configured: ifup's file says nothing of them. */
  managed: string[];
  /** `FILE LINE` of what a client keeps: its DUID, what it is configured to send. */
  kept: string[];
}

type Card = Pick<Interface, "name" | "index" | "mac" | "addresses">;

/** A card's `dhcp` and `dhcpId` of {@link Interface}. */
export function dhcpOf(card: Card, lines: DhcpLines): Pick<Interface, "dhcp" | "dhcpId"> {
  const own = card.addresses.filter((a) => a.family === 4 && a.scope === "global");
  for (const line of lines.seen) {
    const [source = "", ...words] = line.split(" ");
    // a client for IPv6 alone
    if (words.includes("-6") && !words.includes("-4")) continue;
    const byIndex = /^\d+$/.test(words[0] ?? "");
    if (byIndex ? Number(words[0]) !== card.index : !words.includes(card.name)) continue;
    // a lease for another address is a leftover file
    const leased = byIndex && words[1] !== undefined && words[1] !== "-" ? words[1] : undefined;
    if (leased && !own.some((a) => a.address === leased)) continue;
    return { dhcp: source, dhcpId: identity(source, words, card, lines.kept) };
  }
  if (!lines.managed.includes(String(card.index)) && saidByFile(card.name, own, lines.ifupdown))
    return { dhcp: "ifupdown" };
  return {};
}

/**
 * Whether ifup's files say `dhcp` for a card. It does not count beside a `static` of theirs with the card's address, or
 * with an unknown one.
 */
function saidByFile(name: string, own: Address[], lines: string[]): boolean {
  let [inside, dhcp, fixed] = [false, false, false];
  for (const line of lines) {
    const [word, what, family, method] = line.split(/\s+/);
    if (word === "address") {
      if (inside && !own.some((a) => a.address === what?.split("/")[0])) fixed = false;
      continue;
    }
    inside = word === "iface" && what === name && family === "inet" && method === "static";
    if (inside) fixed = true;
    if (word === "iface" && what === name && family === "inet" && method === "dhcp") dhcp = true;
  }
  return dhcp && !fixed;
}

/** RFC 4361: 255, the interface's number (the last four bytes of its MAC address), the machine's DUID. */
const withDuid = (mac: string, duid: string) => `ff${mac.replaceAll(":", "").slice(-8)}${duid}`;
const byMac = (mac: string) => `01${mac.replaceAll(":", "")}`;
const hex = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/(?<![0-9a-f])[0-9a-f](?![0-9a-f])/g, "0$&")
    .replaceAll(":", "");
const isHex = (text: string) => /^[0-9a-f]+$/.test(text) && text.length % 2 === 0 && text.length <= 510;

/** Option 61; undefined when it is not known. */
function identity(source: string, words: string[], card: Card, kept: string[]): string | undefined {
  const mac = card.mac ?? "";
  const of = (pattern: RegExp) => kept.map((l) => pattern.exec(l)?.[1]).find((v) => v !== undefined);
  if (source === "networkd") {
    const id = words[2]?.toLowerCase() ?? "";
    return isHex(id) ? id : undefined;
  }
  if (source === "udhcpc") {
    const at = words.findIndex((w) => /^(0x3d|61|clientid):/.test(w));
    const id = at < 0 ? byMac(mac) : hex(words[at]!.replace(/^\w+:/, ""));
    return isHex(id) ? id : undefined;
  }
  if (source === "dhclient") {
    const sends = of(/ send dhcp-client-identifier\s*(.*?)\s*;/);
    if (sends !== undefined) {
      const id = /^=?\s*hardware$/.test(sends) ? byMac(mac) : hex(sends);
      return isHex(id) ? id : undefined;
    }
    // Debian's ifupdown calls it with -i: a DUID for IPv4 too. Without it, only the MAC address is sent
    if (!words.includes("-i")) return byMac(mac);
    const file = words[words.indexOf("-lf") + 1];
    const own = kept.filter((l) => !words.includes("-lf") || l.startsWith(`${file} `));
    const duid = own.map((l) => / default-duid "(.*)";$/.exec(l)?.[1]).find((v) => v !== undefined);
    return duid && mac ? withDuid(mac, octal(duid)) : undefined;
  }
  if (source === "dhcpcd") {
    const configured = kept.filter((l) => l.includes("dhcpcd.conf "));
    if (configured.some((l) => / (clientid|iaid|interface)\b/.test(l))) return undefined;
    if (!configured.some((l) => / duid\b/.test(l))) return byMac(mac);
    const duid = hex(of(/\/(?:dhcpcd\.)?duid (.*)$/) ?? "");
    return isHex(duid) && mac ? withDuid(mac, duid) : undefined;
  }
  return undefined;
}

/** Turns `\000\001ab`, as dhclient writes bytes, into hexadecimal digits. */
function octal(text: string): string {
  const bytes = [...text.matchAll(/\\([0-7]{3})|\\(.)|(.)/gs)].map(([, code, escaped, plain]) =>
    code ? Number.parseInt(code, 8) : (escaped ?? plain)!.charCodeAt(0),
  );
  return bytes.map((b) => b.toString(16).padStart(2, "0")).join("");
}
