/** What the tests of networks share. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { parseNetwork } from "../../../../provider/host/facts/network.ts";
import type { NetworkFiles, NetworkInput } from "../../../../provider/host/network/model/types.ts";
import { planNetwork } from "../../../../provider/host/network/plan.ts";

export const fixture = (name: string) =>
  parseFacts(readFileSync(join(import.meta.dirname, `../../fixtures/facts/${name}.txt`), "utf8")).network;
export const net = (text: string) => parseNetwork(factLines(text));
const plan = (facts: ReturnType<typeof net>, input: NetworkInput = "keep", hostname = "vps") =>
  planNetwork(facts, input, hostname);
export function files(facts: ReturnType<typeof net>, input?: NetworkInput): NetworkFiles & { notes: string[] } {
  const p = plan(facts, input);
  if (!("files" in p)) throw new Error(JSON.stringify(p.refusals));
  return { ...p.files, notes: p.notes };
}
export const refused = (facts: ReturnType<typeof net>, input?: NetworkInput) =>
  plan(facts, input).refusals.map((r) => r.code);
/** The stanzas of the cards, without indentation. */
export const stanzas = (f: NetworkFiles) =>
  f.interfaces
    .split("\n")
    .map((l) => l.trim())
    .filter((l) => l && !l.startsWith("#"))
    .slice(2);

export const CARD = "if=eth0 2 52:54:00:12:34:56 1500 up physical";
export const V4 =
  "addr=2: eth0    inet 198.51.100.5/24 brd 198.51.100.255 scope global eth0\\       valid_lft forever preferred_lft forever";
export const GW = "route4=default via 198.51.100.1 dev eth0 onlink";
export const DNS = "resolv=nameserver 9.9.9.9\nresolv=search example.org";
export const basic = [CARD, V4, GW, DNS].join("\n");
