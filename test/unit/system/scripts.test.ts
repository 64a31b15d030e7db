/**
 * What root's scripts on servers refuse, and what they do on a full disk; on made-up servers. Stopped half-way:
 * stops.test.ts.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fullDisk } from "../../../provider/host/ssh/full.ts";
import { RunError } from "../../../provider/local/run.ts";
import { makeServer, plant, runOn, SHELLS, type Step, workFolder } from "./a-server.ts";
import { install, installed, remove, sysrootTar } from "./a-sysroot.ts";
import { differences, listing } from "./stops.ts";
import { OWN_LINES } from "./what-boots.ts";

const id = "1f".repeat(16);
const other = "2e".repeat(16);
const tar = sysrootTar(false);

describe.each(SHELLS)("%s", (shell) => {
  async function on<T>(tree: Parameters<typeof plant>[1], fn: (root: string) => Promise<T>): Promise<T> {
    const work = workFolder();
    try {
      const root = join(work, "root");
      makeServer(root, shell);
      plant(root, { "old-system": "Debian", "boot/grub/custom.cfg": OWN_LINES, ...tree });
      return await fn(root);
    } finally {
      rmSync(work, { recursive: true });
    }
  }

  it.each<[string, Step[], RegExp | undefined, string?]>([
    ["another installation's", remove(other), /another installation is on this server/],
    ["another installation's, with deleteData", remove(other, true), /another installation is on this server/],
    ["one that runs", [{ script: ": >/run/ostree-booted", args: [] }, ...remove(id)], /Pine runs/],
    ["an OSTree of somebody else", remove(id), undefined, "no record"],
  ])("remove leaves alone: %s", (_, steps, problem, record) =>
    on({}, async (root) => {
      installed(root, { id, confirmed: true });
      if (record) rmSync(join(root, "boot/grub/pine/install"));
      const was = listing(root);
      const r = await runOn(root, steps);
      if (problem) expect(r.stderr).toMatch(problem);
      expect(r.code === 0).toBe(problem === undefined);
      expect(differences(listing(root), was)).toEqual([]);
    }),
  );

  // systemd/systemd#26644
  it.each<[string, Record<string, string>, RegExp]>([
    [
      "entries of another boot loader",
      { "boot/loader/entries/debian.conf": "title Debian" },
      /^pine: \/boot\/loader belongs to/,
    ],
    [
      "another's link of that name",
      { "boot/loader": "-> efi/loader", "boot/loader.0/x": "" },
      /\/boot\/loader \/boot\/loader.0: Pine did not/,
    ],
    [
      "an OSTree of somebody else",
      { "ostree/repo/config": "x", "boot/ostree/x": "" },
      /^pine: \/ostree \/boot\/ostree: Pine did not make/,
    ],
  ])("begin leaves alone, and takes nothing: %s", (_, tree, problem) =>
    on(tree, async (root) => {
      const was = listing(root);
      const r = await runOn(root, [install({ id }, tar)[0]!]);
      expect(r.code).not.toBe(0);
      expect(r.stderr).toMatch(problem);
      expect(differences(listing(root), was)).toEqual([]);
    }),
  );
  it("a /boot/boot that was there before is there after destroy, whatever was installed over what", () =>
    on({ "boot/boot": "-> ." }, async (root) => {
      const was = listing(root);
      const r = await runOn(root, [...install({ id }, tar), ...install({ id: other }, tar), ...remove(other)]);
      expect([r.code, r.stderr]).toEqual([0, ""]);
      const kept = (lines: string[]) => lines.filter((line) => !/ var(\/|:)/.test(line));
      expect(kept(differences(listing(root), was))).toEqual([]);
    }));

  describe("a full disk", () => {
    const all = install({ id }, tar);
    const clear: Step = { script: all[0]!.script, args: ["clear"] };
    /** Fills what is free but for so many KiB, and says how much there was; inodes are plenty. */
    const fill = (spare: number): Step => ({
      script: `n=$(df -kP / | { read -r _; read -r _ _ _ n _; echo "$n"; })
        head -c $(((n - ${spare}) * 1024)) /dev/zero >/ballast`,
      args: [],
    });
    const after =
      "rm -f /ballast; df -kP / | { read -r _; read -r _ _ n _; echo \"$n\"; }; find / -xdev -name '*pine-new*' -o -name .pine-part -o -name ostree -prune";
    const error = (r: { stderr: string }) => {
      const e = new RunError(r.stderr, { stdout: "", stderr: r.stderr, timedOut: false });
      return fullDisk(e, "root@192.0.2.1")?.message ?? r.stderr;
    };

    it("in which the system surely has no room: nothing is sent, and so much is missing", () =>
      on({}, async (root) => {
        const steps = install({ id, kib: 4000, from: "-" }, tar);
        const r = await runOn(root, [steps[0]!, fill(1000), steps[1]!, steps[2]!], { memory: { kib: 12000, after } });
        expect(r.code).not.toBe(0);
        expect(error(r)).toMatch(
          /^root@192.0.2.1 has no room for the new system: the root file system is too full: 1000 KiB are free, the system takes 4000 KiB, so 3000 KiB are missing; free some space/,
        );
        expect(r.stdout).toMatch(/^straight\n=== seen\n\d+\n$/);
      }));

    // at which step it is full, with how much left, and what is said
    it.each<[string, number, number, RegExp]>([
      ["the record", 0, 0, /No space left|cannot write \/boot\/grub\/pine\/install: 0 KiB/],
      [
        "the transfer",
        2,
        100,
        /no room for the new system: the file system of \/ is too full: \d\d+ KiB are missing for the sysroot; free/,
      ],
      [
        "unpacking",
        2,
        2000,
        /cannot unpack the sysroot: tar: .*No space left on device.* KiB and \d+ inodes are free/s,
      ],
      ["filling /var", 3, 0, /No space left on device|cannot fill \/var: 0 KiB/],
      ["a file of the host's", 4, 0, /cannot write \/root\/.ssh\/authorized_keys of the new system: 0 KiB/],
      ["fstab", 5, 0, /cannot write .*etc\/fstab: 0 KiB/],
      ["GRUB's part", 6, 0, /cannot write \/boot\/grub\/pine\/grub.cfg: 0 KiB/],
      ["a slot", 7, 0, /cannot write \/boot\/grub\/pine\/a.cfg: 0 KiB/],
      ["GRUB's lines", 9, 0, /No space left on device|cannot write \/boot\/grub\/custom.cfg/],
    ])("at %s: told, and cleared", (_, n, spare, problem) =>
      on({}, async (root) => {
        const memory = { kib: 16000, after };
        const empty = await runOn(root, [all[0]!], { memory });
        const used = Number(empty.stdout.split("=== seen\n")[1]!.split("\n")[0]);
        const steps = [...all.slice(0, n), fill(spare), all[n]!];
        const failed = await runOn(root, steps, { memory });
        expect(failed.code).not.toBe(0);
        expect(error(failed)).toMatch(problem);
        // what the provider does then; `after` runs it, since the memory is gone with the run
        writeFileSync(join(root, "clear"), `set -- clear\n${clear.script}`);
        const { stdout } = await runOn(root, steps, { memory: { ...memory, after: `/bin/sh /clear; ${after}` } });
        const [left, ...names] = stdout.split("=== seen\n")[1]!.trim().split("\n");
        expect(names).toEqual([]);
        // the record, and the folders it is in
        expect(Number(left) - used).toBeLessThan(100);
      }),
    );
  });
});
