/** What is sent to a remote POSIX shell: one frame for scripts. */

import { shellQuote } from "../../words.ts";

export interface Frame {
  /** The remote command. Only a length (and what `by` adds) varies, so that no argument shows in a process list. */
  command: string;
  /** What its standard input begins with. */
  head: Buffer;
}

/**
 * A script with arguments, to be sent over standard input. With `more`, standard input goes on after the script and
 * belongs to it: then the script is read byte by byte (`dd bs=1`), since a shell or a larger block would read into what
 * follows. `by`: run it through `sudo -n` or `doas -n`, or through a function that turns a command into root's. `mark`:
 * a line on standard output and standard error before the script's own output; what comes before it is the login's.
 */
export function frameScript(
  script: string,
  args: string[],
  o: { more: boolean; mark?: string; by?: "sudo" | "doas" | ((command: string) => string) },
): Frame {
  const set = args.length > 0 ? `set -- ${args.map(shellQuote).join(" ")}\n` : "";
  const begin = o.mark ? `printf '\\n%s\\n' ${o.mark}; printf '\\n%s\\n' ${o.mark} >&2\n` : "";
  const head = Buffer.from(`${begin}${set}${script}\n`, "utf8");
  const read = o.more ? `dd bs=1 count=${head.length} 2>/dev/null` : "cat";
  const run = `eval "$(${read})"`;
  const command = typeof o.by === "function" ? o.by(run) : `${o.by ? `${o.by} -n ` : ""}sh -c '${run}' pine`;
  return { command, head };
}
