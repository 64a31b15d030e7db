import { expect, test } from "vitest";
import { type Machine, qemuArgs } from "../../lab/vps/qemu.ts";

const machine: Machine = {
  name: "m",
  dir: "/m",
  disk: "/m/m.qcow2",
  format: "qcow2",
  memory: 512,
  firmware: "bios",
  serialLog: "/m/log",
};
const devices = (args: string[], kind: string) =>
  args.filter((a, n) => args[n - 1] === "-device" && a.startsWith(kind));

test("one disk and one card unless more are asked for; the first card has the forwarded port", () => {
  const plain = qemuArgs(machine, 2200);
  expect([devices(plain, "virtio-blk").length, devices(plain, "virtio-net").length]).toEqual([1, 1]);
  const more = qemuArgs({ ...machine, disks: ["/m/2.qcow2", "/m/3.qcow2"], cards: 3 }, 2200);
  expect(devices(more, "virtio-blk")).toEqual(["disk", "disk2", "disk3"].map((d) => `virtio-blk-pci,drive=${d}`));
  expect(devices(more, "virtio-net").map((d) => /netdev=(\w+),mac=(\S+)/.exec(d)!.slice(1))).toEqual([
    ["net", "52:54:00:12:34:56"],
    ["net2", "52:54:00:12:35:02"],
    ["net3", "52:54:00:12:35:03"],
  ]);
  const nets = more.filter((_, n) => more[n - 1] === "-netdev");
  expect(nets.filter((n) => n.includes("hostfwd"))).toHaveLength(1);
  expect(nets.every((n) => n.includes("restrict=on"))).toBe(true);
});
