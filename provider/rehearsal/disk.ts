/** The disk of a rehearsal: the commit as an overwrite's image has it, with a server's own files. */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { make, writeInputs, writeSectors } from "../image/disk/make.ts";
import { planDisk } from "../image/disk/plan.ts";
import { buildScript } from "../image/namespace/run-in.ts";
import type { CommitManifest } from "../image/ostree/commits.ts";
import type { Workshop } from "../image/ostree/workshop.ts";
import { sysrootTree } from "../image/sysroot/tree.ts";
import type { Guest } from "./guest.ts";
import { DISK } from "./qemu.ts";

/** What `dress.sh` takes, beside the sysroot. */
export const SCRIPTS = ["rehearsal/dress.sh", "rehearsal/service.sh", "rehearsal/guest.sh"];

/**
 * Bytes of room that a rehearsal takes for a while: the sysroot, the disk made of it, the second kernel and the journal
 * of that.
 */
export const roomFor = (commitBytes: number): number => Math.round(commitBytes * 2.2 + 128e6);

/**
 * On a busy machine an emulated processor gets no CPU time for seconds: the kernel's watchdog, and its look at its
 * timer ("IO-APIC + timer doesn't work!", seen at a load of ten on two cores), would take that for a fault.
 */
const OWN_ARGUMENTS = ["nosoftlockup", "no_timer_check"];

/** How long health checks may take there. */
interface Patience {
  /** Seconds that they are tried. */
  seconds: number;
  /** Each try's own limit is so many times longer. */
  slow: number;
}

/** Makes the disk in `dir`, which nobody but this user can enter from now on. */
export async function makeDisk(
  workshop: Workshop,
  commit: CommitManifest,
  guest: Guest,
  dir: string,
  { seconds, slow }: Patience,
): Promise<void> {
  const { toolbox, task } = workshop;
  // the program's files may hold secrets
  await chmod(dir, 0o700);
  const sysroot = await sysrootTree(workshop, commit.checksum, dir);
  const files = [...guest.identity, ...guest.files];
  const at = (...names: string[]) => join(dir, ...names);
  await mkdir(at("files"));
  for (const [n, { content }] of files.entries()) await writeFile(at("files", String(n)), content, { mode: 0o600 });
  const list = files.map(({ mode, owner, path }, n) => `${n}\t${mode}\t${owner}\t${path}\n`);
  await writeFile(at("files", "list"), list.join(""));
  await writeFile(
    at("settings"),
    `ports="${guest.sshPorts.join(" ")}"\nleft_out="${guest.leaveOut.join(" ")}"\nseconds=${seconds}\nslow=${slow}\n`,
  );
  await toolbox.run(["/bin/sh", "/run/dress.sh", sysroot.deployment], {
    binds: [{ source: dir, target: "/run/work" }, ...SCRIPTS.map(buildScript)],
    signal: task.signal,
  });
  const bytes = files.reduce((sum, f) => sum + 8192 + Buffer.byteLength(f.content), sysroot.unpackedSize);
  const options = {
    title: "Pine rehearsal",
    label: "mbr",
    console: ["ttyS0,115200"],
    kernelArguments: [...guest.kernelArguments, ...OWN_ARGUMENTS],
    grow: false,
  } as const;
  const content = { bytes, inodes: sysroot.inodes + 2 * files.length, boot: sysroot.bootSize };
  const plan = planDisk(commit.checksum, options, content);
  await writeInputs(dir, plan, sysroot, options);
  task.step("rehearsal: making the disk");
  await make(toolbox, dir, plan, { deployment: sysroot.deployment, created: commit.created }, task);
  await writeSectors(toolbox, dir, plan);
  await chmod(at(DISK), 0o600);
  await rm(at("boot"), { recursive: true, force: true });
}
