/** What drives cards and disks: the script on a made-up /sys in a namespace, and its lines as facts. */
import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { parseDevices } from "../../../../provider/host/facts/devices.ts";
import { factLines } from "../../../../provider/host/facts/lines.ts";
import { factsScript } from "../../../../provider/host/scripts.ts";

/**
 * A virtio card and disk, a card of real hardware with firmware, a SATA disk whose driver is built in, a bridge, and a
 * card without hardware. Paths and links as Linux 6.1 has them.
 */
const SYS = `
mount --make-rprivate / && mount -t tmpfs tmpfs /sys || exit 9
put() { # DEVICE MODULE MODALIAS [loaded]
  mkdir -p "/sys/devices/$1" "/sys/bus/drivers/$2" "/sys/module/$2"
  ln -s "/sys/bus/drivers/$2" "/sys/devices/$1/driver"
  ln -sfn "/sys/module/$2" "/sys/bus/drivers/$2/module"
  [ -z "$3" ] || echo "$3" >"/sys/devices/$1/modalias"
  [ -z "$4" ] || echo live >"/sys/module/$2/initstate"
}
put pci0000:00/0000:00:01.0 shpchp pci:v00001B36d00000001sv0sd0bc06sc04i00 loaded
put pci0000:00/0000:00:01.0/0000:01:03.0 virtio_pci pci:v00001AF4d00001000 loaded
put pci0000:00/0000:00:01.0/0000:01:03.0/virtio0 virtio_net virtio:d00000001v00001AF4 loaded
put pci0000:00/0000:00:05.0 bnx2 pci:v000014E4d00001639 loaded
put pci0000:00/0000:00:1f.2 ahci pci:v00008086d00002922
put pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0 sd_mod '' loaded
class() { mkdir -p "/sys/$1" && ln -s "/sys/devices/$2" "/sys/$1/device"; }
class class/net/eth0 pci0000:00/0000:00:01.0/0000:01:03.0/virtio0
class class/net/eno1 pci0000:00/0000:00:05.0
mkdir -p /sys/class/net/lo
class block/sda pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0
mkdir -p /sys/block/loop0 /sys/lib-firmware/bnx2
: >/sys/lib-firmware/bnx2/bnx2-mips-09-6.2.1b.fw.xz
`;
/** What kmod's modinfo says of bnx2 in Linux 6.1, but two of its files. */
const MODINFO = `modinfo() { [ "$*" != "-F firmware bnx2" ] || printf 'bnx2/bnx2-%s.fw\\n' rv2p-06-6.0.15 mips-09-6.2.1b; }\n`;

it.each(["dash", "busybox sh"])(
  "%s: modules from a card or disk up to its bus, and firmware that is there",
  (shell) => {
    const user = process.getuid?.() === 0 ? [] : ["-r"];
    // a bare machine has no /lib/firmware to mount upon
    const script = factsScript().replaceAll("/lib/firmware/", "/sys/lib-firmware/");
    const input = script.replace(/\nidentity\n[\s\S]*$/, `\n${MODINFO}devices\n`);
    const args = [...user, "-m", "sh", "-c", `${SYS}${shell}`];
    const found = parseDevices(factLines(execFileSync("unshare", args, { input, encoding: "utf8" })));
    expect(found).toEqual({
      devices: [
        { use: "card", name: "eno1", module: "bnx2", modalias: "pci:v000014E4d00001639" },
        { use: "card", name: "eth0", module: "virtio_net", modalias: "virtio:d00000001v00001AF4" },
        { use: "card", name: "eth0", module: "virtio_pci", modalias: "pci:v00001AF4d00001000" },
        { use: "card", name: "eth0", module: "shpchp", modalias: "pci:v00001B36d00000001sv0sd0bc06sc04i00" },
        { use: "disk", name: "sda", module: "sd_mod" },
      ],
      firmwareFiles: { bnx2: ["bnx2/bnx2-mips-09-6.2.1b.fw"] },
    });
  },
);

it("lines that are none of ours say nothing", () =>
  expect(parseDevices(factLines("device=printer lp0 lp -\ndevice=card\nfirmware=x\ndevice=card eth0 a-b -\n"))).toEqual(
    {
      devices: [{ use: "card", name: "eth0", module: "a_b" }],
      firmwareFiles: {},
    },
  ));
