/** The arguments of a rehearsal's QEMU, and the boot sector that measures a machine. */
import { describe, expect, it } from "vitest";
import { guestArguments } from "../../../provider/rehearsal/qemu.ts";
import { besideServer, bootSector, slowness } from "../../../provider/rehearsal/speed.ts";

const cards = [{ name: "eth0", mac: "52:54:00:12:34:56" }, { name: "eth1" }];
const args = guestArguments("tcg", { memory: 512, cards }).join(" ");

describe("the machine", () => {
  it("reaches nothing: every network is closed, and nothing is forwarded", () => {
    const networks = args.match(/-netdev \S+/g)!;
    expect(networks).toHaveLength(2);
    for (const network of networks) expect(network).toMatch(/^-netdev user,id=net\d,restrict=on$/);
    expect(args).not.toMatch(/hostfwd|guestfwd|tap|bridge|virtfs|-fsdev|vnc|monitor/);
  });
  it("ends when the guest restarts, and shares nothing by default", () => {
    for (const word of ["-no-reboot", "-nodefaults", "-no-user-config"]) expect(args).toContain(word);
  });
  it("has the cards in another order than their names say", () =>
    expect(args.match(/virtio-net-pci\S+/g)).toEqual([
      "virtio-net-pci,netdev=net0",
      "virtio-net-pci,netdev=net1,mac=52:54:00:12:34:56",
    ]));
  it("has KVM's own processor with KVM", () =>
    expect(guestArguments("kvm", { memory: 96, cards: [] }).slice(0, 6)).toEqual([
      "-accel",
      "kvm",
      "-cpu",
      "host",
      "-m",
      "96",
    ]));
});

describe("the boot sector", () => {
  it("is one that a BIOS boots, with the rounds in it", () => {
    const sector = bootSector(0x01020304);
    expect([sector.length, sector.readUInt16LE(510)]).toEqual([512, 0xaa55]);
    expect(sector.includes(Buffer.from([0x66, 0xb9, 0x04, 0x03, 0x02, 0x01, 0x66, 0x49]))).toBe(true);
  });
  it("never makes limits shorter", () => {
    expect(slowness("tcg", 1)).toBe(1);
    expect(slowness("tcg", 9500)).toBe(10);
    expect(slowness("kvm", 1000)).toBe(2);
    expect([besideServer("tcg", 950), besideServer("kvm", 500), besideServer("kvm", 5)]).toEqual([9.5, 1, 1]);
  });
});
