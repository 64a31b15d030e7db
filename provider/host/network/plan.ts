/** From what a server has, or what the program asks for, to its network. Pure. */
import type { NetworkFacts } from "../facts/types/network.ts";
import { newNames } from "./cards.ts";
import { planGiven } from "./given.ts";
import { keep } from "./keep.ts";
import type { NetworkInput, NetworkPlan, Renderer } from "./model/types.ts";
import { renderNetwork } from "./render/interfaces.ts";

/** What the new system reads. */
const FORMAT: Renderer = renderNetwork;

/**
 * Files of the new system's network, or why it cannot be carried over. `keep` carries what the old system has, whole or
 * not at all. What is not the server's own network (docker0, tunnels) is left out and named in `notes`.
 */
export function planNetwork(facts: NetworkFacts, input: NetworkInput, hostname: string): NetworkPlan {
  const names = newNames(facts.interfaces);
  return input === "keep" ? keep(facts, names, hostname, FORMAT) : planGiven(facts, input, names, hostname, FORMAT);
}
