/** What every RAM system holds. Pure. */
import { assetText } from "../../assets.ts";
import type { CpioEntry } from "./cpio.ts";

export function fixedEntries(): CpioEntry[] {
  const file = (path: string, text: string, mode = 0o644): CpioEntry => ({
    path,
    type: "file",
    mode,
    data: Buffer.from(text),
  });
  return [
    file("init", assetText("system/ram/init"), 0o755),
    // systemd's shutdown blocks all signals, and what it turns into inherits that; busybox init unblocks them for what
    // it starts
    file("shutdown", "#!/bin/busybox sh\nexec /bin/busybox init\n", 0o755),
    file("etc/inittab", "::sysinit:/init\n::wait:/bin/busybox reboot -f\n"),
    file("etc/pine-names", assetText("system/rootfs/etc/init.d/pine-names")),
    { path: "bin/sh", type: "link", target: "busybox" },
    { path: "sbin", type: "link", target: "bin" },
    { path: "usr/bin", type: "link", target: "../bin" },
    { path: "usr/sbin", type: "link", target: "../bin" },
    { path: "var/run", type: "link", target: "../run" },
    { path: "etc/mtab", type: "link", target: "/proc/self/mounts" },
    // facts and messages recognise it by ID
    file("etc/os-release", 'ID=pine-ram\nPRETTY_NAME="Pine\'s RAM system"\n'),
    file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
    file("etc/group", "root:x:0:\n"),
    file("etc/shells", "/bin/sh\n"),
    file("etc/shadow", "root:*:::::::\n", 0o600),
    // modules that no device asks for, or only when its controller is done with it
    file("etc/modules", "af_packet\next4\nsd_mod\n"),
    { path: "dev/console", type: "char", mode: 0o600, major: 5, minor: 1 },
    { path: "dev/null", type: "char", mode: 0o666, major: 1, minor: 3 },
  ];
}

export function unique(entries: CpioEntry[]): CpioEntry[] {
  return [...new Map(entries.map((e) => [e.path, e])).values()];
}
