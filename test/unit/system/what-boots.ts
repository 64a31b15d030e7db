/** What would boot from a made-up tree, whether that is a whole system, and where people's data lies. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { assetText } from "../../../provider/assets.ts";
import { parseSlotFile, type SlotName } from "../../../provider/boot/slot.ts";
import { ENV_SIZE, parseEnvBlock } from "../../../provider/boot/state.ts";

/** The old system's own lines in GRUB's custom.cfg; their last one has no end. */
export const OWN_LINES = 'menuentry "My own" {\n  echo mine\n}';
/** What an old container's /sbin/init leads to. */
export const OLD_INIT = "/lib/systemd/systemd";

const text = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : undefined);
const hasSize = (path: string) => existsSync(path) && statSync(path).size > 0;

/** What is missing of the system that a slot names. `top`: where its deployments lie. */
function missing(root: string, slot: SlotName): string[] {
  const parsed = parseSlotFile(text(join(root, `boot/grub/pine/${slot}.cfg`)) ?? "");
  if (!parsed) return [`slot ${slot} has no whole file`];
  const deployment = /ostree=(\S+)/.exec(parsed.options)?.[1] ?? "none";
  const stateroot = join(root, deployment, "../..");
  const files = [parsed.linux, ...(parsed.initrd ? [parsed.initrd] : []), `${deployment}/usr/whole`];
  if (parsed.part) files.push(`boot/grub/pine/${parsed.part}/grub.cfg`);
  return [
    ...files.filter((f) => !hasSize(join(root, f))).map((f) => `slot ${slot} names ${f}, which is not there`),
    ...(existsSync(join(stateroot, "var/lib/filled")) ? [] : [`slot ${slot}: /var is not filled`]),
  ];
}

/**
 * As system/grub/pine.cfg and system/container/init choose: the slot on trial, the confirmed one, or the old system.
 */
export function chosen(root: string): { choice: SlotName | "old"; problems: string[] } {
  const env = join(root, "boot/grub/pine/env");
  const block = hasSize(env) ? readFileSync(env) : Buffer.alloc(0);
  const confirmed = /^set pine_slot=([ab])$/m.exec(text(join(root, "boot/grub/pine/confirmed.cfg")) ?? "")?.[1];
  // GRUB reads nothing from another size
  const { slot, trial, tries } =
    block.length === ENV_SIZE ? parseEnvBlock(block) : { slot: confirmed as SlotName | undefined };
  const named = [...(trial && tries ? [trial] : []), ...(slot ? [slot] : [])];
  return { choice: named[0] ?? "old", problems: named.flatMap((s) => missing(root, s)) };
}

/** What is wrong with what GRUB would boot beside an old system. */
export function bootsByGrub(root: string): string[] {
  const custom = text(join(root, "boot/grub/custom.cfg"));
  const ours = assetText("system/grub/custom.cfg");
  const begins = custom?.indexOf("# >>> pine") ?? -1;
  const problems = hasSize(join(root, "old-system")) ? [] : ["the old system is not there"];
  if (!custom?.startsWith(OWN_LINES)) problems.push("the owner's lines in custom.cfg are gone");
  if (begins < 0) return problems;
  if (custom!.slice(begins) !== ours) problems.push("our part of custom.cfg is not whole");
  if (!hasSize(join(root, "boot/grub/pine/grub.cfg"))) return problems; // custom.cfg asks for it
  return [...problems, ...chosen(root).problems];
}

/** What is wrong with what a container's manager would start. */
export function startsByInit(root: string): string[] {
  const init = join(root, "sbin/init");
  const isOld = (path: string) => lstatSync(path).isSymbolicLink() && readlinkSync(path) === OLD_INIT;
  if (isOld(init)) return [];
  const problems: string[] = [];
  if (readFileSync(init, "utf8") !== assetText("system/container/init"))
    return ["/sbin/init is neither the old nor ours"];
  for (const f of ["ld.so", "sh", "busybox"])
    if (!hasSize(join(root, "ostree/pine", f))) problems.push(`/ostree/pine/${f} is not there`);
  const { choice, problems: more } = chosen(root);
  const old = join(root, "sbin/init.pine-old");
  if (
    choice === "old" &&
    !(existsSync(join(root, "sbin")) && readdirSync(join(root, "sbin")).includes("init.pine-old") && isOld(old))
  )
    problems.push("the old init is not there");
  return [...problems, ...more];
}

/** A folder with something that a person has in Pine's /var. */
export const PRECIOUS: Record<string, string> = {
  "lib/db/months": "months of work",
  "roothome/notes": "a note",
  "lib/filled": "1",
  ".pine-factory": "0.0",
};

/**
 * The names under which data lies: folders that hold all of {@link PRECIOUS}' own files. Anything less is a problem.
 */
export function dataOf(root: string, wanted = 1): string[] {
  const found: string[] = [];
  const into = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !["/proc", "/dev", "/tools", "/lib", "/lib64"].includes(path)) into(path);
      if (entry.name === "months") found.push(join(folder, "../.."));
    }
  };
  into("/");
  const torn = found.filter(
    (at) =>
      text(join(root, at, "lib/db/months")) !== PRECIOUS["lib/db/months"] ||
      text(join(root, at, "roothome/notes")) !== PRECIOUS["roothome/notes"],
  );
  if (torn.length > 0) return [`the data in ${torn.join(", ")} is not whole`];
  return found.length === wanted ? [] : [`the data has ${found.length} names: ${found.join(", ") || "none"}`];
}
