/** What an installation refuses: the lab's Debian with one thing changed at a time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../../provider/host/facts/facts.ts";
import type { Facts } from "../../../../provider/host/facts/types/facts.ts";
import { planInstall } from "../../../../provider/host/ways/plan.ts";
import { codes, facts, image, inputs } from "../plan/tools.ts";

describe("what is refused", () => {
  it.each<[string, (f: Facts) => void]>([
    [
      "arch",
      (f) => {
        f.arch = "aarch64";
      },
    ],
    [
      "target",
      (f) => {
        f.container = "lxc";
      },
    ],
    [
      "xen-pv",
      (f) => {
        f.xen = "PV";
      },
    ],
    [
      "secure-boot",
      (f) => {
        f.firmware = "uefi";
        f.secureBoot = true;
      },
    ],
    [
      "distribution",
      (f) => {
        f.os = { id: "fedora", idLike: [], name: "Fedora Linux 41", versionId: "41" };
      },
    ],
    [
      "distribution",
      (f) => {
        f.os.versionId = "7";
      },
    ],
    [
      "kernel",
      (f) => {
        f.kernelRelease = "2.6.32-5-amd64";
      },
    ],
    [
      "ram",
      (f) => {
        f.ramKiB = 60_000;
      },
    ],
    [
      "root-lvm",
      (f) => {
        f.root.kind = "lvm";
      },
    ],
    [
      "root-raid",
      (f) => {
        f.root.kind = "raid";
      },
    ],
    [
      "root-luks",
      (f) => {
        f.root.kind = "luks";
      },
    ],
    [
      "root-multipath",
      (f) => {
        f.root.kind = "multipath";
      },
    ],
    [
      "root-type",
      (f) => {
        f.root.type = "btrfs";
      },
    ],
    [
      "root-uuid",
      (f) => {
        f.root.uuid = undefined;
      },
    ],
    [
      "root-readonly",
      (f) => {
        f.root.options = ["ro"];
      },
    ],
    [
      "boot-unknown",
      (f) => {
        f.mounts = [{ source: "/dev/vda1", target: "/boot", type: "ext4" }];
      },
    ],
    [
      "no-grub",
      (f) => {
        f.grub = undefined;
      },
    ],
    [
      "grub-custom",
      (f) => {
        f.grub!.sourcesCustom = false;
      },
    ],
    [
      "grub-unused",
      (f) => {
        f.cmdline = ["root=/dev/vda2"];
      },
    ],
    [
      "disk-space",
      (f) => {
        f.root.freeKiB = 400_000;
      },
    ],
    [
      "inodes",
      (f) => {
        f.root.freeInodes = 900;
      },
    ],
    [
      "tools",
      (f) => {
        f.tools.fsfreeze = "";
      },
    ],
    [
      "ostree-other",
      (f) => {
        f.pine.leftovers = ["/ostree"];
      },
    ],
    [
      "pine-other-stack",
      (f) => {
        f.pine.install = { id: "x", stack: "other/prod" };
      },
    ],
    [
      "host-key",
      (f) => {
        f.hostKeys = f.hostKeys.slice(0, 2);
      },
    ],
    [
      "network-none",
      (f) => {
        f.network.routes = [];
      },
    ],
    [
      "network-bond",
      (f) => {
        f.network.interfaces[0]!.kind = "bond";
      },
    ],
    [
      "login-key",
      (f) => {
        f.authorizedKeys.root = [];
      },
    ],
  ])("%s", (code, change) => {
    const { refusals } = planInstall(facts(change), inputs, image);
    expect(refusals.map((r) => r.code)).toEqual([code]);
    // each says what to do
    expect(refusals[0]!.message.length).toBeGreaterThan(15);
    expect(refusals[0]!.hint.length).toBeGreaterThan(5);
  });

  it("a login that may not become root, without guesses about what it could not read", () => {
    const f = parseFacts(
      readFileSync(join(import.meta.dirname, "../../fixtures/facts/debian-12-lab-no-root.txt"), "utf8"),
    );
    expect(codes(f, { rootWay: "none", user: "nosudo" })).toEqual(["not-root"]);
  });
  it("a password as the only way in", () => expect(codes(facts(), { loginKeys: [] })).toEqual(["login-key"]));
  it("method container on a machine", () => expect(codes(facts(), { method: "container" })).toEqual(["method"]));
  it("a server without zstd, for a sysroot packed with it", () =>
    expect(codes(facts(), {}, { compression: "zstd" })).toEqual(["tools"]));
  it("little memory under UEFI is no refusal, but told", () => {
    const told = (firmware: "bios" | "uefi", ramKiB: number) =>
      planInstall(
        facts((f) => {
          Object.assign(f, { firmware, ramKiB });
        }),
        { ...inputs, method: "alongside" },
        image,
      ).plan!.lines.some((line) => /^note: under UEFI GRUB may have too little memory/.test(line));
    expect([told("uefi", 160_000), told("uefi", 174_116), told("bios", 160_000)]).toEqual([true, false, false]);
  });
  it("everything at once", () => {
    const bad = (f: Facts) => {
      f.container = "lxc";
      f.root.type = "zfs";
      f.ramKiB = 1;
    };
    expect(codes(facts(bad), { method: "alongside" })).toEqual(["target", "container", "ram", "root-type"]);
  });
  it("gives the numbers of the space that is missing", () => {
    const [r] = planInstall(
      facts((f) => {
        f.root.freeKiB = 400_000;
      }),
      inputs,
      image,
    ).refusals;
    expect(r!.message).toContain("410 MB free, 456 MB are needed");
  });
  it("says of ZFS, which no disk can be found for, that it is ZFS", () => {
    const zfs = facts((f) => void Object.assign(f.root, { type: "zfs", kind: "unknown", uuid: undefined }));
    expect(codes(zfs)).toEqual(["root-type"]);
  });
  it("lets an unknown distribution be overruled, and no more", () => {
    const f = facts((x) => {
      x.os.id = "devuan";
      x.container = "lxc";
    });
    expect(codes(f, { ignoreChecks: ["distribution"] })).toEqual(["target"]);
  });
});
