/** Whether this machine can build for an architecture. */
import { readFileSync } from "node:fs";
import { die } from "../../errors.ts";

/**
 * Whether the kernel starts programs of another architecture: by an interpreter that it holds open (flag F), so that a
 * tree need not have it.
 */
function emulated(arch: string): boolean {
  try {
    const text = readFileSync(`/proc/sys/fs/binfmt_misc/qemu-${arch}`, "utf8");
    return /^enabled$/m.test(text) && /^flags: .*F/m.test(text);
  } catch {
    return false;
  }
}

/** Why a tree of this architecture cannot be made here; resolving and locking it can. */
export function archProblem(arch: string): { message: string; hint: string } | undefined {
  const here = machineArch();
  if (arch === here || emulated(arch)) return undefined;
  return {
    message: `arch: an ${arch} tree cannot be built here: its packages run scripts while they are installed, and this machine is ${here}`,
    hint: `run pulumi on an ${arch} machine, or register qemu-user for it with binfmt_misc (flag F); its lock can be made here (preview, resolvePackages)`,
  };
}

/** Alpine's name of this machine's architecture. */
export function machineArch(): string {
  const known: Record<string, string> = { x64: "x86_64", arm64: "aarch64", arm: "armv7", riscv64: "riscv64" };
  return (
    known[process.arch] ??
    die(`images cannot be built on ${process.arch}`, `expected one of ${Object.keys(known).join(", ")}`)
  );
}
