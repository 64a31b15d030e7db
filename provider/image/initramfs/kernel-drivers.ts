/**
 * Whether the kernel of a commit drives what a server has: its cards and disks, by the tables that modprobe and udev go
 * by.
 */
import type { Device, Lack } from "../../boot/device.ts";
import type { Task } from "../../task.ts";
import { buildScript } from "../namespace/run-in.ts";
import { REPO } from "../ostree/check.ts";
import type { Store } from "../store/store.ts";
import type { Toolbox } from "../toolbox/toolbox.ts";
import { moduleName } from "./modules.ts";

/** What the kernel of a commit has. */
export interface KernelDrivers {
  /** Names of its modules -> their paths; "" for a module that is built in. */
  modules: Map<string, string>;
  /** Patterns of modalias, as fnmatch takes them, of all modules. */
  aliases: string[];
  /** Paths below /usr/lib/firmware, without the suffix of their packing. */
  firmware: Set<string>;
}

const lines = (text: string | undefined) => (text ?? "").split("\n").filter(Boolean);
const unpacked = (path: string) => path.replace(/\.(xz|zst|gz)$/, "");

/** Parts of a script's output: name -> text. */
function parts(output: string): Map<string, string> {
  const found = output.split(/^@ /m).slice(1);
  // the last one may have no line
  return new Map(found.map((part) => [part.split("\n", 1)[0]!, part.slice(part.split("\n", 1)[0]!.length + 1)]));
}

/** Reads the output of drivers.sh; undefined: a commit without a kernel. Pure. */
export function parseDrivers(output: string): KernelDrivers | undefined {
  const said = parts(output);
  const folder = said.get("folder")?.trim();
  if (!folder) return undefined;
  const modules = new Map(lines(said.get("builtin")).map((path) => [moduleName(path), ""]));
  for (const line of lines(said.get("dep"))) {
    const path = line.split(":")[0]!;
    modules.set(moduleName(path), `${folder}/${path}`);
  }
  const aliases = [
    ...lines(said.get("alias")).flatMap((line) => /^alias (\S+) /.exec(line)?.[1] ?? []),
    ...lines(said.get("builtin.modinfo")).flatMap((line) => /^[^.=]+\.alias=(.+)$/.exec(line)?.[1] ?? []),
  ];
  return { modules, aliases, firmware: new Set(lines(said.get("firmware")).map(unpacked)) };
}

/** A pattern of modules.alias as fnmatch takes it: `*`, `?` and `[a-z]`. */
function matches(pattern: string, text: string): boolean {
  const star = pattern.search(/[*?[]/);
  if (star === -1) return pattern === text;
  if (!text.startsWith(pattern.slice(0, star))) return false;
  const source = pattern
    .replaceAll(/[.+^${}()|\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(text);
}

/** A bridge's modalias. A kernel runs bridges without a module: shpchp drove QEMU's until it was built in. */
const BRIDGE = /^pci:.*bc06/;

/** The devices that no module of the kernel drives: neither one of that name nor any by its modalias. Pure. */
export const undriven = (devices: readonly Device[], kernel: KernelDrivers): Lack[] =>
  devices.filter(
    ({ module, modalias }) =>
      !kernel.modules.has(module) &&
      !BRIDGE.test(modalias ?? "") &&
      !(modalias !== undefined && kernel.aliases.some((pattern) => matches(pattern, modalias))),
  );

/**
 * The devices whose module may ask for firmware files, has some on the server, and would find none in the commit.
 * `server`: module -> files that are there; `needs`: module -> what the commit's own asks for. Pure.
 */
export const unfed = (
  devices: readonly Device[],
  server: Record<string, string[]>,
  needs: ReadonlyMap<string, string[]>,
  kernel: KernelDrivers,
): Lack[] =>
  devices.flatMap((device) => {
    const files = needs.get(device.module) ?? [];
    const there = (server[device.module] ?? []).length > 0;
    return there && files.length > 0 && !files.some((file) => kernel.firmware.has(file))
      ? [{ ...device, firmware: files }]
      : [];
  });

/**
 * What a commit of the store does not drive; undefined: it has no kernel. `firmware`: module -> files that the server
 * has for it.
 */
export async function driversLacking(
  o: { store: Store; box: Toolbox; checksum: string; devices: readonly Device[]; firmware: Record<string, string[]> },
  task: Task,
): Promise<Lack[] | undefined> {
  const binds = [buildScript("image/initramfs/drivers.sh"), { source: o.store.repo, target: REPO, readOnly: true }];
  const ask = async (command: string, ...paths: string[]) =>
    (await o.box.run(["/bin/sh", "/run/drivers.sh", command, o.checksum, ...paths], { binds, signal: task.signal }))
      .stdout;
  const kernel = parseDrivers(await ask("tables"));
  if (!kernel) return undefined;
  const paths = Object.keys(o.firmware).flatMap((module) => kernel.modules.get(module) || []);
  const said = paths.length > 0 ? parts(await ask("needs", ...paths)) : new Map<string, string>();
  const needs = new Map([...said].map(([path, text]) => [moduleName(path), lines(text)]));
  return [...undriven(o.devices, kernel), ...unfed(o.devices, o.firmware, needs, kernel)];
}
