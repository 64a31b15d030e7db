/** Kernel arguments of a slot: what may stand in them, and those of the next slot. Pure. */
import { die } from "../errors.ts";

/**
 * Characters that may stand in a slot file. GRUB expands `$` and `\` within double quotes, and globs `*`, `?`, `[` when
 * a variable is used unquoted; the agent reads the same lines with sed. So these are characters without a meaning to
 * any of the three.
 */
export const PLAIN = /^[A-Za-z0-9 _.,:;=+@%/~^()#-]*$/;

/** x86's COMMAND_LINE_SIZE is 2048; GRUB adds BOOT_IMAGE=, ` pine.slot=a` and ` pine.trial=1`. */
export const MAX_OPTIONS = 1800;

/** Arguments that Pine sets itself; anything else may be added. */
const RESERVED = /^(root|rootfstype|ostree|init|rdinit|pine\..*)(=|$)/;

/** Why a kernel argument of the user cannot be taken; undefined: it can. */
export function kernelArgumentProblem(arg: string): string | undefined {
  if (arg === "" || /\s/.test(arg)) return "must be one argument without spaces";
  if (!PLAIN.test(arg)) return "holds characters that GRUB would interpret";
  return RESERVED.test(arg) ? "is set by Pine itself" : undefined;
}

/**
 * Arguments that a slot's own options consist of. Only these are taken from a kernel's command line, where the slot's
 * file cannot be read.
 */
const OWN = /^((root|rootfstype|panic|oops|softlockup_panic|console|ostree|pine\.(boot|dir|deadman))=|(rw|quiet)$)/;

/**
 * The options of the next slot, from those in the running slot's file: with other arguments of the user and another
 * dead-man; the agent changes `ostree=`. The kernel's command line may hold more, such as what somebody once typed at
 * GRUB's prompt (`single`, `init=`). It is used only if there is no file, and only our own arguments count.
 */
export function nextOptions(
  running: { options?: string[]; cmdline: string[] },
  o: { remove: string[]; add: string[]; deadman: number },
): string {
  for (const arg of o.add) {
    const reason = kernelArgumentProblem(arg);
    if (reason) die(`kernel argument ${JSON.stringify(arg)} ${reason}`);
  }
  const gone = new Set([...o.remove, ...o.add]);
  const all = running.options ?? running.cmdline.filter((w) => OWN.test(w));
  const words = all.filter((w) => !w.startsWith("pine.deadman=") && !gone.has(w));
  const at = words.findIndex((w) => w.startsWith("ostree="));
  words.splice(at < 0 ? words.length : at, 0, ...o.add, `pine.deadman=${o.deadman}`);
  const text = words.join(" ");
  const where = "see pine_options in the running slot's file below /boot/grub/pine";
  if (!PLAIN.test(text))
    die(`the running slot's options hold characters that GRUB would interpret: ${JSON.stringify(text)}`, where);
  if (text.length > MAX_OPTIONS) die(tooLong(text.length), `leave some of kernelArguments out, or ${where}`);
  return text;
}

/** Says that options do not fit. */
export const tooLong = (length: number) =>
  `the kernel arguments are ${length} characters long, at most ${MAX_OPTIONS} fit`;

/** Most characters that a slot's own arguments take: UUIDs, a place for slots, a deployment's path. */
const OWN_LENGTH = 400;

/** Why kernel arguments and consoles do not fit beside a slot's own; undefined: they do. */
export function argumentsTooLong(args: readonly string[]): string | undefined {
  const length = args.join(" ").length;
  return length <= MAX_OPTIONS - OWN_LENGTH
    ? undefined
    : `kernelArguments and consoles are ${length} characters long, at most ${MAX_OPTIONS - OWN_LENGTH} fit`;
}
