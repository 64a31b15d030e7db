/**
 * The old system given up (host/leave/finalize*.sh) on made-up servers: who may, stopped between any two commands, and
 * what stays.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { assetText } from "../../../provider/assets.ts";
import { type EnvState, envBlock } from "../../../provider/boot/state.ts";
import { finalizeScript } from "../../../provider/host/scripts.ts";
import { makeServer, plant, runOn, SHELLS, type Step, workFolder } from "./a-server.ts";
import { installed } from "./a-sysroot.ts";
import { differences, listing, type Scenario, stopEverywhere } from "./stops.ts";
import { chosen, dataOf, PRECIOUS } from "./what-boots.ts";

const id = "1f".repeat(16);
const earlier = "2e".repeat(16);
const OLD_GRUB = "menuentry Debian {\n}\nsource $prefix/custom.cfg\n";
const IMAGE_CFG = assetText("system/grub/image.cfg");
const work = mkdtempSync(join(tmpdir(), "pine-finalize-"));
afterAll(() => rmSync(work, { recursive: true }));
const cmdline = join(work, "cmdline");
writeFileSync(cmdline, `BOOT_IMAGE=/vmlinuz root=UUID=1 pine.slot=a ostree=/x\n`);

/** A server that runs Pine: its root, with the physical one in /sysroot. */
function tree(root: string, container: boolean, state: EnvState = { slot: "a" }): void {
  const sysroot = join(root, "sysroot");
  installed(sysroot, { id, container, confirmed: true });
  writeFileSync(join(sysroot, "boot/grub/pine/env"), envBlock(state));
  plant(sysroot, {
    "old-system": "Debian",
    "etc/hostname": "old\n",
    "etc/debian_version": "12\n",
    "usr/bin/old": "x",
    "home/ann/file": "of the old system",
    "ostree/deploy/pine/var/lib/filled": "1",
    "ostree/deploy/pine/var/roothome/": "",
    ...Object.fromEntries(Object.entries(PRECIOUS).map(([p, c]) => [`var/lib/pine/${earlier}/var/${p}`, c])),
    ...(container
      ? { "sbin/init": assetText("system/container/init"), "sbin/init.pine-old": "-> /lib/systemd/systemd" }
      : { "boot/grub/grub.cfg": OLD_GRUB, "boot/grub/custom.cfg": assetText("system/grub/custom.cfg") }),
  });
  plant(root, { "usr/sbin/pine": "#!/bin/sh\n", "var/": "", "usr/lib/ld-musl-x86_64.so.1": "" });
  rmSync(join(root, "usr/sbin/pine"));
  plant(root, { "usr/sbin/pine": "-> /bin/fsfreeze" }); // does nothing
}

const steps = (container: boolean, config = IMAGE_CFG): Step[] => {
  const runs = container ? "echo pine.slot=a >/run/pine.cmdline" : ": >/run/ostree-booted";
  const script = finalizeScript(container);
  return [
    { script: runs, args: [] },
    { script, args: ["config"], input: container ? "" : config },
    { script, args: ["remove"], input: "bin/sh\nbin/cat\n" },
  ];
};
const settings: Scenario["settings"] = {
  binds: [[cmdline, "/proc/cmdline"]],
  within: [
    ["/sysroot/boot", "/boot"],
    ["/sysroot/ostree/deploy/pine/var", "/var"],
  ],
};

/**
 * The confirmed slot is whole, whatever leads to it; and the old system, as long as GRUB or the init has a way to it.
 */
function judge(root: string, container: boolean): string[] {
  const at = (path: string) => join(root, "sysroot", path);
  const { choice, problems } = chosen(join(root, "sysroot"));
  if (choice !== "a") problems.push(`${choice} would start`);
  const old = container ? existsSync(at("sbin")) && listing(at("sbin")).has("init.pine-old") : false;
  const grub = container ? undefined : readFileSync(at("boot/grub/grub.cfg"), "utf8");
  if (!container && grub !== OLD_GRUB && grub !== IMAGE_CFG) problems.push("grub.cfg is neither the old nor ours");
  if (grub === OLD_GRUB && !existsSync(at("boot/grub/custom.cfg")))
    problems.push("grub.cfg leads to a custom.cfg that is gone");
  if (container && readFileSync(at("sbin/init"), "utf8") !== assetText("system/container/init"))
    problems.push("no init");
  if ((old || grub === OLD_GRUB) && !existsSync(at("old-system"))) problems.push("the way back leads nowhere");
  return [...problems, ...dataOf(root)];
}

describe.each(SHELLS)("%s", (shell) => {
  describe.each([false, true])("in a container: %s", (container) => {
    it("stopped between any two commands", async () => {
      const scenario: Scenario = {
        name: "finalize",
        tree: (root) => tree(root, container),
        steps: steps(container),
        judge: (root) => judge(root, container),
        settings,
      };
      const { stops, problems } = await stopEverywhere(shell, scenario);
      expect(problems).toEqual([]);
      expect(stops).toBeGreaterThan(5);
    }, 600_000);

    it.each<[string, EnvState, string?, RegExp?]>([
      ["the slot that runs is not confirmed", { slot: "b" }],
      ["a trial runs", { trial: "a", tries: 0 }],
      ...(container
        ? []
        : ([["half of GRUB's configuration came", { slot: "a" }, IMAGE_CFG.slice(0, -20), /did not arrive whole/]] as [
            string,
            EnvState,
            string,
            RegExp,
          ][])),
    ])(
      "changes nothing where %s",
      async (_, state, config = IMAGE_CFG, problem = /the running slot is not confirmed/) => {
        const root = join(workFolder(), "root");
        makeServer(root, shell);
        tree(root, container, state);
        const was = listing(root);
        for (const step of steps(container, config).slice(1)) {
          const r = await runOn(root, [steps(container)[0]!, step], settings);
          expect(r.code).not.toBe(0);
          if (step.args[0] === "config") expect(r.stderr).toMatch(problem);
        }
        expect(differences(listing(root), was)).toEqual([]);
        rmSync(join(root, ".."), { recursive: true });
      },
    );
  });
});
