/** The old system of a container given up: its space is free, what its manager needs is there, and Pine goes on. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { withInputs } from "./hijack-cli.ts";
import { on, steps } from "./hijack-lab.ts";

const step = steps(test);
let lab: ContainerLab;
if (!isRoot) asRootBySudo("containers", import.meta.filename);

if (isRoot)
  describe("a container whose old system goes", () => {
    beforeAll(async () => {
      lab = await startContainerLab("ct-finalize", { release: "bullseye", privileged: true, network: "dhcp" });
    });
    afterAll(() => lab?.end());

    step("Debian 11 is taken and given up", async () => {
      lab.project.edit((text) => withInputs(text, { removeOldSystem: true }));
      const { output } = await lab.project.ok(["up"]);
      expect(output).toMatch(/then removes Debian 11 for good; destroy leaves the server as it is/);
      expect(output).toMatch(/Debian GNU\/Linux 11 \(bullseye\) is gone, \d+ MB are free again/);
      expect(readdirSync(lab.vps.rootfs).sort()).toEqual(
        // biome-ignore format: what belongs together is in one line
        [
          "bin", "boot", "dev", "etc", "lib", "mnt", "ostree", "proc", "root", "run", "sbin", "sys", "tmp", "usr",
        ].sort(),
      );
      expect(readdirSync(join(lab.vps.rootfs, "etc")).sort()).toEqual(
        expect.arrayContaining(["debian_version", "hostname", "network", "os-release", "passwd", "shadow"]),
      );
    });

    step("it starts, is updated, and goes back where an update fails", async () => {
      await lab.vps.kill();
      await lab.vps.start();
      await lab.vps.waitForSsh();
      await lab.project.set({ packages: ["lighttpd", "tree"] });
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await on(lab.vps, "tree --version; /usr/libexec/pine/agent status")).toMatch(/^tree v.*\nslot=b\n/s);
      await lab.project.set({ webPort: "81" });
      expect((await lab.project.run(["up", "--skip-preview"])).exitCode).not.toBe(0);
      expect(await on(lab.vps, "tree --version; /usr/libexec/pine/agent status")).toMatch(/^tree v.*\nslot=b\n/s);
    });

    step("scripts that its manager runs on the physical root find a shell", async () => {
      const { rootfs } = lab.vps;
      const said = await lab.vps.exec([
        "/bin/sh",
        "-c",
        "chroot /sysroot /bin/bash -c 'echo bash; hostname; cat /etc/debian_version'",
      ]);
      expect(said.stdout, rootfs).toMatch(/^bash\n\S+\n11\./);
    });

    step("destroy leaves it", async () => {
      await lab.project.set({ webPort: "80" });
      await lab.project.ok(["up", "--skip-preview"]);
      expect((await lab.project.ok(["destroy"])).output).toMatch(/the server stays as it is/);
      expect(await on(lab.vps, ". /etc/os-release; echo $ID")).toBe("alpine");
    });
  });
