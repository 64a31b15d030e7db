/** The machine of a rehearsal: what of a server it gets, and what makes two rehearsals the same one. Pure. */
import { createHmac } from "node:crypto";
import { canonical, sha256 } from "../local/hash.ts";

/** A file of the new system, as a server gets it. */
export interface GuestFile {
  /** Absolute. */
  path: string;
  content: string | Uint8Array;
  /** Octal, "0644". */
  mode: string;
  /** "user:group", names or numbers of the new system. */
  owner: string;
}

export interface Guest {
  /** Texts of /etc/network/interfaces and /etc/mactab of the server. */
  network: { interfaces: string; mactab: string };
  /** Name, network and root's keys: what differs from server to server. */
  identity: GuestFile[];
  /** The program's own files. */
  files: GuestFile[];
  /** Where the SSH server is to listen. */
  sshPorts: number[];
  kernelArguments: string[];
  /** MiB. */
  memory: number;
  /** Names of health checks that do not count. */
  leaveOut: string[];
  /** What allows another rehearsal of the same when it changes. */
  again: unknown;
}

export interface GuestCard {
  /** Of the new system: "eth0". */
  name: string;
  /** Absent: not known, so the card keeps the name that the kernel gives it. */
  mac?: string;
}

/** The cards that the server has: those with a fixed name, and those that are configured without one. */
export function cardsOf({ interfaces, mactab }: Guest["network"]): GuestCard[] {
  const fixed = mactab.split("\n").flatMap((line): GuestCard[] => {
    const [name, mac] = line.trim().split(/\s+/);
    return name && mac ? [{ name, mac }] : [];
  });
  const configured = [...interfaces.matchAll(/^iface (\S+) inet /gm)].map(([, name]) => name!);
  // "eth0.100" is a VLAN
  const others = configured.filter((name) => name !== "lo" && !name.includes("."));
  return [...fixed, ...others.filter((name) => !fixed.some((c) => c.name === name)).map((name) => ({ name }))];
}

/** The fixed addresses that the server will have, as `ip -o addr` names them. */
export function addressesOf(interfaces: string): { card: string; address: string }[] {
  const found: { card: string; address: string }[] = [];
  let card = "";
  for (const line of interfaces.split("\n")) {
    const [, begun] = /^iface (\S+) inet /.exec(line) ?? [];
    card = begun ?? card;
    const [, first] = /^\s+address ([^\s/]+)/.exec(line) ?? [];
    if (first) found.push({ card, address: first });
    for (const [, address, dev] of line.matchAll(/\bip -[46] addr add ([^\s/]+)\S*(?: peer \S+)? dev ([^\s;]+)/g))
      found.push({ card: dev!, address: address! });
  }
  return found;
}

const V4 = /(?<![\d.])\d{1,3}(\.\d{1,3}){3}(?![\d.])/g;
const V6 = /(?<![\w:])[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(?![\w:])/gi;
const MAC = /(?<![\w:])[0-9a-f]{2}(:[0-9a-f]{2}){5}(?![\w:])/gi;
/** A DHCP client's id, of its card. */
const CLIENT = /0x3d:[0-9a-f]+/gi;

/** A network without what differs between two servers that are set up alike: addresses of all kinds. */
export const networkShape = ({ interfaces, mactab }: Guest["network"]): string =>
  [interfaces, mactab]
    .join("\n")
    .replaceAll(CLIENT, "ID")
    .replaceAll(MAC, "MAC")
    .replaceAll(V4, "IPv4")
    .replaceAll(V6, "IPv6");

/**
 * Under this name a rehearsal's result is kept, beside the commit's: servers of the same shape have the same. `salt`:
 * of the store, since among what is hashed are files that may hold secrets, and whoever reads the name must not be able
 * to try them out. `made`: what makes rehearsals.
 */
export function rehearsalKey(guest: Guest, salt: string, made: string): string {
  const { files, sshPorts, kernelArguments, memory, leaveOut, again } = guest;
  const own = files.map(({ path, mode, owner, content }) => [path, mode, owner, sha256(content)]);
  const all = [made, networkShape(guest.network), own, sshPorts, kernelArguments, memory, leaveOut, again];
  return createHmac("sha256", salt).update(canonical(all)).digest("hex").slice(0, 32);
}
