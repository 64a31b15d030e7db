/** A made-up sysroot, and the operations on a server as the provider runs them: lists of steps. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asset, assetText } from "../../../provider/assets.ts";
import { containerOptions, slotOptions } from "../../../provider/boot/options.ts";
import { slotFile } from "../../../provider/boot/slot.ts";
import { envBlock } from "../../../provider/boot/state.ts";
import { agentScript, installScript, removeScript } from "../../../provider/host/scripts.ts";
import { makeRoot, plant, type Step } from "./a-server.ts";

export const CHECKSUM = "a".repeat(64);
export const DEPLOYMENT = `${CHECKSUM}.0`;
const UUID = "0b0a1c52-7f4f-4c7e-9c1d-1234567890ab";
const KERNEL = "/boot/ostree/pine-1/vmlinuz";

/** Its files below `root`, as image/sysroot/archive.ts packs them. */
export function sysroot(root: string, container: boolean, deployment = DEPLOYMENT): void {
  const at = join(root, "ostree/deploy/pine/deploy", deployment);
  makeRoot(at);
  plant(root, {
    "ostree/repo/config": "[core]\n",
    "ostree/deploy/pine/var/": "",
    "boot/ostree/pine-1/vmlinuz": "a kernel",
    "boot/ostree/pine-1/initramfs.img": "an initramfs",
    "boot/ostree/pine-1/vmlinuz-0-container": "no kernel",
    "boot/loader": "-> loader.1",
    "boot/loader.1/entries/ostree-1-pine.conf": "title Pine\n",
  });
  plant(at, {
    "usr/whole": "1",
    "usr/lib/pine/boot/grub.cfg": assetText("system/rootfs/usr/lib/pine/boot/grub.cfg"),
    "usr/libexec/pine/factory": readFileSync(asset("system/rootfs/usr/libexec/pine/factory"), "utf8"),
    "usr/share/factory/var/lib/filled": "1",
    "usr/share/factory/var/log/messages": "",
    "usr/share/factory/var/roothome/.profile": "PS1=pine\n",
    "etc/fstab": "# none\n",
    root: "-> var/roothome",
  });
  chmodSync(join(at, "usr/libexec/pine/factory"), 0o755);
  if (!container) return;
  plant(root, {
    "ostree/pine/ld.so": "musl",
    "ostree/pine/sh": "busybox",
    "ostree/pine/busybox": "busybox",
    "ostree/pine/init": assetText("system/container/init"),
  });
  for (const f of ["ld.so", "sh", "busybox", "init"]) chmodSync(join(root, "ostree/pine", f), 0o755);
}

/** The archive of one, by gzip. */
export function sysrootTar(container: boolean): Uint8Array {
  const dir = mkdtempSync(join(tmpdir(), "pine-a-sysroot-"));
  try {
    mkdirSync(join(dir, "root"));
    sysroot(join(dir, "root"), container);
    execFileSync("tar", [
      "-czf",
      join(dir, "tar"),
      "--owner=0",
      "--group=0",
      "-C",
      join(dir, "root"),
      "ostree",
      "boot/ostree",
      "boot/loader",
      "boot/loader.1",
    ]);
    return readFileSync(join(dir, "tar"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export const slotOf = (container: boolean, deployment = DEPLOYMENT) => {
  const [checksum, serial] = [deployment.split(".")[0]!, Number(deployment.split(".")[1])];
  return slotFile({
    title: "Pine 1.0",
    uuid: container ? "" : UUID,
    linux: container ? `${KERNEL}-0-container` : KERNEL,
    initrd: container ? "" : "/boot/ostree/pine-1/initramfs.img",
    options: container ? containerOptions({ checksum, serial }) : slotOptions({ rootUuid: UUID, checksum, serial }),
  });
};

export interface Operation {
  id: string;
  container?: boolean;
  /** KiB that the sysroot takes. */
  kib?: number;
  /** Bytes of the archive that are there; "-": it is unpacked as it comes. */
  from?: number | "-";
}

export const sha256 = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");

/** Sends an archive, of which so many bytes are there. */
function sending(tar: Uint8Array, { kib, from = 0 }: Operation): Step[] {
  const room = kib === undefined ? [] : [String(kib)];
  const file = [sha256(tar), String(tar.length)];
  return [
    { script: installScript(), args: ["part", ...file, ...room] },
    {
      script: installScript(),
      args: ["receive", ...file, String(from), "gzip", ...room],
      input: from === "-" ? tar : tar.subarray(from),
    },
  ];
}

/** What installAlongside does, step by step; ends with arming slot a. */
export function install(o: Operation, tar = sysrootTar(o.container ?? false)): Step[] {
  const { id, container = false } = o;
  const step = (args: string[], input?: string | Uint8Array): Step => ({ script: installScript(), args, input });
  const method = container ? "container" : "alongside";
  return [
    step(["begin", id, "stack", "urn", method, "2026-11-29", "Debian 12", "", ""]),
    ...sending(tar, o),
    step(["place", DEPLOYMENT]),
    step(["put", DEPLOYMENT, "/root/.ssh/authorized_keys", "600", "0:0"], "ssh-ed25519 AAAA a@b\n"),
    step(["fstab", DEPLOYMENT], "UUID=1\tnone\tswap\tsw\t0 0\n"),
    ...(container ? [] : [step(["boot", "grub.cfg"], assetText("system/grub/pine.cfg"))]),
    step(["boot", "a.cfg", ...(container ? [] : [DEPLOYMENT])], slotOf(container)),
    step(["boot", "env"], envBlock({})),
    container ? step(["init"]) : step(["grub"], assetText("system/grub/custom.cfg")),
    step(["forget"]),
    { script: agentScript(), args: ["arm", "a", "1"] },
  ];
}

export const remove = (id: string, deleteData = false): Step[] => [
  { script: removeScript(), args: [id, ...(deleteData ? ["deleteData"] : [])] },
];

/** Writes the record and the slots of an installation, and its sysroot, as if it had been made and confirmed. */
export function installed(root: string, o: Operation & { confirmed: boolean }): void {
  sysroot(root, o.container ?? false);
  plant(root, {
    "boot/grub/pine/install": `id=${o.id}\nstack=stack\nurn=urn\nmethod=${o.container ? "container" : "alongside"}\ncreated=2026-11-01\nold=Debian 12\n`,
    "boot/grub/pine/grub.cfg": assetText("system/grub/pine.cfg"),
    "boot/grub/pine/a.cfg": slotOf(o.container ?? false),
  });
  writeFileSync(join(root, "boot/grub/pine/env"), envBlock(o.confirmed ? { slot: "a", boots: 6 } : {}));
}
