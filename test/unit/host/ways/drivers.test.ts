/** Servers whose cards or disks the commit's kernel does not drive, and those that only look so. */
import { describe, expect, it } from "vitest";
import type { Lack } from "../../../../provider/boot/device.ts";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import type { Interface } from "../../../../provider/host/facts/types/network.ts";
import type { ImageFacts, PlanInputs } from "../../../../provider/host/plan/types.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs } from "../plan/tools.ts";
import * as over from "./overwrite/tools.ts";

const name = facts().network.interfaces.find((i) => i.addresses.some((a) => a.scope === "global"))!.name;
const card = (more: Partial<Lack> = {}): Lack => ({ use: "card", name, module: "igb", ...more });
const disk = (more: Partial<Lack> = {}): Lack => ({ use: "disk", name: "vda", module: "megaraid_sas", ...more });
const unfed = card({ module: "bnx2", firmware: ["bnx2/a.fw", "bnx2/b.fw", "bnx2/c.fw"] });

describe("beside the old system", () => {
  it.each<[string, Lack[], string[]]>([
    ["a card", [card()], ["card-driver"]],
    ["the root's disk", [disk()], ["disk-driver"]],
    ["both, told at once", [disk(), card()], ["card-driver"]],
    ["a card that is not in use", [card({ name: "eno9" })], []],
    ["another disk", [disk({ name: "sdb" })], []],
    ["firmware: the trial goes back by itself", [unfed], []],
  ])("%s", (_, lacks, expected) => expect(codes(facts(), {}, { lacks })).toEqual(expected));
  it("whoever overrules it goes on, and it is told", () => {
    const { plan } = planInstall(facts(), { ...inputs, ignoreChecks: ["card-driver"] }, { ...image, lacks: [card()] });
    expect(plan?.lines).toContain(`note: the kernel of the commit has no module for the network card ${name} (igb)`);
  });
  it("firmware is told", () => {
    const { plan } = planInstall(facts(), inputs, { ...image, lacks: [unfed] });
    expect(plan?.lines.join("\n")).toContain(
      `note: the network card ${name} (bnx2) may need firmware files (bnx2/a.fw, bnx2/b.fw, …), which the commit does not have`,
    );
  });
  it("the message names what, why and what to do", () => {
    const [refusal] = planInstall(facts(), inputs, { ...image, lacks: [card(), disk()] }).refusals;
    expect(refusal!.message).toBe(
      `the kernel of the commit has no module for the network card ${name} (igb) and disk vda (megaraid_sas), so the server would not come up with it`,
    );
    expect(refusal!.hint).toMatch(/^set kernel: "lts" in the Rootfs.*add "card-driver" to ignoreChecks/);
  });
});

describe("which cards are in use", () => {
  const physical = (more: Partial<Interface>): Interface => ({
    index: 2,
    kind: "physical",
    mac: "52:54:00:00:00:01",
    up: true,
    addresses: [],
    name: "x",
    ...more,
  });
  const addresses = facts().network.interfaces.find((i) => i.name === name)!.addresses;
  const with_ = (interfaces: Interface[]) =>
    facts((f) => {
      f.network = { ...f.network, interfaces };
    });
  const told = (interfaces: Interface[], lack: string) =>
    codes(with_(interfaces), { network: "dhcp" }, { lacks: [card({ name: lack })] }).includes("card-driver");
  it("those of a bond", () => {
    const bond = physical({
      name: "bond0",
      kind: "bond",
      addresses,
      bond: { mode: "active-backup", members: ["eno1"] },
    });
    expect(told([bond, physical({ name: "eno1", master: "bond0" })], "eno1")).toBe(true);
  });
  it("that below a VLAN", () => {
    const vlan = physical({ name: "eno1.7", kind: "vlan", addresses, vlan: { id: 7, parent: "eno1" } });
    expect(told([physical({ name: "eno1" }), vlan], "eno1")).toBe(true);
  });
  // Azure's accelerated networking: the card above works without it
  it("not the twin below a card", () =>
    expect(told([physical({ name, addresses }), physical({ name: "enP1s1", master: name })], "enP1s1")).toBe(false));
});

describe("over the disk", () => {
  const seen = (f: Facts, lacks: Lack[], i: Partial<PlanInputs> = {}) =>
    over.plan(f, i, { lacks } as Partial<ImageFacts>);
  const codesOf = (...of: Parameters<typeof seen>) => seen(...of).refusals.map((r) => r.code);
  const shutdown = over.facts((f) => {
    f.kexec = {};
    f.systemd = true;
    f.grub = undefined;
  });
  it("a driver is refused, of the disk that is written", () => {
    expect(codesOf(over.facts(), [card()])).toEqual(["card-driver"]);
    expect(codesOf(over.facts(), [disk()])).toEqual(["disk-driver"]);
  });
  it("firmware is told where the RAM system tries the kernel first", () => {
    expect(codesOf(over.facts(), [unfed])).toEqual([]);
    expect(seen(over.facts(), [unfed]).plan?.lines.join("\n")).toContain("may need firmware files");
  });
  it("firmware is refused where the old kernel writes the disk, unless forced", () => {
    expect(codesOf(shutdown, [])).toEqual([]);
    expect(seen(shutdown, []).plan?.overwrite?.enter).toBe("shutdown");
    expect(codesOf(shutdown, [unfed])).toEqual(["card-firmware"]);
    expect(codesOf(shutdown, [unfed], { ignoreChecks: ["card-firmware"] })).toEqual([]);
  });
});

it("what the server runs already has shown that it goes", () => {
  const commit = "c".repeat(64);
  const running = facts((f) => {
    f.pine = { ...f.pine, deployment: `${commit}.0`, runningSlot: "a" };
  });
  expect(codes(running, {}, { lacks: [card()], commit })).not.toContain("card-driver");
  expect(codes(running, {}, { lacks: [card()], commit: "d".repeat(64) })).toContain("card-driver");
});
