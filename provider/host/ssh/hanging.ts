/** Turns a script on a server that took too long into an error that says what may have hung. Pure. */
import { PineError } from "../../errors.ts";
import { RemoteError } from "./errors.ts";

/**
 * File systems that another machine or a program serves: when that is gone, whoever asks waits for ever
 * (prometheus/node_exporter#868).
 */
const ELSEWHERE =
  /^mount=\d+ \d+ \S+ \S+ (?<place>\S+) .*- (?<type>(?:nfs|cifs|smb|fuse|ceph|9p|afs|gfs|ocfs|lustre|glusterfs|beegfs)\S*) /;

/**
 * The error to show when the script's time was over; any other error is returned as it is. `path`: what was looked at.
 * Without it the script is that of facts, and the error names its mounts and its last line.
 */
export function gaveUp(error: unknown, target: string, path?: string): unknown {
  if (!(error instanceof RemoteError) || !error.timedOut) return error;
  const mounts = error.stdout.split("\n").flatMap((line) => {
    const { place, type } = ELSEWHERE.exec(line)?.groups ?? {};
    return place && !/^(nfsd|fusectl|fuse\.lxcfs)$/.test(type!) ? [`${place} (${type})`] : [];
  });
  const last = error.stdout.trimEnd().split("\n").pop()?.split("=")[0];
  const message = error.message.split(": ")[0]!;
  if (path !== undefined)
    return new PineError(`${message}: ${path} may lie on a mount that does not answer`, {
      hint: `on ${target}, check whether \`timeout 5 stat ${path}\` ends; \`umount -l\` the mount that hangs`,
      cause: error,
    });
  return new PineError(`${message}${last ? `; its last message was "${last}"` : ""}`, {
    hint:
      mounts.length > 0
        ? `one of these mounts may not answer: ${mounts.join(", ")}; \`umount -l\` it there, then run it again`
        : `log in to ${target} and look for processes that hang (\`ps\` shows them as D), a dead mount or disk among them`,
    cause: error,
  });
}
