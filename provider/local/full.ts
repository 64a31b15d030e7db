/** A full disk of the build machine, as one error. */
import { statfs } from "node:fs/promises";
import { PineError } from "../errors.ts";
import { humanBytes } from "../words.ts";
import { RunError } from "./run.ts";

/** What build programs print on a full disk: coreutils, apk, OSTree and zstd by strerror(3). */
const FULL = /No space left on device|Disk quota exceeded/;

/** Whether an error came from a full disk. Pure. */
export function isNoRoom(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  if (error instanceof RunError && FULL.test(`${error.stderr}\n${error.stdout}`)) return true;
  return cause instanceof Error && isNoRoom(cause);
}

/** Bytes that a user may still write to the file system of a path; undefined: it is not known. */
export async function freeBytes(path: string): Promise<number | undefined> {
  return statfs(path).then(
    (s) => s.bavail * s.bsize,
    () => undefined,
  );
}

/**
 * Turns an error from a full work folder into one for people; other errors stay as they are. Call it while the folder
 * exists. `free`: its free bytes before the work began.
 */
export async function roomError(error: unknown, folder: string, free: number | undefined): Promise<unknown> {
  if (!isNoRoom(error) || (error instanceof PineError && error.message.startsWith("no room "))) return error;
  const now = await freeBytes(folder);
  const had = free === undefined ? "" : `: ${humanBytes(free)} were free when this began`;
  const left = now === undefined ? "" : `, ${humanBytes(now)} when it failed`;
  return new PineError(`no room on this machine in ${folder}${had}${left}; what it had written is removed`, {
    hint: "free some space there, or put pine:store and pine:cache on a larger file system, then run `up` again",
    cause: error,
  });
}
