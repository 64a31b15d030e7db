/**
 * The boot part of a container: loader, busybox and script come with each commit as a set, are on trial with it, and go
 * back with it, without a start more (fleet.md, row 81: lxc/lxc#1928, canonical/lxd#7298).
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assetText } from "../../provider/assets.ts";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { on, steps } from "./hijack-lab.ts";

if (!isRoot) asRootBySudo("boot-parts", import.meta.filename);

const ENTER = assetText("system/rootfs/usr/lib/pine/boot/enter");
const withLine = (line: RegExp, more: string) => ENTER.replace(line, `$&\n${more}`);

if (isRoot)
  describe("a container", () => {
    const step = steps(test);
    let lab: ContainerLab;
    const status = () => on(lab.vps, "/usr/libexec/pine/agent status");
    const give = (enter: string) =>
      lab.project.edit((text) => {
        const without = text.replace(/^ {8}\/usr\/lib\/pine\/boot\/enter:\n.*\n/m, "");
        const file = `        /usr/lib/pine/boot/enter:\n          content: ${JSON.stringify(enter).replaceAll("${", () => "$${")}\n`;
        return without.replace(/^ {6}files:\n/m, (line) => line + file);
      });
    beforeAll(async () => {
      lab = await startContainerLab("ct-parts", { privileged: false, memoryMiB: 64 });
      await lab.project.ok(["up", "--skip-preview"]);
    });
    afterAll(() => lab?.end());

    test.each<[string, string]>([
      ["ends at once", "#!/bin/sh\nexit 1\n"],
      ["is no script", "\u0001\u0002 ) } fi\n"],
      ["ends after some mounts", withLine(/^ {2}run mount --bind usr usr .*$/m, "  exit 1")],
      ["says that all is done and has done nothing", "#!/bin/sh\nexit 0\n"],
    ])("whose next boot part %s has its own again within the same start", async (_, enter) => {
      give(enter);
      const { exitCode, output } = await lab.project.run(["up", "--skip-preview"]);
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/the server went back to slot a/);
      expect(await status()).toMatch(/^running=a\n(.*\n)*slot=a\n/m);
      expect(lab.vps.consoleText).toMatch(/slot b: its boot part did not make it the root/);
    });

    step("takes a newer one that works", async () => {
      give(
        withLine(
          /^on_trial=.*|^deployment=\$1.*$/m,
          'say() { { echo "part two: $*" >/dev/console; } 2>/dev/null; }\nsay "begins"',
        ),
      );
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await status()).toMatch(/^running=b\n(.*\n)*slot=b\n/m);
      expect(lab.vps.consoleText).toMatch(/part two: begins/);
    });

    step("whose confirmed part is gone starts the slot before, by that one's part", async () => {
      const broken =
        'd=/sysroot$(sed "s/.*ostree=\\([^ ]*\\).*/\\1/" /run/pine.cmdline); chattr -i $d 2>/dev/null; mv $d/usr/lib/pine/boot $d/usr/lib/pine/away; sync';
      await lab.vps.exec(["/bin/sh", "-c", broken]);
      await lab.vps.kill();
      await lab.vps.start();
      await lab.vps.waitForSsh();
      expect(await status()).toMatch(/^running=a\n/m);
    });
  });
