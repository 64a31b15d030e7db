/**
 * The files that are written for a server's network, against real ifup of a Rootfs: each of the setups in
 * unit/fixtures/network is built in a network namespace, taken away, and made again by ifup. VLANs need a kernel module
 * and are booted in hijack-network-boots.test.ts.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseCidr } from "../../provider/host/facts/ip.ts";
import type { Interface, NetworkFacts } from "../../provider/host/facts/types/network.ts";
import type { NetworkFiles } from "../../provider/host/network/model/types.ts";
import { essence } from "../lab/network/compare.ts";
import { checkout, ifup, type Seen } from "../lab/network/namespace.ts";
import { near, OUTSIDE, STRAY_RESOLVER } from "../lab/network/old-system.ts";
import { type Setup, setups } from "../unit/host/network/setups.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

let lab: ImageLab;
let tree: string;
const work = mkdtempSync(join(tmpdir(), "pine-network-"));
beforeAll(async () => {
  lab = await startImageLab();
  const { checksum } = await lab.rootfs();
  tree = await checkout(lab.store, lab.toolbox, checksum, lab.folder());
});
afterAll(async () => {
  rmSync(work, { recursive: true, force: true });
  await lab?.end();
});

/** The network that is to be there afterwards: the old one, or the one that was asked for on its card. */
function target(s: Setup): NetworkFacts {
  if (typeof s.input === "string") return s.facts;
  const wanted = s.input.static;
  const card = s.facts.interfaces.find((i) => i.kind === "physical" && i.name === (wanted.interfaceName ?? i.name))!;
  const addresses = wanted.addresses.map((a) => ({ ...parseCidr(a)!, dynamic: false, scope: "global" as const }));
  const routes = (wanted.gateways ?? []).map((via) => {
    const family = via.includes(":") ? (6 as const) : (4 as const);
    return { family, to: "default", via, dev: card.name, onlink: true };
  });
  const others = s.facts.interfaces.filter((i) => i !== card).map((i) => ({ ...i, addresses: [] }));
  return { ...s.facts, interfaces: [{ ...card, master: undefined, addresses }, ...others], routes };
}

const filesOf = (s: Setup): NetworkFiles => {
  if (!("files" in s.plan)) throw new Error(`${s.name} is refused`);
  return s.plan.files;
};
const notesOf = (s: Setup) => ("notes" in s.plan ? s.plan.notes : []);
const both = (facts: NetworkFacts, seen: Seen) => {
  const { names } = near(facts);
  return {
    old: essence(seen.before, (dev) => names.get(dev)),
    now: essence(seen.after, (dev) => (dev === "lo" ? undefined : dev)),
  };
};

const vlan = (s: Setup) =>
  s.facts.interfaces.some((i) => i.kind === "vlan") ||
  (typeof s.input === "object" && s.input.static.vlan !== undefined);
// whether somebody answers DHCP is not in these facts
const all = setups().filter((s) => "files" in s.plan && s.input !== "dhcp" && !vlan(s));

describe("ifup makes the old system's addresses and routes again, and what is beyond the gateways answers", () => {
  it("of many setups", () => expect(all.length).toBeGreaterThanOrEqual(30));
  it.concurrent.each(all.map((s) => [s.name, s] as const))("%s", async (_, s) => {
    const facts = target(s);
    const seen = await ifup(tree, work, facts, filesOf(s));
    const { old, now } = both(facts, seen);
    // what the kernel makes of an advertisement has a place of its own
    const fixed = (order: string[]) => order.filter((a) => now.order.includes(a));
    expect({ ...now, order: [] }, seen.stderr).toEqual({ ...old, order: [] });
    expect(now.order).toEqual(fixed(old.order));
    const made = seen.after.interfaces.some((i) => i.addresses.some((a) => a.family === 6 && a.dynamic));
    if (!made) expect(seen.sources[1]).toEqual(seen.sources[0]);
    const card = (i: Interface) => facts.interfaces.find((c) => names.get(c.name) === i.name);
    const { names } = near(facts);
    for (const i of seen.after.interfaces) {
      expect(i.noIpv6 ?? false, i.name).toBe(card(i)?.noIpv6 ?? false);
      if (card(i)?.acceptsRa === false && !card(i)?.noIpv6) expect(typeof i.acceptsRa).toBe("boolean");
    }
    expect(old.addresses.length).toBeGreaterThan(0);
    expect(seen.silent).toEqual([]);
    const cards = (i: Interface[], name: (own: string) => string | undefined) =>
      Object.fromEntries(i.map((c) => [name(c.name) ?? c.name, [c.mac, c.mtu]]));
    expect(cards(seen.after.interfaces, (n) => n)).toEqual(cards(seen.before.interfaces, (n) => names.get(n)));
    const asked = typeof s.input === "object" ? s.input.static.nameservers : undefined;
    // what DHCP says counts where it leads; it knows IPv4 alone
    const leased = filesOf(s).summary.startsWith("DHCP");
    const left = (d: string) => d.startsWith("127.") || notesOf(s).some((n) => n.startsWith(`the resolver ${d} `));
    const dns = (asked ?? facts.nameservers).filter((d) => !left(d) && !(leased && d.includes(":")));
    expect(seen.resolvConf).not.toContain(STRAY_RESOLVER);
    for (const d of dns) expect(seen.resolvConf).toContain(`nameserver ${d}\n`);
  });

  it("and a file that lacks something is told apart", async () => {
    const s = all.find((a) => a.name === "netplan-both-families")!;
    const files = filesOf(s);
    const less = files.interfaces.replace("    gateway 203.0.113.1\n", "").replace(/^.*2001:db8:2:1::1\/64.*\n/m, "");
    const seen = await ifup(tree, work, s.facts, { ...files, interfaces: less });
    const { old, now } = both(s.facts, seen);
    expect(old.addresses.filter((a) => !now.addresses.includes(a))).toEqual(["eth0 2001:db8:2:1::1/64"]);
    expect(old.first.filter((r) => !now.first.includes(r))).toEqual(["4 default via 203.0.113.1 dev eth0"]);
    expect(seen.silent).toEqual([OUTSIDE[4]]);
  });
});
