/** Which devices a kernel drives, by its tables as the kernel's own `make modules_install` writes them. */
import { describe, expect, it } from "vitest";
import type { Device } from "../../../../provider/boot/device.ts";
import { parseDrivers, undriven, unfed } from "../../../../provider/image/initramfs/kernel-drivers.ts";

const TABLES = `@ folder
/usr/lib/modules/6.18.56-0-virt
@ dep
kernel/drivers/net/virtio_net.ko.gz: kernel/net/core/failover.ko.gz
kernel/drivers/net/ethernet/broadcom/bnx2.ko.gz:
kernel/drivers/scsi/hpsa.ko.gz: kernel/drivers/scsi/scsi_transport_sas.ko.gz
@ builtin
kernel/drivers/virtio/virtio_pci.ko
kernel/drivers/net/xen-netfront.ko
@ alias
# Aliases extracted from modules themselves.
alias virtio:d00000001v* virtio_net
alias pci:v0000103Cd0000323[A-C]sv0000103Csd*bc*sc*i* hpsa
alias fs-xfs xfs
@ builtin.modinfo
virtio_pci.alias=pci:v00001AF4d*sv*sd*bc*sc*i*
virtio_pci.license=GPL
xen_netfront.alias=xen:vif
@ firmware
bnx2/bnx2-mips-09-6.2.1b.fw.zst
`;
const kernel = parseDrivers(TABLES)!;
const card = (module: string, modalias?: string): Device => ({ use: "card", name: "eth0", module, modalias });

it("a commit without a kernel has no tables", () => expect(parseDrivers("@ firmware\n")).toBeUndefined());

describe("a device is driven", () => {
  it.each<[string, Device, boolean]>([
    ["by a module of the same name", card("virtio_net"), true],
    ["by one that is built in", card("xen_netfront"), true],
    [
      "by its modalias, whatever the module was called",
      card("cciss", "pci:v0000103Cd0000323Bsv0000103Csd00003243bc01sc04i00"),
      true,
    ],
    ["by the modalias of one that is built in", card("virtio_legacy", "pci:v00001AF4d00001000sv0sd1bc02sc00i00"), true],
    [
      "not by a pattern that nearly fits",
      card("cciss", "pci:v0000103Cd0000323Dsv0000103Csd00003243bc01sc04i00"),
      false,
    ],
    ["not where neither is known", card("igb", "pci:v00008086d00001533sv0sd0bc02sc00i00"), false],
    ["not by its name alone where there is no other word", card("igb"), false],
    ["bridges need no driver", card("shpchp", "pci:v00001B36d00000001sv00001AF4sd00001100bc06sc04i00"), true],
  ])("%s", (_, device, driven) => expect(undriven([device], kernel)).toEqual(driven ? [] : [device]));
});

describe("firmware", () => {
  const needs = new Map([
    ["bnx2", ["bnx2/bnx2-mips-09-6.2.1b.fw", "bnx2/other.fw"]],
    ["r8169", ["rtl_nic/rtl8168h-2.fw"]],
  ]);
  it.each<[string, string, string[], string[] | undefined]>([
    ["one of the files is there, packed", "bnx2", ["bnx2/bnx2-mips-09-6.2.1b.fw"], undefined],
    ["none is there, and the server has some", "r8169", ["rtl_nic/rtl8168g-2.fw"], ["rtl_nic/rtl8168h-2.fw"]],
    ["the server does without", "r8169", [], undefined],
    ["a module that asks for none", "e1000e", ["e1000e/x"], undefined],
  ])("%s", (_, module, there, lacks) =>
    expect(unfed([card(module)], { [module]: there }, needs, kernel)).toEqual(
      lacks ? [{ ...card(module), firmware: lacks }] : [],
    ),
  );
});
