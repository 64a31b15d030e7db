/** The toolbox: an Alpine tree from the mirror, with the programs that building needs. */
import { die } from "../errors.ts";
import type { RunResult } from "../run.ts";
import type { Task } from "../task.ts";
import type { RunInOptions } from "./namespace.ts";

/** Where the toolbox comes from. */
export interface ToolboxSource {
  /** Absolute path of the cache. */
  cache: string;
  /** Base address of the mirror, without a slash at the end. */
  mirror: string;
  /** Alpine release, "v3.23". */
  release: string;
  /** Architecture of this machine in Alpine's words, see {@link machineArch}. */
  arch: string;
  /** Public keys: name as in signatures -> PEM. */
  keys: Record<string, string>;
}

export interface Toolbox {
  /** The tree, used read-only. */
  readonly tree: string;
  /** Of the list of its packages. */
  readonly digest: string;
  /** Runs a program of the toolbox; what it works on is bound in below /tmp or /run. */
  run(argv: string[], o?: Omit<RunInOptions, "readOnly">): Promise<RunResult>;
}

/** The toolbox of this machine, from the cache or made now. Works with the mirror away once it is in the cache. */
export async function toolbox(_source: ToolboxSource, _task: Task): Promise<Toolbox> {
  return die("the toolbox is not built yet");
}

/** Alpine's name of this machine's architecture. */
export function machineArch(arch: string = process.arch): string {
  const known: Record<string, string> = { x64: "x86_64", arm64: "aarch64", arm: "armv7", riscv64: "riscv64" };
  return known[arch] ?? die(`images cannot be built on ${arch}`, `expected one of ${Object.keys(known).join(", ")}`);
}
