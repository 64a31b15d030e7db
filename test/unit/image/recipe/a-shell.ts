/** A folder for a test, and scripts of ours run in it by the machine's sh. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach } from "vitest";
import { asset } from "../../../../provider/assets.ts";

export const extra = (path: string) => asset("system", "extras", path);
/** Exit codes. */
export const any = Array.from({ length: 256 }, (_, i) => i);

/** A new folder for each test of a file, gone after the last. */
export function folders(): { readonly at: string } {
  const made: string[] = [];
  beforeEach(async () => {
    made.push(await mkdtemp(join(tmpdir(), "pine-unit-")));
  });
  afterAll(() => Promise.all(made.map((d) => rm(d, { recursive: true }))));
  return {
    get at() {
      return made.at(-1)!;
    },
  };
}

/** A program of the test's own, which {@link environment} finds before the system's. */
export async function program(dir: string, name: string, text: string): Promise<string> {
  const path = join(dir, "bin", name);
  await mkdir(join(dir, "bin"), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}
export const environment = (dir: string, more: Record<string, string> = {}) => ({
  PATH: `${dir}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  ...more,
});
