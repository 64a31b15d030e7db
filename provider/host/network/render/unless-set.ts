/** A container's /etc/network/interfaces, which leaves alone what its host has set. Pure. */
import type { Card } from "../model/card.ts";
import { ordered } from "../model/metrics.ts";
import type { NetworkFiles } from "../model/types.ts";
import { addressCommand, dhcpLines, inOrder, ipv6Lines } from "./interfaces.ts";
import { cardSummary, hostsFile, resolvLines, routeCommand } from "./texts.ts";

/** Files of a container's network. "unless set": keeps a family if the manager has given the card an address of it. */
export function render(
  { cards, dns, hostname }: { cards: Card[]; dns: { nameservers: string[]; search: string[] }; hostname: string },
  when: "always" | "unless set",
): NetworkFiles {
  const stanzas = cards.map((card) => {
    const lines = ([4, 6] as const).flatMap((family) => familyLine(card, family, when));
    // the manager decides about advertisements
    lines.unshift(...dhcpLines(card), ...ipv6Lines({ ...card, routerAdvertised: false }));
    if (card.mtu) lines.unshift(`pre-up ip link set dev ${card.name} mtu ${card.mtu} || true`);
    return [
      `auto ${card.name}`,
      `iface ${card.name} inet ${card.dhcp ? "dhcp" : "manual"}`,
      ...lines.map((l) => `    ${l}`),
      "",
    ];
  });
  const resolv = resolvLines(dns);
  return {
    interfaces: [
      "# Written by Pine when this system was installed.",
      "auto lo",
      "iface lo inet loopback",
      "",
      ...stanzas.flat(),
    ].join("\n"),
    mactab: "",
    resolvConf: resolv.length === 0 && cards.some((c) => c.dhcp) ? undefined : resolv.map((l) => `${l}\n`).join(""),
    hosts: hostsFile(hostname),
    summary: cards.map(cardSummary).join("; "),
  };
}

/**
 * All addresses and routes of a family in one command, so that the check for the manager's address runs once, before
 * any of them.
 */
function familyLine(card: Card, family: 4 | 6, when: "always" | "unless set"): string[] {
  const ip = `ip -${family}`;
  const dev = `dev ${card.name}`;
  const addresses = card.addresses.filter((a) => a.family === family);
  const routes = card.routes.filter((r) => r.family === family);
  const commands = [
    ...inOrder(addresses).map((a) => addressCommand(a, card.name)),
    ...ordered(routes).map((r) => routeCommand(r, card.name)),
  ];
  if (commands.length === 0) return [];
  const all = `{ ${commands.join("; ")}; }`;
  if (when === "unless set" && addresses.length > 0)
    return [`up ${ip} -o addr show ${dev} scope global | grep -q . || ${all} || true`];
  const flush = when === "always" && addresses.length > 0 ? `${ip} addr flush ${dev} scope global; ` : "";
  return [`up ${flush}${all} || true`];
}
