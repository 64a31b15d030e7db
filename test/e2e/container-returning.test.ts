/**
 * Ways back in a container: nobody confirms the trial; the new system's init ends at once; one that is confirmed does
 * not come up any more.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, START_MS, startContainerLab } from "./container-vps.ts";
import { withInputs } from "./hijack-cli.ts";
import { on, steps, until } from "./hijack-lab.ts";

if (!isRoot) asRootBySudo("containers", import.meta.filename);

if (isRoot)
  describe("a container", () => {
    const step = steps(test);
    let lab: ContainerLab;
    const os = async () => (await lab.vps.ssh(". /etc/os-release; echo $ID")).stdout;
    beforeAll(async () => {
      lab = await startContainerLab("ct-returning", { privileged: false, memoryMiB: 64 });
      lab.project.edit((text) => withInputs(text, { trialTimeout: 60 }));
    });
    afterAll(() => lab?.end());

    step("whose trial nobody confirms is restarted by the dead-man into what ran before", async () => {
      const up = lab.project.start(["up", "--skip-preview"]);
      await up.saw(/^waiting for the server to answer/);
      up.crash();
      await up.ended;
      await until("the trial", async () => (await os()) === "alpine", START_MS);
      const trial = lab.vps.pid;
      await until("the restart", () => ![0, trial].includes(lab.vps.pid), START_MS);
      await lab.vps.waitForSsh();
      expect(await os()).toBe("debian");
      expect(lab.vps.consoleText).toMatch(/dead-man: not confirmed, restarting/);
      await lab.project.simple(["cancel", "--yes"]);
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await os()).toBe("alpine");
    });

    step("whose new init ends at once stops; started again, it is what it was, and the error says so", async () => {
      lab.project.edit((text) =>
        text.replace(
          /^ {6}files:\n/m,
          '$&        /usr/sbin/init:\n          content: "#!/bin/sh\\nexit 1\\n"\n          mode: "0755"\n',
        ),
      );
      const up = lab.project.start(["up", "--skip-preview"]);
      await up.saw(/^waiting for the server to answer/);
      await lab.vps.off(START_MS);
      await lab.vps.start();
      const { exitCode, output } = await up.ended;
      expect(exitCode).not.toBe(0);
      expect(output).toMatch(/the new system did not come up far enough to answer; the server went back to slot a/);
      expect(output).toMatch(/its mounts were refused, or its init ended at once|its init was started/);
      expect(await on(lab.vps, "/usr/libexec/pine/agent status")).toMatch(/^slot=a\n/m);
    });

    step("whose confirmed system cannot be started any more starts the one before", async () => {
      lab.project.edit((text) => text.replace(/^ {8}\/usr\/sbin\/init:\n.*\n.*\n/m, ""));
      await lab.project.set({ packages: ["lighttpd", "tree"] });
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await on(lab.vps, "/usr/libexec/pine/agent status")).toMatch(/^slot=b\n/m);
      // its programs do not run any more
      const broken =
        'd=/sysroot$(sed "s/.*ostree=\\([^ ]*\\).*/\\1/" /run/pine.cmdline); chattr -i $d 2>/dev/null; mv $d/usr/bin $d/usr/bin.away; sync';
      await lab.vps.exec(["/bin/sh", "-c", broken]);
      await lab.vps.kill();
      await lab.vps.start();
      await lab.vps.waitForSsh();
      expect(await on(lab.vps, "/usr/libexec/pine/agent status")).toMatch(/^running=a\n/m);
      expect(lab.vps.consoleText).toMatch(/slot b: deployment .* cannot be started/);
    });
  });
