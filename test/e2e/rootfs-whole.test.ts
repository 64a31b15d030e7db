/**
 * Hooks, kernel modules, archives, capabilities; and that what is laid over the packages' commit is what a whole tree
 * would be.
 */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { driversLacking } from "../../provider/image/initramfs/kernel-drivers.ts";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { Archive, Asset } from "../../provider/properties/values.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { Committed } from "./rootfs-tree.ts";

const key = `ssh-ed25519 ${"A".repeat(68)} test`;
/** Over what is there, beside it, through links, in folders that are new: everything that can be laid over a tree. */
const inputs = {
  packages: ["nano"],
  users: [{ name: "ann", authorizedKeys: [key], sudo: true }],
  authorizedKeys: [key],
  services: { default: ["mine"] },
  sysctl: { "vm.swappiness": "10" },
  files: {
    "/etc/init.d/mine": { content: "#!/sbin/openrc-run\n", mode: "0755" },
    "/etc/nanorc": { content: "set tabsize 2\n", mode: "0600", owner: "ann:ann" },
    "/lib/firmware/own.bin": { source: new Asset({ text: "x" }) },
    "/usr/bin/setuid": { content: "#!/bin/sh\n", mode: "4755" },
    "/usr/share/app": {
      owner: "ann:ann",
      archive: new Archive({
        assets: {
          "a.txt": new Asset({ text: "a\n" }),
          "b/c": new Archive({ assets: { d: new Asset({ text: "d\n" }) } }),
        },
      }),
    },
  },
};

let bench: Bench;
let box: Toolbox;
let life: Life;
let tree: Committed;
beforeAll(async () => {
  bench = await startBench("whole");
  box = await toolbox(toolsOf(bench.config), quietTask());
  life = new Life(rootfs, bench.config);
  await life.up(inputs);
  tree = await Committed.of(await Store.open(bench.config.store), box, life.state.checksum);
});
afterAll(() => bench?.end());

describe("a tree that is laid over its packages", () => {
  it("has what was given, where it was given", async () => {
    const at = (path: string) => tree.entries.get(path);
    expect(at("/usr/etc/nanorc")).toMatchObject({ type: "-", mode: "0600", owner: "1000:1000", size: 14 });
    expect(at("/usr/lib/firmware/own.bin")).toMatchObject({ type: "-", size: 1, owner: "0:0" });
    expect(at("/usr/bin/setuid")).toMatchObject({ mode: "4755", owner: "0:0" });
    expect(at("/usr/share/app")).toMatchObject({ type: "d", owner: "1000:1000" });
    expect(at("/usr/share/app/b/c/d")).toMatchObject({ type: "-", owner: "1000:1000", size: 2 });
    expect(await tree.text("/usr/share/app/a.txt")).toBe("a");
    expect(at("/usr/share/factory/var/home/ann/.ssh/authorized_keys")).toMatchObject({
      mode: "0600",
      owner: "1000:1000",
    });
    expect(tree.names("/usr/etc/runlevels/default")).toEqual([
      "dropbear",
      "mine",
      "pine-health",
      "pine-ok",
      "pine-updates",
    ]);
  });

  it("is byte for byte the one that is made whole, as a hook asks for", async () => {
    const whole = new Life(rootfs, bench.with({ store: join(bench.work, "whole") }));
    await whole.up({ ...inputs, buildCommands: ["true"] });
    expect(whole.state.digest).not.toBe(life.state.digest);
    expect({ checksum: whole.state.checksum, size: whole.state.size }).toEqual({
      checksum: life.state.checksum,
      size: life.state.size,
    });
  });

  it("is not installed again when one file changes, nor when it changes back", async () => {
    const { checksum } = life.state;
    await life.up({ ...inputs, files: { ...inputs.files, "/etc/motd": { content: "new\n" } } });
    expect(life.said.steps.filter((s) => /installing|fetching/.test(s))).toEqual([]);
    expect(life.state.checksum).not.toBe(checksum);
    await life.up(inputs);
    expect(life.state.checksum).toBe(checksum);
  });

  it("refuses a file below a file, and in place of a folder", async () => {
    const other = new Life(rootfs, bench.config);
    await expect(other.up({ packages: ["nano"], files: { "/etc/apk": { content: "" } } })).rejects.toThrow(
      /files\["\/etc\/apk"\]: \/etc\/apk is a folder of the packages/,
    );
    await expect(other.up({ packages: ["nano"], files: { "/usr/bin/nano/x": { content: "" } } })).rejects.toThrow(
      /files\["\/usr\/bin\/nano\/x"\]: .*is not a folder/,
    );
  });
});

describe("hooks", () => {
  it("run in the tree, in order, as root, without a network, and are part of the digest", async () => {
    const own = new Life(rootfs, bench.config);
    const hooks = [
      "echo first >/etc/hooked; id -u >>/etc/hooked; pwd >>/etc/hooked",
      "ip -o link | grep -v ' lo:' >>/etc/hooked || echo no network >>/etc/hooked; cat /etc/motd >>/etc/hooked",
      "adduser -S -D -H app",
    ];
    await own.up({ packages: ["nano"], motd: "hello\n", buildCommands: hooks });
    const made = await Committed.of(await Store.open(bench.config.store), box, own.state.checksum);
    expect(await made.text("/usr/etc/hooked")).toBe("first\n0\n/\nno network\nhello");
    expect(await made.text("/usr/etc/passwd")).toMatch(/^app:/m);
  });
  it("that fail say which, and what they said; nothing is kept", async () => {
    const own = new Life(rootfs, bench.config);
    await expect(
      own.up({ packages: ["nano"], buildCommands: ["true", "echo no such thing >&2; exit 7"] }),
    ).rejects.toThrow(/buildCommands\[1\] ended with 7:\nno such thing/);
  });
});

it("a kernel module of another kernel is refused", async () => {
  const own = new Life(rootfs, bench.config);
  await expect(
    own.up({ packages: ["nano"], extraKernelModules: { beegfs: new Asset({ text: "no module" }) } }),
  ).rejects.toThrow(/extraKernelModules\["beegfs"\] is not a module of this kernel \(no vermagic, the image has 6\./);
});

it("knows what its kernel drives: modules, those built in, and none of a stranger's", async () => {
  const store = await Store.open(bench.config.store);
  const device = (module: string, modalias?: string) => ({ use: "card" as const, name: "eth0", module, modalias });
  const devices = [
    device("virtio_net", "virtio:d00000001v00001AF4"),
    device("renamed_since", "virtio:d00000002v00001AF4"),
    device("mine_alone", "pci:v0000FFFFd0000FFFFsv0000FFFFsd0000FFFFbc02sc00i00"),
  ];
  const o = { store, box, checksum: life.state.checksum, devices, firmware: { virtio_net: ["x.bin"] } };
  expect(await driversLacking(o, quietTask())).toEqual([devices[2]]);
});
