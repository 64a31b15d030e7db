/** The group's store, asked from this machine with the program's own rights: the server may be gone. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { messageOf } from "../../errors.ts";
import { run } from "../../local/run.ts";
import type { Task } from "../../task.ts";
import { turnScript } from "../scripts.ts";
import { lockFiles, type RebootLock } from "./lock.ts";

/** A server is none of its group any more. Answers what went wrong. */
export async function leaveFromHere(lock: RebootLock, { signal }: Pick<Task, "signal">): Promise<string | undefined> {
  // mode 0700
  const folder = await mkdtemp(join(tmpdir(), "pine-turn-"));
  try {
    // a file of certificates lies on the server
    for (const file of lockFiles({ ...lock, caFile: undefined }))
      await writeFile(join(folder, basename(file.path)), file.content, { mode: 0o600 });
    const env = { PINE_LOCK: folder, PINE_RUN: folder };
    const o = { env, extendEnv: true, input: turnScript(), signal, timeout: 120_000, ok: [0, 1, 75] };
    const { exitCode, stdout } = await run("sh", ["-s", "leave"], o);
    return exitCode === 0 ? undefined : stdout.trim();
  } catch (error) {
    if (signal.aborted) throw error;
    return messageOf(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
