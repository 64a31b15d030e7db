/** A template started by LXC, as a hoster's container would be; then HostHijack takes it over and updates it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeTree } from "../../provider/image/namespace/run-in.ts";
import { commitFromRootfs } from "../../provider/image/ostree/commits.ts";
import { containerTemplate } from "../../provider/image/template/template.ts";
import { startLxc } from "../lab/lxc/lxc.ts";
import type { Lxc } from "../lab/lxc/types.ts";
import { ensureMirror } from "../lab/mirror/index.ts";
import { serveMirror } from "../lab/mirror/server.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { Project } from "./hijack-cli.ts";
import { configure, giveInputs, steps, until } from "./hijack-lab.ts";
import { type ImageLab, startImageLab } from "./image-lab.ts";

if (!isRoot) asRootBySudo("container", import.meta.filename);

if (isRoot)
  describe("a template", () => {
    const step = steps(test);
    const work = mkdtempSync(join(tmpdir(), "pine-ct-template-"));
    const ending: (() => unknown)[] = [() => rmSync(work, { recursive: true, force: true })];
    let lab: ImageLab;
    let vps: Lxc;
    let project: Project;
    let checksum: string;

    /** In the container, without SSH. */
    const within = async (command: string) => (await vps.exec(["/bin/sh", "-c", command])).stdout.trim();

    beforeAll(async () => {
      lab = await startImageLab();
      ending.unshift(() => lab.end());
      const store = await lab.ownStore();
      const rootfs = await lab.rootfs([], store, "container");
      ({ checksum } = await commitFromRootfs({ ...lab, store }, rootfs, {}));
      const template = await containerTemplate({ ...lab, store }, checksum, "squashfs");
      const root = lab.folder();
      const binds = [
        { source: root, target: "/run/work" },
        { source: template.path, target: "/run/template", readOnly: true },
      ];
      const unpack = ["unsquashfs", "-no-progress", "-quiet", "-d", "/run/work/root", "/run/template"];
      await lab.toolbox.run(["/bin/sh", "-euc", `${unpack.join(" ")} >&2`], { binds });
      const from = join(root, "root");
      vps = await startLxc({
        from,
        privileged: true,
        network: "dhcp",
        name: "ct-template",
        wait: false,
        memoryMiB: 64,
      });
      ending.unshift(() => vps.stop());
      await removeTree(from);
      await until("its default runlevel", async () => (await within("ls /run/pine.completed")) !== "", 60_000);
      const [type, key] = (
        await within("dropbearkey -y -f /etc/dropbear/dropbear_ed25519_host_key | grep ^ssh-")
      ).split(" ");
      project = new Project(work);
      ending.unshift(() => project.end());
      const tree = await ensureMirror();
      const mirror = await serveMirror(tree);
      ending.unshift(() => mirror.close());
      const { host, port, privateKey } = vps;
      await configure(project, { work, vps: { host, port, privateKey, hostKey: `${type} ${key}` }, mirror }, tree.keys);
      await project.set({ "pine:store": store.dir, target: "container" });
      await giveInputs(project);
    });
    afterAll(async () => {
      for (const end of ending.splice(0)) await end();
    });

    step("runs its commit, confirmed, with keys of its own", async () => {
      expect(await within("ostree admin status; /usr/libexec/pine/agent status")).toMatch(
        new RegExp(`\\* pine ${checksum}.*\nslot=a\n`, "s"),
      );
    });

    step("is taken over and updated by a delta", async () => {
      const preview = await project.ok(["preview"]);
      expect(preview.output).toMatch(
        /takes over the Pine that runs here: update [0-9a-f]{12} => the new commit: send a delta/,
      );
      await project.ok(["up", "--skip-preview"]);
      const { booted, plan } = await project.server();
      expect(booted.slot).toBe("b");
      expect(plan.restore).toBeUndefined();
      expect(await within("hostname; wget -qO- http://127.0.0.1/; cat /boot/grub/pine/install")).toMatch(
        /^web-1\nHello from an atomic server\n(.*\n)*method=container\n/,
      );
      await project.ok(["up", "--expect-no-changes"]);
    });

    step("starts again, goes back where an update fails, and stays when it is destroyed", async () => {
      await vps.kill();
      await vps.start();
      await until("its default runlevel", async () => (await within("ls /run/pine.completed")) !== "", 60_000);
      await project.set({ webPort: "81" });
      const failed = await project.run(["up", "--skip-preview"]);
      expect(failed.output).toMatch(/was booted and failed; commit [0-9a-f]{12} runs again/);
      expect((await project.ok(["destroy"])).output).toMatch(
        /the server stays as it is: it was started from a template/,
      );
      expect(await within("/usr/libexec/pine/agent status")).toMatch(/^slot=b\ntrial=\n/m);
    });
  });
