/**
 * What packages, hooks and the program put where the image's own layout has something: merged, refused with its path,
 * or left alone, and never gone or moved without a word. Packages with prefix=/usr put configuration into /usr/etc
 * (cmangos/issues#1962, ostreedev/ostree#2046); a machine-id and bytecode that were asked for (m4r1k/Eneru#70,
 * wolfi-dev/os#14268); a FIFO (ostreedev/ostree#2568).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Store } from "../../provider/image/store/store.ts";
import { type Toolbox, toolbox } from "../../provider/image/toolbox/toolbox.ts";
import { toolsOf } from "../../provider/resources/rootfs/lock.ts";
import { rootfs } from "../../provider/resources/rootfs/rootfs.ts";
import { quietTask } from "../../provider/task.ts";
import { type Bench, Life, startBench } from "./life.ts";
import { Committed } from "./rootfs-tree.ts";

let bench: Bench;
let box: Toolbox;
const file = (path: string, content = "x") => ({ path, content });
const add = [
  {
    name: "prefix",
    files: [file("usr/etc/prefix.conf", "by prefix"), file("usr/share/factory/var/lib/prefix/data", "first")],
  },
  { name: "both", files: [file("usr/etc/both.conf"), file("etc/both.conf")] },
  { name: "bytecode", files: [file("usr/lib/python3/__pycache__/a.pyc", "compiled"), file("usr/lib/python3/a.py")] },
  {
    name: "leftovers",
    scripts: {
      "post-install":
        "#!/bin/sh\nmkdir -p /usr/lib/left/__pycache__ && echo x >/usr/lib/left/__pycache__/x.pyc; echo x >/etc/machine-id; echo x >/etc/new.apk-new; mkdir -p /var/cache/left && echo x >/var/cache/left/x\n",
    },
    files: [file("usr/lib/left/x.py")],
  },
  {
    name: "fifo",
    scripts: { "post-install": "#!/bin/sh\nmkdir -p /etc/app && mkfifo /etc/app/ctl\n" },
    files: [file("usr/share/fifo")],
  },
].map((p) => ({ version: "1-r0", description: p.name, ...p }));

beforeAll(async () => {
  bench = await startBench("swept", { add });
  box = await toolbox(toolsOf(bench.config), quietTask());
});
afterAll(() => bench?.end());

const base = { target: "container" };
async function built(inputs: object): Promise<Committed> {
  const life = new Life(rootfs, bench.config);
  await life.up({ ...base, ...inputs });
  return Committed.of(await Store.open(bench.config.store!), box, String(life.state.checksum));
}
const refused = async (inputs: object) => {
  const life = new Life(rootfs, bench.config);
  return life.up({ ...base, ...inputs }).then(
    () => expect.fail("it was built"),
    (e: Error) => e.message,
  );
};

// with a hook the whole tree is made at once, without one configuration is laid over the packages
describe.each([{ buildCommands: [] }, { buildCommands: ["true"] }])(
  "with build commands $buildCommands",
  ({ buildCommands }) => {
    it("a package's /usr/etc is in /etc, its factory in /var, and both are whole", async () => {
      const tree = await built({ packages: ["prefix"], hostname: "swept", buildCommands });
      expect(await tree.text("/usr/etc/prefix.conf")).toBe("by prefix");
      expect(await tree.text("/usr/etc/hostname")).toBe("swept");
      expect(await tree.text("/usr/share/factory/var/lib/prefix/data")).toBe("first");
      for (const path of ["/usr/etc/etc", "/usr/share/factory/var/var", "/usr/share/factory/var/roothome/root"])
        expect(tree.entries.has(path), path).toBe(false);
    });

    it("the program's file is laid over a package's", async () => {
      const tree = await built({
        packages: ["prefix"],
        files: { "/etc/prefix.conf": { content: "mine" } },
        buildCommands,
      });
      expect(await tree.text("/usr/etc/prefix.conf")).toBe("mine");
    });

    it("what is asked for stays, what scripts left goes", async () => {
      const files = {
        "/etc/machine-id": { content: "uninitialized\n" },
        "/etc/mkinitfs/x": { content: "x" },
        "/etc/mine.apk-new": { content: "x" },
        "/usr/share/mine/__pycache__/m.pyc": { content: "m" },
      };
      const tree = await built({ packages: ["bytecode", "leftovers"], files, buildCommands });
      expect(await tree.text("/usr/etc/machine-id")).toBe("uninitialized");
      for (const path of ["/usr/etc/mkinitfs/x", "/usr/etc/mine.apk-new", "/usr/share/mine/__pycache__/m.pyc"])
        expect(tree.entries.has(path), path).toBe(true);
      expect(tree.entries.has("/usr/lib/python3/__pycache__/a.pyc")).toBe(true);
      for (const path of ["/usr/lib/left/__pycache__", "/usr/etc/new.apk-new", "/usr/share/factory/var/cache/left/x"])
        expect(tree.entries.has(path), path).toBe(false);
    });

    it("a file in both places is refused with its path", async () => {
      expect(await refused({ packages: ["both"], buildCommands })).toMatch(
        /^\/usr\/etc\/both\.conf of the image.* is in \/etc too: .*leave one of the packages out/,
      );
    });

    it("a package's FIFO is named as the system has it", async () => {
      expect(await refused({ packages: ["fifo"], buildCommands })).toMatch(
        /^\/etc\/app\/ctl of the image, which a package or a hook made, is a FIFO, which an image cannot hold/,
      );
    });
  },
);

describe("hooks", () => {
  it.each([
    ["mkdir -p /usr/etc && echo x >/usr/etc/x", /^\/usr\/etc of the image.*put it there/],
    ["mkdir -p /usr/share/factory/var/x", /^\/usr\/share\/factory\/var of the image/],
    ["mkdir -p /var/opt/x", /^\/var\/opt of the image.* \/opt: put it there/],
    ["mkfifo /usr/share/f", /^\/usr\/share\/f of the image.*FIFO/],
    ["rm /etc/passwd", /^\/etc\/passwd of the image.*is not there/],
  ])("%s is refused", async (hook, why) => expect(await refused({ buildCommands: [hook] })).toMatch(why));

  it("that write logs and caches are left alone", async () => {
    const tree = await built({
      buildCommands: ["mkdir -p /var/cache/h && echo h >/var/cache/h/x; echo 1 >/etc/machine-id"],
    });
    expect(await tree.text("/usr/share/factory/var/cache/h/x")).toBe("h");
    expect(await tree.text("/usr/etc/machine-id")).toBe("1");
  });
});
