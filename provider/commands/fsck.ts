/** `pulumi-resource-pine fsck`: checks a store. */
import { resolve } from "node:path";
import { die } from "../errors.ts";
import { checkStore } from "../image/upkeep/fsck.ts";
import { quietTask } from "../task.ts";

export const FSCK_USAGE = "usage: pulumi-resource-pine fsck [--delete] [STORE [CACHE]]";

/**
 * Runs the command. Prints one line for each damaged item, and sets exit code 1 if there is any. `cache`: absolute path
 * of the default cache.
 */
export async function fsckCommand(args: string[], cache: string): Promise<void> {
  const remove = args.includes("--delete");
  const [dir = ".pine", cached = cache, ...more] = args.filter((a) => a !== "--delete");
  if (more.length > 0 || dir.startsWith("-"))
    die(FSCK_USAGE, "STORE is a folder, by default .pine; with --delete, what is damaged counts as missing");
  const { checked, found } = await checkStore(dir, resolve(cached), { remove }, quietTask());
  for (const { what, why } of found) process.stdout.write(`${what}: ${why}\n`);
  if (found.length === 0) {
    process.stdout.write(`${dir}: the repository and ${checked} sysroots, deltas and images are whole\n`);
    return;
  }
  const next = remove
    ? "the next `pulumi up` makes it again"
    : "run fsck --delete, and the next `pulumi up` makes it again";
  process.stdout.write(`${found.length} damaged: ${next}\n`);
  process.exitCode = 1;
}
