/** The plan of an installation: the lab's Debian with one thing changed at a time. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseFacts } from "../../../provider/host/facts.ts";
import { planInstall } from "../../../provider/host/plan.ts";
import { admits, keptKeys } from "../../../provider/host/plan-keys.ts";
import type { Facts, ImageFacts, PlanInputs } from "../../../provider/host/types.ts";

const lab = readFileSync(join(import.meta.dirname, "../fixtures/facts/debian-12-lab.txt"), "utf8");
const facts = (change: (f: Facts) => void = () => {}) => {
  const f = parseFacts(lab);
  change(f);
  return f;
};
const key = parseFacts(lab).authorizedKeys.root[0]!;
const seen = parseFacts(lab).hostKeys[2]!.split(" ").slice(0, 2).join(" ");
const inputs: PlanInputs = { rootWay: "root", user: "root", loginKeys: [key], stack: "demo/dev", hostKeySeen: seen };
const image: ImageFacts = {
  arch: "x86_64",
  sysrootBytes: 82.6e6,
  unpackedBytes: 142e6,
  about: false,
  compression: "gzip",
};
const codes = (f: Facts, i: Partial<PlanInputs> = {}, m: Partial<ImageFacts> = {}) =>
  planInstall(f, { ...inputs, ...i }, { ...image, ...m }).refusals.map((r) => r.code);

describe("what is refused", () => {
  it.each<[string, (f: Facts) => void]>([
    [
      "arch",
      (f) => {
        f.arch = "aarch64";
      },
    ],
    [
      "container",
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
      "uefi",
      (f) => {
        f.firmware = "uefi";
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
        f.root.type = "xfs";
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
      "boot-separate",
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
      readFileSync(join(import.meta.dirname, "../fixtures/facts/debian-12-lab-no-root.txt"), "utf8"),
    );
    expect(codes(f, { rootWay: "none", user: "nosudo" })).toEqual(["not-root"]);
  });
  it("a password as the only way in", () => expect(codes(facts(), { loginKeys: [] })).toEqual(["login-key"]));
  it("methods that are not there yet", () => expect(codes(facts(), { method: "overwrite" })).toEqual(["method"]));
  it("a server without zstd, for a sysroot packed with it", () =>
    expect(codes(facts(), {}, { compression: "zstd" })).toEqual(["tools"]));
  it("everything at once", () => {
    const bad = (f: Facts) => {
      f.container = "lxc";
      f.root.type = "zfs";
      f.ramKiB = 1;
    };
    expect(codes(facts(bad))).toEqual(["container", "ram", "root-type"]);
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
  it("forces only an unknown distribution", () => {
    const f = facts((x) => {
      x.os.id = "devuan";
      x.container = "lxc";
    });
    expect(codes(f, { force: true })).toEqual(["container"]);
  });
});

describe("the plan", () => {
  const { plan } = planInstall(facts(), inputs, image);
  it("is one line", () => {
    expect(plan!.summary).toMatch(
      /^alongside Debian 12 on vda2 \(ext4, 3\.\d GB free\): send 83 MB, 1 reboot; keeps 10\.0\.2\.15\/24 via 10\.0\.2\.2, 3 host keys, 1 key of root; destroy restores Debian 12$/,
    );
  });
  it("names the disk by its table, the filesystem by its UUID", () => {
    expect(plan!.disk).toMatchObject({
      device: "/dev/vda",
      partition: 2,
      ptuuid: "92b3d58c-252d-8444-8818-a4f72a377994",
    });
    expect(plan!.disk.rootUuid).toBe("7b6f3a52-5d0c-4b6e-9f0e-3f3f2a9d6c11");
  });
  it("erases nothing, restores, and is honest about the watchdog", () => {
    expect([plan!.erases, plan!.restore, plan!.deadman, plan!.boots]).toEqual([[], "Debian 12 (bookworm)", 300, 1]);
    expect(plan!.lines.join("\n")).toContain("no hardware watchdog");
    expect(plan!.consoles).toEqual(["tty0", "ttyS0,115200"]);
  });
  it("marks estimates", () => {
    const { plan: p } = planInstall(facts(), inputs, { ...image, about: true });
    expect(p!.summary).toContain("send about 83 MB");
  });
  it("says when destroy restores nothing", () => {
    const { plan: p } = planInstall(facts(), { ...inputs, onDestroy: "retain" }, image);
    expect([p!.restore, /destroy leaves it$/.test(p!.summary)]).toEqual([undefined, true]);
  });
  it("drops DSA host keys", () => {
    const { plan: p } = planInstall(
      facts((f) => f.hostKeys.push("ssh-dss AAAAB3 root@old")),
      inputs,
      image,
    );
    expect(p!.hostKeys).toHaveLength(3);
  });
});

describe("a server that has Pine", () => {
  const install = { id: "i1", stack: "demo/dev", old: "Debian 12 (bookworm)" };
  const runs = facts((f) => {
    f.pine = { ...f.pine, install, deployment: "0123.0", runningSlot: "a" };
    f.os = { id: "alpine", idLike: [], name: "Alpine Linux v3.23", versionId: "3.23.6" };
    f.grub = undefined;
  });
  it.each([
    [
      "half",
      facts((f) => {
        f.pine.install = install;
        f.pine.leftovers = ["/ostree"];
      }),
      undefined,
    ],
    ["ours", runs, "i1"],
    ["adopt", runs, undefined],
  ])("%s", (existing, f, installationId) => {
    const { plan } = planInstall(f, { ...inputs, installationId }, image);
    expect([plan!.existing, plan!.restore]).toEqual([existing, "Debian 12 (bookworm)"]);
  });
  it("is ours by its id even when the stack was renamed", () => {
    expect(codes(runs, { stack: "renamed/dev", installationId: "i1" })).toEqual([]);
    expect(codes(runs, { stack: "renamed/dev", installationId: "i2" })).toEqual(["pine-other-stack"]);
  });
});

describe("keys of root", () => {
  const [type, blob] = key.split(" ");
  const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGYiSYlz3oe28c4sVNMRNCemi45hmkQ78fKmzOeWGjly";
  const forced = `no-port-forwarding,command="echo 'Please login as the user \\"debian\\" rather than the user \\"root\\".';echo;sleep 10;exit 142" ${type} ${blob}`;
  it.each<[string, string[], string[], string[], string[]]>([
    ["root's own", [key], [], [], [key]],
    ["cloud-init's forced line makes room for the login's", [forced], [key], [], [key]],
    ["cloud-init's forced line alone is no key", [forced], [], [other], [other]],
    ["each once, the freer line", [`from="10.0.0.1" ${key}`], [key], [], [key]],
    ["other forced commands stay", [`command="backup" ${other}`], [key], [], [`command="backup" ${other}`, key]],
    ["DSA and damage go", ["ssh-dss AAAAB3NzaC1kc3M= x", "ssh-ed25519 AAAA", key], [], [], [key]],
    ["asked-for keys are added", [key], [], [`${other} laptop`], [key, `${other} laptop`]],
  ])("%s", (_, root, login, wanted, expected) => expect(keptKeys(root, login, wanted).lines).toEqual(expected));

  it("a forced command is no way in", () => {
    expect(admits([`command="backup" ${key}`], [key])).toBe(false);
    expect(admits([`from="10.0.0.0/8" ${key}`], [`${type} ${blob} elsewhere`])).toBe(true);
  });
});
