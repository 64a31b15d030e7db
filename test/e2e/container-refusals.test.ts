/** Containers whose host allows less, and what is not for them: said in preview; where chroot has to do, it does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { asRootBySudo, isRoot } from "./as-root.ts";
import { type ContainerLab, startContainerLab } from "./container-vps.ts";
import { on } from "./hijack-lab.ts";

const work = mkdtempSync(join(tmpdir(), "pine-ct-rights-"));
let lab: ContainerLab | undefined;

/** LXC's configuration of a system call that ends with EPERM. */
function denied(call: string): string[] {
  const file = join(work, `${call}.seccomp`);
  writeFileSync(file, `2\ndenylist\n[all]\n${call} errno 1\n`);
  return [`lxc.seccomp.profile = ${file}`];
}

const refused = async (why: RegExp) => {
  const { exitCode, output } = await lab!.project.run(["preview"]);
  expect(exitCode).not.toBe(0);
  expect(output).toMatch(why);
};

if (!isRoot) asRootBySudo("containers", import.meta.filename);

if (isRoot)
  describe("containers whose host allows less", () => {
    afterEach(async () => {
      await lab?.end();
      lab = undefined;
    });
    afterAll(() => rmSync(work, { recursive: true }));
    test("without unshare: no mount namespace; and a commit for machines is none for it", async () => {
      lab = await startContainerLab("ct-rights", { privileged: true, config: denied("unshare") });
      await refused(/the container's host does not allow what a new root needs: mount namespaces/);
      await lab.project.set({ target: "vm" });
      await refused(/the commit is for a machine, and the server is a container \(lxc\).*target: "container"/s);
    });

    test("without pivot_root the new root is a chroot, which preview says; taken, updated and given back", async () => {
      lab = await startContainerLab("ct-chroot", { privileged: true, config: denied("pivot_root") });
      expect((await lab.project.ok(["preview"])).output).toMatch(
        /1 restart, the new root a chroot \(pivot_root is refused\)/,
      );
      await lab.project.ok(["up", "--skip-preview"]);
      const seen = ". /etc/os-release; echo $ID; ostree admin status; stat -c %i / /proc/1/root/";
      const [id, ...rest] = (await on(lab.vps, seen)).split("\n");
      expect(id).toBe("alpine");
      expect(rest.join("\n")).toMatch(/\* pine [0-9a-f]{64}\.0/);
      await lab.project.set({ packages: ["lighttpd", "tree"] });
      await lab.project.ok(["up", "--skip-preview"]);
      expect(await on(lab.vps, "tree --version")).toMatch(/^tree v/);
      await lab.project.ok(["destroy"]);
      expect(await on(lab.vps, ". /etc/os-release; echo $ID; ls -d /ostree 2>/dev/null || true")).toBe("debian");
    });
  });
