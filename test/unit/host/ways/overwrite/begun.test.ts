/** An overwrite that was cut off: its RAM system runs, and the inputs may have changed since (begun.ts). */
import { describe, expect, it } from "vitest";
import type { Facts } from "../../../../../provider/host/facts/types/facts.ts";
import type { NetworkInput } from "../../../../../provider/host/network/model/types.ts";
import type { ImageFacts, PlanInputs } from "../../../../../provider/host/plan/types.ts";
import { key } from "../../plan/tools.ts";
import { codes, commit, facts, GiB, plan } from "./tools.ts";

describe("an overwrite that was cut off", () => {
  const first = plan().plan!;
  const cut = (change: Partial<NonNullable<Facts["pine"]["ram"]>> = {}) =>
    facts((f) => {
      f.pine.ram = {
        install: { id: "i1", stack: "demo/dev", old: "Debian GNU/Linux 12 (bookworm)" },
        plan: JSON.stringify(first),
        image: "e".repeat(64),
        blocks: 96,
        verified: 40,
        finished: false,
        ...change,
      };
      f.disks = []; // nothing but the plan in memory counts
    });
  it("takes a hostname given meanwhile, and never one that cannot be written (canonical/subiquity#1401)", () => {
    const named = (change: object, i = {}) => plan(cut({ plan: JSON.stringify({ ...first, ...change }) }), i).plan!;
    const given = named({ hostname: "my_vps" }, { hostname: "web-1", deadman: 120 });
    expect([given.hostname, given.network.hosts, given.deadman]).toEqual([
      "web-1",
      expect.stringMatching(/\sweb-1\n/),
      120,
    ]);
    expect(named({ hostname: "my_vps" }).hostname).toBe("my-vps");
    expect(named({}).hostname).toBe("vps");
  });
  it("goes on with the plan it began with", () => {
    const { plan: p } = plan(cut(), { hostname: "another" });
    expect(p!.summary).toMatch(
      /^continues the overwrite of Debian .* on \/dev\/vda: 40 of 96 blocks are written; 1 reboot/,
    );
    expect(p!.overwrite).toEqual(first.overwrite);
  });
  it.each<[string, Partial<PlanInputs>, Parameters<typeof cut>[0], Partial<ImageFacts>]>([
    ["pine-other-stack", { stack: "other/prod" }, {}, {}],
    ["ram", { method: "alongside" }, {}, {}],
    ["ram", {}, { plan: "{" }, {}],
    ["image-format", {}, {}, { diskUnfit: 'label: "mbr"' }],
    ["image-size", {}, {}, { disk: { commit, bytes: 5 * GiB, packedBytes: 1 } }],
  ])("%s is refused", (code, i, ram, m) => expect(codes(cut(ram), i, m)).toEqual([code]));

  describe("what was given otherwise since counts as it is given now", () => {
    const line = (n: number) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"ABCDEFGH"[n]!.repeat(43)} ann`;
    const begun = (i: Partial<PlanInputs>, change: (f: Facts) => void = () => {}) => plan(facts(change), i).plan!;
    const on = (first: object, i: Partial<PlanInputs> = {}, change: (f: Facts) => void = () => {}, m = {}) => {
      const f = cut({ plan: JSON.stringify(first) });
      change(f);
      return plan(f, i, m);
    };

    it("keys: those that are named now, and not those that only the inputs of then named", () => {
      const first = begun({ authorizedKeys: [line(0), line(1)] });
      const { plan: p } = on(first, { authorizedKeys: [line(1), line(2)] });
      expect(p!.authorizedKeys).toEqual([expect.stringContaining(key.split(" ")[1]!), line(1), line(2)]);
      expect(p!.keeps).toContain("3 keys of root");
      expect(p!.lines).toContain(`keeps: ${p!.keeps.join(", ")}`);
    });
    it("the connection's own key stays, whether it is named any more or not", () => {
      const first = begun({ authorizedKeys: [line(0)], loginKeys: [line(0)] });
      expect(on(first, { loginKeys: [line(0)] }).plan!.authorizedKeys).toContain(line(0));
    });
    it.each<[string, Partial<PlanInputs>, string[]]>([
      ["another key of the connection's, which nothing names", { loginKeys: [line(3)] }, ["login-key"]],
      ["another, which authorizedKeys names", { loginKeys: [line(3)], authorizedKeys: [line(3)] }, []],
      ["none but a password", { loginKeys: [] }, ["login-key"]],
    ])("nobody is locked out by %s", (_, i, refused) => {
      const { refusals } = on(begun({}), i);
      expect(refusals.map((r) => r.code)).toEqual(refused);
      for (const r of refusals) expect(r.hint).toMatch(/authorizedKeys/);
    });
    it("nor by an image with dropbear now, which refuses a key with options that it does not know", () => {
      const own = (options: string) => begun({}, (f) => void f.authorizedKeys.root.splice(0, 1, `${options} ${key}`));
      const dropbear = (first: object) => on(first, {}, () => {}, { ssh: "dropbear" });
      expect(dropbear(own('restrict,pty,tunnel="1"')).plan!.authorizedKeys).toEqual([
        expect.stringMatching(/^no-port-forwarding,no-agent-forwarding,no-X11-forwarding ssh-/),
      ]);
      const refused = dropbear({ ...begun({}), authorizedKeys: [`from="192.0.2.0/24" ${key}`] });
      expect(refused.refusals.map((r) => r.code)).toEqual(["login-key-options"]);
    });
    it("the port that the connection comes by now, beside the plan's: the RAM system is on 22 too", () => {
      const by = (connectedPort: number) => (f: Facts) => void Object.assign(f.network, { connectedPort });
      const first = begun({}, by(2222));
      expect(first.sshPorts).toEqual([2222]);
      const ports = (port: number) => on(first, {}, by(port)).plan!.sshPorts;
      expect([ports(2222), ports(22)]).toEqual([[2222], [2222, 22]]);
    });

    const fixed = (address: string): NetworkInput => ({ static: { addresses: [address], gateways: ["10.0.2.2"] } });
    const note = (p: ReturnType<typeof plan>) => p.plan!.lines.filter((l) => l.startsWith("note: network: "));
    it("the network, where it is another input", () => {
      const p = on(begun({ network: "dhcp" }), { network: fixed("10.0.2.77/24") });
      expect(p.plan!.network.interfaces).toContain("address 10.0.2.77/24");
      expect(p.plan!.keeps[0]).toBe(p.plan!.network.summary);
      expect(note(p)).toEqual([expect.stringContaining("the new system gets the change, the RAM system does not")]);
      expect(on(begun({}), { network: fixed("10.0.2.77") }).refusals.map((r) => r.code)).toEqual(["network-input"]);
    });
    it("the same input is the plan's network, whatever the RAM system has", () => {
      const first = begun({ network: fixed("10.0.2.77/24") });
      const p = on(
        first,
        { network: fixed("10.0.2.77/24") },
        (f) => void Object.assign(f.network, { search: ["other"] }),
      );
      expect([p.plan!.network, note(p)]).toEqual([{ ...first.network, hosts: p.plan!.network.hosts }, []]);
      const { asked: _, ...earlier } = first.overwrite!;
      const old = on({ ...first, overwrite: earlier }, { network: "dhcp" });
      expect([old.plan!.network.interfaces, note(old)]).toEqual([first.network.interfaces, []]);
    });
    it("keep means what the overwrite began with, and says so", () => {
      const first = begun({ network: fixed("10.0.2.77/24") });
      const p = on(first, {});
      expect(p.plan!.network.interfaces).toBe(first.network.interfaces);
      expect(note(p)).toEqual([expect.stringContaining("what this overwrite began with is kept (10.0.2.77/24")]);
    });
  });
});
